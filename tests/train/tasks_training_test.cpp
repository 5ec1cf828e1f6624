// Tasks that come, go and change while a network is trained.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "isoform/base/error.h"
#include "isoform/data/split.h"
#include "isoform/model/tasks.h"
#include "isoform/network/pass.h"
#include "isoform/train/evaluate.h"
#include "isoform/train/objective.h"
#include "isoform/train/trainer.h"
#include "tests/support/blobs.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::AllOf;
using ::testing::HasSubstr;

TaskData data_of(const std::string& name, std::uint64_t seed, Index samples, Index features,
                 Index classes) {
  return {name, blobs(seed, samples, features, classes), blobs(seed + 50, 100, features, classes)};
}
const TaskData& first() {
  static const TaskData data = data_of("blobs", 1, 600, 30, 4);
  return data;
}
const TaskData& second() {
  static const TaskData data = data_of("second", 2, 330, 17, 3);
  return data;
}

TrainSettings settings_for(int epochs, bool adapts = true) {
  TrainSettings settings;
  settings.epochs = epochs;
  settings.batch_size = 40;
  settings.optimiser.learning_rate = 1e-2;
  settings.adapt.enabled = adapts;
  settings.adapt.policy.rule = PolicyRule::effect;
  settings.adapt.per_epoch = 2;
  settings.adapt.statistics_batches = 4;
  settings.adapt.policy.buffer = 3;
  settings.adapt.policy.group_size = 4;
  return settings;
}

template <class T>
bool same_bits(const Matrix<T>& a, const Matrix<T>& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() &&
         std::memcmp(a.data(), b.data(), sizeof(T) * static_cast<std::size_t>(a.size())) == 0;
}

template <class T>
Matrix<T> numbers(const Network<T>& network) {
  std::vector<T> all;
  for (const auto& m : network.maps()) all.insert(all.end(), m.a.data(), m.a.data() + m.a.size());
  for (const auto& s : network.spaces()) {
    all.insert(all.end(), s.length.data(), s.length.data() + s.length.size());
  }
  return Eigen::Map<Matrix<T>>(all.data(), static_cast<Index>(all.size()), 1);
}

template <class T>
struct TasksTraining : public ::testing::Test {
  std::unique_ptr<Engine<T>> engine = create_engine<T>({.threads = 1});
  Model<T> made = blob_model<T>(first().training, {8, 9});
};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(TasksTraining, Scalars);

// Weights of new inputs and outputs can't be left out: where they are over the budget it is said, once.
TYPED_TEST(TasksTraining, ATaskThatIsOverTheBudgetIsTold) {
  using T = TypeParam;
  const auto warnings = [&](PolicyRule rule, Index budget) {
    TrainSettings settings = settings_for(4);
    settings.adapt.policy.rule = rule;
    settings.adapt.policy.parameter_budget = budget;
    settings.changes = {{.epoch = 2, .action = TaskAction::append, .task = "second"}};
    Model<T> model = this->made;
    std::vector<std::string> told;
    (void)train<T>(model, {first(), second()}, settings, *this->engine, {[&](const Event& e) {
                     if (e.type == "warning") told.push_back(e.data["message"]);
                   }});
    return std::count_if(told.begin(), told.end(), [](const std::string& message) {
      return message.find("budget") != std::string::npos &&
             (message.starts_with("the network has") || message.starts_with("nothing grows"));
    });
  };
  const Index enough = 10 * this->made.network.parameter_count(),
              few = this->made.network.parameter_count() + 10;
  for (const PolicyRule rule : {PolicyRule::effect, PolicyRule::paper}) {
    EXPECT_EQ(warnings(rule, 0), 0);
    EXPECT_EQ(warnings(rule, enough), 0);
    EXPECT_EQ(warnings(rule, few), 1);
  }
  EXPECT_EQ(warnings(PolicyRule::tolerance, enough), 0);
  EXPECT_GE(warnings(PolicyRule::tolerance, few), 1);
}

