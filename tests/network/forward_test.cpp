// What a network computes, against an oracle that shares no code with it.
#include <gtest/gtest.h>

#include <cmath>

#include "isoform/network/pass.h"
#include "tests/support/networks.h"
#include "tests/support/oracle.h"

namespace isoform {
namespace {

using namespace isoform::testing;

TEST(Forward, EqualsTheOracleOnRandomNetworks) {
  const auto cpu = create_engine<double>({.name = "cpu", .threads = 2});
  const auto reference = create_engine<double>({.name = "reference"});
  Worst worst_cpu, worst_reference;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const auto network = random_network(seed);
    const auto x = random_inputs(seed, network.widths().front(), 16);
    const auto truth = oracle_output(network, x);
    const std::string where = describe(network, seed);
    worst_cpu.add(relative(output_of(network, *cpu, x), truth), where);
    worst_reference.add(relative(output_of(network, *reference, x), truth), where);
  }
  measured("forward_cpu", worst_cpu.error);
  measured("forward_reference", worst_reference.error);
  EXPECT_LE(worst_cpu.error, 1e-13) << worst_cpu.where;
  EXPECT_LE(worst_reference.error, 1e-13) << worst_reference.where;
}

TEST(Forward, EqualsTheOracleOnNetworksThatAreNoChains) {
  const auto cpu = create_engine<double>({.name = "cpu", .threads = 1});
  for (const PsiMode psi : {PsiMode::none, PsiMode::decay, PsiMode::expectation}) {
    for (const LengthMode length : {LengthMode::none, LengthMode::log}) {
      const auto network = graph_network(3, Radial::tanh, length, psi);
      const auto x = random_inputs(3, 5);
      EXPECT_LE(relative(output_of(network, *cpu, x), oracle_output(network, x)), 1e-13)
          << psi_mode_name(psi) << " " << length_mode_name(length);
    }
  }
}

TEST(Forward, InFloatStaysWithinItsPrecision) {
  const auto cpu = create_engine<float>({.name = "cpu", .threads = 1});
  Worst worst;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto network = cast_network<float>(random_network(seed));
    const Matrix<double> x =
        random_inputs(seed, network.widths().front(), 16).cast<float>().cast<double>();
    worst.add(relative(output_of(network, *cpu, x), oracle_output(network, x)),
              describe(network, seed));
  }
  measured("forward_float", worst.error);
  EXPECT_LE(worst.error, 5e-6) << worst.where;
}

// Groups of one with o = 0 and no ψ are the usual elementwise tanh network.
TEST(Forward, GroupsOfOneAreTheElementwiseNetwork) {
  const auto cpu = create_engine<double>({.name = "cpu", .threads = 1});
  Worst worst;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Dice dice(seed, 6);
    ChainSettings settings;
    settings.group_size = 1;
    settings.length = seed % 2 == 0 ? LengthMode::none : LengthMode::constant;
    settings.psi = PsiMode::none;
    settings.seed = seed;
    const Index layers = dice.between(2, 5);
    for (Index l = 0; l <= layers; ++l) settings.widths.push_back(dice.between(1, 40));
    auto network = Network<double>::chain(settings);
    randomise(network, dice);
    for (const int id : network.hidden()) network.space(id).length.setZero();
    const auto x = random_inputs(seed, settings.widths.front(), 8);
    Matrix<double> truth(settings.widths.back(), x.cols());
    for (Index j = 0; j < x.cols(); ++j) {
      std::vector<long double> h(x.col(j).begin(), x.col(j).end()), z;
      for (const Map<double>& map : network.maps()) {
        z.assign(static_cast<std::size_t>(map.a.rows()), 0);
        for (Index i = 0; i < map.a.rows(); ++i) {
          for (Index k = 0; k < map.inputs; ++k) z[i] += map.a(i, k) * h[k];
          z[i] += map.a(i, map.inputs);
        }
        h.resize(z.size());
        for (std::size_t i = 0; i < z.size(); ++i) h[i] = std::tanh(z[i]);
      }
      for (Index i = 0; i < truth.rows(); ++i) truth(i, j) = static_cast<double>(z[i]);
    }
    worst.add(relative(output_of(network, *cpu, x), truth), describe(network, seed));
  }
  measured("elementwise", worst.error);
  EXPECT_LE(worst.error, 1e-14) << worst.where;
}

TEST(Pass, ServesBatchesOfChangingSizeWithoutTraces) {
  const auto cpu = create_engine<double>({.name = "cpu", .threads = 2});
  const auto network = random_network(5);
  const auto x = random_inputs(5, network.widths().front(), 64);
  Pass<double> pass;
  for (const Index samples : {64, 7, 1, 64, 30}) {
    pass.prepare(network, samples);
    pass.input() = x.leftCols(samples);
    forward(network, *cpu, pass);
    const Matrix<double> y = pass.output();
    EXPECT_EQ(y, output_of(network, *cpu, x.leftCols(samples))) << samples;
  }
}

TEST(Pass, GradientsDoNotDependOnWhatABufferHeldBefore) {
  const auto cpu = create_engine<double>({.name = "cpu", .threads = 1});
  auto network = graph_network(8, Radial::tanh, LengthMode::trainable, PsiMode::none);
  const auto x = random_inputs(8, 5, 10);
  const auto gradients = [&](Pass<double>& pass) {
    pass.input() = x;
    forward(network, *cpu, pass);
    pass.output_gradient().setOnes();
    backward(network, *cpu, pass);
    std::vector<double> all;
    for (const auto& p : pass.parameters(network)) {
      all.insert(all.end(), p.gradient, p.gradient + p.size());
    }
    return all;
  };
  Pass<double> fresh, used;
  fresh.prepare(network, 10);
  used.prepare(network, 40);
  for (int id = 1; id < 5; ++id) used.delta(id).setConstant(std::nan(""));
  used.prepare(network, 10);
  EXPECT_EQ(gradients(used), gradients(fresh));
}

}  // namespace
}  // namespace isoform
