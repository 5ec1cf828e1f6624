// The gates of a space as ONNX operators.
#pragma once

#include <string>

#include "isoform/io/onnx_builder.h"
#include "isoform/network/space.h"

namespace isoform::detail {

/// Names of h [batch, dimension] and s [batch, gates]; empty where not asked for.
struct OnnxGates {
  std::string h, s;
};

/// t = o + |z|², s = G(t), h = s z, every profile as isoform/io/onnx_file.h says. Groups of one with o = 0 and an odd σ
/// are σ(z) itself, which needs no gate.
template <class T>
OnnxGates onnx_gates(OnnxBuilder& onnx, const Space<T>& space, const std::string& z, bool h_is_read,
                     bool s_is_read);

}  // namespace isoform::detail
