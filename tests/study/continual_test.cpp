// Protocols of continual learning on small sets.
#include "isoform/study/continual.h"

#include <gtest/gtest.h>

#include "isoform/base/error.h"
#include "tests/support/blobs.h"

namespace isoform {
namespace {

using namespace isoform::testing;

using Protocol = Figures (*)(const Dataset&, const Dataset&, const ContinualSettings&,
                             Engine<float>&, const std::atomic<bool>*);
const std::vector<Protocol> kAll = {split_task_incremental, split_class_incremental,
                                    permuted_domain_incremental, permuted_online};

ContinualSettings small(int tasks) {
  ContinualSettings settings;
  settings.tasks = tasks;
  settings.hidden = {16, 16};
  settings.group_size = 4;
  settings.training.epochs = 12;
  settings.training.batch_size = 16;
  settings.training.adapt.policy.buffer = 4;
  settings.buffer = 60;
  settings.samples = 300;
  return settings;
}

Figures run(Protocol protocol, const ContinualSettings& settings, int threads = 1,
            const std::atomic<bool>* stop = nullptr, const std::string& engine_name = "cpu") {
  const Dataset training = blobs(1, 900, 40, 6), test = blobs(2, 300, 40, 6);
  const auto engine = create_engine<float>({.name = engine_name, .threads = threads});
  return protocol(training, test, settings, *engine, stop);
}

// The engine `reference` adds in one order, whatever the shapes; that of `cpu` may depend on them.
TEST(Continual, AppendOnlyForgetsNothing) {
  for (const std::string engine : {"reference", "cpu"}) {
    ContinualSettings settings = small(3);
    settings.training.adapt.enabled = true;
    const Figures figures = run(split_task_incremental, settings, 1, nullptr, engine);
    EXPECT_EQ(figure(figures, "forgetting"), 0);
    if (engine == "reference") {
      EXPECT_EQ(figure(figures, "largest change"), 0);
    }
    EXPECT_LT(figure(figures, "largest change"), 1e-5);
    EXPECT_GT(figure(figures, "accuracy"), 0.9);
    EXPECT_EQ(figure(figures, "state bytes"), 0);
    double sum = 0;
    for (int k = 1; k <= 3; ++k) sum += figure(figures, "accuracy of task " + std::to_string(k));
    EXPECT_NEAR(figure(figures, "accuracy"), sum / 3, 1e-12);
  }
}

TEST(Continual, RehearsalRemembersMoreThanAlmostNone) {
  ContinualSettings settings = small(3);
  settings.balanced_epochs = 2;
  const Figures with = run(split_class_incremental, settings);
  EXPECT_EQ(figure(with, "buffer samples"), 60);
  EXPECT_LT(figure(with, "change at append"), 1e-5);
  EXPECT_GT(figure(with, "accuracy"), 0.9);
  settings.buffer = 1;
  settings.balanced_epochs = 0;
  const Figures without = run(split_class_incremental, settings);
  EXPECT_GT(figure(without, "forgetting"), figure(with, "forgetting") + 0.2);
  EXPECT_GT(figure(with, "accuracy"), figure(without, "accuracy") + 0.2);
}

TEST(Continual, TheTaskIsGuessedFromItsFeatures) {
  const Figures figures = run(permuted_domain_incremental, small(3));
  EXPECT_GT(figure(figures, "guessed right"), 0.8);
  EXPECT_LE(figure(figures, "guessed right"), 1);
  EXPECT_GT(figure(figures, "accuracy if told"), 0.95);
  EXPECT_LT(figure(figures, "largest change"), 1e-5);
  EXPECT_EQ(figure(figures, "state bytes"), 3 * 2 * 40 * sizeof(double));
  EXPECT_GE(figure(figures, "accuracy"),
            figure(figures, "guessed right") + figure(figures, "accuracy if told") - 1.01);
}

TEST(Continual, OnlineLearningIsScoredBeforeItsSteps) {
  ContinualSettings settings = permuted_online_settings();
  settings.tasks = 12;
  settings.hidden = {16};
  settings.samples = 300;
  settings.training.batch_size = 5;
  settings.training.adapt.policy.parameter_budget = 3000;
  const Figures figures = run(permuted_online, settings);
  EXPECT_GT(figure(figures, "first tenth"), 0.3);  // chance is 1/6
  EXPECT_LT(figure(figures, "accuracy"), 0.999);
  EXPECT_LE(figure(figures, "parameters"), 3000);
  EXPECT_GT(figure(figures, "born"), 0);
  // Without learning: chance, and no slope but that of chance.
  settings.training.optimiser.learning_rate = 1e-12;
  settings.training.adapt.enabled = false;
  const Figures still = run(permuted_online, settings);
  EXPECT_LT(figure(still, "accuracy"), figure(figures, "accuracy") - 0.2);
}

TEST(Continual, SameSettingsSameFiguresWhateverTheThreads) {
  for (const Protocol protocol : kAll) {
    ContinualSettings settings = small(2);
    settings.training.epochs = 1;
    settings.training.adapt.enabled = true;
    const Figures one = run(protocol, settings);
    EXPECT_EQ(one, run(protocol, settings, 3));
    settings.seed = 1;
    EXPECT_NE(one, run(protocol, settings));
  }
}

TEST(Continual, StopsWhenAskedAndRefusesWhatDoesNotFit) {
  const std::atomic<bool> stop = true;
  for (const Protocol protocol : kAll) {
    EXPECT_TRUE(run(protocol, small(2), 1, &stop).empty());
    ContinualSettings wrong = small(2);
    wrong.tasks = 0;
    EXPECT_THROW(run(protocol, wrong), UsageError);
    wrong = small(2);
    wrong.hidden = {};
    EXPECT_THROW(run(protocol, wrong), UsageError);
  }
  EXPECT_THROW(run(split_task_incremental, small(4)), UsageError);  // of 6 classes
  EXPECT_THROW(static_cast<void>(figure({}, "accuracy")), UsageError);
}

TEST(Continual, DefaultsAreValid) {
  for (const ContinualSettings& settings :
       {split_task_settings(), split_class_settings(), permuted_domain_settings(),
        permuted_online_settings()}) {
    EXPECT_NO_THROW(settings.validate());
  }
}

}  // namespace
}  // namespace isoform
