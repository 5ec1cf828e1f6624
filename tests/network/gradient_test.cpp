// Every gradient against differences of the loss, in double: all radial profiles, groupings and modes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "isoform/network/pass.h"
#include "isoform/train/objective.h"
#include "tests/support/networks.h"
#include "tests/support/oracle.h"

namespace isoform {
namespace {

using namespace isoform::testing;

constexpr Index kSamples = 3;
constexpr double kTolerance = 1e-6;

struct Case {
  Loss loss = Loss::cross_entropy;
  Matrix<double> x;
  std::vector<std::uint32_t> labels;
};

Case make_case(Loss loss, Index inputs, Index classes, std::uint64_t seed) {
  Dice dice(seed, 4);
  Case c{loss, dice.normals(inputs, kSamples), {}};
  for (Index j = 0; j < kSamples; ++j) {
    c.labels.push_back(static_cast<std::uint32_t>(dice.between(0, classes - 1)));
  }
  return c;
}

// Mean loss and penalty: what backward differentiates.
double loss_of(const Network<double>& network, Engine<double>& engine, Pass<double>& pass,
               const Case& c) {
  forward(network, engine, pass);
  const BatchScore score = score_batch<double>(c.loss, pass.output(), c.labels, nullptr);
  return score.loss / static_cast<double>(kSamples) + network.penalty();
}

// ‖g − g_fd‖ / ‖g_fd‖ of each parameter tensor, largest first; g_fd is the 5-point difference.
double worst_gradient_error(Network<double> network, const Case& c, std::string& which) {
  const auto engine = create_engine<double>({.name = "reference"});
  Pass<double> pass;
  pass.prepare(network, kSamples);
  pass.input() = c.x;
  forward(network, *engine, pass);
  View<double> seed = pass.output_gradient();
  score_batch<double>(c.loss, pass.output(), c.labels, &seed);
  backward(network, *engine, pass);
  double worst = 0;
  for (const Parameter<double>& p : pass.parameters(network)) {
    const Matrix<double> gradient = Eigen::Map<const Matrix<double>>(p.gradient, p.rows, p.cols);
    Matrix<double> differences(p.rows, p.cols);
    constexpr double h = 1e-3;
    for (Index i = 0; i < p.size(); ++i) {
      const double at = p.value[i];
      const auto loss_at = [&](double value) {
        p.value[i] = value;
        return loss_of(network, *engine, pass, c);
      };
      differences.data()[i] =
          (8 * (loss_at(at + h) - loss_at(at - h)) - (loss_at(at + 2 * h) - loss_at(at - 2 * h))) /
          (12 * h);
      p.value[i] = at;
    }
    const double error = relative(gradient, differences);
    if (!(error <= worst)) {
      worst = error;
      which = fmt::format("role {} of {}", static_cast<int>(p.key.role), p.key.owner);
    }
  }
  return worst;
}

const std::map<std::string, std::vector<std::vector<Index>>> kGroupings = {
    {"whole layer", {{10}, {9}}},
    {"groups of 8", {{8, 2}, {8, 1}}},
    {"mixed", {{3, 1, 6}, {1, 4, 2, 2}}},
    {"groups of one", {std::vector<Index>(10, 1), std::vector<Index>(9, 1)}}};

// log and softsign are not smooth at t = 0: their cases keep away from there.
bool needs_distance(Radial radial) { return radial == Radial::log || radial == Radial::softsign; }

// The first network from this seed on whose gates all keep their distance.
Network<double> chain_for(const ChainSettings& settings, Loss loss, Case& c, std::uint64_t& seed) {
  for (;; ++seed) {
    auto network = Network<double>::chain(settings);
    Dice dice(seed, 5);
    randomise(network, dice);
    c = make_case(loss, settings.widths.front(), settings.widths.back(), seed);
    if (!needs_distance(settings.radial) || oracle_run(network, c.x).smallest_t > 1e-3) {
      return network;
    }
  }
}

class Gradients : public ::testing::TestWithParam<Radial> {};

TEST_P(Gradients, AgreeWithDifferencesInEveryGroupingModeAndLoss) {
  Worst worst;
  int cases = 0;
  for (const auto& [grouping, groups] : kGroupings) {
    for (const LengthMode length :
         {LengthMode::none, LengthMode::constant, LengthMode::trainable, LengthMode::log}) {
      struct Reads {
        PsiMode psi;
        bool norms = false;
      };
      for (const auto& [psi, norms] : std::vector<Reads>{{PsiMode::none},
                                                         {PsiMode::constant},
                                                         {PsiMode::trainable},
                                                         {PsiMode::decay},
                                                         {PsiMode::expectation},
                                                         {PsiMode::constant, true},
                                                         {PsiMode::decay, true}}) {
        for (const Loss loss : {Loss::cross_entropy, Loss::squared}) {
          ChainSettings settings{.widths = {3, 10, 9, 4},
                                 .groups = groups,
                                 .radial = GetParam(),
                                 .length = length,
                                 .psi = psi,
                                 .norms = norms,
                                 .initialiser = Initialiser::kaiming};
          std::uint64_t seed = 1000 * static_cast<std::uint64_t>(++cases);
          Case c;
          const Network<double> network = chain_for(settings, loss, c, seed);
          std::string which;
          const double error = worst_gradient_error(network, c, which);
          const std::string where = fmt::format("{}, {}, {}, {}", grouping, loss_name(loss), which,
                                                describe(network, seed));
          worst.add(error, where);
          ASSERT_LE(error, kTolerance) << where;
        }
      }
    }
  }
  measured(fmt::format("gradient_{}", radial_name(GetParam())), worst.error);
}

INSTANTIATE_TEST_SUITE_P(Profiles, Gradients,
                         ::testing::Values(Radial::tanh, Radial::asinh, Radial::algebraic,
                                           Radial::log, Radial::softsign),
                         [](const auto& p) { return std::string(radial_name(p.param)); });

TEST(Gradients, AgreeWithDifferencesInANetworkThatIsNoChain) {
  Worst worst;
  for (const Radial radial : {Radial::tanh, Radial::asinh, Radial::algebraic}) {
    for (const PsiMode psi : {PsiMode::none, PsiMode::decay, PsiMode::expectation}) {
      for (const PsiMode skip : {PsiMode::none, PsiMode::trainable, PsiMode::decay}) {
        for (const bool norms : {false, true}) {
          const auto network = graph_network(17, radial, LengthMode::trainable, psi, skip, norms);
          std::string which;
          const double error =
              worst_gradient_error(network, make_case(Loss::cross_entropy, 5, 3, 17), which);
          worst.add(error, which);
          EXPECT_LE(error, kTolerance)
              << which << ", " << radial_name(radial) << ", psi " << psi_mode_name(psi) << " and "
              << psi_mode_name(skip) << (norms ? ", norms" : "");
        }
      }
    }
  }
  measured("gradient_graph", worst.error);
}

TEST(Gradients, TrainableFlagsFollowTheModes) {
  for (const LengthMode length : {LengthMode::none, LengthMode::constant, LengthMode::trainable}) {
    for (const PsiMode psi : {PsiMode::none, PsiMode::constant, PsiMode::decay}) {
      auto network = Network<double>::chain(
          {.widths = {2, 3, 4, 2}, .groups = {{2, 1}, {2, 2}}, .length = length, .psi = psi});
      Pass<double> pass;
      pass.prepare(network, 1);
      int lengths = 0, psis = 0;
      for (const auto& p : pass.parameters(network)) {
        if (p.key.role == Role::length) {
          ++lengths;
          EXPECT_EQ(p.trainable, trains_length(length));
        } else if (p.key.role == Role::psi) {
          ++psis;
          EXPECT_EQ(p.trainable, trains_psi(psi));
        } else {
          EXPECT_TRUE(p.trainable);
        }
      }
      EXPECT_EQ(lengths, length == LengthMode::none ? 0 : 2);
      EXPECT_EQ(psis, has_psi(psi) ? 2 : 0);
    }
  }
}

}  // namespace
}  // namespace isoform