TYPED_TEST(TasksTraining, AnAppendedTaskLeavesTheOthersBits) {
  using T = TypeParam;
  Trainer<T> trainer(this->made, {first()}, settings_for(4), *this->engine);
  ASSERT_TRUE(trainer.run_epoch());
  const Matrix<T> before = logits(this->made, first().validation, *this->engine);
  const auto widths = this->made.network.widths();
  trainer.change({.action = TaskAction::append, .task = "second"}, &second());
  EXPECT_TRUE(same_bits(logits(this->made, first().validation, *this->engine, 0), before));
  EXPECT_EQ(this->made.network.widths().front(), widths.front() + 17);
  ASSERT_TRUE(trainer.run_epoch());
  EXPECT_FALSE(same_bits(logits(this->made, first().validation, *this->engine, 0), before));
  while (trainer.run_epoch()) {
  }
  EXPECT_EQ(trainer.finish().reason, StopReason::finished);
  EXPECT_GT(evaluate(this->made, first().validation, *this->engine, 0).accuracy, 0.85);
  EXPECT_GT(evaluate(this->made, second().validation, *this->engine, 1).accuracy, 0.7);
}

TYPED_TEST(TasksTraining, EventsTellOfChanges) {
  using T = TypeParam;
  TrainSettings settings = settings_for(6);
  settings.changes = {{.epoch = 2, .action = TaskAction::append, .task = "second"},
                      {.epoch = 3, .action = TaskAction::rename, .task = "second", .to = "other"},
                      {.epoch = 4, .action = TaskAction::off, .task = "blobs"},
                      {.epoch = 5, .action = TaskAction::remove, .task = "blobs"}};
  std::vector<Event> changes, epochs;
  (void)train<T>(this->made, {first(), second()}, settings, *this->engine, {[&](const Event& e) {
                   if (e.type == "task") changes.push_back(e);
                   if (e.type == "epoch") epochs.push_back(e);
                 }});
  ASSERT_EQ(changes.size(), 4u);
  ASSERT_EQ(epochs.size(), 6u);
  EXPECT_EQ(changes[0].data["action"], "append");
  EXPECT_EQ(changes[0].data["change"], 0.0) << "to the last bit";
  EXPECT_EQ(changes[1].data["to"], "other");
  EXPECT_EQ(changes[2].data["change"], 0.0);
  EXPECT_EQ(changes[2].data["tasks"][0]["active"], false);
  EXPECT_EQ(changes[3].data["tasks"].size(), 1u);
  EXPECT_LT(changes[3].data["change"], 1e-4) << "rounding, where a bias moved to another map";
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(changes[i].epoch, static_cast<int>(i) + 1) << "the epoch before";
    EXPECT_EQ(changes[i].step, epochs[i].step);
  }
  EXPECT_EQ(epochs[0].data["tasks"].size(), 1u);
  EXPECT_EQ(epochs[1].data["tasks"].size(), 2u);
  EXPECT_EQ(epochs[3].data["tasks"][0]["active"], false);
  EXPECT_TRUE(std::isnan(epochs[3].data["tasks"][0]["train_loss"].template get<double>()));
  EXPECT_GT(epochs[3].data["tasks"][0]["validation_accuracy"], 0.5) << "kept, and measured";
  EXPECT_EQ(epochs[3].data["train_loss"], epochs[3].data["tasks"][1]["train_loss"]);
  EXPECT_EQ(epochs[5].data["tasks"][0]["name"], "other");
  EXPECT_EQ(this->made.network.widths().front(), 17);
  // 15 steps for the first set, 9 for the second alone.
  EXPECT_EQ(epochs[2].step, 45);
  EXPECT_EQ(epochs[3].step, 54);
}

