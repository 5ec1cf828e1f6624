#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "isoform/monitor/format.h"
#include "isoform/monitor/picture_panels.h"
#include "isoform/monitor/plot.h"

namespace isoform::picture {
namespace {

struct Mark {
  double step = 0, before = 0, after = 0;
  bool born = false, removed = false;
};

struct Track {                                    // one hidden space
  std::vector<std::pair<double, double>> widths;  // (step, width from then on)
  std::vector<Mark> marks;
  double last() const { return widths.empty() ? 0 : widths.back().second; }
};

double as_double(std::int64_t value) { return static_cast<double>(value); }

// Widths change at edits; those of epochs correct them where an edit did not say what it left.
std::vector<Track> follow(const RunRecord& run) {
  const auto first = hidden_widths(run.first_widths.empty() ? run.widths : run.first_widths);
  std::vector<Track> tracks(first.size());
  const auto set = [](Track& track, double step, double width) {
    if (!track.widths.empty() && track.last() == width) return;
    track.widths.emplace_back(step, width);
  };
  for (std::size_t s = 0; s < first.size(); ++s) {
    set(tracks[s], as_double(run.first_step), as_double(first[s]));
  }
  std::size_t next_edit = 0;
  const auto edits_until = [&](std::int64_t step) {
    for (; next_edit < run.edits.size() && run.edits[next_edit].step <= step; ++next_edit) {
      const auto& edit = run.edits[next_edit];
      if (edit.space < 1 || edit.space > std::ssize(tracks)) continue;
      Track& track = tracks[static_cast<std::size_t>(edit.space - 1)];
      const double before = track.last();
      const double after =
          edit.after >= 0 ? as_double(edit.after) : before + as_double(edit.born - edit.removed);
      set(track, as_double(edit.step), after);
      if (edit.born + edit.removed > 0) {
        track.marks.push_back(
            {as_double(edit.step), before, after, edit.born > 0, edit.removed > 0});
      }
    }
  };
  for (const auto& epoch : run.epochs) {
    edits_until(epoch.step);
    const auto widths = hidden_widths(epoch.widths);
    for (std::size_t s = 0; s < std::min(widths.size(), tracks.size()); ++s) {
      set(tracks[s], as_double(epoch.step), as_double(widths[s]));
    }
  }
  edits_until(run.last_step);
  return tracks;
}

std::vector<Point> staircase(const Track& track, const plot::Scale& x, const plot::Scale& y,
                             double end) {
  std::vector<Point> points;
  for (const auto& [step, width] : track.widths) {
    if (!points.empty()) points.push_back({x(step), points.back().y});
    points.push_back({x(step), y(width)});
  }
  if (!points.empty()) points.push_back({x(end), points.back().y});
  return points;
}

void draw_triangle(Svg& svg, Point tip, bool up, const std::string& attributes) {
  const double half = 4.5, height = up ? 8 : -8;
  const std::vector<Point> corners = {
      tip, {tip.x - half, tip.y + height}, {tip.x + half, tip.y + height}};
  svg.polygon(corners, attributes);
}

// Pixels in which a space shows one mark of each kind: with more than some hundred marks in all,
// nobody sees any.
double mark_spacing(const std::vector<Track>& tracks) {
  std::size_t marks = 0;
  for (const Track& track : tracks) marks += track.marks.size();
  return std::clamp(7.0 * static_cast<double>(marks) / 120, 7.0, 90.0);
}

void draw_marks(Svg& svg, const Track& track, const plot::Scale& x, const plot::Scale& y,
                double spacing, const std::string& colour) {
  std::map<std::pair<long, bool>, Point> shown;
  for (const Mark& mark : track.marks) {
    const double at = x(mark.step);
    const long bin = std::lround(at / spacing);
    if (mark.born) shown[{bin, true}] = {at, y(std::max(mark.before, mark.after)) - 11};
    if (mark.removed) shown[{bin, false}] = {at, y(std::min(mark.before, mark.after)) + 11};
  }
  const std::string attributes = fmt::format("class=\"mark\" fill=\"{}\"", colour);
  for (const auto& [key, tip] : shown) draw_triangle(svg, tip, key.second, attributes);
}

void draw_names(Svg& svg, const std::vector<Track>& tracks, const plot::Scale& y, const Box& box) {
  const int count = static_cast<int>(tracks.size());
  std::vector<double> at;
  for (const Track& track : tracks) at.push_back(y(track.last()));
  // Beyond what fits, every second, third, … space is named.
  const int fits = static_cast<int>(box.height / 14) + 2;
  const int stride = (count + fits - 1) / fits;
  std::vector<double> named;
  for (int s = 0; s < count; s += stride) named.push_back(at[static_cast<std::size_t>(s)]);
  plot::spread(named, 15, box.y - 6, box.bottom());
  for (int s = 0, i = 0; s < count; s += stride, ++i) {
    const double to = named[static_cast<std::size_t>(i)];
    const std::vector<Point> leader = {{box.right() + 3, at[static_cast<std::size_t>(s)]},
                                       {box.right() + 12, to},
                                       {box.right() + 22, to}};
    svg.curve(leader,
              fmt::format("stroke=\"{}\" stroke-width=\"2\"", plot::series_colour(s, count)));
    svg.text({box.right() + 27, to + 4},
             fmt::format("hidden {}: {:.0f}", s + 1, tracks[static_cast<std::size_t>(s)].last()),
             "class=\"name\"");
  }
}

void draw_key(Svg& svg, double right, double y, bool thinned) {
  if (thinned) {
    svg.text({right - 168, y}, "thinned out:", "class=\"label\" text-anchor=\"end\"");
  }
  draw_triangle(svg, {right - 158, y - 9}, true, "class=\"key-mark\"");
  svg.text({right - 149, y}, "units born", "class=\"label\"");
  draw_triangle(svg, {right - 67, y - 1}, false, "class=\"key-mark\"");
  svg.text({right - 58, y}, "removed", "class=\"label\"");
}

void draw_parameters(Svg& svg, const RunRecord& run, plot::Frame frame) {
  std::vector<Point> values;
  const auto add = [&values](std::int64_t step, std::int64_t parameters) {
    if (parameters > 0) values.push_back({as_double(step), as_double(parameters)});
  };
  add(run.first_step, run.first_parameters);
  auto change = run.task_changes.begin();
  for (const auto& epoch : run.epochs) {
    for (; change != run.task_changes.end() && change->step < epoch.step; ++change) {
      add(change->step, change->parameters);
    }
    add(epoch.step, epoch.parameters);
  }
  if (values.empty()) {
    frame.draw(svg);
    return plot::draw_note(svg, frame.box, "not reported");
  }
  add(run.last_step, run.parameters);
  double most = 0;
  for (const Point& value : values) most = std::max(most, value.y);
  frame.y = plot::round_axis({0, most}, 2, 1);
  frame.draw(svg);
  const plot::Scale x = frame.x_scale(), y = frame.y_scale();
  for (Point& value : values) value = {x(value.x), y(value.y)};
  std::vector<Point> area = values;
  area.push_back({values.back().x, y(0)});
  area.push_back({values.front().x, y(0)});
  svg.polygon(area, "class=\"total\"");
  svg.curve(values, "class=\"train\" stroke-width=\"2\"");
  svg.text({frame.box.right() + 8, values.back().y + 4}, format_count(run.parameters),
           "class=\"name\"");
}

}  // namespace

void draw_widths(Svg& svg, const RunRecord& run, const Box& widths, const Box& parameters) {
  const std::vector<Track> tracks = follow(run);
  const int count = static_cast<int>(tracks.size());
  const double begin = as_double(run.first_step);
  const double end = std::max(begin + 1, as_double(run.last_step));

  plot::Frame frame;
  frame.box = widths;
  frame.x = plot::exact_axis({begin, end}, 6, 1);
  frame.x_labels = false;
  frame.heading = "Width of each hidden space";
  frame.unit = "units";
  double most = 1;
  for (const Track& track : tracks) {
    for (const auto& [step, width] : track.widths) most = std::max(most, width);
  }
  // Room above the highest line for its triangles.
  frame.y = plot::round_axis({0, most * 1.06}, 6, 1);
  if (count == 0) frame.y.ticks.clear();
  frame.draw(svg);
  if (count == 0) {
    plot::draw_note(svg, widths,
                    run.widths.empty() ? "not reported" : "this network has no hidden space");
  }
  const plot::Scale x = frame.x_scale(), y = frame.y_scale();
  for (int s = 0; s < count; ++s) {
    svg.curve(staircase(tracks[static_cast<std::size_t>(s)], x, y, end),
              fmt::format("stroke=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\"",
                          plot::series_colour(s, count), count > 6 ? 1.75 : 2.25));
  }
  std::vector<double> changes;
  for (const auto& change : run.task_changes) changes.push_back(x(as_double(change.step)));
  draw_changes(svg, changes, widths);
  draw_changes(svg, changes, parameters);
  const double spacing = mark_spacing(tracks);
  for (int s = 0; s < count; ++s) {
    draw_marks(svg, tracks[static_cast<std::size_t>(s)], x, y, spacing,
               plot::series_colour(s, count));
  }
  draw_names(svg, tracks, y, widths);
  if (!run.edits.empty()) draw_key(svg, widths.right(), widths.y - 14, spacing > 12);

  frame.box = parameters;
  frame.y.ticks.clear();
  frame.x_labels = true;
  frame.x_label = "optimiser steps";
  frame.heading = "Parameters";
  frame.unit = "numbers that are trained";
  draw_parameters(svg, run, frame);
}

}  // namespace isoform::picture
