// Chains with several inputs and heads in model files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "io/general_models.h"
#include "isoform/base/error.h"
#include "isoform/io/model_file.h"
#include "isoform/io/safetensors.h"
#include "monitor/folder.h"

namespace isoform {
namespace {

using ::testing::AllOf;
using testing::chain_of;
using testing::class_task;
using testing::Dice;
using testing::full_model;
using ::testing::HasSubstr;
using testing::inputs_of;
using testing::layered_model;
using testing::Layout;
using testing::logits_of;
using testing::message_of;
using testing::random_model;
using testing::sparse_model;

nlohmann::json about(const std::string& bytes) {
  return nlohmann::json::parse(parse_tensors(bytes, "x").metadata.at("isoform"));
}

Layout random_layout(Dice& dice) {
  const auto sizes = [&](Index least, Index most) {
    std::vector<Index> list(static_cast<std::size_t>(dice.between(least, most)));
    for (Index& size : list) size = dice.between(1, 9);
    return list;
  };
  return {sizes(1, 3), sizes(0, 3), sizes(1, 3)};
}

template <class T>
Matrix<T> logits_of_task(const Model<T>& model, std::size_t task, const Matrix<double>& raw) {
  Matrix<T> x = raw.cast<T>();
  model.standardise(x);
  const auto engine = create_engine<T>({.name = "reference", .threads = 1});
  Pass<T> pass;
  pass.prepare(model.network, x.cols(), model.route(task));
  pass.set_input(x);
  forward(model.network, *engine, pass);
  return pass.z(model.route(task).outputs.front());
}

template <class T>
class LayeredFileOf : public ::testing::Test {};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(LayeredFileOf, Scalars);

TYPED_TEST(LayeredFileOf, SeveralInputsAndHeadsComeBackBitForBit) {
  using T = TypeParam;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    Dice dice(seed, 21);
    Model<T> model = layered_model<T>(random_layout(dice), seed);
    model.tasks.back().weight = 0.25;
    const std::string bytes = serialise_model(model);
    EXPECT_EQ(about(bytes)["architecture"], "chain");
    EXPECT_EQ(about(bytes)["widths"], nlohmann::json(model.network.widths()));
    const auto read = parse_model<T>(bytes, "x");
    EXPECT_EQ(serialise_model(read), bytes);
    const Matrix<double> raw = dice.normals(inputs_of(model), 5, 100);
    EXPECT_EQ(logits_of(read, raw), logits_of(model, raw));
    for (std::size_t task = 0; task < model.tasks.size(); ++task) {
      EXPECT_EQ(logits_of_task(read, task, raw), logits_of_task(model, task, raw));
      EXPECT_EQ(read.tasks[task].inputs, model.tasks[task].inputs);
      EXPECT_EQ(read.tasks[task].weight, model.tasks[task].weight);
    }
    // Names and ids as those who append and remove will find them.
    const std::vector<int> in = read.network.inputs(), out = read.network.outputs();
    ASSERT_EQ(in.size(), model.inputs.size());
    ASSERT_EQ(out.size(), model.tasks.size());
    const auto hidden = static_cast<int>(read.network.hidden().size());
    for (int l = 1; l <= hidden; ++l) EXPECT_TRUE(read.network.space(l).hidden());
    EXPECT_EQ(in[0], 0);
    EXPECT_EQ(out[0], hidden + 1);
    for (std::size_t k = 0; k < in.size(); ++k) {
      EXPECT_EQ(read.network.space(in[k]).name, model.inputs[k].name);
      EXPECT_EQ(read.inputs[k].name, model.inputs[k].name);
    }
    for (std::size_t k = 0; k < out.size(); ++k) {
      EXPECT_EQ(read.network.space(out[k]).name, model.tasks[k].name);
    }
  }
}

// Whatever came and went before it was saved.
TYPED_TEST(LayeredFileOf, ModelsGoOnAfterTheyAreRead) {
  using T = TypeParam;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    Model<T> model = layered_model<T>({{3, 2, 4}, {7, 5}, {2, 3, 1}}, seed);
    for (Task& task : model.tasks) {
      if (task.inputs.empty()) task.inputs = {"input 0"};
    }
    remove_task(model, "task 0");  // … with the input whose map carried the bias
    ASSERT_EQ(model.inputs.size(), 2U);
    Model<T> read = parse_model<T>(serialise_model(model), "x");
    EXPECT_EQ(serialise_model(read), serialise_model(model));
    for (Model<T>* m : {&model, &read}) {
      Task task = class_task("late", 2);
      task.inputs = {"input 2"};
      append_task(*m, task, 1);
      remove_task(*m, "task 1");
      rename_task(*m, "late", "later");
    }
    const Matrix<double> raw = Dice(seed, 22).normals(inputs_of(model), 5, 100);
    const Index kept = model.network.space(model.network.outputs().front()).dimension;
    EXPECT_EQ(logits_of(read, raw).topRows(kept), logits_of(model, raw).topRows(kept));
    EXPECT_EQ(about(serialise_model(read)), about(serialise_model(model)));
  }
}

