// The panels of the picture of a run, each in its own file. Private to picture.cpp.
#pragma once

#include <string>
#include <vector>

#include "isoform/monitor/run_record.h"
#include "isoform/monitor/svg.h"

namespace isoform::picture {

/// Widths over steps with edits in `widths`, parameters over the same steps in `parameters`. Names
/// of the spaces are written to the right of the box, some 90 pixels wide.
void draw_widths(Svg& svg, const RunRecord& run, const Box& widths, const Box& parameters);

/// Height of the bands of tasks; 0 for a run that does not tell of tasks.
double tasks_height(const RunRecord& run);
/// When each task was there and trained, over steps, and what happened to them, in words, from `words` on. Names to the
/// right of the box.
void draw_tasks(Svg& svg, const RunRecord& run, const Box& box, Point words);
/// Of the task that came as number `index`.
std::string task_colour(std::size_t index);
/// Dashed lines where tasks changed, at these places.
void draw_changes(Svg& svg, const std::vector<double>& at, const Box& box);

/// Loss and accuracy over epochs; accuracies of each task, where there are several.
void draw_learning(Svg& svg, const RunRecord& run, const Box& loss, const Box& accuracy);

/// Singular values over time. The colour key is written to the right of the box, some 90 pixels
/// wide.
void draw_spectra(Svg& svg, const RunRecord& run, const Box& box);

}  // namespace isoform::picture
