// Networks from PyTorch's state dicts in safetensors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "io/onnx_graphs.h"
#include "io/random_model.h"
#include "isoform/base/error.h"
#include "isoform/io/import.h"
#include "isoform/io/model_file.h"
#include "monitor/folder.h"

namespace isoform {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::message_of;
using testing::OnnxGraph;

Tensor tensor(const std::vector<Index>& shape, float begin) {
  Index count = 1;
  for (const Index extent : shape) count *= extent;
  return {shape, OnnxGraph::count(count, begin)};
}

// What torch.nn.Sequential(Linear(3, 2), Tanh(), Linear(2, 4)) saves.
TensorFile two_layers(const std::string& prefix = "") {
  TensorFile file;
  file.tensors[prefix + "0.weight"] = tensor({2, 3}, 1);
  file.tensors[prefix + "0.bias"] = tensor({2}, -1);
  file.tensors[prefix + "2.weight"] = tensor({4, 2}, 5);
  file.tensors[prefix + "2.bias"] = tensor({4}, -5);
  return file;
}

constexpr const char* kTanh = "tanh";

Imported<float> read(const TensorFile& file,
                     const ImportSettings& settings = {.activation = kTanh}) {
  return import_state_dict<float>(file, "x", settings);
}

std::string refusal(const TensorFile& file) {
  return message_of<FormatError>([&] { read(file); });
}

TEST(StateDict, GivesTheSameModelAsOnnx) {
  OnnxGraph graph;
  graph.linear("0", 2, 3);
  graph.node("Tanh");
  graph.linear("2", 4, 2, 5);
  const std::string expected = serialise_model(graph.read().model);
  for (const char* prefix : {"", "net.", "module.layers."}) {
    EXPECT_EQ(serialise_model(read(two_layers(prefix)).model), expected) << prefix;
  }
}

TEST(StateDict, NumbersInNamesCountByValue) {
  TensorFile file;
  for (int k = 0; k <= 20; k += 2) {
    file.tensors["net." + std::to_string(k) + ".weight"] = tensor({k + 2, k == 0 ? 3 : k}, 1);
  }
  const Network<float> network = read(file).model.network;
  EXPECT_THAT(network.widths(), ElementsAre(3, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22));
  EXPECT_TRUE(network.map(3).bias().isZero(0));  // bias=False
}

TEST(StateDict, ActivationsAreAsked) {
  const auto refused = [](const ImportSettings& settings) {
    return message_of<UsageError>([&] { read(two_layers(), settings); });
  };
  EXPECT_EQ(
      refused({}),
      "activation: a state dict does not say what stands between its layers; add --activation "
      "tanh, asinh or identity");
  EXPECT_THAT(refused({.activation = "relu"}),
              AllOf(HasSubstr("'relu' cannot be imported"), HasSubstr("tanh, asinh, identity")));
  EXPECT_THAT(refused({.activation = "tanhh"}), HasSubstr("did you mean tanh?"));
  EXPECT_EQ(read(two_layers(), {.activation = "asinh"}).model.network.space(1).radial,
            Radial::asinh);
  EXPECT_THAT(read(two_layers(), {.activation = "identity"}).model.network.widths(),
              ElementsAre(3, 4));
  TensorFile one;
  one.tensors["weight"] = tensor({4, 3}, 1);
  EXPECT_THAT(read(one, {}).model.network.widths(), ElementsAre(3, 4));
}

TEST(StateDict, WhatIsNoLayerIsNamed) {
  const auto with = [](const std::string& name, const std::vector<Index>& shape) {
    TensorFile file = two_layers();
    file.tensors[name] = tensor(shape, 1);
    return refusal(file);
  };
  EXPECT_EQ(with("1.running_mean", {2}),
            "'x': tensor '1.running_mean' [2] is no part of a fully connected layer; needs weights "
            "[outputs, inputs] and biases [outputs] alone; fold the normalisation into the layer "
            "before it (torch.nn.utils.fusion.fuse_linear_bn_eval)");
  EXPECT_THAT(with("1.weight", {2}), HasSubstr("tensor '1.weight' [2] is no part"));
  EXPECT_THAT(with("1.weight", {2, 2, 3, 3}), HasSubstr("[2, 2, 3, 3] is no part"));
  EXPECT_THAT(with("3.bias", {2}), HasSubstr("layer '3.weight' is missing, its bias is there"));
  EXPECT_THAT(with("3.weight", {0, 4}), HasSubstr("a width of at least 1, got [0, 4]"));
  EXPECT_THAT(with("2.bias", {3}), HasSubstr("layer '2.weight' has 4 rows and a bias of 3"));
  EXPECT_THAT(refusal({}), HasSubstr("there is no tensor in it"));
}

TEST(StateDict, LayersHaveToFollowEachOther) {
  TensorFile file = two_layers();
  file.tensors["2.weight"] = tensor({2, 4}, 1);
  file.tensors["2.bias"] = tensor({2}, 1);
  EXPECT_EQ(refusal(file),
            "'x': layer '2.weight' needs 4 values and layer '0.weight' gives 2: the layers do not "
            "follow each other; is the weight [outputs, inputs], and are all layers there?");
}

TEST(StateDict, NumbersHaveToBeFinite) {
  TensorFile file = two_layers();
  std::get<std::vector<float>>(file.tensors["2.bias"].data)[1] =
      std::numeric_limits<float>::infinity();
  EXPECT_EQ(refusal(file), "'x': layer '2.weight' needs finite numbers, and has others");
  file = two_layers();
  file.tensors["0.bias"] = {{2}, std::vector<double>{1e300, 0}};
  EXPECT_THAT(refusal(file), HasSubstr("layer '0.weight' needs finite numbers"));
  EXPECT_EQ(
      import_state_dict<double>(file, "x", {.activation = kTanh}).model.network.map(0).a(0, 3),
      1e300);
}

TEST(StateDict, FilesAreToldByTheirEnding) {
  const testing::Folder folder;
  testing::spill(folder / "net.safetensors", serialise(two_layers()));
  EXPECT_THAT(
      import_model<float>(folder / "net.safetensors", {.activation = kTanh}).model.network.widths(),
      ElementsAre(3, 2, 4));
  EXPECT_THAT(message_of<UsageError>([&] { import_model<float>(folder / "net.pth"); }),
              HasSubstr("a pickled file can run code"));
  EXPECT_THAT(message_of<UsageError>([&] { import_model<float>(folder / "net.h5"); }),
              HasSubstr("needs a name that ends in .onnx or .safetensors"));
  EXPECT_THAT(message_of<FileError>([&] { import_model<float>(folder / "gone.onnx"); }),
              HasSubstr("No such file"));
  save_model(testing::random_model<float>(testing::mixed_chain(), 1), folder / "m.safetensors");
  EXPECT_THAT(message_of<UsageError>(
                  [&] { import_model<float>(folder / "m.safetensors", {.activation = kTanh}); }),
              HasSubstr("is a model file of Isoform already"));
}

}  // namespace
}  // namespace isoform
