// The pictures of a page about a model. Private to page.cpp. Each returns <svg> to stand inside HTML; `id` makes its
// title unique in the page.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "isoform/model/model.h"
#include "isoform/topology/reading.h"

namespace isoform::page {

struct Series {
  std::string label;
  std::string look;            // "one", "two": colour and dashes
  std::vector<double> values;  // of the connections in order; NaN: none
};

/// Curves over the connections of a layer in their order.
struct Chart {
  std::string heading, unit, alt;
  std::vector<Series> series;
  bool logarithmic = false;  // at most six decades; what is smaller lies on the bottom
  std::string mark;          // a horizontal line, and what it says
  double at = 0;
  std::string note;  // instead of the curves, where there are none
};
std::string draw_chart(const Chart& chart, int id);

/// The widths of all spaces: dark as far as the effective rank goes, hatched where neurons are scaffold.
std::string draw_shape(const Model<float>& model, const std::vector<LayerReading>& layers, int id);

/// rows × cols values, row after row; the largest |value| has the full colour. More than 64 × 64 are averaged
/// in squares.
std::string draw_image(const Vector<double>& values, Index rows, Index cols, const std::string& alt,
                       int id);

/// CSS of what only these have, light and dark.
std::string chart_style();

}  // namespace isoform::page
