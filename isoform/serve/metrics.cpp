#include "isoform/serve/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace isoform {

namespace {

// A label's value, as the format escapes it.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out + "\"";
}

void head(std::string& out, const char* name, const char* type, const char* about) {
  out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, about, name, type);
}

template <class H, class B>
void add_histogram(std::string& out, const char* name, const std::string& labels,
                   const H& histogram, const B& bounds) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    sum += histogram.counts[i];
    out += fmt::format("{}_bucket{{{},le=\"{}\"}} {}\n", name, labels, bounds[i], sum);
  }
  sum += histogram.counts[bounds.size()];
  out += fmt::format("{}_bucket{{{},le=\"+Inf\"}} {}\n{}_sum{{{}}} {}\n{}_count{{{}}} {}\n", name,
                     labels, sum, name, labels, histogram.sum, name, labels, sum);
}

}  // namespace

template <std::size_t N>
void Metrics::Histogram<N>::add(double value, const std::array<double, N>& bounds) {
  ++counts[static_cast<std::size_t>(std::lower_bound(bounds.begin(), bounds.end(), value) -
                                    bounds.begin())];
  sum += value;
}

void Metrics::answered(const HttpAnswered& answer) {
  const std::scoped_lock lock(mutex_);
  // Methods of requests that found no route are what anybody sends: they are not kept apart.
  Route& route = routes_[{answer.route.empty() ? "" : answer.method, answer.route}];
  ++route.codes[answer.status];
  route.seconds.add(answer.seconds, kSeconds);
}

void Metrics::batch(const std::string& model, Index samples) {
  const std::scoped_lock lock(mutex_);
  models_[model].batches.add(static_cast<double>(samples), kSamples);
}

void Metrics::changed(const std::string& model, const std::string& kind) {
  const std::scoped_lock lock(mutex_);
  ++models_[model].changes[kind];
}

void Metrics::rolled_back(const std::string& model, const std::string& why) {
  const std::scoped_lock lock(mutex_);
  ++models_[model].rollbacks[why];
}

void Metrics::learned(const std::string& model, std::uint64_t samples) {
  const std::scoped_lock lock(mutex_);
  models_[model].learned += samples;
}

std::string Metrics::text(const std::vector<Gauge>& models, int connections) const {
  std::string out;
  const std::scoped_lock lock(mutex_);
  head(out, "isoform_requests_total", "counter", "Requests that were answered, by status.");
  for (const auto& [key, route] : routes_) {
    for (const auto& [code, count] : route.codes) {
      out += fmt::format("isoform_requests_total{{method={},route={},code=\"{}\"}} {}\n",
                         quoted(key.first), quoted(key.second), code, count);
    }
  }
  head(out, "isoform_request_seconds", "histogram",
       "From the first byte of a request to the last of its answer.");
  for (const auto& [key, route] : routes_) {
    add_histogram(out, "isoform_request_seconds",
                  fmt::format("method={},route={}", quoted(key.first), quoted(key.second)),
                  route.seconds, kSeconds);
  }
  head(out, "isoform_batch_samples", "histogram",
       "Samples of a batch; their sum is the number of samples answered.");
  for (const auto& [name, of] : models_) {
    add_histogram(out, "isoform_batch_samples", "model=" + quoted(name), of.batches, kSamples);
  }
  head(out, "isoform_changes_total", "counter", "Versions published, by what made them.");
  for (const auto& [name, of] : models_) {
    for (const auto& [kind, count] : of.changes) {
      out += fmt::format("isoform_changes_total{{model={},kind={}}} {}\n", quoted(name),
                         quoted(kind), count);
    }
  }
  head(out, "isoform_rollbacks_total", "counter",
       "Versions taken back, or not published because learning made them worse.");
  for (const auto& [name, of] : models_) {
    for (const auto& [why, count] : of.rollbacks) {
      out += fmt::format("isoform_rollbacks_total{{model={},why={}}} {}\n", quoted(name),
                         quoted(why), count);
    }
  }
  head(out, "isoform_learned_samples_total", "counter",
       "Labelled samples that versions were trained on.");
  for (const auto& [name, of] : models_) {
    out += fmt::format("isoform_learned_samples_total{{model={}}} {}\n", quoted(name), of.learned);
  }
  head(out, "isoform_model_version", "gauge", "Number of the version that answers.");
  for (const Gauge& one : models)
    out += fmt::format("isoform_model_version{{model={}}} {}\n", quoted(one.model), one.version);
  head(out, "isoform_model_parameters", "gauge", "Its parameters.");
  for (const Gauge& one : models)
    out +=
        fmt::format("isoform_model_parameters{{model={}}} {}\n", quoted(one.model), one.parameters);
  head(out, "isoform_connections", "gauge", "Open connections.");
  out += fmt::format("isoform_connections {}\n", connections);
  return out;
}

}  // namespace isoform