// What anybody computes from the file is the stacked function.
TEST(LayeredFile, TensorsAreThoseOfTheStackedFunction) {
  Model<double> model = layered_model<double>({{3, 2}, {4}, {2, 3}}, 5);
  model.inputs[1].features = {"height", "weight"};
  model.tasks[1].weight = 0.5;
  const std::string bytes = serialise_model(model);
  const TensorFile file = parse_tensors(bytes, "x");
  std::string names;
  for (const auto& [name, tensor] : file.tensors) names += name + shape_text(tensor.shape) + " ";
  EXPECT_EQ(names,
            "input.mean[5] input.scale[5] layers.0.bias[4] layers.0.intrinsic_length[2] "
            "layers.0.weight[4, 5] layers.1.bias[5] layers.1.psi[5, 2] layers.1.weight[5, 4] ");
  const auto at = [&](const char* name, std::size_t k) {
    return std::get<std::vector<double>>(file.tensors.at(name).data)[k];
  };
  const Network<double>& n = model.network;
  EXPECT_EQ(at("layers.0.weight", 2), n.map(0).weight()(0, 2));
  EXPECT_EQ(at("layers.0.weight", 5 + 4), n.map(2).weight()(1, 1));  // of the other input
  EXPECT_EQ(at("layers.0.bias", 3), n.map(0).bias()(3));
  EXPECT_EQ(at("layers.1.weight", 4 * 4 + 1), n.map(3).weight()(2, 1));  // of the other head
  EXPECT_EQ(at("layers.1.psi", 2 * 3), n.map(3).psi()(1, 0));
  EXPECT_EQ(at("layers.1.bias", 2), n.map(3).bias()(0));
  EXPECT_EQ(about(bytes)["inputs"], nlohmann::json::parse(R"([{"name": "input 0", "size": 3},
      {"name": "input 1", "size": 2, "features": ["height", "weight"]}])"));
  EXPECT_EQ(about(bytes)["tasks"], nlohmann::json::parse(R"([
      {"name": "task 0", "inputs": "all", "outputs": ["task 0 0", "task 0 1"],
       "loss": "cross_entropy", "active": true},
      {"name": "task 1", "inputs": ["input 1"], "weight": 0.5, "active": true,
       "outputs": ["task 1 0", "task 1 1", "task 1 2"], "loss": "cross_entropy"}])"));
  const auto read = parse_model<double>(bytes, "x");
  EXPECT_EQ(read.inputs[1].features, model.inputs[1].features);
  EXPECT_TRUE(read.inputs[0].features.empty());
}

TEST(LayeredFile, FrozenPartsComeBack) {
  Model<double> model = layered_model<double>({{3, 2}, {7, 4}, {2, 3}}, 6);
  freeze_head(model, "task 1", true);
  model.network.space(1).set_frozen(0, true);
  model.network.space(1).set_frozen(2, true);
  const std::string bytes = serialise_model(model);
  EXPECT_EQ(about(bytes)["frozen"], nlohmann::json::parse("[[0, 2], [], [], [0]]"));
  const auto read = parse_model<double>(bytes, "x");
  EXPECT_EQ(serialise_model(read), bytes);
  EXPECT_EQ(read.network.space(1).frozen, (std::vector<char>{1, 0, 1}));
  EXPECT_TRUE(read.network.space(2).frozen.empty());
  EXPECT_TRUE(read.network.space(read.network.outputs()[1]).is_frozen(0));
  freeze_head(model, "task 1", false);
  freeze_trunk(model, false);
  EXPECT_FALSE(about(serialise_model(model)).contains("frozen"));
}

