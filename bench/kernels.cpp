// The engine's calls one by one, through Google Benchmark; each is compared with the engine `reference` before it is timed.
//
//   build/release/bench/bench_kernels [--benchmark_filter=multiply] [--benchmark_format=json]
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "isoform/activation/radial.h"
#include "isoform/base/error.h"
#include "isoform/linalg/engine.h"

namespace {

using namespace isoform;

double difference(const Matrix<float>& a, const Matrix<float>& b) {
  return static_cast<double>((a - b).norm()) / std::max(1e-30, static_cast<double>(b.norm()));
}

void require(double difference, double most) {
  if (difference <= most) return;
  throw std::runtime_error(fmt::format("differs from the reference by {}", difference));
}

// What a layer of `rows` neurons that reads `inner` numbers asks for, for a batch.
struct Shape {
  Index rows, inner, batch;
};

// 0: forward; 1: back to the inputs; 2: gradient of the weights.
void multiply(benchmark::State& state, const std::string& name, Shape shape, int pass) {
  const auto engine = create_engine<float>({.name = name, .threads = 2});
  const auto reference = create_engine<float>({.name = "reference"});
  const Matrix<float> w = Matrix<float>::Random(shape.rows, shape.inner),
                      x = Matrix<float>::Random(shape.inner, shape.batch),
                      delta = Matrix<float>::Random(shape.rows, shape.batch);
  Matrix<float> c, truth;
  const auto run = [&](Engine<float>& on, Matrix<float>& to) {
    if (pass == 0) on.multiply(Op::none, w, Op::none, x, 0, to);
    if (pass == 1) on.multiply(Op::transpose, w, Op::none, delta, 0, to);
    if (pass == 2) on.multiply(Op::none, delta, Op::transpose, x, 0, to);
  };
  c.resize(pass == 1 ? shape.inner : shape.rows, pass == 2 ? shape.inner : shape.batch);
  truth = c;
  run(*engine, c);
  run(*reference, truth);
  require(difference(c, truth), name == "bfloat16" ? 1e-2 : 1e-5);
  for (auto _ : state) run(*engine, c);
  state.counters["FLOP/s"] =
      benchmark::Counter(2.0 * double(shape.rows) * double(shape.inner) * double(shape.batch),
                         benchmark::Counter::kIsIterationInvariantRate);
}

// Groups of one size; 0: of 1 to 4 neurons, as giving back leaves them.
std::vector<Index> group_sizes(Index width, Index group_size) {
  if (group_size > 0)
    return std::vector<Index>(static_cast<std::size_t>(width / group_size), group_size);
  std::vector<Index> sizes;
  for (std::uint32_t state = 1; width > 0; width -= sizes.back()) {
    state = state * 1664525U + 1013904223U;
    sizes.push_back(std::min<Index>(width, 1 + (state >> 30)));
  }
  return sizes;
}

void gates(benchmark::State& state, Index width, Index batch, Index group_size, bool backward) {
  const auto engine = create_engine<float>({.threads = 2});
  const auto reference = create_engine<float>({.name = "reference"});
  const std::vector<Index> sizes = group_sizes(width, group_size);
  const Gates<float> gates{sizes, radial_function<float>(Radial::tanh)};
  const auto groups = static_cast<Index>(sizes.size());
  const Matrix<float> z = Matrix<float>::Random(width, batch),
                      v = Matrix<float>::Random(width, batch),
                      q = Matrix<float>::Random(groups, batch);
  const Vector<float> o = Vector<float>::Constant(groups, 0.1F);
  Matrix<float> s(groups, batch), kappa(groups, batch), h(width, batch), truth(width, batch);
  Vector<float> slope(groups);
  const std::span<const float> lengths(o.data(), static_cast<std::size_t>(groups));
  const std::span<float> slopes(slope.data(), static_cast<std::size_t>(groups));
  const auto run = [&](Engine<float>& on, Matrix<float>& to) {
    if (!backward) return on.gate_forward(gates, z, lengths, to, s, kappa);
    to = v;
    on.gate_backward(gates, z, s, kappa, q, to, slopes);
  };
  reference->gate_forward(gates, z, lengths, truth, s, kappa);
  run(*engine, h);
  run(*reference, truth);
  require(difference(h, truth), 1e-5);
  for (auto _ : state) run(*engine, h);
  state.counters["numbers/s"] =
      benchmark::Counter(double(width * batch), benchmark::Counter::kIsIterationInvariantRate);
}

void adam(benchmark::State& state, Index n) {
  const auto engine = create_engine<float>({.threads = 2});
  const auto reference = create_engine<float>({.name = "reference"});
  const AdamStep step{0.9, 0.999, 1e-8, 1e-3, 1.0, 1e-6, 0.0};
  const Matrix<float> g = Matrix<float>::Random(n, 1);
  Matrix<float> w = Matrix<float>::Random(n, 1), m = Matrix<float>::Zero(n, 1), v = m, w1 = w,
                m1 = m, v1 = v;
  engine->adam(step, n, w.data(), g.data(), m.data(), v.data());
  reference->adam(step, n, w1.data(), g.data(), m1.data(), v1.data());
  require(difference(w, w1), 1e-6);
  for (auto _ : state) engine->adam(step, n, w.data(), g.data(), m.data(), v.data());
  state.SetBytesProcessed(state.iterations() * n * 7 * 4);  // reads w, g, m, v; writes w, m, v
}

void add_all() {
  const Shape shapes[] = {{500, 3072, 48}, {128, 784, 48}, {2048, 2048, 256}};
  const char* passes[] = {"forward", "back", "gradient"};
  for (const std::string& name : engine_names()) {
    if (name == "reference") continue;
    try {
      create_engine<float>({.name = name, .threads = 1});
    } catch (const UsageError&) {
      continue;  // not on this processor
    }
    for (const Shape& shape : shapes) {
      for (int pass = 0; pass < 3; ++pass) {
        const std::string title = fmt::format("multiply/{}/{}/{}x{}x{}", name, passes[pass],
                                              shape.rows, shape.inner, shape.batch);
        benchmark::RegisterBenchmark(title.c_str(), multiply, name, shape, pass)->UseRealTime();
      }
    }
  }
  for (const Index batch : {1, 128}) {
    for (const Index group : {1, 4, 8, 512, 0}) {
      for (const bool backward : {false, true}) {
        const std::string title =
            fmt::format("gates/{}/512x{}/groups_of_{}", backward ? "backward" : "forward", batch,
                        group > 0 ? fmt::format("{}", group) : "1_to_4");
        benchmark::RegisterBenchmark(title.c_str(), gates, Index{512}, batch, group, backward)
            ->UseRealTime();
      }
    }
  }
  for (const Index n : {100'000, 1'500'000}) {
    const std::string title = fmt::format("adam/{}", n);
    benchmark::RegisterBenchmark(title.c_str(), adam, n)->UseRealTime();
  }
}

}  // namespace

int main(int argc, char** argv) try {
  add_all();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "bench_kernels: {}\n", error.what());
  return 1;
}
