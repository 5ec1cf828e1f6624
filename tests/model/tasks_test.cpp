#include "isoform/model/tasks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "isoform/base/error.h"
#include "tests/model/models.h"

namespace isoform {
namespace {

using ::testing::AllOf;
using testing::answer;
using testing::Dice;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::model_of_three;
using testing::new_input;
using testing::new_task;
using testing::oracle_answer;
using testing::random_model;
using testing::random_samples;
using testing::refusal;
using testing::relative;

template <class T>
class Tasks : public ::testing::Test {};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Tasks, Scalars);

constexpr std::uint64_t kCases = 60;

// Rows of a matrix of all inputs that a model without the last `count` rows has.
template <class T>
Matrix<T> padded(const Matrix<T>& x, Index rows, Dice& dice) {
  Matrix<T> all(rows, x.cols());
  all << x, dice.normals<T>(rows - x.rows(), x.cols());
  return all;
}

TYPED_TEST(Tasks, AnswersAreThoseOfThePlainChain) {
  using T = TypeParam;
  const double tolerance = std::is_same_v<T, float> ? 3e-5 : 1e-12;
  for (std::uint64_t seed = 0; seed < kCases; ++seed) {
    const Model<T> model = model_of_three<T>(seed);
    const Matrix<T> x = random_samples(model, seed);
    for (const char* task : {"first", "second", "shared"}) {
      EXPECT_LT(
          relative(answer(model, task, x).template cast<double>(), oracle_answer(model, task, x)),
          tolerance)
          << task << ", " << testing::describe(model.network, seed);
    }
  }
}

TYPED_TEST(Tasks, AnAdditionKeepsEveryBitOfTheOthers) {
  using T = TypeParam;
  for (std::uint64_t seed = 0; seed < kCases; ++seed) {
    Model<T> model = random_model<T>(seed);
    Dice dice(seed, 72);
    const Matrix<T> x = random_samples(model, seed);
    const Matrix<T> first = answer(model, "first", x);
    append_input(model, new_input("own", dice.between(1, 20), dice), Start::random, seed);
    append_task(model, new_task("new", dice.between(1, 9), {"own"}), seed);
    Matrix<T> all = padded(x, model.network.widths().front(), dice);
    EXPECT_EQ(answer(model, "first", all), first) << "seed " << seed;
    const Matrix<T> second = answer(model, "new", all);
    EXPECT_GT(second.norm(), 0) << "seed " << seed;

    append_task(model, new_task("third", 2, {"first", "own"}), seed);
    EXPECT_EQ(answer(model, "first", all), first) << "seed " << seed;
    EXPECT_EQ(answer(model, "new", all), second) << "seed " << seed;

    // Unheard even by those that read it.
    append_input(model, new_input("quiet", 3, dice), Start::zero, seed);
    all = padded(all, model.network.widths().front(), dice);
    const Matrix<T> third = answer(model, "third", all);
    model.tasks[model.task_index("third")].inputs.emplace_back("quiet");
    EXPECT_EQ(answer(model, "third", all), third) << "seed " << seed;
  }
}

TYPED_TEST(Tasks, ARemovalKeepsEveryBitOfTheOthers) {
  using T = TypeParam;
  for (std::uint64_t seed = 0; seed < kCases; ++seed) {
    const Model<T> before = model_of_three<T>(seed);
    const Matrix<T> x = random_samples(before, seed);
    const Index own = before.network.space(before.network.inputs()[0]).dimension;
    Model<T> model = before;
    remove_task(model, "second");  // its input is read by another
    EXPECT_EQ(model.inputs.size(), 2u);
    EXPECT_EQ(answer(model, "first", x), answer(before, "first", x)) << "seed " << seed;
    EXPECT_EQ(answer(model, "shared", x), answer(before, "shared", x)) << "seed " << seed;
    remove_task(model, "shared");
    ASSERT_EQ(model.inputs.size(), 1u);
    EXPECT_EQ(model.mean, before.mean.head(own));
    EXPECT_EQ(answer(model, "first", Matrix<T>(x.topRows(own))), answer(before, "first", x))
        << "seed " << seed;

    // The first input goes, whose map carried the bias: it goes on in the next.
    model = before;
    remove_task(model, "shared");
    remove_task(model, "first");
    ASSERT_EQ(model.inputs.size(), 1u);
    EXPECT_EQ(model.inputs[0].name, "second");
    const Matrix<T> rest = x.bottomRows(x.rows() - own);
    EXPECT_EQ(model.scale, before.scale.tail(rest.rows()));
    EXPECT_LT(relative(answer(model, "second", rest).template cast<double>(),
                       oracle_answer(before, "second", x)),
              (std::is_same_v<T, float> ? 3e-5 : 1e-12))
        << "seed " << seed;
  }
}

TEST(Tasks, AHeadThatComesAndGoesLeavesTheNetworkAsItWas) {
  const Model<double> before = random_model<double>(5);
  Model<double> model = before;
  Dice dice(5, 73);
  append_input(model, new_input("own", 4, dice), Start::random, 1);
  append_task(model, new_task("new", 3, {"own"}), 1);
  remove_task(model, "new");
  ASSERT_EQ(model.network.maps().size(), before.network.maps().size());
  for (const Map<double>& m : before.network.maps()) EXPECT_EQ(model.network.map(m.id).a, m.a);
  EXPECT_EQ(model.mean, before.mean);
  EXPECT_EQ(model.scale, before.scale);
  EXPECT_EQ(model.network.parameter_count(), before.network.parameter_count());
  // Ids are never given twice.
  const std::size_t ids = model.network.space_ids();
  append_task(model, new_task("new", 3, {"first"}), 1);
  EXPECT_EQ(static_cast<std::size_t>(model.network.outputs().back()), ids);
}

TEST(Tasks, BeginningsAreKeyed) {
  const auto head = [](std::uint64_t seed) {
    Model<double> model = random_model<double>(6);
    append_task(model, new_task("new", 3, {"first"}), seed);
    return model.network.map(model.network.incoming(model.network.outputs().back()).front()).a;
  };
  EXPECT_EQ(head(1), head(1));
  EXPECT_NE(head(1), head(2));
}

TEST(Tasks, NewInputsBringTheirTransform) {
  Model<double> model = random_model<double>(7);
  Vector<double> mean(3), deviation(3);
  mean << 1, 2, 3;
  deviation << 0.5, 0, 4;
  model.image_rows = model.image_cols = 2;
  append_input(model, {{"own", {"a", "b", "c"}}, mean, deviation}, Start::zero, 0);
  EXPECT_EQ(model.mean.tail(3), mean);
  EXPECT_EQ(model.scale.tail(3), (Vector<double>(3) << 2, 1, 0.25).finished());
  EXPECT_EQ(model.image_rows, 0);  // no longer all alike
  Matrix<double> x = mean;
  model.standardise(x, model.network.inputs().back());
  EXPECT_EQ(x.norm(), 0);
}

TEST(Tasks, NamesFollow) {
  Model<float> model = model_of_three<float>(8);
  rename_task(model, "second", "zweite");
  rename_input(model, "second", "in");
  EXPECT_EQ(model.task_index("zweite"), 1u);
  EXPECT_EQ(model.input_index("in"), 1u);
  EXPECT_THAT(model.tasks[1].inputs, ElementsAre("in"));
  EXPECT_THAT(model.tasks[2].inputs, ElementsAre("first", "in"));
  EXPECT_EQ(model.network.space(model.network.outputs()[1]).name, "zweite");
  EXPECT_EQ(model.network.space(model.network.inputs()[1]).name, "in");
  rename_task(model, "zweite", "zweite");
  EXPECT_THAT(refusal([&] { rename_task(model, "zweite", "first"); }), HasSubstr("taken"));
  EXPECT_THAT(refusal([&] { rename_task(model, "second", "x"); }), HasSubstr("zweite"));
  EXPECT_THAT(refusal([&] { rename_input(model, "in", ""); }), HasSubstr("name"));
  EXPECT_THAT(refusal([&] { rename_input(model, "in", "a\nb"); }), HasSubstr("control"));
}

TEST(Tasks, AllInputsMeansThoseOfNow) {
  Model<double> model;
  model.network = testing::random_network(9);
  name_parts(model, "digits");
  ASSERT_EQ(model.tasks.size(), 1u);
  EXPECT_EQ(static_cast<Index>(model.tasks[0].outputs.size()), model.network.widths().back());
  EXPECT_THAT(model.tasks[0].inputs, ElementsAre("digits"));
  model.tasks[0].inputs.clear();
  name_parts(model, "other");
  EXPECT_EQ(model.tasks[0].name, "digits");
  EXPECT_THAT(model.tasks[0].inputs, ElementsAre("digits"));
}

// Frozen groups and heads get no gradient, the others the one they had.
TYPED_TEST(Tasks, FrozenPartsGetNoGradient) {
  using T = TypeParam;
  Model<T> model = model_of_three<T>(10);
  const auto engine = create_engine<T>({"cpu", 1});
  const Matrix<T> x = random_samples(model, 10);
  Pass<T> pass;
  const auto gradients = [&] {
    pass.prepare(model.network, x.cols());
    pass.set_input(x);
    forward(model.network, *engine, pass);
    pass.output_gradient().setOnes();
    backward(model.network, *engine, pass);
    std::vector<std::pair<ParameterKey, Matrix<T>>> all;
    for (const Parameter<T>& p : pass.parameters(model.network)) {
      all.emplace_back(p.key, Eigen::Map<Matrix<T>>(p.gradient, p.rows, p.cols));
    }
    return all;
  };
  const auto free = gradients();
  freeze_trunk(model, true);
  freeze_head(model, "second", true);
  const auto frozen = gradients();
  const int head = model.network.incoming(model.network.outputs()[1]).front();
  ASSERT_EQ(free.size(), frozen.size());
  int still = 0, moving = 0;
  for (std::size_t i = 0; i < free.size(); ++i) {
    const auto& [key, gradient] = frozen[i];
    const bool of_space = key.role == Role::length;
    const int to = of_space ? key.owner : model.network.map(key.owner).to;
    const bool stays = model.network.space(to).hidden() || (!of_space && key.owner == head);
    (stays ? still : moving) += 1;
    if (stays) {
      EXPECT_TRUE(gradient.isZero(0)) << "owner " << key.owner;
    } else {
      EXPECT_EQ(gradient, free[i].second) << "owner " << key.owner;
    }
  }
  EXPECT_GT(still, 0);
  EXPECT_GT(moving, 0);
  freeze_trunk(model, false);
  freeze_head(model, "second", false);
  const auto thawed = gradients();
  for (std::size_t i = 0; i < free.size(); ++i) EXPECT_EQ(thawed[i].second, free[i].second);
}

TEST(Tasks, WhatCannotBe) {
  Model<float> model = model_of_three<float>(11);
  Dice dice(11, 74);
  const Index parameters = model.network.parameter_count();
  EXPECT_THAT(refusal([&] { remove_task(model, "shard"); }),
              AllOf(HasSubstr("first, second, shared"), HasSubstr("did you mean shared?")));
  EXPECT_THAT(refusal([&] { append_task(model, new_task("first", 2, {"first"}), 0); }),
              HasSubstr("taken"));
  EXPECT_THAT(refusal([&] { append_task(model, new_task("", 2, {"first"}), 0); }),
              HasSubstr("name"));
  EXPECT_THAT(refusal([&] { append_task(model, new_task("new", 0, {"first"}), 0); }),
              HasSubstr("at least 1 output"));
  EXPECT_THAT(refusal([&] { append_task(model, new_task("new", 2, {}), 0); }), HasSubstr("input"));
  EXPECT_THAT(refusal([&] { append_task(model, new_task("new", 2, {"frist"}), 0); }),
              HasSubstr("did you mean first?"));
  Task twice = new_task("new", 2, {"first"});
  twice.outputs[1] = twice.outputs[0];
  EXPECT_THAT(refusal([&] { append_task(model, twice, 0); }), HasSubstr("two outputs"));
  for (const double weight : {0.0, -1.0, std::numeric_limits<double>::quiet_NaN()}) {
    Task task = new_task("new", 2, {"first"});
    task.weight = weight;
    EXPECT_THAT(refusal([&] { append_task(model, task, 0); }), HasSubstr("weight"));
  }
  EXPECT_THAT(refusal([&] { append_input(model, new_input("first", 2, dice), Start::zero, 0); }),
              HasSubstr("taken"));
  EXPECT_THAT(refusal([&] { append_input(model, new_input("x", 0, dice), Start::zero, 0); }),
              HasSubstr("feature"));
  EXPECT_EQ(model.network.parameter_count(), parameters);
  remove_task(model, "shared");
  remove_task(model, "first");
  EXPECT_THAT(refusal([&] { remove_task(model, "second"); }), HasSubstr("only one"));
}

}  // namespace
}  // namespace isoform
