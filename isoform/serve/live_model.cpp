#include "isoform/serve/live_model.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <thread>
#include <utility>

#include "isoform/serve/http.h"

namespace isoform {

namespace {

constexpr int kLowPriority = 10;

[[noreturn]] void busy() {
  throw HttpError(409, "another change of this model is under way; ask again when it is done",
                  {{"Retry-After", "1"}});
}

}  // namespace

void run_aside(const std::function<void()>& function) {
  std::exception_ptr thrown;
  std::thread([&] {
    // Of this thread alone: 0 is whoever calls, which on Linux is a thread. A priority once lowered can't be raised again, hence the
    // thread of its own.
    setpriority(PRIO_PROCESS, 0, kLowPriority);
    try {
      function();
    } catch (...) {
      thrown = std::current_exception();
    }
  }).join();
  if (thrown) std::rethrow_exception(thrown);
}

LiveModel::LiveModel(std::string name, Model<float> model, const BatcherSettings& settings)
    : name_(std::move(name)),
      current_(make_version(std::move(model), 1, "load", name_)),
      batcher_(settings) {}

VersionPtr LiveModel::current() const {
  const std::scoped_lock lock(mutex_);
  return current_;
}

std::size_t LiveModel::kept() const {
  const std::scoped_lock lock(mutex_);
  return before_.size();
}

void LiveModel::publish(VersionPtr version) {
  const std::scoped_lock lock(mutex_);
  last_ = version->number;
  const bool other = version->tasks.front().features != current_->tasks.front().features ||
                     version->tasks.front().inputs != current_->tasks.front().inputs;
  if (other) asked_count_ = asked_at_ = 0;
  before_.push_back(std::exchange(current_, std::move(version)));
  if (before_.size() > kKept) before_.erase(before_.begin());
}

VersionPtr LiveModel::change(const std::string& made_by,
                             const std::function<Model<float>(const Version&)>& make) {
  const std::unique_lock changing(changing_, std::try_to_lock);
  if (!changing.owns_lock()) busy();
  VersionPtr made;
  run_aside([&] {
    const VersionPtr from = current();
    made = make_version(make(*from), last_ + 1, made_by, name_);
  });
  publish(made);
  return made;
}

VersionPtr LiveModel::rollback() {
  const std::unique_lock changing(changing_, std::try_to_lock);
  if (!changing.owns_lock()) busy();
  const std::scoped_lock lock(mutex_);
  if (before_.empty()) throw HttpError(409, "there is no version before this one");
  if (before_.back()->tasks.front().features != current_->tasks.front().features) {
    asked_count_ = asked_at_ = 0;
  }
  current_ = before_.back();
  before_.pop_back();
  return current_;
}

void LiveModel::remember(const Matrix<float>& x) {
  const std::scoped_lock lock(mutex_);
  if (current_->model.inputs.size() != 1 || x.rows() != current_->tasks.front().features) return;
  if (asked_.rows() != x.rows()) {
    asked_.resize(x.rows(), kRemembered);
    asked_at_ = asked_count_ = 0;
  }
  for (Index j = 0; j < std::min(x.cols(), kOfOneQuestion); ++j) {
    asked_.col(asked_at_) = x.col(j);
    asked_at_ = (asked_at_ + 1) % kRemembered;
    asked_count_ = std::min(asked_count_ + 1, kRemembered);
  }
}

Matrix<float> LiveModel::remembered() const {
  const std::scoped_lock lock(mutex_);
  return asked_.leftCols(asked_count_);
}

}  // namespace isoform
