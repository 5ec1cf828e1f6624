// A model as it is served: one version of it, which never changes.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "isoform/compile/predictor.h"
#include "isoform/model/model.h"

namespace isoform {

/// How one task of a version is asked.
struct ServedTask {
  std::string name;
  std::vector<int> inputs;          // spaces that it reads, one below the other in samples
  Index features = 0, outputs = 0;  // of a sample, of an answer
  Predictor<float> predictor;       // to be copied: copies share the maps
};

struct Version {
  std::uint64_t number = 0;  // 1, 2, … of a name; says which weights
  std::string made_by;       // "load", "shrink", …
  Model<float> model;        // with names for its inputs and tasks
  std::vector<ServedTask> tasks;

  /// Position of a task; without a name the only one. Throws HttpError 404, or 422 where it must be said.
  [[nodiscard]] std::size_t task_index(std::string_view name) const;
};
using VersionPtr = std::shared_ptr<const Version>;

/// Names what has none after `name`. O(parameters).
VersionPtr make_version(Model<float> model, std::uint64_t number, std::string made_by,
                        const std::string& name);

/// Numbers and names: widths, parameters, tasks with classes, features. `brief`: without the names of features and classes.
nlohmann::json describe(const Version& version, bool brief);

/// Raw samples of a task [features × samples], standardised in place.
void standardise(const Version& version, std::size_t task, Matrix<float>& x);

/// What a loss and a schema answer with.
enum class AnswerKind { classes, labels, numbers };
AnswerKind answer_kind(const Version& version, std::size_t task);
std::string_view answer_kind_name(AnswerKind kind);

}  // namespace isoform
