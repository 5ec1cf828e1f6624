// What somebody asks of a run that is under way: from a page, an API, another thread. docs/dashboard.md.
//
//   RunControl control;
//   trainer.obey(control);                                     // before the first epoch
//   control.ask({.action = ControlAction::pause}).get().note;  // from another thread
//
// The trainer looks between two steps, so that an answer takes as long as a step does. Everything that is done becomes
// an event `control`. A run that nobody asks anything has the same bits as one without a RunControl.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "isoform/linalg/matrix.h"

namespace isoform {

enum class ControlAction {
  pause,       // between two steps; the clock of the run stands still
  resume,      // after a pause
  adapt,       // an adaptation as soon as its statistics are gathered
  checkpoint,  // the run is kept now
  stop,        // as an interrupt does: the last whole step stands
  set,         // tolerance and parameter budget of the policy, from now on
  task,        // a task is trained, or not, from the next epoch on; a new phase begins
};
std::string_view control_action_name(ControlAction action);
/// Throws UsageError with the names that there are.
ControlAction control_action_from_name(std::string_view name);

struct ControlRequest {
  ControlAction action = ControlAction::pause;
  std::optional<double> tolerance = {};        // set
  std::optional<Index> parameter_budget = {};  // set
  std::string task = {};                       // task: whose
  bool active = true;                          // task: trained or not
};

/// A sentence for people: what was or will be done, or why not and what would help.
struct ControlAnswer {
  bool accepted = false;
  std::string note;
};

/// Carries requests from any thread to the one that trains. One trainer.
class RunControl {
 public:
  using Judge = std::function<ControlAnswer(const ControlRequest&)>;

  /// The answer comes when the trainer has looked. After the run has ended it is there at once, and it is no.
  std::future<ControlAnswer> ask(ControlRequest request);

  /// Answers what waits, in order. Costs one read of an atomic where nothing does. For the trainer.
  void answer(const Judge& judge);
  /// Waits until something is asked, at most so long. For the trainer.
  void wait_for(std::chrono::milliseconds time);
  /// Refuses what waits and whatever comes. For the trainer.
  void close();

 private:
  struct Asked {
    ControlRequest request;
    std::promise<ControlAnswer> answer;
  };
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Asked> waiting_;
  std::atomic<bool> any_ = false;
  bool closed_ = false;
};

}  // namespace isoform
