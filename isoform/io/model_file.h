// The model file: everything needed to use a model or train it further, in one safetensors file that
// anybody with numpy can read. The format, with an example: docs/model-file.md.
//
//   layers.{i}.weight            [out × in]      W of map i+1, row-major, or without its zeros as
//   layers.{i}.weight.diagonal   [min(out, in)]  or
//   layers.{i}.weight.triangle   [numbers kept]  row after row (network/structure.h)
//   layers.{i}.bias              [out]           b
//   layers.{i}.psi               [out × groups]  ψ, for the groups of the space that is read; i ≥ 1
//   layers.{i}.intrinsic_length  [groups]        o ≥ 0 (not β) of hidden space i+1
//   input.mean, input.scale      [in]            x ← (x − mean)·scale on raw values
//
// and under the metadata key `isoform` a JSON text. The same model gives the same bytes: nothing in the
// file depends on when, where or by how many threads it was made.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "isoform/model/model.h"

namespace isoform {

/// The bytes of a model file; F32 for float, F64 for double. Throws UsageError for what no file can hold:
/// a network that is not a chain, numbers that are not finite (a run that diverged), a negative o, a scale
/// that is not positive, a transform or tasks that do not fit the widths. Each weight is written in the form
/// that structure_of finds. O(parameters).
template <class T>
std::string serialise_model(const Model<T>& model);

/// The inverse; sparse forms are unpacked, with exact zeros. Numbers of the other precision are converted,
/// rounding once.
///
/// o is stored and β or log o is recovered from it, so that serialise_model gives the same bytes again:
///   trainable  β = +√o. Exact: fl(√fl(β²)) = |β| in binary arithmetic without underflow; the sign, which
///              no output depends on, is lost.
///   log        the number next to log o whose exponential rounds to o; it may differ from the one saved
///              in its last bits where |log o| < 1. o = 0 is held by a log o whose exponential is 0.
/// An o from another program or in the other precision that is no such square or exponential changes once,
/// to one that is: by at most 1 ulp (trainable), by half the spacing of numbers around log o (log).
///
/// Throws FormatError "'{name_for_errors}': …" naming the key or the tensor: not a safetensors file, not an
/// Isoform model, a newer format, a tensor that is missing, unexpected, of another shape or of another form
/// than `structure` says, values that are not finite, negative o, a scale that is not positive.
/// O(parameters).
template <class T>
Model<T> parse_model(std::string_view bytes, const std::string& name_for_errors);

/// Writes serialise_model(model) with write_file_atomically. Throws UsageError and FileError.
template <class T>
void save_model(const Model<T>& model, const std::filesystem::path& path);

/// Reads a model file as parse_model does. Throws FileError and FormatError.
template <class T>
Model<T> load_model(const std::filesystem::path& path);

}  // namespace isoform
