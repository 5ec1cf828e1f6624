// The progress of a run as text: one line redrawn in place on a terminal, or a table with one row
// for each epoch where the output is a file or a pipe. It never prints: a sink that you give does.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "isoform/train/event.h"

namespace isoform {

/// How progress is shown.
struct ProgressSettings {
  bool terminal = false;           // one line redrawn in place; false: one row for each epoch
  bool colour = false;             // ANSI colours (terminal mode)
  int columns = 0;                 // of the terminal: the least needed parts are left out until the
                                   // line fits; 0: no limit
  double redraw_interval_s = 0.1;  // terminal mode: at most one redraw in this much training time

  /// Throws UsageError.
  void validate() const;
};

/// An observer that turns events into progress. Terminal mode, drawn over itself by "\r":
///
///   epoch 3/10 · step 1200/8440 · loss 0.4120 · widths 48-40 · 12,340 parameters · 1m 20s left
///
/// Plain mode, whole lines, the edits of an epoch summed up in its row:
///
///   epoch      loss    train  validation  widths   edits      parameters     time     left
///    3/10    0.4120   85.1 %      84.9 %  48-40    +12 −3         12,340    8.2 s     57 s
///
/// Time left is the steps left at the recent pace (an average that forgets over a minute), and is
/// unknown until a first step. Warnings have their own lines in both modes; the end writes a last
/// one.
///
/// Must outlive the observer. What the sink throws passes through.
class Progress {
 public:
  using Sink = std::function<void(std::string_view)>;

  explicit Progress(Sink sink, const ProgressSettings& settings = {});
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void operator()(const Event& event);
  Observer observer();
  /// What happened before a run that is resumed: it counts, and is not shown.
  void recall(const Event& event);

  /// The progress line as of the last event, without control characters.
  std::string line() const;

  /// Seconds that the rest of the run will take; NaN while unknown.
  double time_left_s() const;

 private:
  void start(const Event& event);
  void measure_pace(const Event& event);
  void redraw(const Event& event, bool now);
  [[nodiscard]] bool is_row_due(const Event& event) const;
  void write_row(const Event& event);
  void write_tasks(const Event& event);
  void write_alone(const std::string& text);
  std::string end_line(const Event& event) const;

  Sink sink_;
  ProgressSettings settings_;

  int epoch_ = 0;
  std::int64_t epochs_ = 0, step_ = 0, steps_ = 0, parameters_ = 0;
  double loss_ = std::numeric_limits<double>::quiet_NaN();
  std::vector<std::int64_t> first_widths_, widths_;
  std::int64_t born_ = 0, removed_ = 0;              // in the whole run
  std::int64_t epoch_born_ = 0, epoch_removed_ = 0;  // since the last epoch event

  double time_s_ = 0, epoch_began_s_ = 0;
  double pace_steps_ = 0, pace_s_ = 0;  // decayed sums whose ratio is the pace
  double drawn_s_ = -std::numeric_limits<double>::infinity();
  bool on_screen_ = false, muted_ = false, goes_on_ = false;
  int widths_columns_ = 6;  // of the plain table
};

}  // namespace isoform
