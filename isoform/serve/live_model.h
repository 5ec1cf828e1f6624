// A name under which versions of a model are served, one after the other: changes are computed on a copy beside the serving and then
// published in one step.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "isoform/serve/batcher.h"

namespace isoform {

class LiveModel {
 public:
  LiveModel(std::string name, Model<float> model, const BatcherSettings& settings);

  [[nodiscard]] const std::string& name() const { return name_; }
  /// The version that is asked now. Keep the pointer while you work with it.
  [[nodiscard]] VersionPtr current() const;
  Batcher& batcher() { return batcher_; }

  /// Calls `make` with the current version, on a thread of low priority, and publishes what it returns under the next number. One change at a
  /// time: HttpError 409 if another is under way. What `make` throws comes through, and nothing is changed.
  VersionPtr change(const std::string& made_by,
                    const std::function<Model<float>(const Version&)>& make);
  /// The version before the current one again, under its own number. HttpError 409 if there is none, or a change is under way.
  VersionPtr rollback();
  /// How many versions rollback() could go through; older ones are forgotten.
  [[nodiscard]] std::size_t kept() const;

  /// Standardised samples that were asked lately, to judge changes by: of models with one input. At most kRemembered.
  void remember(const Matrix<float>& x);
  [[nodiscard]] Matrix<float> remembered() const;

  static constexpr Index kRemembered = 1024, kOfOneQuestion = 64;  // of one question at most
  static constexpr std::size_t kKept = 8;

 private:
  void publish(VersionPtr version);

  std::string name_;
  mutable std::mutex mutex_;  // of what follows
  VersionPtr current_;
  std::vector<VersionPtr> before_;
  std::uint64_t last_ = 1;  // number given
  Matrix<float> asked_;
  Index asked_at_ = 0, asked_count_ = 0;
  std::mutex changing_;
  Batcher batcher_;
};

/// Runs a function on a thread of low priority and waits for it; what it throws comes through.
void run_aside(const std::function<void()>& function);

}  // namespace isoform
