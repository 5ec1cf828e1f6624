// The generalised isotropic perceptron: its function against the formula, its gradients against differences.
#include "isoform/topology/perceptron.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "isoform/base/error.h"
#include "isoform/compile/predictor.h"
#include "tests/support/perceptrons.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::HasSubstr;

PerceptronSettings random_settings(std::uint64_t seed) {
  Dice dice(seed, 92);
  PerceptronSettings settings;
  settings.inputs = dice.between(1, 9);
  settings.outputs = dice.between(1, 5);
  const Index gates = dice.between(1, 6);
  for (Index l = 0; l < gates; ++l) settings.gates.push_back(dice.between(1, 8));
  settings.general = dice.coin();
  settings.two_stage = dice.coin();
  if (settings.two_stage) settings.base = dice.between(0, 6);
  settings.radial = static_cast<Radial>(dice.between(0, 4));
  settings.length = static_cast<LengthMode>(dice.between(0, 3));
  settings.seed = seed;
  return settings;
}

TEST(Perceptron, ComputesItsFormula) {
  const auto cpu = create_engine<double>({.name = "cpu", .threads = 2});
  const auto single = create_engine<float>({.name = "cpu", .threads = 1});
  Worst worst, predicted, narrow;
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    const auto network = random_perceptron(random_settings(seed));
    const Matrix<double> x =
        random_inputs(seed, network.widths().front(), 1 + static_cast<Index>(seed % 9))
            .cast<float>()
            .cast<double>();
    const auto truth = perceptron_oracle(network, x);
    const std::string where = describe(network, seed);
    worst.add(relative(output_of(network, *cpu, x), truth), where);
    Predictor<double> predictor(network);
    predictor.prepare(x.cols());
    predictor.input() = x;
    predictor.run(*cpu);
    predicted.add(relative(predictor.output(), truth), where);
    const auto rounded = cast_network<float>(network);
    narrow.add(relative(output_of(rounded, *single, x), perceptron_oracle(rounded, x)), where);
  }
  measured("perceptron_formula", worst.error);
  measured("perceptron_predictor", predicted.error);
  measured("perceptron_float", narrow.error);
  EXPECT_LE(worst.error, 1e-12) << worst.where;
  EXPECT_LE(predicted.error, 1e-12) << predicted.where;
  EXPECT_LE(narrow.error, 1e-5) << narrow.where;
}

TEST(Perceptron, BeginsWithTermsThatAddUpToOne) {
  const auto cpu = create_engine<double>({.name = "cpu", .threads = 1});
  for (const bool general : {false, true}) {
    for (const bool two_stage : {false, true}) {
      const auto network = perceptron<double>({.inputs = 60,
                                               .outputs = 10,
                                               .gates = {40, 40, 40},
                                               .general = general,
                                               .two_stage = two_stage});
      Pass<double> pass;
      pass.prepare(network, 400);
      pass.input() = random_inputs(1, 60, 400);
      forward(network, *cpu, pass);
      const double mean = pass.z(network.hidden().front()).squaredNorm() / 400;
      EXPECT_NEAR(mean, 1, 0.15) << general << two_stage;
    }
  }
  const auto one = perceptron<double>({.inputs = 5, .outputs = 2, .gates = {3, 4}, .seed = 1});
  EXPECT_EQ(one.map(0).a,
            perceptron<double>({.inputs = 5, .outputs = 2, .gates = {3, 4}, .seed = 1}).map(0).a);
  EXPECT_NE(one.map(0).a,
            perceptron<double>({.inputs = 5, .outputs = 2, .gates = {3, 4}, .seed = 2}).map(0).a);
}

// ½|y|² differentiated by backward, against 5-point differences of forward.
double worst_gradient_error(Network<double> network, const Matrix<double>& x, std::string& which) {
  const auto engine = create_engine<double>({.name = "reference"});
  Pass<double> pass;
  pass.prepare(network, x.cols());
  pass.set_input(x);
  const auto loss = [&] {
    forward(network, *engine, pass);
    return 0.5 * pass.output().squaredNorm() + network.penalty();
  };
  loss();
  pass.output_gradient() = pass.output();
  backward(network, *engine, pass);
  std::vector<Matrix<double>> gradients;
  for (const auto& p : pass.parameters(network)) {
    gradients.emplace_back(Eigen::Map<const Matrix<double>>(p.gradient, p.rows, p.cols));
  }
  double worst = 0;
  std::size_t at = 0;
  for (const auto& p : pass.parameters(network)) {
    Matrix<double> differences(p.rows, p.cols);
    for (Index i = 0; i < p.size(); ++i) {
      const double value = p.value[i], h = 1e-3 * std::max(0.1, std::abs(value));
      const auto loss_at = [&](double moved) {
        p.value[i] = moved;
        return loss();
      };
      differences.data()[i] = (8 * (loss_at(value + h) - loss_at(value - h)) -
                               (loss_at(value + 2 * h) - loss_at(value - 2 * h))) /
                              (12 * h);
      p.value[i] = value;
    }
    const Matrix<double>& gradient = gradients[at++];
    if (!p.trainable && p.key.role == Role::bias) continue;  // another map carries it
    const double error = (gradient - differences).norm() / std::max(differences.norm(), 1e-6);
    if (!(error <= worst)) {
      worst = error;
      which = fmt::format("role {} of {}", static_cast<int>(p.key.role), p.key.owner);
    }
  }
  return worst;
}

