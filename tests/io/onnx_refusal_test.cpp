// ONNX files that are damaged, malicious, or of networks that cannot be imported: refused with the reason.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "io/onnx_graphs.h"
#include "isoform/base/error.h"
#include "isoform/io/onnx_file.h"
#include "isoform/io/onnx_words.h"
#include "monitor/folder.h"

namespace isoform {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::message_of;
using testing::OnnxGraph;
using testing::small_graph;
using ::testing::StartsWith;

std::string refusal(OnnxGraph& graph) {
  return message_of<FormatError>([&] { graph.read(); });
}

// What is said of a small graph after a change.
std::string changed(const std::function<void(OnnxGraph&)>& change) {
  OnnxGraph graph = small_graph();
  change(graph);
  return refusal(graph);
}

// The same of a graph whose first nodes are others.
std::string begun(const std::function<void(OnnxGraph&)>& begin,
                  const std::vector<Index>& sample = {3}) {
  OnnxGraph graph(sample);
  begin(graph);
  if (graph.graph().node_size() > 0) return refusal(graph);
  graph.linear("first", 2, 3);
  return refusal(graph);
}

TEST(OnnxRefusals, OperatorsAreNamedWithWhatWouldBePossible) {
  EXPECT_EQ(
      changed([](OnnxGraph& g) { g.node("Relu"); }),
      "'x': node 'Relu4' ('Relu') cannot be imported: of elementwise activations only Tanh and "
      "Asinh are gates of a length; train the network with one of them");
  EXPECT_THAT(changed([](OnnxGraph& g) { g.node("BatchNormalization"); }),
              HasSubstr("fuse_linear_bn_eval"));
  EXPECT_THAT(changed([](OnnxGraph& g) { g.node("Conv"); }),
              HasSubstr("node 'Conv4' ('Conv') cannot be imported: layers of Gemm"));
  EXPECT_THAT(changed([](OnnxGraph& g) {
                g.node("Softmax");
                g.node("Identity");
              }),
              HasSubstr("'Softmax4' ('Softmax') cannot be imported"));
  EXPECT_THAT(changed([](OnnxGraph& g) { g.node("FusedGemm").set_domain("com.microsoft"); }),
              HasSubstr("'com.microsoft', which are not read"));
}

TEST(OnnxRefusals, OnlyChainsAreRead) {
  EXPECT_THAT(changed([](OnnxGraph& g) { g.node("Add", {"v1"}); }),
              HasSubstr("'v1' is read by node 'Tanh2' ('Tanh') and node 'Add4' ('Add'); only a "
                        "chain"));
  EXPECT_THAT(changed([](OnnxGraph& g) { g.node("Mul", {g.last}); }), HasSubstr("by it again"));
  EXPECT_THAT(changed([](OnnxGraph& g) {
                auto& node = *g.graph().add_node();
                node.set_op_type("Tanh");
                node.add_input("second.bias");
                node.add_output("lost");
              }),
              HasSubstr("node 'lost' ('Tanh') is not on the way"));
  EXPECT_THAT(changed([](OnnxGraph& g) {
                g.node("Tanh");
                g.graph().add_output()->CopyFrom(g.graph().input(0));
                g.graph().mutable_output(0)->set_name("v3");
              }),
              HasSubstr("goes on behind the output"));
  EXPECT_THAT(changed([](OnnxGraph& g) {
                g.graph().add_output()->CopyFrom(g.graph().input(0));
                g.graph().mutable_output(0)->set_name("nowhere");
              }),
              HasSubstr("leads nowhere: the output is 'nowhere'"));
  EXPECT_THAT(changed([](OnnxGraph& g) {
                g.graph().add_input()->CopyFrom(g.graph().input(0));
                g.graph().mutable_input(1)->set_name("y");
              }),
              HasSubstr("needs one input, got 2"));
}

TEST(OnnxRefusals, CyclesAndValuesOfTwoOrigins) {
  EXPECT_THAT(changed([](OnnxGraph& g) {
                g.graph().mutable_node(0)->set_input(0, "v2");
                g.graph().mutable_node(1)->set_input(0, "x");
              }),
              HasSubstr("'v2' is read by"));
  EXPECT_THAT(changed([](OnnxGraph& g) { g.node("Add", {"v4"}); }),  // its own result
              HasSubstr("reads 'v4', which is no constant"));
  EXPECT_THAT(changed([](OnnxGraph& g) { g.node("Tanh").set_output(0, "v2"); }),
              HasSubstr("value 'v2' has no name of its own"));
  EXPECT_THAT(changed([](OnnxGraph& g) { g.node("Tanh").set_output(0, "x"); }),
              HasSubstr("value 'x' has no name of its own"));
}

TEST(OnnxRefusals, WeightsThatDoNotFit) {
  EXPECT_EQ(
      begun([](OnnxGraph& g) {
        g.tensor("w", {2, 3}, OnnxGraph::count(6, 1));
        g.node("MatMul", {"w"});
      }),
      "'x': node 'MatMul1' ('MatMul') has a weight for 2 values, and 3 come; is it transposed "
      "(transB)?");
  EXPECT_THAT(changed([](OnnxGraph& g) { g.linear("third", 2, 4); }),
              HasSubstr("has a weight for 4 values, and 2 come"));
  EXPECT_THAT(begun([](OnnxGraph& g) {
                g.linear("first", 2, 3);
                OnnxGraph::set(*g.graph().mutable_node(0), "transA", std::int64_t{1});
              }),
              HasSubstr("transposes its samples"));
  EXPECT_THAT(
      changed([](OnnxGraph& g) { g.graph().mutable_node(0)->mutable_input()->SwapElements(0, 1); }),
      HasSubstr("needs the samples as its first input"));
  EXPECT_THAT(changed([](OnnxGraph& g) { g.graph().mutable_node(0)->set_input(1, "gone"); }),
              HasSubstr("reads 'gone', which is no constant"));
  EXPECT_THAT(changed([](OnnxGraph& g) {
                g.graph().mutable_node(0)->mutable_input()->RemoveLast();
                g.graph().mutable_node(0)->mutable_input()->RemoveLast();
              }),
              HasSubstr("needs 2 inputs, got 1"));
  EXPECT_THAT(changed([](OnnxGraph& g) {
                g.tensor("c", {3}, {1, 2, 3});
                g.node("Add", {"c"});
              }),
              HasSubstr("reads a constant [3], needs 2 numbers or one"));
  EXPECT_THAT(begun([](OnnxGraph& g) { g.linear("first", 2, 3); }, {1, 3}),
              HasSubstr("samples of the shape [1, 3]; a Flatten needs"));
  EXPECT_THAT(begun([](OnnxGraph& g) {
                g.integers("shape", {3, 1});
                g.node("Reshape", {"shape"});
              }),
              HasSubstr("needs to give [batch, 3]"));
  EXPECT_THAT(
      begun([](OnnxGraph& g) { OnnxGraph::set(g.node("Flatten"), "axis", std::int64_t{0}); }),
      HasSubstr("needs axis 1"));
}

TEST(OnnxRefusals, TensorsThatAreNotWhatTheySay) {
  const auto tensor = [](const std::function<void(onnx::TensorProto&)>& change) {
    return changed([&](OnnxGraph& g) { change(*g.graph().mutable_initializer(0)); });
  };
  EXPECT_EQ(tensor([](auto& t) { t.mutable_raw_data()->pop_back(); }),
            "'x': tensor 'first.weight': [2, 3] needs 6 numbers of 4 bytes, got 23 bytes");
  EXPECT_THAT(tensor([](auto& t) { t.mutable_raw_data()->append("1234"); }), HasSubstr("28 bytes"));
  EXPECT_THAT(tensor([](auto& t) { t.add_float_data(1); }), HasSubstr("needs 6 numbers"));
  EXPECT_THAT(tensor([](auto& t) { t.clear_raw_data(); }), HasSubstr("4 bytes, got 0"));
  EXPECT_THAT(tensor([](auto& t) { t.set_dims(0, -2); }), HasSubstr("got [-2, 3]"));
  EXPECT_THAT(tensor([](auto& t) { t.set_dims(0, 0); }), HasSubstr("at least 1"));
  EXPECT_THAT(tensor([](auto& t) {
                t.set_dims(0, std::int64_t{1} << 33);
                t.set_dims(1, std::int64_t{1} << 33);
              }),
              HasSubstr("numbers that fit into a file"));
  EXPECT_THAT(tensor([](auto& t) { t.set_data_type(onnx::TensorProto::FLOAT16); }),
              HasSubstr("needs the type float or double, got FLOAT16; convert it"));
  EXPECT_THAT(tensor([](auto& t) { t.set_data_type(99); }), HasSubstr("got type 99"));
  EXPECT_THAT(tensor([](auto& t) { t.set_data_location(onnx::TensorProto::EXTERNAL); }),
              HasSubstr("lie in another file"));
  EXPECT_THAT(tensor([](auto& t) { t.mutable_segment()->set_begin(0); }), HasSubstr("a part"));
  EXPECT_THAT(tensor([](auto& t) {
                const float nan = std::numeric_limits<float>::quiet_NaN();
                t.set_raw_data(std::string(reinterpret_cast<const char*>(&nan), 4) +
                               t.raw_data().substr(4));
              }),
              "'x': node 'first' ('Gemm') needs finite numbers, and has others");
}

TEST(OnnxRefusals, InputsThatAreNotWhatIsNeeded) {
  const auto dims = [](const std::vector<Index>& sample) {
    return begun([](OnnxGraph&) {}, sample);
  };
  EXPECT_THAT(dims({-1}), HasSubstr("dimensions of at least 1, got -1"));
  EXPECT_THAT(dims({}), HasSubstr("needs the shape [batch, features], got 0"));
  EXPECT_THAT(dims({Index{1} << 40}), HasSubstr("at most 16777216"));
  EXPECT_THAT(dims({Index{1} << 33, Index{1} << 33}), HasSubstr("at most 16777216"));
  EXPECT_THAT(changed([](OnnxGraph& g) {
                g.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->set_elem_type(
                    onnx::TensorProto::UINT8);
              }),
              HasSubstr("needs to be of type float or double, got UINT8"));
  // A small file does not get a large matrix.
  EXPECT_THAT(begun([](OnnxGraph& g) { g.node("Tanh"); }, {Index{1} << 20}),
              HasSubstr("stands without a weight on 1048576 values"));
}

TEST(OnnxRefusals, WhatIsNoOnnxFile) {
  EXPECT_EQ(message_of<FormatError>([] { import_onnx<float>("hello", "x"); }),
            "'x': not an ONNX file, or cut short; is it the right file, copied whole?");
  EXPECT_THAT(message_of<FormatError>([] { import_onnx<float>("", "x"); }),
              HasSubstr("not an ONNX file"));
  EXPECT_THAT(changed([](OnnxGraph& g) { g.model.clear_opset_import(); }),
              HasSubstr("operators of set 7 or later, got none"));
  EXPECT_THAT(changed([](OnnxGraph& g) { g.model.mutable_opset_import(0)->set_version(6); }),
              HasSubstr("got 6"));
  OnnxGraph empty;
  EXPECT_THAT(refusal(empty), HasSubstr("there is no layer in it"));
}

TEST(OnnxRefusals, SettingsThatDoNotFit) {
  const auto refused = [](const ImportSettings& settings) {
    return message_of<UsageError>([&] { small_graph().read(settings); });
  };
  EXPECT_EQ(refused({.classes = {"a"}}), "class-names: needs a name for each of 2 outputs, got 1");
  EXPECT_THAT(refused({.classes = {"a", "a"}}), HasSubstr("'a' is there twice"));
  EXPECT_THAT(refused({.activation = "tanh"}), HasSubstr("an ONNX file says"));
  EXPECT_THAT(refused({.mean = {1, 2}}), HasSubstr("1 for each of the 3 inputs, got 2"));
  EXPECT_THAT(refused({.deviation = {0}}), HasSubstr("above 0"));
  EXPECT_THAT(refused({.name = "two\nlines"}), StartsWith("name: "));
}

TEST(OnnxRefusals, WordsThatAreDamaged) {
  const auto words = [](const char* key, const std::string& text) {
    return changed([&](OnnxGraph& g) {
      auto& entry = *g.model.add_metadata_props();
      entry.set_key(key);
      entry.set_value(text);
    });
  };
  EXPECT_THAT(words(detail::kOnnxTasksKey, "["), StartsWith("'x', isoform_tasks"));
  EXPECT_THAT(words(detail::kOnnxTasksKey,
                    R"([{"name":"a","classes":["b","b"],"loss":"squared","inputs":[]}])"),
              HasSubstr("names that differ"));
  EXPECT_THAT(words(detail::kOnnxTasksKey,
                    R"([{"name":"a","classes":["b","c"],"loss":"hinge","inputs":[]}])"),
              HasSubstr("'hinge' is unknown"));
  EXPECT_THAT(words(detail::kOnnxInputsKey, R"([{"name":"a","features":["b"]}])"),
              HasSubstr("needs one with 3 features"));
}

}  // namespace
}  // namespace isoform
