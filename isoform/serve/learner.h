// Learning from labelled samples while a model is served: a few steps on a copy, a look at samples it has not trained on, and only then
// a new version.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "isoform/serve/live_model.h"
#include "isoform/train/optimiser.h"

namespace isoform {

struct LearnerSettings {
  double rate = 3e-4;     // of the optimiser's steps (AdamW)
  int every = 5;          // each n-th labelled sample is kept to judge by, and never trained on
  Index judged = 512;     // kept to judge by at most
  Index replayed = 4096;  // kept to be trained on again at most, so that old classes stay
  Index batch = 32;       // new samples of a step; as many old ones go with them
  int passes = 2;         // over what is new
  double tolerance =
      0.01;  // a version may lose so much of its loss, relatively, before it is dropped

  void validate() const;  // throws UsageError
};

/// What was learned from: raw values of one task. Bounded; where it is full, the class that has most gives one up.
class Examples {
 public:
  struct Example {
    std::vector<float> x, target;  // target: empty for classes
    std::uint32_t label = 0;
  };
  explicit Examples(Index most) : most_(static_cast<std::size_t>(most)) {}
  void add(Example example);
  void clear();
  /// Drops what has a label from `labels` on.
  void keep_below(std::size_t labels);
  [[nodiscard]] const std::vector<Example>& all() const { return all_; }

 private:
  std::size_t most_;
  std::uint64_t added_ = 0;
  std::vector<Example> all_;
  std::map<std::uint32_t, std::size_t> of_class_;
};

/// Of one model. Thread-safe; one learns at a time.
class Learner {
 public:
  explicit Learner(const LearnerSettings& settings);

  /// Learns from raw samples [features × n] of a task, with a label each: the name of a class, a list of names (labels), or a number or a list
  /// of numbers. Publishes a version if the loss on what is kept to judge by has not grown beyond the tolerance; what is told says what happened:
  /// {"learned", "judged_on", "loss_before", "loss_after", "published", "version", "appended"}. HttpError 422 for a label that is none,
  /// unless `append` makes it a class; 409 while another change is under way.
  nlohmann::json learn(LiveModel& model, const std::string& task, const Matrix<float>& x,
                       const nlohmann::json& labels, bool append);
  /// The same for samples that are only remembered: what the model knew before.
  void remember(const Version& version, std::size_t task,
                const std::vector<Examples::Example>& known);

 private:
  struct Wish {
    std::vector<Examples::Example> train, judge;
    std::vector<std::string> classes;  // to be appended
  };
  // Forgets what is not of this version: its model may have been replaced, or rolled back.
  void fit_to(const Version& version, std::size_t task);
  Wish read(const Version& version, std::size_t task, const Matrix<float>& x,
            const nlohmann::json& labels, bool append) const;

  LearnerSettings settings_;
  std::mutex mutex_;
  // What the kept samples are of.
  std::string task_;
  Index features_ = 0;
  std::vector<std::string> classes_;
  std::uint64_t seen_ = 0, steps_ = 0, version_ = 0;  // version_: the last that learned
  Examples judged_, replayed_;
  std::optional<Optimiser<float>> optimiser_;
};

}  // namespace isoform
