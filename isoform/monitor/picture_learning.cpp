#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "isoform/monitor/picture_panels.h"
#include "isoform/monitor/plot.h"

namespace isoform::picture {
namespace {

constexpr double kNarrowest = 4;  // per cent on the axis of accuracies

using Member = double RunRecord::Epoch::*;

std::vector<Point> series(const RunRecord& run, Member member, double factor) {
  std::vector<Point> points;
  for (const auto& epoch : run.epochs) {
    points.push_back({static_cast<double>(epoch.epoch), factor * (epoch.*member)});
  }
  return points;
}

// Losses of single mini-batches, averaged over a few pixels: they show what happened inside an
// epoch.
std::vector<Point> running_loss(const RunRecord& run) {
  constexpr std::size_t kMost = 200;
  std::vector<Point> points;
  if (run.steps_per_epoch <= 0) return points;
  const std::size_t bin = run.steps.size() / kMost + 1;
  for (std::size_t i = 0; i < run.steps.size(); i += bin) {
    double sum = 0, at = 0, count = 0;
    for (std::size_t j = i; j < std::min(i + bin, run.steps.size()); ++j, ++count) {
      sum += run.steps[j].loss;
      at += static_cast<double>(run.steps[j].step);
    }
    points.push_back({at / count / static_cast<double>(run.steps_per_epoch), sum / count});
  }
  return points;
}

bool any_finite(const std::vector<Point>& points) {
  return std::any_of(points.begin(), points.end(),
                     [](const Point& point) { return std::isfinite(point.y); });
}

void collect(std::vector<double>& values, const std::vector<Point>& points) {
  for (const Point& point : points) values.push_back(point.y);
}

void draw_series(Svg& svg, const plot::Frame& frame, std::vector<Point> points,
                 const std::string& name) {
  const plot::Scale x = frame.x_scale(), y = frame.y_scale();
  for (Point& point : points) point = {x(point.x), y(point.y)};
  svg.curve(points, "class=\"" + name + "\" stroke-width=\"2.25\" stroke-linejoin=\"round\"");
  const bool few = points.size() <= 30;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (!std::isfinite(points[i].y)) continue;
    // A value between two that are missing would not be seen on the line.
    const bool alone = (i == 0 || !std::isfinite(points[i - 1].y)) &&
                       (i + 1 == points.size() || !std::isfinite(points[i + 1].y));
    if (few || alone) svg.circle(points[i], 3, "class=\"" + name + "-dot\"");
  }
}

void draw_key(Svg& svg, double right, double y, bool running) {
  double at = right - (running ? 252 : 156);
  const auto entry = [&](const char* name, const char* label, const char* width, double advance) {
    const std::vector<Point> stroke = {{at, y - 4.5}, {at + 16, y - 4.5}};
    svg.curve(stroke, std::string("class=\"") + name + "\" stroke-width=\"" + width + "\"");
    svg.text({at + 21, y}, label, "class=\"label\"");
    at += advance;
  };
  if (running) entry("running", "mini-batch", "1.5", 100);
  entry("train", "training", "2.25", 78);
  entry("validation", "validation", "2.25", 0);
}

void draw_losses(Svg& svg, const RunRecord& run, plot::Frame frame) {
  const auto train = series(run, &RunRecord::Epoch::train_loss, 1);
  const auto validation = series(run, &RunRecord::Epoch::validation_loss, 1);
  auto running = running_loss(run);
  std::vector<double> values;
  collect(values, train);
  collect(values, validation);
  // The first few mini-batches may be far off; the scale is for the rest.
  std::vector<double> batches;
  for (const Point& point : running) {
    if (std::isfinite(point.y)) batches.push_back(point.y);
  }
  std::sort(batches.begin(), batches.end());
  if (!batches.empty()) {
    values.push_back(batches.front());
    values.push_back(batches[(batches.size() - 1) * 95 / 100]);
  }
  plot::Range range = plot::range_of(values);
  if (range.low > 0) range.low = 0;
  frame.y = plot::round_axis(range, 4);
  const bool measured = any_finite(train) || any_finite(validation) || !batches.empty();
  if (!measured) frame.y.ticks.clear();
  frame.draw(svg);
  if (!measured) return plot::draw_note(svg, frame.box, "no loss was measured");
  const plot::Scale x = frame.x_scale(), y = frame.y_scale();
  for (Point& point : running) {  // what is off the scale is left out
    point = {x(point.x), point.y > frame.y.range.high ? NAN : y(point.y)};
  }
  svg.curve(running, "class=\"running\" stroke-width=\"1.5\"");
  draw_series(svg, frame, train, "train");
  draw_series(svg, frame, validation, "validation");
}

// Of each task: training thin, validation thick, colours as in the bands.
void draw_task_accuracies(Svg& svg, const RunRecord& run, plot::Frame frame) {
  struct Curve {
    std::vector<Point> train, validation;
  };
  const auto lives = run.task_lives();
  std::vector<Curve> curves(lives.size());
  std::vector<double> values;
  for (std::size_t i = 0; i < lives.size(); ++i) {
    const auto first = lives[i].stretches.front().begin, last = lives[i].stretches.back().end;
    for (const auto& epoch : run.epochs) {
      if (epoch.step <= first || epoch.step > last) continue;
      for (const auto& task : epoch.tasks) {
        if (lives[i].name_at(epoch.step) != task.name) continue;
        const auto at = static_cast<double>(epoch.epoch);
        curves[i].train.push_back({at, 100 * task.train_accuracy});
        curves[i].validation.push_back({at, 100 * task.validation_accuracy});
      }
    }
    collect(values, curves[i].train);
    collect(values, curves[i].validation);
  }
  frame.y = plot::round_axis(plot::range_of(values), 4);
  if (frame.y.range.high > 100) frame.y = plot::exact_axis({frame.y.range.low, 100}, 4);
  frame.draw(svg);
  const plot::Scale x = frame.x_scale(), y = frame.y_scale();
  for (std::size_t i = 0; i < curves.size(); ++i) {
    const std::string colour = task_colour(i);
    for (auto* points : {&curves[i].train, &curves[i].validation}) {
      const bool train = points == &curves[i].train;
      for (Point& point : *points) point = {x(point.x), y(point.y)};
      svg.curve(*points, "stroke=\"" + colour + "\" stroke-width=\"" +
                             (train ? "1\" stroke-dasharray=\"4 2\"" : "2.25\"") +
                             " stroke-linejoin=\"round\"");
    }
    for (const Point& point : curves[i].validation) {
      if (std::isfinite(point.y)) svg.circle(point, 2.5, "fill=\"" + colour + "\"");
    }
  }
}

void draw_accuracies(Svg& svg, const RunRecord& run, plot::Frame frame) {
  if (run.tells_of_tasks()) return draw_task_accuracies(svg, run, frame);
  const auto train = series(run, &RunRecord::Epoch::train_accuracy, 100);
  const auto validation = series(run, &RunRecord::Epoch::validation_accuracy, 100);
  std::vector<double> values;
  collect(values, train);
  collect(values, validation);
  const bool measured = any_finite(train) || any_finite(validation);
  plot::Range range = measured ? plot::range_of(values) : plot::Range{0, 100};
  if (range.high - range.low < kNarrowest) {  // no drama about a tenth of a per cent
    const double middle = (range.low + range.high) / 2;
    range = {std::max(0.0, middle - kNarrowest / 2), middle + kNarrowest / 2};
  }
  frame.y = plot::round_axis(range, 4);
  if (frame.y.range.high > 100) {  // a round range may overshoot what is possible
    frame.y = plot::exact_axis({frame.y.range.low, 100}, 4);
  }
  if (!measured) frame.y.ticks.clear();
  frame.draw(svg);
  if (!measured) return plot::draw_note(svg, frame.box, "no accuracy was measured");
  draw_series(svg, frame, train, "train");
  draw_series(svg, frame, validation, "validation");
}

}  // namespace

