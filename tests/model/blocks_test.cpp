#include "isoform/model/blocks.h"

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
using testing::oracle_answer;
using testing::random_samples;
using testing::refusal;
using testing::relative;
using Names = std::vector<std::string>;

template <class T>
class Blocks : public ::testing::Test {
 public:
  // Another number of rows or columns is another blocking of the same product.
  static constexpr double kRounding = std::is_same_v<T, float> ? 2e-6 : 1e-14;
};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Blocks, Scalars);

constexpr std::uint64_t kCases = 60;

Names new_names(Index count, const std::string& stem = "new") {
  Names names;
  for (Index i = 0; i < count; ++i) names.push_back(stem + std::to_string(i));
  return names;
}

// Follows the maps that touch an edited space as an optimiser follows its moments.
template <class T>
struct Follower {
  Network<T> network;
  int calls = 0;
  BeforeApply listen() {
    return [this](const Edit& edit) {
      ++calls;
      network.apply(edit);
    };
  }
};

TYPED_TEST(Blocks, NewOutputsLeaveTheOldLogits) {
  using T = TypeParam;
  testing::Worst worst;
  int same_bits = 0;
  for (std::uint64_t seed = 0; seed < kCases; ++seed) {
    Model<T> model = model_of_three<T>(seed);
    Dice dice(seed, 80);
    const Matrix<T> x = random_samples(model, seed);
    const Matrix<T> first = answer(model, "first", x), shared = answer(model, "shared", x);
    const Index old = shared.rows(), added = dice.between(1, 7);
    Follower<T> follower{model.network};
    append_outputs(model, "shared", new_names(added), follower.listen());
    EXPECT_EQ(follower.calls, 1);
    const Matrix<T> after = answer(model, "shared", x);
    ASSERT_EQ(after.rows(), old + added);
    EXPECT_TRUE(after.bottomRows(added).isZero(0)) << "seed " << seed;
    EXPECT_EQ(answer(model, "first", x), first) << "seed " << seed;
    same_bits += after.topRows(old) == shared ? 1 : 0;
    worst.add(relative(after.topRows(old).template cast<double>(), shared.template cast<double>()),
              testing::describe(model.network, seed));
    const int map = model.network.incoming(model.network.outputs()[2]).front();
    EXPECT_EQ(follower.network.map(map).a, model.network.map(map).a);
    EXPECT_EQ(static_cast<Index>(model.tasks[2].outputs.size()), old + added);
  }
  testing::measured("change of the old logits", worst.error);
  testing::measured("share with the same bits", same_bits / double(kCases));
  EXPECT_LE(worst.error, TestFixture::kRounding) << worst.where;
}

TYPED_TEST(Blocks, RemovedOutputsLeaveTheRest) {
  using T = TypeParam;
  for (std::uint64_t seed = 0; seed < kCases; ++seed) {
    Model<T> model = model_of_three<T>(seed);
    Dice dice(seed, 81);
    append_outputs(model, "shared", new_names(2));
    const int map = model.network.incoming(model.network.outputs()[2]).front();
    Map<T>& head = model.network.map(map);
    head.a.bottomRows(2) = dice.normals<T>(2, head.a.cols());
    const Matrix<T> x = random_samples(model, seed), before = answer(model, "shared", x);
    const Matrix<T> other = answer(model, "second", x);
    Names gone, kept = {"new1"};
    std::vector<Index> rows = {};
    for (Index i = 0; i + 1 < before.rows(); ++i) {
      if (dice.coin()) rows.push_back(i);
    }
    rows.push_back(before.rows() - 1);
    kept.clear();
    const Names names = model.tasks[2].outputs;
    for (Index i = 0; i < before.rows(); ++i) {
      const bool stays = std::find(rows.begin(), rows.end(), i) != rows.end();
      (stays ? kept : gone).push_back(names[i]);
    }
    if (gone.empty()) continue;
    std::reverse(gone.begin(), gone.end());  // in whatever order
    const Matrix<T> a = head.a(rows, Eigen::all);
    remove_outputs(model, "shared", gone);
    EXPECT_EQ(model.tasks[2].outputs, kept);
    EXPECT_EQ(model.network.map(map).a, a);
    EXPECT_EQ(answer(model, "second", x), other);
    const Matrix<T> wanted = before(rows, Eigen::all);
    EXPECT_LE(relative(answer(model, "shared", x).template cast<double>(),
                       wanted.template cast<double>()),
              TestFixture::kRounding)
        << testing::describe(model.network, seed);
  }
}

