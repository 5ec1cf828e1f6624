// Damaged and foreign model files: each is refused with the file and the reason, none crashes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>

#include "io/random_damage.h"
#include "io/random_model.h"
#include "isoform/base/error.h"
#include "isoform/io/model_file.h"
#include "isoform/io/safetensors.h"
#include "monitor/folder.h"

namespace isoform {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using testing::expect_read_or_refused;
using testing::full_model;
using ::testing::HasSubstr;
using testing::message_of;
using testing::sparse_model;
using ::testing::StartsWith;

// What is said to a valid file after a change of its tensors.
std::string refusal(const std::function<void(TensorFile&)>& change) {
  TensorFile file = parse_tensors(serialise_model(full_model<double>()), "x");
  change(file);
  const std::string bytes = serialise(file);
  std::string message = message_of<FormatError>([&] { parse_model<double>(bytes, "bad.isoform"); });
  EXPECT_THAT(message, StartsWith("'bad.isoform'"));
  return message;
}

// … and of its description.
std::string about_refusal(const std::function<void(json&)>& change) {
  return refusal([&](TensorFile& file) {
    json about = json::parse(file.metadata["isoform"]);
    change(about);
    file.metadata["isoform"] = about.dump();
  });
}

std::string replaced(const std::string& key, const json& value) {
  return about_refusal([&](json& about) { about[key] = value; });
}

std::vector<double>& numbers(TensorFile& file, const std::string& name) {
  return std::get<std::vector<double>>(file.tensors.at(name).data);
}

TEST(ModelDamage, OtherSafetensorsFilesAreNotModels) {
  EXPECT_THAT(refusal([](TensorFile& f) {
                f.metadata = {{"format", "pt"}};
              }),
              HasSubstr("not an Isoform model"));
}

TEST(ModelDamage, NewerFormatsAreRefusedWithTheirVersion) {
  EXPECT_THAT(replaced("format", 2),
              HasSubstr("written by a newer Isoform: format 2, this one reads 1"));
  // Before anything else is looked at.
  EXPECT_THAT(about_refusal([](json& about) {
                about = {{"format", 3}};
              }),
              HasSubstr("written by a newer Isoform: format 3"));
  EXPECT_THAT(replaced("format", 0), HasSubstr("isoform.format: needs a whole number"));
  EXPECT_THAT(replaced("format", "1"), HasSubstr("isoform.format"));
  EXPECT_THAT(about_refusal([](json& about) { about.erase("format"); }),
              HasSubstr("'format' is missing"));
}

TEST(ModelDamage, UnknownKeysArePassedOver) {
  TensorFile file = parse_tensors(serialise_model(full_model<double>()), "x");
  json about = json::parse(file.metadata["isoform"]);
  about["of_tomorrow"] = {{"later", true}};
  file.metadata["isoform"] = about.dump();
  file.metadata["note"] = "mine";
  EXPECT_EQ(parse_model<double>(serialise(file), "x").tasks.size(), 2U);
}

TEST(ModelDamage, ModesMayBeAbsent) {
  TensorFile file = parse_tensors(serialise_model(full_model<double>()), "x");
  json about = json::parse(file.metadata["isoform"]);
  for (const char* key : {"intrinsic_length_mode", "psi_mode", "tasks", "image", "history"}) {
    about.erase(key);
  }
  file.metadata["isoform"] = about.dump();
  file.tensors.erase("layers.2.psi");
  const auto model = parse_model<double>(serialise(file), "x");
  EXPECT_EQ(model.network.space(1).length_mode, LengthMode::trainable);
  EXPECT_EQ(model.network.map(1).psi_mode, PsiMode::decay);
  EXPECT_EQ(model.network.map(2).psi().cols(), 3);
  EXPECT_TRUE(model.network.map(2).psi().isZero(0));
  EXPECT_TRUE(model.tasks.empty());
  EXPECT_EQ(model.image_rows, 0);
}

TEST(ModelDamage, PrecisionsMayBeMixed) {
  const Model<double> model = full_model<double>();
  TensorFile file = parse_tensors(serialise_model(model), "x");
  const std::vector<double> bias = numbers(file, "layers.0.bias");
  file.tensors["layers.0.bias"].data = std::vector<float>(bias.begin(), bias.end());
  const auto read = parse_model<double>(serialise(file), "x");
  EXPECT_EQ(read.network.map(0).bias(), model.network.map(0).bias().cast<float>().cast<double>());
  EXPECT_EQ(read.network.map(0).weight(), model.network.map(0).weight());
}

TEST(ModelDamage, DescriptionsAreChecked) {
  EXPECT_THAT(replaced("architecture", "residual"), HasSubstr("'chain' or 'graph'"));
  EXPECT_THAT(replaced("widths", {6}), HasSubstr("isoform.widths"));
  EXPECT_THAT(replaced("widths", json::array()), HasSubstr("isoform.widths"));
  EXPECT_THAT(replaced("widths", {6, 7, 0, 4}), HasSubstr("isoform.widths[2]"));
  EXPECT_THAT(replaced("widths", {6, 7, 5.5, 4}), HasSubstr("isoform.widths[2]"));
  EXPECT_THAT(replaced("widths", {6, 7, 5, 3}), HasSubstr("tasks"));
  EXPECT_THAT(replaced("widths", 6), HasSubstr("needs a list"));
  EXPECT_THAT(replaced("groups", {{7}}), HasSubstr("2 hidden spaces, got 1"));
  EXPECT_THAT(replaced("groups", {{3, 4}, {1, 3}}),
              AllOf(HasSubstr("groups[1]"), HasSubstr("width 5, got [1, 3]")));
  EXPECT_THAT(replaced("groups", {{3, 4}, {5, 1LL << 53}}), HasSubstr("groups[1]"));
  EXPECT_THAT(replaced("groups", {{3, 4}, json::array()}), HasSubstr("groups[1]"));
  EXPECT_THAT(replaced("groups", {{3, 4}, {5, 0}}), HasSubstr("groups[1][1]"));
  EXPECT_THAT(replaced("radial", "relu"), AllOf(HasSubstr("'relu' is unknown"), HasSubstr("tanh")));
  EXPECT_THAT(replaced("radial", {"tanh"}), HasSubstr("2 hidden spaces, got 1"));
  EXPECT_THAT(replaced("radial", {"tanh", "x"}), HasSubstr("isoform.radial[1]"));
  EXPECT_THAT(replaced("psi_mode", "x"), HasSubstr("isoform.psi_mode"));
  EXPECT_THAT(replaced("intrinsic_length_mode", "x"), HasSubstr("isoform.intrinsic_length_mode"));
  EXPECT_THAT(replaced("image", {2}), HasSubstr("isoform.image"));
  EXPECT_THAT(replaced("image", {2, 4}), HasSubstr("divide 6 inputs, got 2 × 4"));
  EXPECT_THAT(replaced("image", {1LL << 40, 1LL << 40}), HasSubstr("image"));
}

TEST(ModelDamage, TasksAndHistoryAreChecked) {
  const auto task = [](const std::string& key, const json& value) {
    return about_refusal([&](json& about) { about["tasks"][0][key] = value; });
  };
  EXPECT_THAT(task("name", 1), HasSubstr("isoform.tasks[0].name: needs a text, got 1"));
  EXPECT_THAT(task("inputs", "left"),
              HasSubstr("needs 'all' or a list of names of inputs, got 'left'"));
  EXPECT_THAT(task("outputs", {"a"}), HasSubstr("4 outputs, got 2"));
  EXPECT_THAT(task("loss", "hinge"), HasSubstr("'hinge' is unknown"));
  EXPECT_THAT(task("active", 1), HasSubstr("true or false"));
  EXPECT_THAT(task("name", "extra \"é\""), HasSubstr("two are called"));
  const auto record = [](const std::string& key, const json& value) {
    return about_refusal([&](json& about) { about["history"][1][key] = value; });
  };
  EXPECT_THAT(record("kind", "melt"), HasSubstr("edit 'melt' is unknown"));
  EXPECT_THAT(record("space", 3), HasSubstr("isoform.history[1].space"));
  EXPECT_THAT(record("step", -1), HasSubstr("isoform.history[1].step"));
  EXPECT_THAT(record("bound", "1"), HasSubstr("needs a number"));
  EXPECT_THAT(record("why", json::array()), HasSubstr("needs a text, got a list"));
  EXPECT_THAT(about_refusal([](json& about) {
                about["history"] = std::vector<json>(kMaxHistory + 1, about["history"][0]);
              }),
              HasSubstr("at most 10000"));
}

TEST(ModelDamage, DescriptionIsStrictJson) {
  const auto text = [](const std::string& isoform) {
    return refusal([&](TensorFile& f) { f.metadata["isoform"] = isoform; });
  };
  EXPECT_THAT(text(""), HasSubstr("not valid JSON"));
  EXPECT_THAT(text("{\"format\":1,\"format\":1}"), HasSubstr("'format' occurs twice"));
  EXPECT_THAT(text("[1]"), HasSubstr("an object"));
}

TEST(ModelDamage, TensorsAreChecked) {
  for (const char* name : {"layers.0.weight", "layers.2.bias", "layers.1.intrinsic_length",
                           "input.mean", "input.scale"}) {
    EXPECT_THAT(refusal([&](TensorFile& f) { f.tensors.erase(name); }),
                AllOf(HasSubstr(name), HasSubstr("is missing")));
  }
  for (const char* name : {"layers.2.intrinsic_length", "layers.0.psi", "layers.3.weight", "x"}) {
    EXPECT_THAT(refusal([&](TensorFile& f) { f.tensors[name] = f.tensors["layers.1.psi"]; }),
                AllOf(HasSubstr(std::string("'") + name + "'"), HasSubstr("is not part of this")));
  }
  EXPECT_THAT(refusal([](TensorFile& f) {
                f.tensors["layers.1.weight"].shape = {7, 5};
              }),
              AllOf(HasSubstr("layers.1.weight"), HasSubstr("[5, 7]"), HasSubstr("got [7, 5]")));
  EXPECT_THAT(refusal([](TensorFile& f) {
                f.tensors["layers.1.bias"].shape = {5, 1};
              }),
              AllOf(HasSubstr("layers.1.bias"), HasSubstr("[5] after"), HasSubstr("got [5, 1]")));
  EXPECT_THAT(refusal([](TensorFile& f) { f.tensors["layers.1.psi"].shape = {10}; }),
              AllOf(HasSubstr("layers.1.psi"), HasSubstr("[5, 2]")));
  EXPECT_THAT(replaced("psi_mode", "none"), HasSubstr("'layers.1.psi' is not part of this"));
  EXPECT_THAT(refusal([](TensorFile& f) { f.tensors["layers.0.chi"] = f.tensors["layers.1.psi"]; }),
              AllOf(HasSubstr("layers.0.chi"), HasSubstr("reads no gates")));
  EXPECT_THAT(refusal([](TensorFile& f) { f.tensors["layers.1.chi"] = f.tensors["layers.2.psi"]; }),
              AllOf(HasSubstr("layers.1.chi"), HasSubstr("[5, 2]")));
  EXPECT_THAT(replaced("intrinsic_length_mode", "none"), HasSubstr("its mode is 'none'"));
  const std::string huge = about_refusal([](json& about) {
    about["widths"][1] = 1LL << 53;
    about["groups"][0] = {3, (1LL << 53) - 3};
  });
  EXPECT_THAT(huge, AllOf(HasSubstr("layers.0.bias"), HasSubstr("[9007199254740992]")));
}

TEST(ModelDamage, ValuesAreChecked) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  for (const char* name : {"layers.0.weight", "layers.1.psi", "layers.2.bias", "input.mean",
                           "input.scale", "layers.1.intrinsic_length"}) {
    for (const double value : {nan, infinity, -infinity}) {
      EXPECT_THAT(refusal([&](TensorFile& f) { numbers(f, name)[1] = value; }),
                  AllOf(HasSubstr(name), HasSubstr("finite numbers"), HasSubstr("position 1")));
    }
  }
  EXPECT_THAT(refusal([](TensorFile& f) { numbers(f, "layers.0.intrinsic_length")[1] = -0.5; }),
              AllOf(HasSubstr("layers.0.intrinsic_length"), HasSubstr("got -0.5")));
  for (const double value : {0.0, -1.0}) {
    EXPECT_THAT(refusal([&](TensorFile& f) { numbers(f, "input.scale")[5] = value; }),
                AllOf(HasSubstr("input.scale"), HasSubstr("above 0")));
  }
  TensorFile file = parse_tensors(serialise_model(full_model<double>()), "x");
  numbers(file, "layers.0.weight")[0] = 1e300;
  EXPECT_EQ(parse_model<double>(serialise(file), "x").network.map(0).a(0, 0), 1e300);
  EXPECT_THAT(message_of<FormatError>([&] { parse_model<float>(serialise(file), "x"); }),
              AllOf(HasSubstr("layers.0.weight"), HasSubstr("1e+300"), HasSubstr("in double")));
}