void draw_learning(Svg& svg, const RunRecord& run, const Box& loss, const Box& accuracy) {
  double last = run.epochs.empty() ? 1 : run.epochs.back().epoch;
  if (run.steps_per_epoch > 0) {  // a run cut short goes beyond its last whole epoch
    last = std::max(last,
                    static_cast<double>(run.last_step) / static_cast<double>(run.steps_per_epoch));
  }
  plot::Frame frame;
  frame.box = loss;
  frame.x = plot::exact_axis({0, std::max(1.0, last)}, 6, 1);
  frame.x_labels = false;
  frame.heading = "Loss";
  draw_losses(svg, run, frame);
  std::vector<double> changes;
  for (const auto& change : run.task_changes) {
    changes.push_back(frame.x_scale()(static_cast<double>(change.epoch)));
  }
  draw_changes(svg, changes, loss);
  draw_changes(svg, changes, accuracy);
  draw_key(svg, loss.right(), loss.y - 14, !run.steps.empty() && run.steps_per_epoch > 0);
  frame.box = accuracy;
  frame.x_labels = true;
  frame.x_label = "epoch";
  frame.heading = "Accuracy";
  frame.unit = run.tells_of_tasks() ? "%; dashed: training" : "% of samples";
  draw_accuracies(svg, run, frame);
}

}  // namespace isoform::picture