TYPED_TEST(Blocks, NewFeaturesChangeNothing) {
  using T = TypeParam;
  testing::Worst worst;
  int same_bits = 0;
  for (std::uint64_t seed = 0; seed < kCases; ++seed) {
    Model<T> model = model_of_three<T>(seed);
    Dice dice(seed, 82);
    const std::string input = dice.coin() ? "first" : "second";
    const std::size_t k = model.input_index(input);
    const Index own = model.rows_of_input(model.network.inputs()[k]).end;
    const Matrix<T> x = random_samples(model, seed);
    const Vector<T> mean = model.mean, scale = model.scale;
    std::vector<Matrix<T>> before;
    for (const Task& task : model.tasks) before.push_back(answer(model, task.name, x));
    const Index added = dice.between(1, 30);
    const Vector<double> new_mean = dice.normals(added, 1), spread = dice.normals(added, 1);
    Follower<T> follower{model.network};
    append_features(model, input, new_names(added), new_mean, Vector<double>(spread.cwiseAbs()),
                    follower.listen());
    EXPECT_EQ(follower.calls, 1);
    for (const Map<T>& m : model.network.maps()) EXPECT_EQ(follower.network.map(m.id).a, m.a);
    EXPECT_EQ(model.mean.head(own), mean.head(own));
    EXPECT_EQ(model.mean.segment(own, added), new_mean.cast<T>());
    EXPECT_EQ(model.scale.segment(own, added), spread.cwiseAbs().cwiseInverse().cast<T>());
    EXPECT_EQ(model.mean.tail(mean.size() - own), mean.tail(mean.size() - own));
    EXPECT_EQ(model.scale.tail(mean.size() - own), scale.tail(mean.size() - own));
    Matrix<T> all(x.rows() + added, x.cols());
    all << x.topRows(own), dice.normals<T>(added, x.cols(), 5), x.bottomRows(x.rows() - own);
    for (std::size_t t = 0; t < before.size(); ++t) {
      const Matrix<T> after = answer(model, model.tasks[t].name, all);
      const auto& read = model.tasks[t].inputs;
      if (std::find(read.begin(), read.end(), input) == read.end()) {
        EXPECT_EQ(after, before[t]) << "seed " << seed;
      } else {
        same_bits += after == before[t] ? 1 : 0;
        worst.add(relative(after.template cast<double>(), before[t].template cast<double>()),
                  testing::describe(model.network, seed));
      }
    }
  }
  testing::measured("change of the logits", worst.error);
  testing::measured("share with the same bits", same_bits / (2.0 * kCases));
  EXPECT_LE(worst.error, TestFixture::kRounding) << worst.where;
}

TEST(Blocks, WhatIsNewLearnsAtOnce) {
  Model<double> model = model_of_three<double>(3);
  append_outputs(model, "first", {"more"});
  append_features(model, "first", {"f"}, Vector<double>::Zero(1), Vector<double>::Ones(1));
  const auto engine = create_engine<double>({"cpu", 1});
  Pass<double> pass;
  pass.prepare(model.network, 32);
  pass.set_input(random_samples(model, 3));
  forward(model.network, *engine, pass);
  pass.output_gradient().setOnes();
  backward(model.network, *engine, pass);
  const int head = model.network.incoming(model.network.outputs()[0]).front();
  const int input = model.network.inputs()[0], reader = model.network.outgoing(input).front();
  for (const Parameter<double>& p : pass.parameters(model.network)) {
    if (p.key.role != Role::weight) continue;
    const Eigen::Map<Matrix<double>> gradient(p.gradient, p.rows, p.cols);
    if (p.key.owner == head) {
      EXPECT_GT(gradient.bottomRows(1).norm(), 0);
    }
    if (p.key.owner == reader) {
      EXPECT_GT(gradient.rightCols(1).norm(), 0);
    }
  }
}

