// Networks that are more than layers in model files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "io/general_models.h"
#include "isoform/base/error.h"
#include "isoform/io/model_file.h"
#include "isoform/io/safetensors.h"
#include "monitor/folder.h"
#include "tests/support/networks.h"

namespace isoform {
namespace {

using testing::Dice;
using ::testing::HasSubstr;
using testing::inputs_of;
using testing::layered_model;
using testing::logits_of;
using testing::message_of;
using testing::perceptron_model;
using testing::skipping_model;
using testing::streaming_model;

nlohmann::json about(const std::string& bytes) {
  return nlohmann::json::parse(parse_tensors(bytes, "x").metadata.at("isoform"));
}

template <class T>
Model<T> any_model(std::uint64_t seed) {
  Model<T> model = seed % 3 == 0   ? perceptron_model<T>(seed, static_cast<Index>(1 + seed % 5))
                   : seed % 3 == 1 ? skipping_model<T>(seed)
                                   : streaming_model<T>(seed);
  Dice dice(seed, 23);
  const Structure forms[] = {Structure::dense, Structure::diagonal, Structure::triangle};
  for (const Map<T>& m : model.network.maps()) {
    impose_structure(model.network, m.id, forms[dice.between(0, 2)]);
  }
  return model;
}

template <class T>
void expect_same(const Model<T>& a, const Model<T>& b, std::uint64_t seed) {
  ASSERT_EQ(a.network.spaces().size(), b.network.spaces().size());
  for (std::size_t i = 0; i < a.network.spaces().size(); ++i) {
    const Space<T>&s = a.network.spaces()[i], &other = b.network.spaces()[i];
    EXPECT_EQ(other.id, static_cast<int>(i));
    EXPECT_EQ(std::tie(s.name, s.dimension, s.groups, s.frozen),
              std::tie(other.name, other.dimension, other.groups, other.frozen));
    if (!s.hidden()) continue;
    EXPECT_EQ(std::tie(s.radial, s.length_mode), std::tie(other.radial, other.length_mode));
    for (Index g = 0; g < s.gates(); ++g) EXPECT_EQ(s.o(g), other.o(g));
  }
  ASSERT_EQ(a.network.maps().size(), b.network.maps().size());
  for (std::size_t i = 0; i < a.network.maps().size(); ++i) {
    const Map<T>&m = a.network.maps()[i], &other = b.network.maps()[i];
    EXPECT_EQ(m.a, other.a);
    EXPECT_EQ(m.factors.size(), other.factors.size());
    if (a.network.space(m.from).hidden()) {
      EXPECT_EQ(m.psi_mode, other.psi_mode);
    }
  }
  const Matrix<double> raw = Dice(seed, 24).normals(inputs_of(a), 5, 100);
  EXPECT_EQ(logits_of(a, raw), logits_of(b, raw));
}

template <class T>
class GraphFileOf : public ::testing::Test {};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(GraphFileOf, Scalars);

TYPED_TEST(GraphFileOf, EveryGraphComesBackBitForBit) {
  using T = TypeParam;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    const Model<T> model = any_model<T>(seed);
    const std::string bytes = serialise_model(model);
    EXPECT_EQ(about(bytes)["architecture"], "graph");
    const auto read = parse_model<T>(bytes, "x");
    expect_same(model, read, seed);
    EXPECT_EQ(serialise_model(read), bytes);
    EXPECT_EQ(read.inputs.size(), model.inputs.size());
    ASSERT_EQ(read.tasks.size(), model.tasks.size());
    for (std::size_t k = 0; k < model.tasks.size(); ++k) {
      EXPECT_EQ(read.tasks[k].inputs, model.tasks[k].inputs);
    }
  }
}

TYPED_TEST(GraphFileOf, OtherPrecisionIsConverted) {
  using T = TypeParam;
  using Other = std::conditional_t<std::is_same_v<T, float>, double, float>;
  const Model<Other> model = skipping_model<Other>(3);
  const auto read = parse_model<T>(serialise_model(model), "x");
  EXPECT_EQ(read.network.map(6).a, model.network.maps()[6].a.template cast<T>());
}

// A bias on each of several maps is not what a chain gives back, nor are maps that skip.
TEST(GraphFile, WhatIsNotLayeredIsAGraph) {
  const auto kind = [](const auto& change) {
    auto model = layered_model<double>({{3, 2}, {4, 5}, {2, 3}}, 5);
    change(model);
    const std::string bytes = serialise_model(model);
    const auto read = parse_model<double>(bytes, "x");
    EXPECT_EQ(serialise_model(read), bytes);
    const Matrix<double> raw = Dice(3).normals(5, 5, 100);
    EXPECT_EQ(logits_of(model, raw), logits_of(read, raw));
    return about(bytes)["architecture"].get<std::string>();
  };
  EXPECT_EQ(kind([](auto&) {}), "chain");
  EXPECT_EQ(kind([](auto& m) { m.network.map(3).bias()(1) = 1; }), "graph");
  EXPECT_EQ(kind([](auto& m) { m.inputs.clear(), m.tasks.clear(); }), "graph");
  EXPECT_EQ(kind([](auto& m) { m.tasks.clear(); }), "graph");
  EXPECT_EQ(kind([](auto& m) {
              auto& head = m.network.map(4);
              head.psi_mode = PsiMode::none;
              head.a = Matrix<double>(head.a.leftCols(head.inputs + 1));
            }),
            "graph");
}

TEST(GraphFile, SkipsAroundLayersComeBack) {
  Model<double> model;
  model.network = testing::graph_network(4);
  model.set_transform(Vector<double>::Zero(5), Vector<double>::Ones(5));
  const std::string bytes = serialise_model(model);
  EXPECT_EQ(about(bytes)["architecture"], "graph");
  expect_same(model, parse_model<double>(bytes, "x"), 4);
}

TEST(GraphFile, HoldsWhatTheFormatSays) {
  Model<double> model = perceptron_model<double>(8, 1);
  Space<double>& gate = model.network.space(6);
  gate.radial = Radial::asinh;
  gate.length_mode = LengthMode::constant;
  gate.length.setConstant(0.5);
  gate.set_frozen(0, true);
  model.network.space(4).set_frozen(0, true);
  const auto dimension = [&](int space) { return model.network.spaces()[space].dimension; };
  EditRecord record;
  record.kind = EditKind::reduce;
  record.space = 6;  // an id
  model.record(record);
  record.space = 99;  // gone
  model.record(record);
  const std::string bytes = serialise_model(model);
  const TensorFile file = parse_tensors(bytes, "x");
  std::string names;
  for (const auto& [name, tensor] : file.tensors) {
    if (!name.starts_with("input")) names += name + " ";
  }
  EXPECT_EQ(names,
            "maps.0.bias maps.0.weight maps.1.bias maps.1.weight maps.2.bias maps.3.bias "
            "maps.3.weight maps.4.bias maps.5.bias maps.5.weight maps.6.bias "
            "spaces.3.intrinsic_length ");
  EXPECT_EQ(file.tensors.at("maps.5.weight").shape,
            (std::vector<Index>{dimension(4), dimension(2)}));
  const auto words = about(bytes);
  EXPECT_EQ(words["spaces"],
            nlohmann::json({{{"name", "pixels"}, {"dimension", dimension(0)}},
                            {{"name", "one"}, {"dimension", 0}},
                            {{"name", "base"}, {"dimension", dimension(2)}, {"frozen", {0}}},
                            {{"name", "gate 1"},
                             {"dimension", dimension(3)},
                             {"groups", {dimension(3)}},
                             {"radial", "asinh"},
                             {"intrinsic_length_mode", "constant"},
                             {"frozen", {0}}},
                            {{"name", "answer"}, {"dimension", dimension(4)}}}));
  EXPECT_EQ(words["maps"], nlohmann::json::parse(R"([
      {"from": 0, "to": 2}, {"from": 2, "to": 3}, {"from": 1, "to": 3},
      {"from": 2, "to": 4, "factors": [3]}, {"from": 1, "to": 4, "factors": [3]},
      {"from": 2, "to": 4}, {"from": 1, "to": 4}])"));
  EXPECT_EQ(words["history"][0]["space"], 3);
  EXPECT_FALSE(words["history"][1].contains("space"));
  const auto read = parse_model<double>(bytes, "x");
  EXPECT_EQ(read.history[0].space, 3);
  EXPECT_EQ(read.history[1].space, -1);
  EXPECT_TRUE(read.network.space(3).is_frozen(0));
  EXPECT_EQ(serialise_model(read), bytes);
}

TEST(GraphFile, WhatNoFileCanHoldIsRefused) {
  const auto refused = [](auto change) {
    auto model = skipping_model<float>(5);
    change(model);
    return message_of<UsageError>([&] { serialise_model(model); });
  };
  EXPECT_THAT(refused([](auto& m) { m.tasks.pop_back(); }), HasSubstr("2 output spaces, got 1"));
  EXPECT_THAT(refused([](auto& m) { m.inputs.pop_back(); }), HasSubstr("2 input spaces, got 1"));
  EXPECT_THAT(refused([](auto& m) { m.network.map(1).a(0, 0) = NAN; }),
              HasSubstr("maps.0.weight needs finite numbers"));
  EXPECT_THAT(refused([](auto& m) { m.network.space(6).length[0] = 1e30F; }),
              HasSubstr("spaces.3.intrinsic_length"));
  EXPECT_THAT(refused([](auto& m) { m.history.emplace_back().step = -1; }),
              HasSubstr("history[0]"));
  // A space that nothing is read from or into.
  EXPECT_THAT(refused([](auto& m) {
                auto spaces = m.network.spaces();
                spaces.emplace_back().id = 40;
                spaces.back().dimension = 2;
                m.network = Network<float>(spaces, m.network.maps());
              }),
              HasSubstr("spaces[8]: needs a map that starts from it or ends in it"));
}

}  // namespace
}  // namespace isoform
