// What a model file says in words beside its tensors: the JSON under the metadata key `isoform`.
// The keys are described in docs/model-file.md.
#pragma once

#include <optional>
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

enum class Layout {
  chain,  // layers: all inputs, hidden spaces in a row, one output space (a head) for each task
  graph,  // any spaces and maps
};

/// A space of a graph. One without groups is an input, an output or linear; its frozen part, if any, is 0.
struct SpaceDescription {
  std::string name;
  Index dimension = 0;
  std::vector<Index> groups = {};
  Radial radial = Radial::tanh;
  LengthMode length_mode = LengthMode::trainable;
  std::vector<Index> frozen = {};  // parts, ascending
};

/// A map of a graph. Spaces are named by their positions.
struct MapDescription {
  Index from = 0, to = 0;
  std::vector<Index> factors = {};
  PsiMode psi_mode = PsiMode::none;
};

struct InputDescription {
  Index size = 0;
  Input input;
};

/// A model without its numbers. Lists that say "hidden" have one entry for each hidden space.
struct ModelDescription {
  Layout architecture = Layout::chain;
  // Of a chain.
  std::vector<Index> widths = {};  // all L+1; the first of all inputs, the last of all heads
  std::vector<std::vector<Index>> groups = {};  // hidden
  std::vector<Radial> radials = {};             // hidden
  std::vector<LengthMode> length_modes = {};    // hidden
  std::vector<PsiMode> psi_modes = {};          // hidden, of the maps that read the space
  std::vector<std::vector<Index>> frozen =
      {};  // groups of each hidden space, then of each head; or empty
  // Of a graph.
  std::vector<SpaceDescription> spaces = {};  // in topological order
  std::vector<MapDescription> maps = {};      // in the order of summation
  // Of both.
  std::vector<Structure> structures = {};     // as stored: of the L layers, or of the maps
  std::vector<InputDescription> inputs = {};  // empty: not named
  std::vector<Task> tasks = {};
  Index image_rows = 0, image_cols = 0;
  std::optional<Schema> schema = {};
  /// Their spaces are 1 … L−1 in a chain, positions in a graph, −1 for one that is gone.
  std::vector<EditRecord> history = {};

  [[nodiscard]] std::size_t hidden() const { return widths.size() - 2; }
  /// Dimensions of the input and output spaces, in order. A chain has one head for each task.
  [[nodiscard]] std::vector<Index> input_sizes() const;
  [[nodiscard]] std::vector<Index> output_sizes() const;
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
