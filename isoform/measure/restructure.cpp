#include "isoform/measure/restructure.h"

#include <chrono>

#include "isoform/topology/grow.h"
#include "isoform/topology/shrink.h"

namespace isoform {

namespace {

constexpr int kLeast = 5;

// Seconds of change(network, optimiser) on copies, until `seconds` have gone by.
template <class T, class Change>
Timing time_changes(const StepWork<T>& work, double seconds, const Change& change) {
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  std::vector<double> times;
  double spent = 0;
  for (int run = 0; run <= kLeast || spent < seconds; ++run) {
    Network<T> network = work.network();
    Optimiser<T> optimiser = work.optimiser();
    const auto start = Clock::now();
    const Edit edit = change(network);
    optimiser.transport(network, edit);
    network.apply(edit);
    if (run > 0) times.push_back(since(start));  // the first warms caches
    spent += since(start);
  }
  return summarise(std::move(times));
}

}  // namespace

template <class T>
RestructureReport measure_restructuring(const RestructureSettings& settings, Engine<T>& engine) {
  RestructureReport report;
  report.load = machine_load();
  StepWork<T> work(settings.step);
  for (Index i = 0; i < kStepBatches; ++i) work.step(engine);
  const Index size = settings.step.chain.group_size;
  report.growth = time_changes(work, settings.step.seconds, [&](const Network<T>& network) {
    return grow(network, settings.layer, settings.count, {.group_size = size});
  });
  report.removal = time_changes(work, settings.step.seconds, [&](const Network<T>& network) {
    return remove_lowest(network, settings.layer, settings.count);
  });
  return report;
}

template RestructureReport measure_restructuring(const RestructureSettings&, Engine<float>&);
template RestructureReport measure_restructuring(const RestructureSettings&, Engine<double>&);

}  // namespace isoform
