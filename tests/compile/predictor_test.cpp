// What a predictor computes: the oracle's function in every form, the forward pass's bits where nothing is sparse.
#include "isoform/compile/predictor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "isoform/network/cost.h"
#include "isoform/network/pass.h"
#include "tests/support/networks.h"
#include "tests/support/oracle.h"
#include "tests/support/perceptrons.h"

namespace isoform {
namespace {

using namespace isoform::testing;

template <class T>
Matrix<double> predict(Predictor<T>& predictor, Engine<T>& engine, const Matrix<double>& x) {
  predictor.prepare(x.cols());
  predictor.input() = x.cast<T>();
  predictor.run(engine);
  return predictor.output().template cast<double>();
}

template <class T>
Matrix<double> predict(const Network<T>& network, Engine<T>& engine, const Matrix<double>& x) {
  Predictor<T> predictor(network);
  return predict(predictor, engine, x);
}

// Every map dense, diagonal or triangular by chance.
template <class T>
void impose_by_chance(Network<T>& network, std::uint64_t seed) {
  Dice dice(seed, 80);
  for (const Map<T>& m : network.maps()) {
    impose_structure(network, m.id, static_cast<Structure>(dice.between(0, 2)));
  }
}

// A chain of whole layers or large groups, so that triangles are cut into blocks.
Network<double> wide_network(std::uint64_t seed) {
  Dice dice(seed, 81);
  ChainSettings settings;
  settings.widths = {dice.between(60, 300)};
  for (int l = 0; l < 2; ++l) {
    settings.widths.push_back(dice.between(100, 300));
    settings.groups.push_back(cut_groups(settings.widths.back(), dice.coin() ? 0 : 140));
  }
  settings.widths.push_back(dice.between(100, 300));
  settings.seed = seed;
  auto network = Network<double>::chain(settings);
  randomise(network, dice);
  return network;
}

Network<double> perceptron_with_reversed_factors(std::uint64_t seed) {
  const auto network = random_perceptron(
      {.inputs = 6, .outputs = 3, .gates = {4, 3, 5}, .general = true, .seed = seed});
  std::vector<Map<double>> maps(network.maps().begin(), network.maps().end());
  for (Map<double>& m : maps) std::reverse(m.factors.begin(), m.factors.end());
  return Network<double>({network.spaces().begin(), network.spaces().end()}, std::move(maps));
}

TEST(Predictor, EqualsTheOracleOnRandomNetworksInAllForms) {
  const auto cpu = create_engine<double>({.name = "cpu", .threads = 2});
  const auto reference = create_engine<double>({.name = "reference"});
  Worst worst_cpu, worst_reference;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    auto network = random_network(seed);
    impose_by_chance(network, seed);
    const auto x = random_inputs(seed, network.widths().front(), 16);
    const auto truth = oracle_output(network, x);
    worst_cpu.add(relative(predict(network, *cpu, x), truth), describe(network, seed));
    worst_reference.add(relative(predict(network, *reference, x), truth), describe(network, seed));
  }
  measured("predictor_cpu", worst_cpu.error);
  measured("predictor_reference", worst_reference.error);
  EXPECT_LE(worst_cpu.error, 1e-13) << worst_cpu.where;
  EXPECT_LE(worst_reference.error, 1e-13) << worst_reference.where;
}

TEST(Predictor, EqualsTheOracleOnNetworksThatAreNoChains) {
  const auto cpu = create_engine<double>({.name = "cpu", .threads = 1});
  Worst worst;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Dice dice(seed, 82);
    auto network = graph_network(
        seed, static_cast<Radial>(dice.between(0, 4)), static_cast<LengthMode>(dice.between(0, 3)),
        static_cast<PsiMode>(dice.between(0, 4)), static_cast<PsiMode>(dice.between(0, 4)));
    impose_by_chance(network, seed);
    const auto x = random_inputs(seed, 5);
    worst.add(relative(predict(network, *cpu, x), oracle_output(network, x)),
              describe(network, seed));
  }
  measured("predictor_graph", worst.error);
  EXPECT_LE(worst.error, 1e-13) << worst.where;
}

// Two triangles with blocks end in space 4; space 3, without incoming maps, gives its gate only.
// A model file may name the gates of a product in any order.
TEST(Predictor, TakesFactorsInAnyOrder) {
  const auto engine = create_engine<double>();
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    auto network = perceptron_with_reversed_factors(seed);
    const Matrix<double> x = random_inputs(seed, network.widths().front(), 9);
    const Matrix<double> truth = output_of(network, *engine, x);
    Predictor<double> predictor(network);
    predictor.prepare(x.cols());
    predictor.set_input(x);
    predictor.run(*engine);
    EXPECT_LE(relative(predictor.output(), truth), 1e-13) << seed;
  }
}