class PerceptronGradients : public ::testing::TestWithParam<Radial> {};

TEST_P(PerceptronGradients, AgreeWithDifferencesInEveryFormAndMode) {
  Worst worst;
  std::uint64_t seed = 0;
  for (const bool general : {false, true}) {
    for (const bool two_stage : {false, true}) {
      for (const LengthMode length :
           {LengthMode::none, LengthMode::constant, LengthMode::trainable, LengthMode::log}) {
        const auto network = random_perceptron({.inputs = 4,
                                                .outputs = 3,
                                                .gates = {3, 1, 4},
                                                .general = general,
                                                .two_stage = two_stage,
                                                .radial = GetParam(),
                                                .length = length,
                                                .seed = ++seed});
        std::string which;
        const double error = worst_gradient_error(network, random_inputs(seed, 4, 3), which);
        worst.add(error, fmt::format("{}, general {}, two-stage {}, {}", which, general, two_stage,
                                     length_mode_name(length)));
      }
    }
  }
  measured(fmt::format("perceptron_gradient_{}", radial_name(GetParam())), worst.error);
  EXPECT_LE(worst.error, 1e-6) << worst.where;
}

INSTANTIATE_TEST_SUITE_P(Profiles, PerceptronGradients,
                         ::testing::Values(Radial::tanh, Radial::asinh, Radial::algebraic,
                                           Radial::log, Radial::softsign),
                         [](const auto& p) { return std::string(radial_name(p.param)); });

TEST(InputSkips, KeepTheBitsAndLearnAtOnce) {
  const auto cpu = create_engine<double>({.name = "cpu", .threads = 1});
  Worst worst;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto chain = random_whole_chain(seed, 1 + static_cast<Index>(seed % 5), 7);
    auto skipping = with_input_skips(chain);
    const std::size_t inputs = chain.inputs().size(),
                      later = chain.hidden().size() - 1 + chain.outputs().size();
    ASSERT_EQ(skipping.maps().size(), chain.maps().size() + inputs * later);
    const auto x = random_inputs(seed, chain.widths().front(), 5);
    EXPECT_EQ(all_outputs(skipping, *cpu, x), all_outputs(chain, *cpu, x)) << seed;
    Dice dice(seed, 93);
    for (const Map<double>& m : skipping.maps()) {
      if (!chain.has_map(m.id)) {
        skipping.map(m.id).weight() = dice.normals(m.a.rows(), m.inputs, 0.3);
      }
    }
    std::string which;
    const auto few = x.leftCols(2);
    worst.add(worst_gradient_error(skipping, few, which), fmt::format("seed {}, {}", seed, which));
    Pass<double> pass;  // of the zero weights
    const auto fresh = with_input_skips(chain);
    auto learning = fresh;
    pass.prepare(learning, x.cols());
    pass.set_input(x);
    forward(learning, *cpu, pass);
    pass.output_gradient() = pass.output();
    backward(learning, *cpu, pass);
    for (const auto& p : pass.parameters(learning)) {
      if (p.key.role != Role::weight || chain.has_map(p.key.owner)) continue;
      EXPECT_GT((Eigen::Map<const Matrix<double>>(p.gradient, p.rows, p.cols).norm()), 0);
    }
  }
  measured("input_skips_gradient", worst.error);
  EXPECT_LE(worst.error, 1e-6) << worst.where;
}

TEST(PerceptronSettings, RefusesEachBadFieldByName) {
  const auto message = [](const PerceptronSettings& settings) -> std::string {
    try {
      settings.validate();
    } catch (const UsageError& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_EQ(message({.inputs = 1, .outputs = 1}), "accepted");
  EXPECT_THAT(message({.outputs = 1}), HasSubstr("inputs"));
  EXPECT_THAT(message({.inputs = 1}), HasSubstr("outputs"));
  EXPECT_THAT(message({.inputs = 1, .outputs = 1, .gates = {3, 0}}), HasSubstr("gate 2"));
  EXPECT_THAT(message({.inputs = 1, .outputs = 1, .base = 3}), HasSubstr("base"));
  EXPECT_THAT(message({.inputs = 1, .outputs = 1, .two_stage = true, .base = -3}),
              HasSubstr("base"));
}

}  // namespace
}  // namespace isoform
