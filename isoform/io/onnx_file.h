// Networks for other programs: ONNX files that compute what a model computes, on raw values. docs/onnx.md.
//
//   inputs    one for each input, [batch, features], raw values as in a model file (pixels 0–255)
//   outputs   one for each task, [batch, outputs]: logits
//   numbers   float32; operators of set 13 of the standard domain, IR version 7 (ONNX 1.8, 2020)
//
// Of a space with gates, t = o + |z|², s = G(t), h = s z (docs/mathematics.md 1 and 9), for every profile:
//
//   tanh       m = √max(t, 1e-7),  s = tanh m / m       G(t) = 1 − t/3 … is 1 within float32 below the floor
//   asinh      m = √max(t, 1e-7),  s = asinh m / m
//   algebraic  s = 1 / √(1 + t)
//   log        m = √max(t, 1e-6),  u = 1 + m,  s = log u / (u − 1)    as exact as log1p m / m, whose m is u − 1 rounded
//   softsign   m = √max(t, 1e-6),  s = 1 / (1 + m)
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "isoform/model/model.h"

namespace isoform {

struct OnnxSettings {
  /// The graph begins with x ← (x − mean)·scale. Without: it takes standardised values.
  bool standardise = true;
};

/// Largest ONNX file, which is that of its encoding (protobuf).
inline constexpr std::uint64_t kMaxOnnxBytes = (std::uint64_t{1} << 31) - 1;

/// The bytes of an ONNX file of any network: chains, groups, modes, skips, streams, gates that multiply. The same model
/// gives the same bytes. Names of inputs and outputs are those of the model's inputs and tasks, as far as they differ.
/// A diagonal map is a product with its diagonal, a triangle a dense matrix. A double model is rounded once to float32:
/// not every runtime has every operator in double.
/// Throws UsageError for numbers that are not finite in float32, for more than kMaxOnnxBytes, and where there is not one
/// task for each output. Every file has passed ONNX's own checker.
template <class T>
std::string serialise_onnx(const Model<T>& model, const OnnxSettings& settings = {});

/// The same into a file, written beside and renamed.
template <class T>
void write_onnx(const Model<T>& model, const std::filesystem::path& path,
                const OnnxSettings& settings = {});

}  // namespace isoform