TEST(Predictor, AddsTrianglesInTheSameSpace) {
  Dice dice(1, 83);
  std::vector<Space<double>> spaces(6);
  const Index widths[] = {150, 140, 30, 5, 200, 6};
  for (int id = 0; id < 6; ++id) {
    Space<double>& space = spaces[static_cast<std::size_t>(id)];
    space.id = id;
    space.dimension = widths[id];
    if (id > 0 && id < 5) space.groups = {widths[id]};
    space.length = Vector<double>::Constant(space.gates(), 0.7);
  }
  std::vector<Map<double>> maps;
  const int ends[][2] = {{0, 1}, {1, 2}, {2, 4}, {0, 4}, {3, 4}, {4, 5}};
  for (const auto& [from, to] : ends) {
    const Index gates = from == 0 ? 0 : 1;
    const PsiMode psi = from == 0 ? PsiMode::none : PsiMode::decay;
    maps.push_back({static_cast<int>(maps.size()), from, to, psi,
                    dice.normals(widths[to], widths[from] + 1 + gates, 0.1), widths[from]});
  }
  Network<double> network(std::move(spaces), std::move(maps));
  for (const int map : {2, 3}) impose_structure(network, map, Structure::triangle);
  const auto cpu = create_engine<double>({.name = "cpu", .threads = 2});
  Predictor<double> predictor(network);
  EXPECT_EQ(predictor.form(2), Structure::triangle);
  EXPECT_EQ(predictor.form(3), Structure::triangle);
  for (const std::uint64_t seed : {1, 2}) {  // the second time over what the first left behind
    const auto x = random_inputs(seed, 150, 20);
    EXPECT_LE(relative(predict(predictor, *cpu, x), oracle_output(network, x)), 1e-14);
  }
}

TEST(Predictor, EqualsTheOracleWhereTrianglesAreCutIntoBlocks) {
  const auto cpu = create_engine<double>({.name = "cpu", .threads = 2});
  const auto single = create_engine<float>({.name = "cpu", .threads = 2});
  Worst worst, worst_float;
  int blocks = 0;
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    auto network = wide_network(seed);
    for (int map = 0; map < 3; ++map) impose_structure(network, map, Structure::triangle);
    const Predictor<double> predictor(network);
    for (int map = 0; map < 3; ++map) blocks += predictor.form(map) == Structure::triangle ? 1 : 0;
    const auto x = random_inputs(seed, network.widths().front(), 3);
    const auto truth = oracle_output(network, x);
    worst.add(relative(predict(network, *cpu, x), truth), describe(network, seed));
    const auto narrow = cast_network<float>(network);
    const Matrix<double> rounded = x.cast<float>().cast<double>();
    worst_float.add(relative(predict(narrow, *single, rounded), oracle_output(narrow, rounded)),
                    describe(network, seed));
  }
  measured("predictor_blocks", worst.error);
  measured("predictor_blocks_float", worst_float.error);
  EXPECT_LE(worst.error, 1e-13) << worst.where;
  EXPECT_LE(worst_float.error, 5e-6) << worst_float.where;
  EXPECT_GT(blocks, 12);
}

TEST(Predictor, InFloatStaysWithinItsPrecision) {
  const auto cpu = create_engine<float>({.name = "cpu", .threads = 1});
  Worst worst;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    auto network = cast_network<float>(random_network(seed));
    impose_by_chance(network, seed);
    const Matrix<double> x =
        random_inputs(seed, network.widths().front(), 16).cast<float>().cast<double>();
    worst.add(relative(predict(network, *cpu, x), oracle_output(network, x)),
              describe(network, seed));
  }
  measured("predictor_float", worst.error);
  EXPECT_LE(worst.error, 5e-6) << worst.where;
}

template <class T>
class PredictorOf : public ::testing::Test {};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(PredictorOf, Scalars);

TYPED_TEST(PredictorOf, HasTheBitsOfTheForwardPassOnDenseNetworks) {
  using T = TypeParam;
  const auto cpu = create_engine<T>({.name = "cpu", .threads = 2});
  const auto expect_bits = [&](const Network<T>& network, Index samples, std::uint64_t seed) {
    const auto x = random_inputs(seed, network.widths().front(), samples);
    EXPECT_EQ(predict(network, *cpu, x), output_of(network, *cpu, x)) << describe(network, seed);
  };
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    expect_bits(cast_network<T>(random_network(seed)), 1 + static_cast<Index>(seed % 40), seed);
    expect_bits(cast_network<T>(graph_network(seed)), 20, seed);
  }
  for (std::uint64_t seed = 0; seed < 4; ++seed) {  // cut into tiles
    expect_bits(cast_network<T>(wide_network(seed)), 500, seed);
  }
}

