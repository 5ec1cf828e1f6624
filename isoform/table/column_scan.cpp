#include "isoform/table/column_scan.h"

#include <algorithm>
#include <cmath>

#include "isoform/base/text.h"
#include "isoform/table/csv.h"
#include "isoform/table/infer.h"

namespace isoform {

namespace {

constexpr std::size_t kMostNumbers =
    64;  // different ones that are counted while a column has no text

}  // namespace

void ColumnScan::add(std::string_view field, std::uint64_t line, char point, std::size_t keep) {
  if (is_missing(field)) {
    ++missing;
    counts = false;
    return;
  }
  if (const auto number = number_in(field, point)) {
    if (numbers++ == 0) {
      number_line = line;
      least = most = *number;
    } else {
      counts = counts && *number == previous + 1;
    }
    previous = *number;
    least = std::min(least, *number);
    most = std::max(most, *number);
    const double from_mean = *number - mean;
    mean += from_mean / static_cast<double>(numbers);
    squares += from_mean * (*number - mean);
    if (all) in_order.push_back(*number);
    whole = whole && *number == std::floor(*number) && std::abs(*number) < 1e15;
  } else if (texts++ == 0) {
    text_line = line;
    text = name_in(field);
  }
  if (infinite_line == 0 && is_infinite(field)) infinite_line = line;
  if (many) return;
  ++values[name_in(field)];
  const std::size_t limit = keep > 0 ? keep : texts > 0 ? kMostCategories : kMostNumbers;
  if (values.size() > limit) {
    many = true;
    values.clear();
  }
}

double ColumnScan::deviation() const {
  return std::sqrt(squares / static_cast<double>(std::max<std::uint64_t>(numbers, 1)));
}

std::pair<double, double> ColumnScan::robust() const {
  const auto median = [](std::vector<double> of) {
    const auto middle = of.begin() + std::ssize(of) / 2;
    std::nth_element(of.begin(), middle, of.end());
    return *middle;
  };
  const double centre = median(in_order);
  std::vector<double> distances = in_order;
  for (double& d : distances) d = std::abs(d - centre);
  return {centre, 1.4826 * median(distances)};
}

bool ColumnScan::constant() const {
  return texts == 0 ? least == most : !many && values.size() == 1;
}

bool ColumnScan::mostly_numbers() const {
  return static_cast<double>(numbers) >= 0.9 * static_cast<double>(known());
}

std::vector<std::string> ColumnScan::sorted() const {
  std::vector<std::string> names;
  for (const auto& entry : values) names.push_back(entry.first);
  std::sort(names.begin(), names.end(), [this](const std::string& a, const std::string& b) {
    if (texts > 0) return a < b;
    const double x = number_in(a).value_or(0), y = number_in(b).value_or(0);
    return x != y ? x < y : a < b;
  });
  return names;
}

}  // namespace isoform
