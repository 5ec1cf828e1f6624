// Damage to what models of several inputs, heads and graphs say beyond plain chains.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "io/general_models.h"
#include "io/random_damage.h"
#include "isoform/base/error.h"
#include "isoform/io/model_file.h"
#include "isoform/io/safetensors.h"
#include "monitor/folder.h"

namespace isoform {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using testing::expect_read_or_refused;
using ::testing::HasSubstr;
using testing::layered_model;
using testing::message_of;
using testing::perceptron_model;
using testing::skipping_model;
using ::testing::StartsWith;

constexpr Index kLarge = Index{1} << 53;

using Change = std::function<void(TensorFile&, json&)>;

std::string refusal(const std::string& valid, const Change& change) {
  TensorFile file = parse_tensors(valid, "x");
  json about = json::parse(file.metadata["isoform"]);
  change(file, about);
  file.metadata["isoform"] = about.dump();
  const std::string bytes = serialise(file);
  std::string message = message_of<FormatError>([&] { parse_model<double>(bytes, "bad.isoform"); });
  EXPECT_THAT(message, StartsWith("'bad.isoform'"));
  return message;
}

// Inputs of 3 and 2, hidden 7 = 3 + 3 + 1, heads of 2 and 3.
std::string layered_refusal(const std::function<void(json&)>& change) {
  static const std::string bytes = serialise_model(layered_model<double>({{3, 2}, {7}, {2, 3}}, 1));
  return refusal(bytes, [&](TensorFile&, json& about) { change(about); });
}

// Spaces: 0 left, 1 right, 2 first (2 groups), 3 gate, 4 linear, 5 second (1 group), 6 a, 7 b.
std::string graph_refusal(const Change& change) {
  static const std::string bytes = serialise_model(skipping_model<double>(2));
  return refusal(bytes, change);
}

std::string about_refusal(const std::function<void(json&)>& change) {
  return graph_refusal([&](TensorFile&, json& about) { change(about); });
}

TEST(GraphDamage, InputsAreChecked) {
  const auto replaced = [](const json& value) {
    return layered_refusal([&](json& about) { about["inputs"] = value; });
  };
  EXPECT_THAT(replaced("all"), HasSubstr("isoform.inputs: needs a list"));
  EXPECT_THAT(replaced(json::array()), HasSubstr("isoform.inputs: needs an input at least"));
  EXPECT_THAT(replaced({{{"name", "input 0"}, {"size", 5}}}),
              HasSubstr("tasks[1].inputs: 'input 1' is none of the model's inputs"));
  EXPECT_THAT(replaced({{{"name", 1}, {"size", 5}}}), HasSubstr("isoform.inputs[0].name"));
  const auto input = [](const std::string& key, const json& value) {
    return layered_refusal([&](json& about) { about["inputs"][1][key] = value; });
  };
  EXPECT_THAT(input("size", 0), HasSubstr("isoform.inputs[1].size"));
  EXPECT_THAT(input("size", 3), HasSubstr("isoform.inputs: need sizes that add up to the width 5"));
  EXPECT_THAT(input("size", 1), HasSubstr("isoform.inputs: need sizes that add up"));
  EXPECT_THAT(input("size", kLarge), HasSubstr("isoform.inputs: need sizes that add up"));
  EXPECT_THAT(input("name", "input 0"), HasSubstr("two are called 'input 0'"));
  EXPECT_THAT(input("features", {"a"}), HasSubstr("inputs[1].features: need a name for each of 2"));
  EXPECT_THAT(input("features", json::array()), HasSubstr("isoform.inputs[1].features"));
  EXPECT_THAT(input("features", {"a", 1}), HasSubstr("isoform.inputs[1].features[1]"));
  EXPECT_THAT(layered_refusal([](json& about) { about["inputs"][1].erase("size"); }),
              HasSubstr("'size' is missing"));
}

TEST(GraphDamage, TasksAreChecked) {
  const auto task = [](const std::string& key, const json& value) {
    return layered_refusal([&](json& about) { about["tasks"][1][key] = value; });
  };
  EXPECT_THAT(task("inputs", json::array()), HasSubstr("isoform.tasks[1].inputs: needs 'all' or"));
  EXPECT_THAT(task("inputs", "input 1"), HasSubstr("isoform.tasks[1].inputs: needs 'all' or"));
  EXPECT_THAT(task("inputs", {1}), HasSubstr("isoform.tasks[1].inputs[0]"));
  EXPECT_THAT(task("inputs", {"input 2"}), HasSubstr("'input 2' is none of the model's inputs"));
  EXPECT_THAT(task("inputs", {"input 1", "input 1"}), HasSubstr("'input 1' is there twice"));
  EXPECT_THAT(task("weight", 0), HasSubstr("tasks[1].weight: needs a number above 0, got 0"));
  EXPECT_THAT(task("weight", -1), HasSubstr("tasks[1].weight"));
  EXPECT_THAT(task("weight", "2"), HasSubstr("isoform.tasks[1].weight: needs a number"));
  EXPECT_THAT(task("outputs", json::array()), HasSubstr("tasks[1].outputs: need at least 1 name"));
  EXPECT_THAT(task("outputs", {"a", "b"}), HasSubstr("tasks: need a name for each of 5 outputs"));
}

TEST(GraphDamage, FrozenPartsOfLayersAreChecked) {
  const auto frozen = [](const json& value) {
    return layered_refusal([&](json& about) { about["frozen"] = value; });
  };
  EXPECT_THAT(frozen({{0}, json::array()}),
              HasSubstr("frozen: needs a list for each of 1 hidden spaces and 2 heads, got 2"));
  EXPECT_THAT(frozen(json::array()), HasSubstr("isoform.frozen: needs a list for each"));
  EXPECT_THAT(frozen(true), HasSubstr("isoform.frozen: needs a list"));
  EXPECT_THAT(frozen({0, 0, 0}), HasSubstr("isoform.frozen[0]: needs a list"));
  EXPECT_THAT(frozen({{0, 3}, json::array(), json::array()}),
              AllOf(HasSubstr("frozen[0]: needs positions of 3 groups"), HasSubstr("got [0, 3]")));
  EXPECT_THAT(frozen({{1, 1}, json::array(), json::array()}), HasSubstr("ascending order"));
  EXPECT_THAT(frozen({{-1}, json::array(), json::array()}), HasSubstr("isoform.frozen[0][0]"));
  EXPECT_THAT(frozen({{0}, {1}, json::array()}),
              HasSubstr("frozen[1]: needs positions of 1 group"));
}

TEST(GraphDamage, SpacesAreChecked) {
  const auto space = [](int i, const std::string& key, const json& value) {
    return about_refusal([&](json& about) { about["spaces"][i][key] = value; });
  };
  EXPECT_THAT(about_refusal([](json& about) { about.erase("spaces"); }),
              HasSubstr("'spaces' is missing"));
  EXPECT_THAT(about_refusal([](json& about) { about["spaces"] = about["maps"] = json::array(); }),
              HasSubstr("spaces: need an input and an output"));
  EXPECT_THAT(space(2, "name", 1), HasSubstr("isoform.spaces[2].name"));
  EXPECT_THAT(space(2, "dimension", -1), HasSubstr("isoform.spaces[2].dimension"));
  EXPECT_THAT(space(2, "dimension", 6),
              AllOf(HasSubstr("spaces[2].groups"), HasSubstr("width 6, got [2, 3]")));
  EXPECT_THAT(space(4, "dimension", 0), HasSubstr("spaces[4].dimension: needs at least 1"));
  EXPECT_THAT(space(2, "groups", json::array()), HasSubstr("isoform.spaces[2].groups"));
  EXPECT_THAT(space(2, "groups", {5, 0}), HasSubstr("isoform.spaces[2].groups[1]"));
  EXPECT_THAT(space(2, "groups", {kLarge, kLarge}), HasSubstr("spaces[2].groups"));
  EXPECT_THAT(space(2, "radial", "relu"), HasSubstr("'relu' is unknown"));
  EXPECT_THAT(space(2, "intrinsic_length_mode", "x"), HasSubstr("isoform.spaces[2].intrinsic"));
  EXPECT_THAT(space(4, "radial", "tanh"), HasSubstr("isoform.spaces[4].radial: needs the key"));
  EXPECT_THAT(about_refusal([](json& about) { about["spaces"][2].erase("radial"); }),
              HasSubstr("'radial' is missing"));
  EXPECT_THAT(space(0, "groups", {1}), HasSubstr("isoform.spaces[0]: the key 'radial' is missing"));
  EXPECT_THAT(space(2, "frozen", {2}), HasSubstr("spaces[2].frozen: needs positions of 2 groups"));
  EXPECT_THAT(space(4, "frozen", {1}), HasSubstr("spaces[4].frozen"));
  EXPECT_THAT(space(0, "frozen", {0}), HasSubstr("spaces[0].frozen: needs positions of 0 groups"));
  EXPECT_THAT(about_refusal([](json& about) {
                about["spaces"].push_back({{"name", "island"}, {"dimension", 2}});
              }),
              HasSubstr("spaces[8]: needs a map that starts from it or ends in it"));
  EXPECT_THAT(about_refusal([](json& about) { about["spaces"].push_back(about["spaces"][2]); }),
              HasSubstr("spaces[8]: needs a map that ends in it"));
  EXPECT_THAT(about_refusal([](json& about) { about["spaces"].erase(7); }),
              HasSubstr("needs the position of one of 7 spaces"));
}

TEST(GraphDamage, MapsAreChecked) {
  const auto map = [](int i, const std::string& key, const json& value) {
    return about_refusal([&](json& about) { about["maps"][i][key] = value; });
  };
  EXPECT_THAT(about_refusal([](json& about) { about.erase("maps"); }),
              HasSubstr("'maps' is missing"));
  EXPECT_THAT(map(0, "from", 8), HasSubstr("isoform.maps[0].from: needs the position of one of 8"));
  EXPECT_THAT(map(0, "to", -1), HasSubstr("isoform.maps[0].to: needs a whole number"));
  EXPECT_THAT(map(0, "to", 0), HasSubstr("maps[0]: needs a source that stands before its target"));
  EXPECT_THAT(map(3, "from", 5), HasSubstr("maps[3]: needs a source that stands before"));
  EXPECT_THAT(map(5, "from", 4), HasSubstr("maps[5]: needs a source")) << "a stream of itself";
  EXPECT_THAT(map(5, "factors", 3), HasSubstr("isoform.maps[5].factors: needs a list"));
  EXPECT_THAT(map(5, "factors", {8}), HasSubstr("isoform.maps[5].factors[0]"));
  EXPECT_THAT(map(5, "factors", {2}), AllOf(HasSubstr("maps[5].factors: needs spaces of one group"),
                                            HasSubstr("space 2 with 2 groups")));
  EXPECT_THAT(map(5, "factors", {0}), HasSubstr("space 0 with 0 groups"));
  EXPECT_THAT(map(5, "factors", {5}), HasSubstr("before space 4, got space 5"));
  EXPECT_THAT(map(0, "psi_mode", "none"),
              HasSubstr("isoform.maps[0].psi_mode: needs a map from a"));
  EXPECT_THAT(map(3, "psi_mode", "x"), HasSubstr("isoform.maps[3].psi_mode"));
  EXPECT_THAT(about_refusal([](json& about) { about["maps"][2].erase("to"); }),
              HasSubstr("'to' is missing"));
  EXPECT_THAT(about_refusal([](json& about) { about["structure"] = {"dense"}; }),
              HasSubstr("isoform.structure: needs a list with a name for each of 13 maps"));
}

TEST(GraphDamage, NamesOfGraphsAreChecked) {
  EXPECT_THAT(about_refusal([](json& about) { about["inputs"].erase(1); }),
              HasSubstr("inputs: needs one for each of 2 input spaces, got 1"));
  EXPECT_THAT(about_refusal([](json& about) { about["inputs"][1]["size"] = 9; }),
              HasSubstr("inputs[1].size: needs the dimension"));
  EXPECT_THAT(about_refusal([](json& about) { about["tasks"].erase(0); }),
              HasSubstr("tasks: needs one for each of 2 output spaces, got 1"));
  EXPECT_THAT(about_refusal([](json& about) {
                about["tasks"][1]["outputs"] = {"x", "y"};
              }),
              HasSubstr("tasks[1].outputs: need a name for each of 1 outputs, got 2"));
  const auto record = [](const json& space) {
    return about_refusal([&](json& about) {
      about["history"] = {{{"step", 0},
                           {"kind", "refit"},
                           {"space", space},
                           {"before", 0},
                           {"after", 0},
                           {"born", 0},
                           {"removed", 0}}};
    });
  };
  EXPECT_THAT(record(8), HasSubstr("isoform.history[0].space: needs the position of one of 8"));
  EXPECT_THAT(record(-1), HasSubstr("isoform.history[0].space"));
}

TEST(GraphDamage, TensorsOfGraphsAreChecked) {
  for (const char* name : {"maps.0.weight", "maps.11.bias", "spaces.3.intrinsic_length"}) {
    EXPECT_THAT(graph_refusal([&](TensorFile& f, json&) { f.tensors.erase(name); }),
                AllOf(HasSubstr(name), HasSubstr("is missing")));
  }
  for (const char* name : {"maps.12.weight", "maps.0.psi", "spaces.4.intrinsic_length",
                           "layers.0.weight", "maps.0.weight.triangle"}) {
    EXPECT_THAT(
        graph_refusal([&](TensorFile& f, json&) { f.tensors[name] = f.tensors["maps.0.bias"]; }),
        HasSubstr(std::string("'") + name + "'"));
  }
  EXPECT_THAT(graph_refusal([](TensorFile& f, json&) {
                f.tensors["maps.1.bias"].shape = {5, 1};
              }),
              AllOf(HasSubstr("maps.1.bias"), HasSubstr("[5] after")));
  EXPECT_THAT(graph_refusal([](TensorFile& f, json&) {
                std::get<std::vector<double>>(f.tensors["spaces.3.intrinsic_length"].data)[0] = -1;
              }),
              AllOf(HasSubstr("spaces.3.intrinsic_length"), HasSubstr("got -1")));
  // The constant 1 has no weight, in no form.
  const std::string bytes = serialise_model(perceptron_model<double>(3, 2));
  EXPECT_THAT(refusal(bytes,
                      [](TensorFile& f, json&) {
                        f.tensors["maps.2.weight"] = {{1, 1}, std::vector<double>{1.0}};
                      }),
              HasSubstr("'maps.2.weight' is not part of this"));
  EXPECT_THAT(refusal(bytes,
                      [](TensorFile&, json& about) {
                        about["structure"] =
                            std::vector<std::string>(about["maps"].size(), "dense");
                        about["structure"][2] = "diagonal";
                      }),
              HasSubstr("structure[2]: needs 'dense'"));
}

// A short file may not ask for terabytes.
TEST(GraphDamage, GraphsOfAnySizeAreRefused) {
  EXPECT_THAT(about_refusal([](json& about) {
                about["spaces"][2]["dimension"] = kLarge;
                about["spaces"][2]["groups"] = {2, kLarge - 2};
              }),
              HasSubstr("[9007199254740992]"));
  EXPECT_THAT(about_refusal([](json& about) { about["spaces"][4]["dimension"] = kLarge; }),
              HasSubstr("[9007199254740992]"));
  for (const int input : {0, 1}) {
    EXPECT_THAT(about_refusal([&](json& about) {
                  about.erase("inputs");
                  about["tasks"][1]["inputs"] = "all";
                  about["spaces"][input]["dimension"] = kLarge - 20;
                }),
                HasSubstr("input.mean"));
  }
  EXPECT_THAT(about_refusal([](json& about) {
                about["spaces"][0]["dimension"] = about["spaces"][1]["dimension"] = kLarge;
              }),
              HasSubstr("spaces[1].dimension: needs at most 9007199254740992 inputs altogether"));
  // Zeros that nobody stored.
  const Index n = 50'000;
  const auto count = static_cast<std::size_t>(n);
  TensorFile file;
  json about = {{"format", 1},
                {"architecture", "graph"},
                {"spaces", {{{"name", "x"}, {"dimension", n}}, {{"name", "y"}, {"dimension", n}}}},
                {"maps", {{{"from", 0}, {"to", 1}}}},
                {"structure", {"diagonal"}}};
  file.metadata["isoform"] = about.dump();
  for (const char* name : {"input.mean", "input.scale", "maps.0.bias", "maps.0.weight.diagonal"}) {
    file.tensors[name] = {{n}, std::vector<float>(count, 1.0F)};
  }
  EXPECT_THAT(message_of<FormatError>([&] { parse_model<float>(serialise(file), "x"); }),
              AllOf(HasSubstr("maps.0.weight.diagonal"), HasSubstr("2500000000 numbers")));
}

TEST(GraphDamage, RandomDamageOfLayersIsReadOrRefused) {
  auto model = layered_model<float>({{3, 2}, {7}, {2, 3}}, 1);
  freeze_trunk(model, true);
  model.tasks[1].weight = 0.5;
  expect_read_or_refused(serialise_model(model));
}

TEST(GraphDamage, RandomDamageOfGraphsIsReadOrRefused) {
  expect_read_or_refused(serialise_model(skipping_model<float>(2)));
  expect_read_or_refused(serialise_model(perceptron_model<float>(3, 2)));
}

}  // namespace
}  // namespace isoform