// One step of two tasks is a step along the mean of their gradients, by weight.
TYPED_TEST(TasksTraining, AStepFollowsTheWeightedMeanOfLosses) {
  using T = TypeParam;
  const double rate = 0.05;
  TrainSettings settings = settings_for(1, false);
  settings.batch_size = 1000;  // a step is an epoch
  settings.optimiser.method = Method::sgd;
  settings.optimiser.learning_rate = rate;
  settings.optimiser.weight_decay = 0;
  settings.schedule.kind = Schedule::constant;
  Model<T>& model = this->made;
  Trainer<T> trainer(model, {first()}, settings, *this->engine);
  trainer.change(
      {.action = TaskAction::append, .task = "second", .loss = Loss::squared, .weight = 3},
      &second());
  Model<T> expected = model;
  std::map<ParameterKey, Matrix<double>> sum;
  double loss = 0;
  const std::vector<const TaskData*> data = {&first(), &second()};
  for (std::size_t i = 0; i < 2; ++i) {
    const Dataset& samples = data[i]->training;
    std::vector<std::uint32_t> order =
        epoch_order(static_cast<std::uint32_t>(samples.samples()), 0, 1);
    Pass<T> pass;
    pass.prepare(expected.network, samples.samples(), expected.route(i));
    pass.set_input(stacked_samples<T>(expected, i, samples, order));
    forward(expected.network, *this->engine, pass);
    std::vector<std::uint32_t> labels;
    for (const std::uint32_t s : order) labels.push_back(samples.labels()[s]);
    const int head = expected.network.outputs()[i];
    View<T> gradient = pass.delta(head);
    const double share = i == 0 ? 0.25 : 0.75;
    loss += share * score_batch<T>(expected.tasks[i].loss, pass.z(head), labels, &gradient).loss /
            static_cast<double>(samples.samples());
    backward(expected.network, *this->engine, pass);
    for (const Parameter<T>& p : pass.parameters(expected.network)) {
      if (!p.trainable) continue;
      Matrix<double>& g = sum[p.key];
      if (g.size() == 0) g.setZero(p.rows, p.cols);
      Matrix<double> own =
          Eigen::Map<Matrix<T>>(p.gradient, p.rows, p.cols).template cast<double>();
      // The penalty on ψ is no task's: it comes once.
      if (p.key.role == Role::psi) {
        const Map<T>& m = expected.network.map(p.key.owner);
        const double penalty = m.psi_mode == PsiMode::decay ? 2 * kPsiPenalty : 0;
        const Matrix<double> pull = penalty * m.psi().template cast<double>();
        g += share * (own - pull) + (i == 0 ? 1.0 : 0.0) * pull;
      } else {
        g += share * own;
      }
    }
  }
  ASSERT_TRUE(trainer.run_epoch());
  Pass<T> pass;
  pass.prepare(expected.network, 1);
  for (const Parameter<T>& p : pass.parameters(expected.network)) {
    if (!p.trainable) continue;
    Eigen::Map<Matrix<T>>(p.value, p.rows, p.cols) -= (rate * sum[p.key]).template cast<T>();
  }
  const Matrix<T> got = numbers(model.network), wanted = numbers(expected.network);
  EXPECT_LT((got - wanted).norm(), (sizeof(T) == 4 ? 1e-5 : 1e-13) * wanted.norm());
  EXPECT_GT(loss, 0);
}

