// The panels of the picture of a run, each in its own file. Private to picture.cpp.
#pragma once

#include "isoform/monitor/run_record.h"
#include "isoform/monitor/svg.h"

namespace isoform::picture {

/// Widths over steps with edits in `widths`, parameters over the same steps in `parameters`. Names
/// of the spaces are written to the right of the box, some 90 pixels wide.
void draw_widths(Svg& svg, const RunRecord& run, const Box& widths, const Box& parameters);

/// Loss and accuracy over epochs.
void draw_learning(Svg& svg, const RunRecord& run, const Box& loss, const Box& accuracy);

/// Singular values over time. The colour key is written to the right of the box, some 90 pixels
/// wide.
void draw_spectra(Svg& svg, const RunRecord& run, const Box& box);

}  // namespace isoform::picture
