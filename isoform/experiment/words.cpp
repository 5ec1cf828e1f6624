#include "isoform/experiment/words.h"

#include <fmt/format.h>

#include <cmath>

#include "isoform/monitor/format.h"

namespace isoform {

std::string with_error(const Summary& summary, int decimals) {
  if (!std::isfinite(summary.mean)) return "–";
  if (decimals == 0) {
    const std::string mean = format_count(std::llround(summary.mean));
    return std::isfinite(summary.error)
               ? fmt::format("{} ± {}", mean, format_count(std::llround(summary.error)))
               : mean;
  }
  std::string mean = fmt::format("{:.{}f}", summary.mean, decimals);
  if (mean.front() == '-' && mean.find_first_not_of("-0.") == std::string::npos) mean.erase(0, 1);
  if (!std::isfinite(summary.error)) return mean;
  return fmt::format("{} ± {:.{}f}", mean, summary.error, decimals);
}

std::string with_error_scientific(const Summary& summary) {
  if (!std::isfinite(summary.mean)) return "–";
  if (!std::isfinite(summary.error)) return fmt::format("{:.3g}", summary.mean);
  return fmt::format("{:.3g} ± {:.1g}", summary.mean, summary.error);
}

Summary scaled(Summary summary, double factor) {
  summary.mean *= factor;
  summary.error *= factor;
  return summary;
}

Summary paired_difference(const Measurements& rows, const Labels& where, const Labels& other,
                          const std::string& figure) {
  std::vector<double> differences;
  for (const std::string& seed : rows.levels("seed", where)) {
    const std::vector<double> a = rows.values(with(where, "seed", seed), figure);
    const std::vector<double> b = rows.values(with(other, "seed", seed), figure);
    if (a.size() == 1 && b.size() == 1) differences.push_back(a.front() - b.front());
  }
  return summarise(differences);
}

report::Curve curve_of(const Measurements& rows, const std::string& label, const Labels& where,
                       const std::string& figure, const std::string& axis,
                       const std::vector<std::string>& levels, double factor, bool numbers) {
  report::Curve curve;
  curve.label = label;
  bool band = false;
  for (std::size_t k = 0; k < levels.size(); ++k) {
    const Summary summary = rows.summary(with(where, axis, levels[k]), figure);
    curve.x.push_back(numbers ? std::stod(levels[k]) : static_cast<double>(k));
    curve.y.push_back(factor * summary.mean);
    const double error = std::isfinite(summary.error) ? factor * summary.error : 0;
    band = band || error > 0;
    curve.low.push_back(curve.y.back() - error);
    curve.high.push_back(curve.y.back() + error);
  }
  if (!band) {
    curve.low.clear();
    curve.high.clear();
  }
  return curve;
}

Labels with(Labels labels, const std::string& name, const std::string& value) {
  labels.emplace_back(name, value);
  return labels;
}

}  // namespace isoform
