// What a model file says in words beside its tensors: the JSON under the metadata key `isoform`.
// The keys are described in docs/model-file.md.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "isoform/model/model.h"
#include "isoform/network/structure.h"

namespace isoform {

/// The format that is written, and the only one that is read.
inline constexpr int kModelFormat = 1;
/// Metadata key of the JSON.
inline constexpr const char* kModelKey = "isoform";

/// A chain without its numbers. Lists that say "hidden" have one entry for each hidden space.
struct ModelDescription {
  std::vector<Index> widths;               // all L+1
  std::vector<std::vector<Index>> groups;  // hidden
  std::vector<Radial> radials;             // hidden
  std::vector<LengthMode> length_modes;    // hidden
  std::vector<PsiMode> psi_modes;          // hidden, of the map that reads the space
  std::vector<Structure> structures;       // of the L maps, as stored
  std::vector<Task> tasks;
  Index image_rows = 0, image_cols = 0;
  std::vector<EditRecord> history;

  [[nodiscard]] std::size_t hidden() const { return widths.size() - 2; }
};

/// What is wrong with a description, in words; empty when nothing is. The same for reading and writing,
/// so that what was written can be read.
std::string description_fault(const ModelDescription& description);

/// As JSON on one line, keys sorted. Bytes that are not UTF-8 become U+FFFD, numbers that are not finite
/// are left out.
std::string description_json(const ModelDescription& description);

/// The inverse, with `file` in every message. Throws FormatError for another format or architecture and for
/// whatever description_fault finds; keys it does not know are passed over.
ModelDescription parse_description(std::string_view text, const std::string& file);

}  // namespace isoform