// Where small groups make blocks that all begin at column 0, a triangle is run as it was before.
TYPED_TEST(PredictorOf, HasTheBitsOfTheForwardPassOnTrianglesOfSmallGroups) {
  using T = TypeParam;
  const auto cpu = create_engine<T>({.name = "cpu", .threads = 2});
  auto network = Network<T>::chain({.widths = {90, 80, 70, 20}, .group_size = 8});
  for (const int map : {0, 1}) impose_structure(network, map, Structure::triangle);
  ASSERT_EQ(structure_of(network, 1), Structure::triangle);
  EXPECT_EQ(Predictor<T>(network).form(1), Structure::dense);
  const auto x = random_inputs(1, 90, 50);
  EXPECT_EQ(predict(network, *cpu, x), output_of(network, *cpu, x));
}

TYPED_TEST(PredictorOf, HasTheSameBitsForAnyNumberOfThreads) {
  using T = TypeParam;
  auto network = cast_network<T>(wide_network(3));
  impose_structure(network, 0, Structure::triangle);
  impose_structure(network, 1, Structure::diagonal);
  const auto x = random_inputs(3, network.widths().front(), 600);
  const auto one = create_engine<T>({.name = "cpu", .threads = 1});
  const Matrix<double> expected = predict(network, *one, x);
  for (const int threads : {2, 4}) {
    const auto engine = create_engine<T>({.name = "cpu", .threads = threads});
    EXPECT_EQ(predict(network, *engine, x), expected) << threads;
  }
}

TEST(Predictor, ServesBatchesOfChangingSizeWithoutTraces) {
  const auto cpu = create_engine<double>({.name = "cpu", .threads = 2});
  auto network = graph_network(5);
  impose_structure(network, 1, Structure::diagonal);
  const auto x = random_inputs(5, 5, 64);
  Predictor<double> predictor(network);
  for (const Index samples : {64, 7, 1, 64, 30, 100}) {
    const auto some = random_inputs(6, 5, samples);
    EXPECT_EQ(predict(predictor, *cpu, some), predict(network, *cpu, some)) << samples;
    EXPECT_EQ(predictor.samples(), samples);
  }
}

TEST(Predictor, ClaimsNoMemoryOnceShapesAreKnown) {
  const auto cpu = create_engine<double>({.name = "cpu", .threads = 1});
  Predictor<double> predictor(graph_network(5));
  predictor.prepare(64);
  const double* const at = predictor.input().data();
  for (const Index samples : {64, 7, 64}) {
    predictor.prepare(samples);
    EXPECT_EQ(predictor.input().data(), at);
    EXPECT_EQ(predictor.input().cols(), samples);
  }
}

TEST(Predictor, IsOfTheNetworkAsItWas) {
  const auto cpu = create_engine<double>({.name = "cpu", .threads = 1});
  auto network = random_network(9);
  const auto x = random_inputs(9, network.widths().front(), 5);
  const Matrix<double> before = output_of(network, *cpu, x);
  Predictor<double> predictor(network);
  network.map(0).a.setZero();
  for (const int id : network.hidden()) network.space(id).length.setZero();
  EXPECT_EQ(predict(predictor, *cpu, x), before);
}

TEST(Predictor, KeepsNoZeros) {
  ChainSettings settings;
  settings.widths = {200, 256, 256, 256, 10};
  settings.group_size = 0;
  settings.length = LengthMode::none;
  auto network = Network<float>::chain(settings);
  EXPECT_EQ(Predictor<float>(network).numbers(), network.parameter_count());
  impose_structure(network, 1, Structure::diagonal);
  const Predictor<float> diagonal(network);
  EXPECT_EQ(diagonal.form(1), Structure::diagonal);
  EXPECT_EQ(diagonal.form(2), Structure::dense);
  EXPECT_EQ(diagonal.numbers(), cost_of(network).parameters);
  impose_structure(network, 2, Structure::triangle);
  const Predictor<float> both(network);
  EXPECT_EQ(both.form(2), Structure::triangle);
  // Inside the blocks a part of the zeros is kept: less than a quarter of the matrix in all.
  EXPECT_GE(both.numbers(), cost_of(network).parameters);
  EXPECT_LE(both.numbers(), diagonal.numbers() - 256 * 256 / 4);
}

}  // namespace
}  // namespace isoform