// Trains two epochs, freezes trunk and head, appends a task and trains on: the new groups and the new head alone.
template <class T>
void learn_beside_what_is_frozen(Model<T> model, Engine<T>& engine, const OptimiserSettings& o) {
  TrainSettings settings = settings_for(8);
  settings.optimiser = o;
  settings.adapt.settle = 0;
  Trainer<T> trainer(model, {first()}, settings, engine);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(trainer.run_epoch());
  trainer.change({.action = TaskAction::freeze});
  trainer.change({.action = TaskAction::freeze, .task = "blobs"});
  const Matrix<T> before = logits(model, first().validation, engine);
  const Network<T> frozen = model.network;
  trainer.change({.action = TaskAction::append, .task = "second"}, &second());
  trainer.change({.action = TaskAction::off, .task = "blobs"});
  const double loss = evaluate(model, second().validation, engine, 1).loss;
  while (trainer.run_epoch()) {
  }
  EXPECT_GT(model.network.widths()[1], frozen.widths()[1]) << "new capacity";
  for (const Map<T>& was : frozen.maps()) {
    const Map<T>& now = model.network.map(was.id);
    const Matrix<T> weight = now.weight().topLeftCorner(was.a.rows(), was.inputs);
    EXPECT_TRUE(same_bits(weight, Matrix<T>(was.weight()))) << "map " << was.id;
    EXPECT_TRUE(same_bits(Matrix<T>(now.bias().head(was.a.rows())), Matrix<T>(was.bias())));
    EXPECT_EQ(now.weight().topRightCorner(was.a.rows(), now.inputs - was.inputs).norm(), 0)
        << "what grows later is not heard";
  }
  const Matrix<T> after = logits(model, first().validation, engine, 0);
  EXPECT_LT((after - before).norm(), (sizeof(T) == 4 ? 1e-6 : 1e-14) * before.norm());
  EXPECT_LT(evaluate(model, second().validation, engine, 1).loss, loss);
}

TYPED_TEST(TasksTraining, WhatIsFrozenKeepsItsBitsWhileTheRestLearns) {
  learn_beside_what_is_frozen(this->made, *this->engine,
                              {.method = Method::sgd, .learning_rate = 0.2, .weight_decay = 0});
}

TYPED_TEST(TasksTraining, NeitherMomentumNorDecayMovesWhatIsFrozen) {
  learn_beside_what_is_frozen(
      this->made, *this->engine,
      {.method = Method::adamw, .learning_rate = 2e-2, .weight_decay = 0.1});
}

TYPED_TEST(TasksTraining, OffIsKeptOnIsTrained) {
  using T = TypeParam;
  Model<T>& model = this->made;
  Trainer<T> trainer(model, {first()}, settings_for(4), *this->engine);
  trainer.change({.action = TaskAction::append, .task = "second"}, &second());
  trainer.change({.action = TaskAction::off, .task = "second"});
  const int head = model.network.incoming(model.network.outputs()[1]).front();
  const Vector<T> bias = model.network.map(head).bias();
  ASSERT_TRUE(trainer.run_epoch());
  const double untrained = evaluate(model, second().validation, *this->engine, 1).accuracy;
  trainer.change({.action = TaskAction::on, .task = "second"});
  while (trainer.run_epoch()) {
  }
  EXPECT_GT((model.network.map(head).bias() - bias).norm(), 0);
  EXPECT_GT(evaluate(model, second().validation, *this->engine, 1).accuracy, untrained);
}

TEST(TasksTraining, BitsDoNotDependOnTheNumberOfThreads) {
  TrainSettings settings = settings_for(3);
  settings.batch_size = 300;
  settings.changes = {{.epoch = 2, .action = TaskAction::append, .task = "second"},
                      {.epoch = 3, .action = TaskAction::remove, .task = "blobs"}};
  std::vector<Matrix<float>> results;
  for (const int threads : {1, 2, 4}) {
    const auto engine = create_engine<float>({.threads = threads});
    auto model = blob_model<float>(first().training, {80, 81});
    (void)train<float>(model, {first(), second()}, settings, *engine);
    results.push_back(numbers(model.network));
  }
  EXPECT_TRUE(same_bits(results[0], results[1]));
  EXPECT_TRUE(same_bits(results[0], results[2]));
}

