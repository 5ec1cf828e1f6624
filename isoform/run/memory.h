// Rows kept beside a model, so that it can learn something new without forgetting what it knows and without the table it
// learned from. They are training data: whoever hands a model on and not its rows leaves this file behind.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "isoform/data/dataset.h"
#include "isoform/model/model.h"
#include "isoform/run/seen.h"

namespace isoform {

/// "model.memory.safetensors" for "model.safetensors", "model.v1.memory" for other names such as "model.v1": no two models share one.
[[nodiscard]] std::filesystem::path memory_path(const std::filesystem::path& model);

/// Rows as a model reads them, with the names of its features and classes.
struct Memory {
  Dataset rows;  // without weights
  std::vector<std::string> features;
  std::vector<double>
      counts;  // rows of each class that those kept stand for; with targets one number, of all
  std::vector<SeenRows> seen = {};  // all rows that were learned from, kept or not
};

/// At most `most` rows of the parts together, of each class alike as far as there are (data/replay.h), drawn by the seed. Rows stand for as many as their weights
/// say.
[[nodiscard]] Memory remember(const std::vector<Dataset>& parts,
                              const std::vector<std::string>& features, Index most,
                              std::uint64_t seed);

/// One safetensors file: rows [samples × features], answers [samples] (positions of classes) or [samples × outputs], and names under the
/// metadata key "isoform.memory"; what was seen in tensors seen.0 …. Written as model files are.
void save_memory(const Memory& memory, const std::filesystem::path& path);
/// FileError, FormatError naming the file and what is wrong with it.
[[nodiscard]] Memory load_memory(const std::filesystem::path& path);

/// With a class that is called otherwise; as it is if there is none of that name.
[[nodiscard]] Memory renamed(Memory memory, const std::string& from, const std::string& to);

/// The rows as a model reads them that has got more features and classes since. What the rows do not say of a column is missing: numbers
/// are filled as Column::fill, categories 0, "is missing" 1 for a column that has no other feature among those of the memory. UsageError
/// for classes that the model has no longer. Each row has the weight of the rows that it stands for, so that these and those of a new
/// table together count as if nothing had been left out.
[[nodiscard]] Dataset remembered_rows(const Memory& memory, const Schema& schema,
                                      const std::vector<std::string>& features,
                                      const std::vector<std::string>& classes);

}  // namespace isoform
