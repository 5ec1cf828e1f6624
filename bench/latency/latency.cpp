// How long one sample takes: a chain layer by layer against the same function as a perceptron, in turns.
//
//   bench_latency [THREADS] [ROUNDS]
//
// Depth 8, widths 64 and 256, 784 inputs, 10 outputs; batches of 1, 64 and 1,024. Prints medians, the ratio of the chain's
// to each, and the bytes of maps that a run reads.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

#include "isoform/base/random.h"
#include "isoform/compile/predictor.h"
#include "isoform/network/initialise.h"
#include "isoform/topology/perceptron.h"

namespace {

using namespace isoform;

Network<float> make_chain(Index width) {
  ChainSettings settings{.widths = {784}, .group_size = 0};
  settings.widths.insert(settings.widths.end(), 8, width);
  settings.widths.push_back(10);
  auto network = Network<float>::chain(settings);
  for (const Map<float>& m : network.maps()) {
    const Random random(1, Purpose::test, 0, static_cast<std::uint64_t>(m.id));
    Map<float>& map = network.map(m.id);
    map.bias() = 0.3F * normal_matrix(map.a.rows(), 1, random).cast<float>();
    if (map.psi().cols() > 0) map.psi().setConstant(0.1F);
  }
  return network;
}

struct Contestant {
  std::string name;
  Predictor<float> predictor;
  std::vector<double> times = {};
};

double median(std::vector<double> times) {
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2),
                   times.end());
  return times[times.size() / 2];
}

// Microseconds for a run, over enough of them to be seen by the clock.
double time_of(Predictor<float>& predictor, Engine<float>& engine, const Matrix<float>& x,
               int repeats) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < repeats; ++i) {
    predictor.input() = x;  // a run overwrites it
    predictor.run(engine);
  }
  const std::chrono::duration<double, std::micro> spent = std::chrono::steady_clock::now() - start;
  return spent.count() / repeats;
}

bool measure(Index width, Index batch, Engine<float>& engine, int rounds) {
  const Network<float> chain = make_chain(width);
  std::vector<Contestant> all;
  all.push_back({"layer by layer", Predictor<float>(chain)});
  all.push_back({"two stages", Predictor<float>(convert(chain, Stages::two))});
  all.push_back({"one stage", Predictor<float>(convert(chain, Stages::one))});
  const Matrix<float> x = normal_matrix(784, batch, Random(2, Purpose::test)).cast<float>();
  Matrix<float> truth;
  for (Contestant& one : all) {
    one.predictor.prepare(batch);
    one.predictor.input() = x;
    one.predictor.run(engine);
    const Matrix<float> y = one.predictor.output();
    if (truth.size() == 0) truth = y;
    if (!((y - truth).norm() <= 1e-5F * truth.norm())) {
      fmt::print("{} differs by {:.1e}\n", one.name, (y - truth).norm() / truth.norm());
      return false;
    }
  }
  const int repeats = batch == 1 ? 200 : batch == 64 ? 10 : 1;
  for (int round = 0; round < rounds; ++round) {
    for (Contestant& one : all) one.times.push_back(time_of(one.predictor, engine, x, repeats));
  }
  for (Contestant& one : all) {
    const double spent = median(one.times);
    fmt::print("{:>5} {:>6}  {:<15} {:>10.2f} us  {:>5.2f} times  {:>11} bytes\n", width, batch,
               one.name, spent, median(all.front().times) / spent, 4 * one.predictor.numbers());
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 1,
            rounds = argc > 2 ? std::atoi(argv[2]) : 101;
  const auto engine = create_engine<float>({.name = "cpu", .threads = threads});
  fmt::print("width  batch  form              median     against chain    maps read\n");
  for (const Index width : {64, 256}) {
    for (const Index batch : {1, 64, 1024}) {
      if (!measure(width, batch, *engine, batch == 1024 ? std::max(1, rounds / 4) : rounds))
        return 1;
    }
  }
  return 0;
}
