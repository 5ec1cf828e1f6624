// Optimisers along edits. docs/mathematics.md 7.
#include "isoform/train/optimiser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "isoform/base/error.h"
#include "isoform/topology/grow.h"
#include "isoform/topology/importance.h"
#include "isoform/topology/perceptron.h"
#include "isoform/topology/shrink.h"
#include "tests/train/trainee.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::HasSubstr;

const std::vector<Method> kMethods = {Method::sgd,  Method::momentum, Method::nesterov,
                                      Method::adam, Method::adamw,    Method::novograd,
                                      Method::muon};

// The parameters of a run that is rotated halfway, against those of one that is rotated at its end.
double drift(const Network<double>& start, const OptimiserSettings& settings, bool told = true) {
  Trainee halfway(start, settings), at_the_end(start, settings);
  halfway.steps(20);
  if (told) {
    halfway.rotate(9);
  } else {
    for (const int id : halfway.network.hidden()) {
      halfway.network.apply(rotate_random(halfway.network, id, 9));
    }
  }
  halfway.steps(20);
  at_the_end.steps(40);
  const auto before = at_the_end.network;
  at_the_end.rotate(9);
  EXPECT_GT(difference(start, before), 1e-3) << "training moves the weights";
  return difference(at_the_end.network, halfway.network);
}

// Chains, chains with skips, a graph, perceptrons whose gates multiply maps.
Network<double> start_of(std::uint64_t seed, const NetworkChoice& choice) {
  Dice dice(seed, 9);
  switch (seed % 6) {
    case 0:
      return graph_network(seed);
    case 1:
      return with_input_skips(random_network(seed, choice));
    case 2: {
      auto network = perceptron<double>(
          {.inputs = 5, .outputs = 3, .gates = {6, 4}, .general = dice.coin(), .seed = seed});
      randomise(network, dice);
      return network;
    }
    default:
      return random_network(seed, choice);
  }
}

TEST(Optimiser, CovariantMethodsCommuteWithRotations) {
  Worst worst;
  NetworkChoice choice;
  choice.most_hidden = 3;
  choice.widest = 20;
  choice.radials = {Radial::tanh, Radial::asinh};
  for (const Method method : kMethods) {
    if (!is_covariant(method)) continue;
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
      const auto start = start_of(seed, choice);
      const double error =
          drift(start, {.method = method, .learning_rate = 0.02, .weight_decay = 0.01});
      worst.add(error, fmt::format("{}, {}", method_name(method), describe(start, seed)));
    }
  }
  EXPECT_GT(drift(graph_network(0), {.method = Method::momentum, .learning_rate = 0.02}, false),
            1e-4)
      << "without transport it does not hold";
  measured("covariant_drift", worst.error);
  EXPECT_LE(worst.error, 1e-10) << worst.where;
}

// Adam's second moment is not that of the new basis: its path changes, and by how much is recorded.
TEST(Optimiser, AdamDriftsAfterARotation) {
  NetworkChoice choice;
  choice.most_hidden = 3;
  choice.widest = 20;
  choice.radials = {Radial::tanh};
  for (const SecondMoment rule : {SecondMoment::factored, SecondMoment::squared}) {
    double mean = 0, worst = 0;
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
      const auto start = random_network(seed, choice);
      const double error = drift(start, {.method = Method::adamw,
                                         .learning_rate = 3e-3,
                                         .weight_decay = 0.01,
                                         .second_moment = rule});
      mean += error / 10;
      worst = std::max(worst, error);
    }
    measured(fmt::format("adamw_drift_mean_{}", second_moment_name(rule)), mean);
    measured(fmt::format("adamw_drift_worst_{}", second_moment_name(rule)), worst);
    EXPECT_GT(mean, 1e-6) << "if it commutes after all, is_covariant should say so";
    EXPECT_LT(worst, 0.2);
  }
}

// A step by pieces is the step: with plain loops bit by bit, with BLAS, whose products are cut elsewhere, within rounding.
// Frozen groups, lengths and ψ in every mode, gates that multiply maps; what takes no pieces takes the whole.
TEST(Optimiser, StepsByPiecesAreSteps) {
  Worst worst;
  NetworkChoice choice;
  choice.most_hidden = 3;
  choice.widest = 20;
  for (const Method method : kMethods) {
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
      Network<double> start = start_of(seed, choice);
      if (seed % 4 == 3) start.space(start.hidden().front()).set_frozen(0, true);
      const OptimiserSettings settings{
          .method = method, .learning_rate = 0.01, .weight_decay = 0.01};
      for (const char* name : {"reference", "cpu"}) {
        Trainee pieces(start, settings), whole(start, settings);
        for (Trainee* one : {&pieces, &whole}) {
          one->engine = create_engine<double>({.name = name, .threads = 2});
        }
        for (int i = 0; i < 12; ++i) {
          pieces.step(false);
          whole.step(true);
        }
        const double error = difference(pieces.network, whole.network);
        const std::string at = fmt::format("{}, {}, {}", method_name(method), name, seed);
        if (std::string_view(name) == "reference") {
          EXPECT_EQ(error, 0) << at;
        }
        worst.add(error, at);
      }
    }
  }
  measured("pieces_against_whole", worst.error);
  EXPECT_LE(worst.error, 1e-9) << worst.where;
}

