// What optimisers remember: textbook steps of novograd and muon, frozen rows, edits of every space, parameters that come
// and go. docs/mathematics.md 7.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "isoform/model/blocks.h"
#include "isoform/model/tasks.h"
#include "isoform/topology/grow.h"
#include "isoform/topology/shrink.h"
#include "tests/support/truth.h"
#include "tests/train/trainee.h"

namespace isoform {
namespace {

using namespace isoform::testing;

const std::vector<Method> kMethods = {Method::sgd,  Method::momentum, Method::nesterov,
                                      Method::adam, Method::adamw,    Method::novograd,
                                      Method::muon};

// novograd and muon, written a second time.
struct Book {
  Matrix<double> w, m;
  std::map<Index, double> v;  // of each length, or of the tensor (0)
  int k = 0;
  void novograd(const Matrix<double>& g, bool each, double rate, double decay) {
    ++k;
    if (m.size() == 0) m = Matrix<double>::Zero(g.rows(), g.cols());
    for (Index i = 0; i < g.size(); ++i) {
      const Index own = each ? i : 0;
      if (i == 0 || each) {
        const double square = each ? g(i) * g(i) : g.squaredNorm() / static_cast<double>(g.size());
        v[own] = 0.999 * v[own] + 0.001 * square;
      }
      const double hat = v[own] / (1 - std::pow(0.999, k));
      m(i) = 0.9 * m(i) + 0.1 * g(i) / (std::sqrt(hat) + 1e-8);
      w(i) = w(i) - rate * decay * w(i) - rate * m(i) / (1 - std::pow(0.9, k));
    }
  }
  void muon(const Matrix<double>& g, double rate, double decay) {
    if (m.size() == 0) m = Matrix<double>::Zero(g.rows(), g.cols());
    m = 0.9 * m + g;
    const Matrix<double> ahead = g + 0.9 * m;
    const Svd of = svd(ahead);
    Vector<double> values = of.values / ahead.norm();
    for (double& s : values) {
      for (int i = 0; i < 5; ++i) s = 3.4445 * s - 4.7750 * s * s * s + 2.0315 * std::pow(s, 5);
    }
    const double size = 0.2 * std::sqrt(static_cast<double>(std::max(g.rows(), g.cols())));
    w = (1 - rate * decay) * w - rate * size * of.u * values.asDiagonal() * of.v.transpose();
  }
};

TEST(OptimiserState, NovogradAndMuonAreTheirFormulas) {
  Worst worst;
  for (const Method method : {Method::novograd, Method::muon}) {
    for (const LengthMode length : {LengthMode::trainable, LengthMode::log}) {
      Trainee trainee(graph_network(2, Radial::tanh, length),
                      {.method = method, .learning_rate = 0.02, .weight_decay = 0.1});
      std::map<ParameterKey, Book> books;
      for (int i = 0; i < 6; ++i) {
        std::map<ParameterKey, Matrix<double>> before;
        if (i > 0) {
          for (const auto& key : trainee.trained()) before[key] = trainee.value(key);
        }
        trainee.step();
        for (const auto& key : trainee.trained()) {
          Book& book = books[key];
          if (i == 0) {
            book.w = trainee.value(
                key);  // the first step is taken on trust, and its state from the optimiser
            const auto* state = trainee.optimiser.state(key);
            ASSERT_NE(state, nullptr);
            book.m = state->first;
            for (Index j = 0; j < state->second.size(); ++j) book.v[j] = state->second(j);
            book.k = 1;
            continue;
          }
          const Matrix<double> g = trainee.gradient(key);
          if (method == Method::muon && key.role == Role::weight) {
            book.muon(g, 0.02, 0.1);
          } else {
            book.novograd(g, key.role == Role::length, 0.02, 0.1);
          }
          worst.add(relative(trainee.value(key) - before[key], book.w - before[key]),
                    fmt::format("{}, role {} of {}", method_name(method),
                                static_cast<int>(key.role), key.owner));
        }
      }
    }
  }
  EXPECT_LE(worst.error, 1e-9) << worst.where;
}

// One step from rest, by hand: every tensor moves by a rate (root mean square), every length by exactly one.
TEST(OptimiserState, TheFirstStepOfNovogradHasTheSizeOfTheRate) {
  Trainee trainee(graph_network(2),
                  {.method = Method::novograd, .learning_rate = 0.02, .weight_decay = 0});
  Trainee untouched(graph_network(2),
                    {.method = Method::sgd, .learning_rate = 1e-300, .weight_decay = 0});
  trainee.step();
  untouched.step();
  for (const auto& key : trainee.trained()) {
    const Matrix<double> moved = trainee.value(key) - untouched.value(key);
    const Matrix<double> g = trainee.gradient(key);
    const double rms = std::sqrt(g.squaredNorm() / static_cast<double>(g.size()));
    const Matrix<double> truth =
        key.role == Role::length ? Matrix<double>(g.cwiseSign()) : Matrix<double>(g / rms);
    EXPECT_LE(relative(moved, -0.02 * truth), 1e-5);
  }
}

TEST(OptimiserState, FrozenRowsKeepValueAndStateToTheBit) {
  for (const Method method : kMethods) {
    Trainee trainee(graph_network(5),
                    {.method = method, .learning_rate = 0.02, .weight_decay = 0.2});
    trainee.steps(3);
    trainee.network.space(1).set_frozen(1, true);  // rows 4 to 6
    trainee.network.space(2).set_frozen(0, true);  // rows 0 to 2
    std::map<ParameterKey, Matrix<double>> values;
    std::map<ParameterKey, OptimiserState<double>> states;
    for (const auto& key : trainee.trained()) {
      values[key] = trainee.value(key);
      states[key] = *trainee.optimiser.state(key);
    }
    trainee.steps(4);
    int parts = 0;
    for (const auto& [key, value] : values) {
      const int space = key.role == Role::length ? key.owner : trainee.network.map(key.owner).to;
      if (space != 1 && space != 2) continue;
      const bool length = key.role == Role::length;
      const Index first = space == 1 ? (length ? 1 : 4) : 0, rows = length ? 1 : 3;
      const auto frozen = [&](const Matrix<double>& m) -> Matrix<double> {
        return m.middleRows(first, rows);
      };
      const auto* state = trainee.optimiser.state(key);
      const std::string where = fmt::format("{}, role {} of {}", method_name(method),
                                            static_cast<int>(key.role), key.owner);
      EXPECT_EQ(frozen(trainee.value(key)), frozen(value)) << where;
      EXPECT_EQ(frozen(state->first), frozen(states[key].first)) << where;
      if (state->second.rows() == value.rows()) {
        EXPECT_EQ(frozen(state->second), frozen(states[key].second)) << where;
      }
      EXPECT_NE(trainee.value(key), value) << where << ": the other rows are trained";
      ++parts;
    }
    EXPECT_EQ(parts, 8);
  }
}

// v of a tensor is a mean over what is trained: frozen rows, whose gradient is 0, would make it small.
TEST(OptimiserState, NovogradsMeanLeavesFrozenRowsOut) {
  auto network = graph_network(5);
  network.space(2).set_frozen(0, true);  // 3 of 8 rows
  Trainee trainee(network, {.method = Method::novograd});
  trainee.step();
  const ParameterKey key{Role::weight, 1};
  const Matrix<double> g = trainee.gradient(key);
  EXPECT_EQ(g.topRows(3).norm(), 0);
  EXPECT_NEAR(trainee.optimiser.state(key)->second(0), 0.001 * g.squaredNorm() / (5 * 7), 1e-15);
}

TEST(OptimiserState, GrowthAndRemovalKeepWhatStays) {
  for (const Method method : kMethods) {
    Trainee trainee(graph_network(6), {.method = method, .learning_rate = 0.02});
    trainee.steps(4);
    const ParameterKey in{Role::weight, 1}, out{Role::weight, 3};  // of space 2, groups 3, 1, 4
    const auto before_in = *trainee.optimiser.state(in), before_out = *trainee.optimiser.state(out);
    trainee.apply(grow(trainee.network, 2, {{0, 2, 0}, {3}}));  // 3, 3, 4, 3
    const std::vector<Index> old = {0, 1, 2, 3, 6, 7, 8, 9}, fresh = {4, 5, 10, 11, 12};
    const auto* grown_in = trainee.optimiser.state(in);
    const auto* grown_out = trainee.optimiser.state(out);
    EXPECT_EQ(grown_in->steps, 4) << "never a reset";
    EXPECT_EQ(Matrix<double>(grown_in->first(old, Eigen::all)), before_in.first);
    EXPECT_EQ(Matrix<double>(grown_out->first(Eigen::all, old)), before_out.first);
    EXPECT_TRUE(Matrix<double>(grown_in->first(fresh, Eigen::all)).isZero(0));
    EXPECT_TRUE(Matrix<double>(grown_out->first(Eigen::all, fresh)).isZero(0));
    if (method == Method::adam || method == Method::adamw) {
      EXPECT_EQ(Matrix<double>(grown_in->second(old, Eigen::all)), before_in.second);
      // As much less than the mean as the neuron is heard more softly; those that nobody hears: the mean.
      const Matrix<double> columns = outgoing_matrix(trainee.network, 2);
      const double usual = columns(Eigen::all, old).colwise().squaredNorm().mean();
      const double mean = before_in.second.mean();
      for (const Index i : fresh) {
        const double heard = columns.col(i).squaredNorm();
        EXPECT_EQ(heard > 0, i < 6);
        const double wanted = mean * (heard > 0 ? heard / usual : 1);
        EXPECT_LE((grown_in->second.row(i).array() - wanted).matrix().norm(), 1e-12 * wanted) << i;
        const double out_wanted = before_out.second.mean() * wanted / mean;
        EXPECT_LE((grown_out->second.col(i).array() - out_wanted).matrix().norm(),
                  1e-12 * out_wanted)
            << i;
      }
    } else {
      EXPECT_EQ(grown_in->second, before_in.second) << "a mean, or nothing";
    }
    trainee.apply(keep(trainee.network, 2, old));
    EXPECT_EQ(trainee.optimiser.state(in)->first, before_in.first);
    EXPECT_EQ(trainee.optimiser.state(out)->first, before_out.first);
    EXPECT_EQ(trainee.optimiser.state(in)->second, before_in.second);
    trainee.step();
  }
}

// The gradients of a new neuron come through outgoing weights of 0.01: beside the mean second moment of the others its steps
// would be a hundredth of theirs, for thousands of steps.
TEST(OptimiserState, NewNeuronsLearnAsFastAsOthers) {
  for (const SecondMoment rule : {SecondMoment::factored, SecondMoment::squared}) {
    Trainee trainee(Network<double>::chain({.widths = {12, 6, 6, 3}, .group_size = 0, .seed = 5}),
                    {.method = Method::adamw, .learning_rate = 1e-3, .second_moment = rule});
    trainee.steps(2000);
    trainee.apply(grow(trainee.network, 1, {{4}, {}}));
    const Matrix<double> before = trainee.network.map(0).weight();
    trainee.steps(20);
    const Vector<double> moved = (trainee.network.map(0).weight() - before).rowwise().norm();
    const double others = moved.head(6).mean();
    for (Index i = 6; i < 10; ++i) {
      EXPECT_GE(moved[i], 0.3 * others) << second_moment_name(rule) << ", row " << i;
      EXPECT_LE(moved[i], 100 * others);
    }
    if (rule == SecondMoment::squared) {
      trainee.apply(grow(trainee.network, 1, {{1}, {}}));
      EXPECT_TRUE(trainee.optimiser.state({Role::weight, 0})->second.row(10).isZero(0))
          << "as published";
    }
  }
}

TEST(OptimiserState, FollowsOutputsAndFeaturesThatComeAndGo) {
  for (const Method method : kMethods) {
    Model<double> model;
    model.network = graph_network(4);
    model.set_transform(Vector<double>::Zero(5), Vector<double>::Ones(5));
    Task task;
    task.name = "digits";
    task.outputs = {"a", "b", "c"};
    model.tasks = {task};
    name_parts(model, "digits");
    Trainee trainee(model.network, {.method = method, .learning_rate = 0.02});
    trainee.steps(3);
    const BeforeApply follow = [&](const Edit& edit) { trainee.apply(edit); };
    const ParameterKey head{Role::psi, 6}, first{Role::weight, 0};
    const Matrix<double> before = trainee.optimiser.state(head)->first;
    append_outputs<double>(model, "digits", {"d", "e"}, follow);
    const Matrix<double> longer = trainee.optimiser.state(head)->first;
    ASSERT_EQ(longer.rows(), 5);
    EXPECT_EQ(Matrix<double>(longer.topRows(3)), before);
    EXPECT_TRUE(longer.bottomRows(2).isZero(0));
    remove_outputs<double>(model, "digits", {"b", "d"}, follow);
    EXPECT_EQ(Matrix<double>(trainee.optimiser.state(head)->first.topRows(2)),
              Matrix<double>(before({0, 2}, Eigen::all)));
    const Matrix<double> features = trainee.optimiser.state(first)->first;
    append_features<double>(model, model.inputs[0].name, {"x"}, Vector<double>::Zero(1),
                            Vector<double>::Ones(1), follow);
    EXPECT_EQ(Matrix<double>(trainee.optimiser.state(first)->first.leftCols(5)), features);
    remove_features<double>(model, model.inputs[0].name, {0}, Matrix<double>(6, 0), follow);
    EXPECT_EQ(Matrix<double>(trainee.optimiser.state(first)->first.leftCols(4)),
              Matrix<double>(features.rightCols(4)));
    EXPECT_EQ(trainee.optimiser.state(first)->steps, 3);
  }
}

// The input and the output are the same size again above, but not here: the state fits the next step.
TEST(OptimiserState, ParametersThatAppearCountTheirOwnSteps) {
  for (const Method method : {Method::adamw, Method::novograd}) {
    Trainee trainee(graph_network(4), {.method = method, .learning_rate = 0.01, .weight_decay = 0});
    trainee.steps(5);
    const int head = trainee.network.add_like(4, "another", 2);
    const int map = trainee.network.incoming(head).back();
    const ParameterKey key{Role::weight, map};
    EXPECT_EQ(trainee.optimiser.state(key), nullptr);
    trainee.step();
    EXPECT_EQ(trainee.optimiser.state(key)->steps, 1);
    EXPECT_EQ((trainee.optimiser.state({Role::weight, 0})->steps), 6);
    const Matrix<double> g = trainee.gradient(key), w = trainee.value(key);  // from 0
    if (method == Method::adamw) {
      EXPECT_LE(relative(w, -0.01 * g.cwiseSign()), 1e-5) << "a first step of Adam";
    } else {
      EXPECT_NEAR(w.norm(), 0.01 * std::sqrt(static_cast<double>(g.size())), 1e-5);
    }
    trainee.network.remove_space(head);
    trainee.apply(rotate_random(trainee.network, 3, 1));
    EXPECT_EQ(trainee.optimiser.state(key), nullptr) << "dropped with its map";
    trainee.step();
  }
}

TEST(OptimiserState, IsDroppedByTheNextStepToo) {
  Trainee trainee(graph_network(4), {.method = Method::momentum, .learning_rate = 0.01});
  const int head = trainee.network.add_like(4, "another", 2);
  trainee.step();
  const ParameterKey key{Role::bias, trainee.network.incoming(head).front()};
  ASSERT_NE(trainee.optimiser.state(key), nullptr);
  trainee.network.remove_space(head);
  trainee.step();
  EXPECT_EQ(trainee.optimiser.state(key), nullptr);
  EXPECT_NE((trainee.optimiser.state({Role::bias, 0})), nullptr);
}

}  // namespace
}  // namespace isoform