// What is said to a file with sparse weights (triangle, diagonal, dense, triangle) after a change.
std::string sparse_refusal(const std::function<void(TensorFile&, json&)>& change) {
  TensorFile file = parse_tensors(serialise_model(sparse_model<double>(5)), "x");
  json about = json::parse(file.metadata["isoform"]);
  change(file, about);
  file.metadata["isoform"] = about.dump();
  const std::string bytes = serialise(file);
  std::string message = message_of<FormatError>([&] { parse_model<double>(bytes, "bad.isoform"); });
  EXPECT_THAT(message, StartsWith("'bad.isoform'"));
  return message;
}

TEST(ModelDamage, SparseFormsAreChecked) {
  const auto structure = [](const json& value) {
    return sparse_refusal([&](TensorFile&, json& about) { about["structure"] = value; });
  };
  EXPECT_THAT(structure({"triangle", "diagonal", "dense", "banded"}),
              AllOf(HasSubstr("isoform.structure[3]"), HasSubstr("'banded' is unknown")));
  EXPECT_THAT(structure({"triangle", "diagonal", "dense"}),
              AllOf(HasSubstr("isoform.structure"), HasSubstr("each of 4 maps")));
  EXPECT_THAT(structure("diagonal"), HasSubstr("needs a list"));
  EXPECT_THAT(structure({"triangle", 1, "dense", "triangle"}), HasSubstr("isoform.structure[1]"));
  // Another form than the tensor's, and none at all.
  EXPECT_THAT(structure({"triangle", "triangle", "dense", "triangle"}),
              AllOf(HasSubstr("'layers.1.weight.diagonal' is there"),
                    HasSubstr("kept in 'layers.1.weight.triangle' alone")));
  EXPECT_THAT(structure({"triangle", "diagonal", "diagonal", "triangle"}),
              AllOf(HasSubstr("'layers.2.weight' is there"), HasSubstr("this weight is diagonal")));
  EXPECT_THAT(sparse_refusal([](TensorFile&, json& about) { about.erase("structure"); }),
              AllOf(HasSubstr("'layers.0.weight.triangle' is there"), HasSubstr("is dense")));
  for (const char* name : {"layers.1.weight.diagonal", "layers.3.weight.triangle"}) {
    EXPECT_THAT(sparse_refusal([&](TensorFile& f, json&) { f.tensors.erase(name); }),
                AllOf(HasSubstr(name), HasSubstr("is missing")));
  }
  // Two forms at once.
  for (const char* name : {"layers.1.weight", "layers.1.weight.triangle"}) {
    EXPECT_THAT(sparse_refusal([&](TensorFile& f, json&) {
                  f.tensors[name] = f.tensors["layers.1.weight.diagonal"];
                }),
                AllOf(HasSubstr(std::string("'") + name + "' is there"), HasSubstr("alone")));
  }
  EXPECT_THAT(sparse_refusal([](TensorFile& f, json&) {
                f.tensors["layers.4.weight.diagonal"] = f.tensors["layers.1.weight.diagonal"];
              }),
              HasSubstr("is not part of this"));
  // Wrong lengths and shapes.
  for (const Index length : {4, 6}) {
    EXPECT_THAT(sparse_refusal([&](TensorFile& f, json&) {
                  f.tensors["layers.1.weight.diagonal"] = {
                      {length}, std::vector<double>(static_cast<std::size_t>(length), 1.0)};
                }),
                AllOf(HasSubstr("'layers.1.weight.diagonal' needs the shape [5]"),
                      HasSubstr(shape_text({length}))));
  }
  EXPECT_THAT(sparse_refusal([](TensorFile& f, json&) {
                f.tensors["layers.3.weight.triangle"].shape = {7, 2};
              }),
              HasSubstr("needs the shape [14] after widths and groups, got [7, 2]"));
  // The same number of rows, other groups: another triangle.
  EXPECT_THAT(sparse_refusal([](TensorFile& f, json& about) {
                about["groups"][0] = {9};
                f.tensors["layers.0.intrinsic_length"] = {{1}, std::vector<double>{1.0}};
                f.tensors["layers.1.psi"] = {{5, 1}, std::vector<double>(5, 1.0)};
              }),
              AllOf(HasSubstr("layers.0.weight.triangle"), HasSubstr("[21]"), HasSubstr("[44]")));
  EXPECT_THAT(sparse_refusal([](TensorFile& f, json&) {
                numbers(f, "layers.3.weight.triangle")[2] = std::nan("");
              }),
              AllOf(HasSubstr("layers.3.weight.triangle"), HasSubstr("position 2")));
}

// A short file may not ask for terabytes of zeros.
TEST(ModelDamage, SparseFormsOfAnySizeAreRefused) {
  const Index n = 50'000;
  const auto count = static_cast<std::size_t>(n);
  TensorFile file;
  json about = {{"format", 1},      {"architecture", "chain"},
                {"widths", {n, n}}, {"groups", json::array()},
                {"radial", "tanh"}, {"structure", {"diagonal"}}};
  file.metadata["isoform"] = about.dump();
  for (const char* name :
       {"input.mean", "input.scale", "layers.0.bias", "layers.0.weight.diagonal"}) {
    file.tensors[name] = {{n}, std::vector<float>(count, 1.0F)};
  }
  EXPECT_THAT(message_of<FormatError>([&] { parse_model<float>(serialise(file), "x"); }),
              AllOf(HasSubstr("layers.0.weight.diagonal"), HasSubstr("2500000000 numbers")));
}

TEST(ModelDamage, RandomDamageIsReadOrRefused) {
  expect_read_or_refused(serialise_model(full_model<float>()));
}

TEST(ModelDamage, RandomDamageOfSparseFilesIsReadOrRefused) {
  expect_read_or_refused(serialise_model(sparse_model<float>(5)));
}

}  // namespace
}  // namespace isoform