TEST(Optimiser, TrainingGoesOnThroughEveryEdit) {
  for (const Method method : kMethods) {
    for (const LengthMode length :
         {LengthMode::none, LengthMode::constant, LengthMode::trainable, LengthMode::log}) {
      for (const PsiMode psi : {PsiMode::none, PsiMode::constant, PsiMode::decay}) {
        const bool adaptive =
            !is_covariant(method) || method == Method::novograd || method == Method::muon;
        Trainee trainee(graph_network(3, Radial::tanh, length, psi),
                        {.method = method, .learning_rate = adaptive ? 0.01 : 0.05});
        const double first = trainee.step();
        for (const int id : {2, 1, 3}) {
          const Growth growth = fill_groups(trainee.network.space(id).groups, 5, 4);
          trainee.apply(grow(trainee.network, id, growth));
          trainee.steps(3);
          trainee.apply(rotate_left(trainee.network, id));
          trainee.steps(3);
          const auto scores = score_by_singular_value(trainee.network, id);
          trainee.apply(reduce(trainee.network, id, scores, keep_without_lowest(scores, 6)));
          trainee.steps(3);
          trainee.apply(keep(trainee.network, id, std::vector<Index>{0, 2, 3}));
          trainee.steps(3);
        }
        trainee.steps(60);
        EXPECT_LT(trainee.step(), first)
            << method_name(method) << ", length " << length_mode_name(length) << ", psi "
            << psi_mode_name(psi);
        EXPECT_TRUE(trainee.network.all_finite());
        EXPECT_EQ(trainee.optimiser.steps(), 98);
      }
    }
  }
}

TEST(Optimiser, NoticesAnEditItWasNotTold) {
  Trainee trainee(graph_network(3), {});
  trainee.step();
  trainee.network.apply(grow(trainee.network, 2, {{1, 0, 0}, {}}));
  EXPECT_THROW(trainee.step(), InternalError);
}

TEST(Optimiser, PlainAdamAddsDecayToTheGradient) {
  const Network<double> network = graph_network(1);
  const auto engine = create_engine<double>({.threads = 1});
  for (const Method method : {Method::adam, Method::adamw}) {
    auto trained = network;
    Optimiser<double> optimiser({.method = method, .weight_decay = 0.5});
    Pass<double> pass;
    pass.prepare(trained, 1);
    const auto parameters = pass.parameters(trained);
    for (const auto& p : parameters) Eigen::Map<Vector<double>>(p.gradient, p.size()).setZero();
    optimiser.step(parameters, *engine, 0.01);
    // Without a gradient, adam's first step is one rate along −sign w; adamw's is −rate·decay·w.
    const double w = network.map(0).a(1, 1), change = trained.map(0).a(1, 1) - w;
    EXPECT_NEAR(change, method == Method::adam ? -std::copysign(0.01, w) : -0.005 * w, 1e-8);
  }
}

TEST(ClipGradients, ScalesTheJointNorm) {
  auto network = graph_network(2, Radial::tanh, LengthMode::constant);
  Pass<double> pass;
  pass.prepare(network, 1);
  const auto parameters = pass.parameters(network);
  Dice dice(1);
  double squares = 0;
  for (const auto& p : parameters) {
    for (Index i = 0; i < p.size(); ++i) {
      p.gradient[i] = dice.normal();
      if (p.trainable) squares += p.gradient[i] * p.gradient[i];
    }
  }
  const double norm = std::sqrt(squares), one = parameters[0].gradient[0];
  EXPECT_NEAR(clip_gradients<double>(parameters, 2 * norm), norm, 1e-12);
  EXPECT_EQ(parameters[0].gradient[0], one) << "untouched below the limit";
  EXPECT_NEAR(clip_gradients<double>(parameters, 0.1), norm, 1e-12);
  EXPECT_NEAR(parameters[0].gradient[0], one * 0.1 / norm, 1e-15);
  EXPECT_NEAR(clip_gradients<double>(parameters, 1), 0.1, 1e-12);
}

TEST(OptimiserSettings, RefusesEachBadFieldByName) {
  const auto message = [](const OptimiserSettings& settings) -> std::string {
    try {
      settings.validate();
    } catch (const UsageError& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_EQ(message({}), "accepted");
  EXPECT_THAT(message({.learning_rate = 0}), HasSubstr("learning-rate"));
  EXPECT_THAT(message({.learning_rate = std::nan("")}), HasSubstr("learning-rate"));
  EXPECT_THAT(message({.momentum = 1}), HasSubstr("momentum"));
  EXPECT_THAT(message({.beta1 = -0.1}), HasSubstr("beta1"));
  EXPECT_THAT(message({.beta2 = 1}), HasSubstr("beta2"));
  EXPECT_THAT(message({.epsilon = 0}), HasSubstr("epsilon"));
  EXPECT_THAT(message({.weight_decay = -1}), HasSubstr("weight-decay"));
  EXPECT_THROW(Optimiser<float>({.learning_rate = -1}), UsageError);
  for (const Method m : kMethods) {
    EXPECT_EQ(method_from_name(method_name(m)), m);
    EXPECT_EQ(OptimiserSettings{.method = m}.rate(), default_rate(m));
    EXPECT_EQ((OptimiserSettings{.method = m, .learning_rate = 0.3}.rate()), 0.3);
  }
  for (const SecondMoment rule : {SecondMoment::factored, SecondMoment::squared}) {
    EXPECT_EQ(second_moment_from_name(second_moment_name(rule)), rule);
  }
  EXPECT_THROW(second_moment_from_name("exact"), UsageError);
  EXPECT_THROW(method_from_name("lbfgs"), UsageError);
}

}  // namespace
}  // namespace isoform