TEST(Blocks, FeaturesGetNames) {
  Model<float> model = model_of_three<float>(4, {1, 3});
  const Index n = model.network.space(model.network.inputs()[0]).dimension;
  model.image_rows = model.image_cols = 1;
  append_features(model, "first", {"age", "sex"}, Vector<double>::Zero(2), Vector<double>::Ones(2));
  Names wanted = new_names(n, "");
  wanted.insert(wanted.end(), {"age", "sex"});
  EXPECT_EQ(model.inputs[0].features, wanted);
  EXPECT_EQ(model.image_rows + model.image_cols, 0);
  EXPECT_THAT(feature_positions(model, "first", {"sex", "0"}), ElementsAre(n + 1, 0));
  EXPECT_THAT(refusal([&] { feature_positions(model, "first", {"aeg"}); }),
              HasSubstr("did you mean age?"));
  EXPECT_THAT(refusal([&] { feature_positions(model, "second", {"aeg"}); }),
              HasSubstr("positions"));
}

TEST(Blocks, OutputsAreRenamed) {
  Model<float> model = model_of_three<float>(5);
  model.tasks[0].outputs[0] = "trouser";
  rename_output(model, "first", "trouser", "trousers");
  EXPECT_EQ(model.tasks[0].outputs[0], "trousers");
  rename_output(model, "first", "trousers", "trousers");
  EXPECT_THAT(refusal([&] { rename_output(model, "first", "trouser", "x"); }),
              HasSubstr("did you mean trousers?"));
  append_outputs(model, "first", {"coat"});
  EXPECT_THAT(refusal([&] { rename_output(model, "first", "coat", "trousers"); }),
              HasSubstr("taken"));
  EXPECT_THAT(refusal([&] { rename_output(model, "first", "coat", ""); }), HasSubstr("name"));
}

TEST(Blocks, WhatCannotBe) {
  Model<double> model = model_of_three<double>(6);
  append_outputs(model, "shared", {"x"});
  const Model<double> before = model;
  const Vector<double> one = Vector<double>::Ones(1);
  const auto says = [&](const auto& call, const auto& what) {
    int calls = 0;
    EXPECT_THAT(refusal([&] { call([&calls](const Edit&) { ++calls; }); }), what);
    EXPECT_EQ(calls, 0);
  };
  says([&](const BeforeApply& f) { append_outputs(model, "sharde", {"y"}, f); },
       HasSubstr("did you mean shared?"));
  says([&](const BeforeApply& f) { append_outputs(model, "shared", {}, f); }, HasSubstr("none"));
  says([&](const BeforeApply& f) { append_outputs(model, "shared", {"x"}, f); },
       HasSubstr("taken"));
  says(
      [&](const BeforeApply& f) {
        append_outputs(model, "shared", {"y", "y"}, f);
      },
      HasSubstr("taken"));
  says([&](const BeforeApply& f) { append_outputs(model, "shared", {""}, f); }, HasSubstr("empty"));
  says([&](const BeforeApply& f) { remove_outputs(model, "shared", {"z"}, f); },
       AllOf(HasSubstr("'z'"), HasSubstr("there are")));
  says(
      [&](const BeforeApply& f) {
        remove_outputs(model, "shared", {"x", "x"}, f);
      },
      HasSubstr("twice"));
  says([&](const BeforeApply& f) { remove_outputs(model, "shared", {}, f); },
       HasSubstr("at least one"));
  says([&](const BeforeApply& f) { remove_outputs(model, "shared", model.tasks[2].outputs, f); },
       HasSubstr("one must stay"));
  says([&](const BeforeApply& f) { append_features(model, "frist", {"y"}, one, one, f); },
       HasSubstr("did you mean first?"));
  says([&](const BeforeApply& f) { append_features(model, "first", {"0"}, one, one, f); },
       HasSubstr("taken"));
  says([&](const BeforeApply& f) { append_features(model, "first", {"y"}, one, -one, f); },
       HasSubstr("deviation"));
  const Vector<double> nan = one * std::numeric_limits<double>::quiet_NaN();
  says([&](const BeforeApply& f) { append_features(model, "first", {"y"}, nan, one, f); },
       HasSubstr("mean"));
  says([&](const BeforeApply& f) { append_features(model, "first", {"y"}, one, nan, f); },
       HasSubstr("deviation"));
  for (const Map<double>& m : before.network.maps()) EXPECT_EQ(model.network.map(m.id).a, m.a);
  EXPECT_EQ(model.tasks[2].outputs, before.tasks[2].outputs);
  EXPECT_EQ(model.mean, before.mean);
}

}  // namespace
}  // namespace isoform