// Older files hold all outputs as one block; so may a model in memory.
TEST(LayeredFile, OneBlockOfOutputsBecomesAHeadForEachTask) {
  Model<double> model = full_model<double>();
  model.network.space(3).set_frozen(0, true);
  const std::string bytes = serialise_model(model);
  EXPECT_EQ(about(bytes)["frozen"], nlohmann::json::parse("[[], [], [0], [0]]"));
  const auto read = parse_model<double>(bytes, "x");
  const std::vector<int> heads = read.network.outputs();
  ASSERT_EQ(heads.size(), 2U);
  EXPECT_EQ(read.network.space(heads[0]).dimension, 3);
  EXPECT_EQ(read.network.space(heads[1]).dimension, 1);
  EXPECT_EQ(read.network.map(3).bias(), model.network.map(2).bias().tail(1));
  EXPECT_EQ(serialise_model(read), bytes);
  const Matrix<double> raw = Dice(1).normals(6, 5, 100);
  EXPECT_LT((logits_of(read, raw) - logits_of(model, raw)).cwiseAbs().maxCoeff(), 1e-13);
}

// A layer of one map may be sparse, one of several is dense; from older files they come in any form.
TEST(LayeredFile, SparseFormsOfSeveralMapsAreReadAndWrittenDense) {
  Model<double> model = sparse_model<double>(5);
  TensorFile file = parse_tensors(serialise_model(model), "x");
  auto words = nlohmann::json::parse(file.metadata["isoform"]);
  for (const char* name : {"a", "b"}) {
    words["tasks"].push_back({{"name", name},
                              {"inputs", "all"},
                              {"outputs", {"0", "1"}},
                              {"loss", "squared"},
                              {"active", true}});
  }
  words["inputs"] = {{{"name", "u"}, {"size", 2}}, {{"name", "v"}, {"size", 4}}};
  file.metadata["isoform"] = words.dump();
  ASSERT_TRUE(file.tensors.contains("layers.3.weight.triangle"));
  const auto read = parse_model<double>(serialise(file), "x");
  EXPECT_EQ(read.network.inputs().size(), 2U);
  const Matrix<double> raw = Dice(2).normals(6, 5, 100);
  EXPECT_LT((logits_of(read, raw) - logits_of(model, raw)).cwiseAbs().maxCoeff(), 1e-13);
  const std::string bytes = serialise_model(read);
  EXPECT_EQ(about(bytes)["structure"], nlohmann::json({"dense", "diagonal", "dense", "dense"}));
  EXPECT_EQ(serialise_model(parse_model<double>(bytes, "x")), bytes);
  model.tasks = read.tasks;  // one block in memory: written as it will be read
  EXPECT_EQ(about(serialise_model(model))["structure"],
            nlohmann::json({"triangle", "diagonal", "dense", "dense"}));
}

TEST(LayeredFile, WhatNoFileCanHoldIsRefused) {
  const auto refused = [](auto change) {
    auto model = layered_model<float>({{3, 2}, {4}, {2, 3}}, 5);
    change(model);
    return message_of<UsageError>([&] { serialise_model(model); });
  };
  EXPECT_THAT(refused([](auto& m) { m.inputs.pop_back(); }), HasSubstr("2 input spaces, got 1"));
  EXPECT_THAT(refused([](auto& m) { m.inputs[1].name = "input 0"; }),
              HasSubstr("inputs: two are called 'input 0'"));
  EXPECT_THAT(refused([](auto& m) { m.inputs[1].features = {"one"}; }),
              HasSubstr("inputs[1].features: need a name for each of 2 features, got 1"));
  EXPECT_THAT(refused([](auto& m) { m.tasks.pop_back(); }), HasSubstr("2 output spaces, got 1"));
  EXPECT_THAT(refused([](auto& m) { std::swap(m.tasks[0], m.tasks[1]); }),
              AllOf(HasSubstr("tasks[0].outputs"), HasSubstr("2 outputs, got 3")));
  EXPECT_THAT(refused([](auto& m) { m.tasks[1].inputs = {"input 7"}; }),
              HasSubstr("tasks[1].inputs: 'input 7' is none of the model's inputs"));
  EXPECT_THAT(refused([](auto& m) { m.tasks[1].weight = 0; }),
              HasSubstr("tasks[1].weight: needs a number above 0, got 0"));
  EXPECT_THAT(refused([](auto& m) { m.tasks[1].weight = NAN; }), HasSubstr("tasks[1].weight"));
  EXPECT_THAT(refused([](auto& m) { m.mean.resize(3); }), HasSubstr("5 numbers each, got 3 and 5"));
  // Each input is a picture.
  EXPECT_THAT(refused([](auto& m) { m.image_rows = 1, m.image_cols = 3; }),
              HasSubstr("divide 2 inputs, got 1 × 3"));
  // Names that are read as one.
  EXPECT_THAT(refused([](auto& m) { m.tasks[0].name = "\xe8", m.tasks[1].name = "\xe9"; }),
              HasSubstr("tasks: two are called"));
}

}  // namespace
}  // namespace isoform
