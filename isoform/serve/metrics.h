// Counters of a server, in the text format of Prometheus.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "isoform/linalg/matrix.h"
#include "isoform/serve/http.h"

namespace isoform {

/// Thread-safe.
class Metrics {
 public:
  void answered(const HttpAnswered& answer);
  void batch(const std::string& model, Index samples);
  void changed(const std::string& model, const std::string& kind);
  void rolled_back(const std::string& model, const std::string& why);  // "asked", "learning"
  void learned(const std::string& model, std::uint64_t samples);

  /// What a model is now.
  struct Gauge {
    std::string model;
    std::uint64_t version = 0;
    Index parameters = 0;
  };
  [[nodiscard]] std::string text(const std::vector<Gauge>& models, int connections) const;

 private:
  template <std::size_t N>
  struct Histogram {
    std::array<std::uint64_t, N + 1> counts{};
    double sum = 0;
    void add(double value, const std::array<double, N>& bounds);
  };
  static constexpr std::array<double, 14> kSeconds = {
      0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
  static constexpr std::array<double, 9> kSamples = {1, 2, 4, 8, 16, 32, 64, 128, 256};
  struct Route {
    std::map<int, std::uint64_t> codes;
    Histogram<kSeconds.size()> seconds;
  };
  struct Of {
    Histogram<kSamples.size()> batches;
    std::map<std::string, std::uint64_t> changes, rollbacks;
    std::uint64_t learned = 0;
  };

  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, Route> routes_;  // method, pattern
  std::map<std::string, Of> models_;
};

}  // namespace isoform
