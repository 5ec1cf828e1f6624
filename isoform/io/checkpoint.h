// The checkpoint: everything that a training run needs to go on, in one safetensors file. docs/checkpoints.md.
//
//   model.map.{id}         [out × …]                [W b ψ χ] as trained
//   model.space.{id}       [groups]                  o, β (with its sign) or log o, as trained
//   last_good.…                                      the same, what a divergence goes back to; within an epoch, and where the loss has exploded
//   best.…                                           the same, the best so far on the validation part
//   optimiser.{k}.…        first and second moments of parameter k, factors of rows and columns
//   statistics.{stage}.…   half gathered for the next adaptation, F64
//
// and under the metadata keys `isoform-checkpoint` a JSON text, `extra` whatever the program keeps beside it, `crc32` a sum
// over all of it. A model file isn't enough to go on: it holds o instead of β, and its own numbering.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "isoform/train/trainer_state.h"

namespace isoform {

/// The format that is written, and the only one that is read.
inline constexpr int kCheckpointFormat = 1;

template <class T>
struct Checkpoint {
  TrainerState<T> state;
  nlohmann::json settings = nlohmann::json::object();  // of the run, {section: {key: value}}
  std::string extra = {};                              // the program's own, UTF-8
  std::string version = {};                            // of Isoform that wrote it
};

/// The bytes of a checkpoint; `version` is this library's own. Numbers are kept to the last bit, those that are none as well; names
/// that are not UTF-8 too. Throws UsageError where `extra` isn't UTF-8. O(state).
template <class T>
std::string serialise_checkpoint(const Checkpoint<T>& checkpoint);

/// The inverse. Throws FormatError "'{name_for_errors}': …": no safetensors file, a model or another file, a newer format,
/// a run in the other precision, a file that is cut short or damaged (a sum over all of it is checked), parts that do not fit
/// together.
template <class T>
Checkpoint<T> parse_checkpoint(std::string_view bytes, const std::string& name_for_errors);

/// Writes beside the file and renames (base/file.h): FileError leaves the old one.
template <class T>
void save_checkpoint(const Checkpoint<T>& checkpoint, const std::filesystem::path& path);
/// Throws FileError and FormatError.
template <class T>
Checkpoint<T> load_checkpoint(const std::filesystem::path& path);

/// What two settings {section: {key: value}} say differently, named "section.key"; "not there" where one lacks it.
std::vector<Difference> setting_differences(const nlohmann::json& then, const nlohmann::json& now);

}  // namespace isoform
