// One picture of a whole run, made from its events.
#pragma once

#include <span>
#include <string>

#include "isoform/monitor/run_record.h"
#include "isoform/train/event.h"

namespace isoform {

/// Draws a run as one self-contained SVG of 1200 × 900 (580 without spectra; no scripts, fonts or
/// other files; light, or dark where the reader's system is):
///
///   widths      of each hidden space over optimiser steps, with a triangle where units were born
///               (up) or removed (down), and the parameters below, on the same steps
///   learning    loss, and accuracy, in training and validation over epochs
///   spectra     the singular values of each hidden space (six of them, where there are more): one
///               row for each time they were measured, from the first at the top to the last,
///               logarithmic colours shared by all, hatched where a value is below the threshold
///               (scaffold)
///
/// Draws whatever there is: a run without edits, of one epoch, cut short, with values that are
/// null, or no event at all. Long runs are thinned to what the pixels can show, so that the file
/// stays below some hundred kilobytes. Never throws for what the events hold.
std::string draw_run(std::span<const Event> events);

/// The same from what an observer kept.
std::string draw_run(const RunRecord& run);

}  // namespace isoform
