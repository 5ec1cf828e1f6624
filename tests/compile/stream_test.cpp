// A predictor of a network with streams: one buffer that stages add to.
#include <gtest/gtest.h>

#include "isoform/compile/predictor.h"
#include "tests/support/streams.h"

namespace isoform {
namespace {

using namespace isoform::testing;

TEST(StreamPredictor, ComputesWhatTheDefinitionSays) {
  const auto engine = create_engine<double>({.name = "cpu", .threads = 1});
  Worst worst;
  for (std::uint64_t seed = 0; seed < 120; ++seed) {
    auto network = seed % 2 == 0 ? random_streams(seed) : random_residual(seed);
    Dice dice(seed, 82);
    for (const Map<double>& m : network.maps()) {
      impose_structure(network, m.id, static_cast<Structure>(dice.between(0, 2)));
    }
    Predictor<double> predictor(network);
    for (const Index samples : {Index{7}, Index{1}, Index{7}}) {  // buffers are used again
      const Matrix<double> x = random_inputs(seed, network.widths().front(), samples);
      predictor.prepare(samples);
      predictor.set_input(x);
      predictor.run(*engine);
      worst.add(relative(predictor.output(), stream_outputs(network, x)), describe(network, seed));
    }
  }
  measured("stream_predictor", worst.error);
  EXPECT_LE(worst.error, 1e-12) << worst.where;
}

TEST(StreamPredictor, GivesTheBitsOfForwardWhereAllMapsRunDense) {
  const auto engine = create_engine<float>({.name = "cpu", .threads = 1});
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto network = cast_network<float>(random_residual(seed));
    const Matrix<float> x = random_inputs(seed, network.widths().front(), 9).template cast<float>();
    Predictor<float> predictor(network);
    predictor.prepare(9);
    predictor.set_input(x);
    predictor.run(*engine);
    bool dense = true;
    for (const Map<float>& m : network.maps()) {
      dense = dense && predictor.form(m.id) == Structure::dense;
    }
    if (!dense) continue;  // one row or column
    EXPECT_EQ(Matrix<float>(predictor.output()), outputs<float>(network, *engine, x));
  }
}

TEST(StreamPredictor, LeavesOutWhatARouteLeavesOut) {
  const auto engine = create_engine<double>({.name = "cpu", .threads = 1});
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto network = random_streams(seed);
    const Matrix<double> x = random_inputs(seed, network.widths().front(), 6);
    const Route route{{network.inputs().front()}, {network.outputs().back()}};
    Pass<double> pass;
    pass.prepare(network, 6, route);
    pass.set_input(x);
    forward(network, *engine, pass);
    Predictor<double> predictor(network, route);
    predictor.prepare(6);
    predictor.input() = x.topRows(network.space(network.inputs().front()).dimension);
    predictor.run(*engine);
    const Index rows = network.space(network.outputs().back()).dimension;
    EXPECT_LE(relative(predictor.output(), pass.output().bottomRows(rows)), 1e-13);
    Matrix<double> absent = x;
    absent.bottomRows(network.space(network.inputs().back()).dimension).setZero();
    EXPECT_LE(relative(predictor.output(), stream_outputs(network, absent).bottomRows(rows)),
              1e-13);
  }
}

}  // namespace
}  // namespace isoform
