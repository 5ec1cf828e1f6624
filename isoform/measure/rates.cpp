#include "isoform/measure/rates.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>

#include "isoform/base/error.h"
#include "isoform/network/initialise.h"

namespace isoform {

namespace {

using Clock = std::chrono::steady_clock;

constexpr double kShortestRun = 5e-4;  // seconds

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

Timing summarise(std::vector<double> seconds) {
  ISOFORM_ASSERT(!seconds.empty(), "something was timed");
  std::sort(seconds.begin(), seconds.end());
  return {seconds[seconds.size() / 2], seconds.front(), seconds.back()};
}

std::vector<double> time_calls(const std::function<void()>& work, double seconds, int least) {
  const auto run = [&](int calls) {
    const auto start = Clock::now();
    for (int i = 0; i < calls; ++i) work();
    return since(start) / calls;
  };
  const double first = run(1);
  const int calls = std::clamp(static_cast<int>(kShortestRun / std::max(first, 1e-9)), 1, 100000);
  std::vector<double> times;
  const auto start = Clock::now();
  while (static_cast<int>(times.size()) < least || since(start) < seconds) {
    times.push_back(run(calls));
  }
  return times;
}

template <class T>
double product_rate(Engine<T>& engine) {
  constexpr Index n = 1536;
  const Matrix<T> a = Matrix<T>::Constant(n, n, T(0.5)), b = Matrix<T>::Constant(n, n, T(0.25));
  Matrix<T> c(n, n);
  const std::vector<double> times =
      time_calls([&] { engine.multiply(Op::none, a, Op::none, b, T(0), c); }, 0.2);
  return 2.0 * n * n * n / summarise(times).fastest;
}

double copy_rate() {
  constexpr std::size_t size = std::size_t{64} << 20;
  std::vector<char> from(size, 1), to(size, 0);
  const std::vector<double> times =
      time_calls([&] { std::memcpy(to.data(), from.data(), size); }, 0.1);
  return 2.0 * static_cast<double>(size) / summarise(times).fastest;
}

double machine_load() {
  double load = -1;
  return getloadavg(&load, 1) == 1 ? load : -1;
}

template double product_rate(Engine<float>&);
template double product_rate(Engine<double>&);

}  // namespace isoform
