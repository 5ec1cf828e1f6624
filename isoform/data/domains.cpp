#include "isoform/data/domains.h"

#include <fmt/format.h>

#include "isoform/base/error.h"

namespace isoform {

DomainGuesser::DomainGuesser(double floor) : floor_(floor) {
  if (!(floor > 0 && floor <= 1)) {
    throw UsageError(
        fmt::format("variance floor: needs a number above 0 and at most 1, got {}", floor));
  }
}

void DomainGuesser::add(const Dataset& data) {
  if (!means_.empty() && means_.front().size() != data.features()) {
    throw UsageError(fmt::format("domains: '{}' has {} features, those before have {}", data.name(),
                                 data.features(), means_.front().size()));
  }
  const FeatureStatistics of = feature_statistics(data);
  const Vector<double> variance = of.standard_deviation.cwiseAbs2();
  const double mean = variance.mean() > 0 ? variance.mean() : 1;
  means_.push_back(of.mean);
  precisions_.push_back(((1 - floor_) * variance.array() + floor_ * mean).inverse().matrix());
}

std::vector<std::size_t> DomainGuesser::guess(const Dataset& data) const {
  if (means_.empty() || means_.front().size() != data.features()) {
    throw UsageError(
        fmt::format("domains: needs data with {} features, as those that were added; "
                    "got {}",
                    means_.empty() ? 0 : means_.front().size(), data.features()));
  }
  std::vector<double> constants;
  for (const Vector<double>& p : precisions_) constants.push_back(p.array().log().sum());
  std::vector<std::size_t> best(static_cast<std::size_t>(data.samples()));
  Matrix<double> x(data.features(), 1);
  for (std::uint32_t j = 0; j < best.size(); ++j) {
    data.gather({&j, 1}, x);
    double highest = 0;
    for (std::size_t k = 0; k < means_.size(); ++k) {
      const double score =
          constants[k] - ((x.col(0) - means_[k]).array().square() * precisions_[k].array()).sum();
      if (k == 0 || score > highest) {
        highest = score;
        best[j] = k;
      }
    }
  }
  return best;
}

std::size_t DomainGuesser::bytes() const {
  std::size_t numbers = 0;
  for (const Vector<double>& mean : means_) numbers += 2 * static_cast<std::size_t>(mean.size());
  return numbers * sizeof(double);
}

}  // namespace isoform