// A network with one task is trained by the plain loop of a textbook.
TEST(TasksTraining, OneTaskIsAPlainLoop) {
  const auto engine = create_engine<float>({.threads = 1});
  TrainSettings settings = settings_for(2, false);
  auto model = blob_model<float>(first().training, {8, 9}), plain = model;
  (void)train(model, first().training, Dataset(), settings, *engine);
  Optimiser<float> optimiser(settings.optimiser);
  Pass<float> pass;
  const Dataset& data = first().training;
  for (int epoch = 1, step = 0; epoch <= 2; ++epoch) {
    const auto order = epoch_order(600, settings.seed, static_cast<std::uint64_t>(epoch));
    for (std::size_t at = 0; at < 600; at += 40, ++step) {
      const std::span samples(order.data() + at, 40);
      pass.prepare(plain.network, 40);
      data.gather(samples, pass.input());
      plain.standardise(pass.input());
      forward(plain.network, *engine, pass);
      std::vector<std::uint32_t> labels;
      for (const std::uint32_t s : samples) labels.push_back(data.labels()[s]);
      View<float> gradient = pass.output_gradient();
      (void)score_batch<float>(Loss::cross_entropy, pass.output(), labels, &gradient);
      backward(plain.network, *engine, pass);
      const auto parameters = pass.parameters(plain.network);
      optimiser.step(parameters, *engine,
                     settings.optimiser.rate() * schedule_factor(settings.schedule, step, 30));
    }
  }
  EXPECT_TRUE(same_bits(numbers(model.network), numbers(plain.network)));
}

TEST(TasksTraining, RefusesBeforeAnythingStarts) {
  const auto engine = create_engine<float>({.threads = 1});
  const auto said = [&](const std::vector<TaskChange>& changes) -> std::string {
    auto model = blob_model<float>(first().training, {8});
    TrainSettings settings = settings_for(5);
    settings.changes = changes;
    int events = 0;
    try {
      (void)train<float>(model, {first(), second()}, settings, *engine,
                         {[&](const Event&) { ++events; }});
    } catch (const UsageError& error) {
      EXPECT_EQ(events, 0);
      EXPECT_EQ(model.network.widths(), (std::vector<Index>{30, 8, 4}));
      return error.what();
    }
    return "accepted";
  };
  EXPECT_THAT(said({{.epoch = 4, .action = TaskAction::append, .task = "third"}}),
              AllOf(HasSubstr("append third"), HasSubstr("data")));
  EXPECT_THAT(
      said({{.epoch = 4, .action = TaskAction::append, .task = "second", .inputs = {"blobs"}}}),
      AllOf(HasSubstr("epoch 4"), HasSubstr("17 features"), HasSubstr("30")));
  EXPECT_THAT(said({{.epoch = 4, .action = TaskAction::append, .task = "second", .inputs = {"b"}}}),
              AllOf(HasSubstr("epoch 4"), HasSubstr("b"), HasSubstr("blobs")));
  EXPECT_THAT(said({{.epoch = 4, .action = TaskAction::change, .task = "blobs", .data = "second"}}),
              AllOf(HasSubstr("epoch 4"), HasSubstr("features")));
  EXPECT_THAT(said({{.epoch = 2, .action = TaskAction::remove, .task = "blobs"}}),
              HasSubstr("last task"));
  EXPECT_THAT(said({{.epoch = 2, .action = TaskAction::append, .task = "second", .weight = 1e31}}),
              HasSubstr("at most"));
  const TaskChange trunk{.epoch = 3, .action = TaskAction::freeze};
  const TaskChange head{.epoch = 3, .action = TaskAction::freeze, .task = "blobs"};
  EXPECT_THAT(said({trunk, head}), HasSubstr("everything is frozen then"));
}

// A trunk and its head may be frozen when something comes that learns.
TEST(TasksTraining, FrozenWithSomethingNewIsTrained) {
  const auto engine = create_engine<float>({.threads = 1});
  auto model = blob_model<float>(first().training, {8});
  TrainSettings settings = settings_for(3);
  settings.changes = {{.epoch = 2, .action = TaskAction::freeze},
                      {.epoch = 2, .action = TaskAction::freeze, .task = "blobs"},
                      {.epoch = 2, .action = TaskAction::append, .task = "second"}};
  const auto result = train<float>(model, {first(), second()}, settings, *engine);
  EXPECT_EQ(result.reason, StopReason::finished);
}

}  // namespace
}  // namespace isoform
