// ONNX files cut short, changed at random and nested without end: read or refused, never more.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "io/general_models.h"
#include "io/onnx_graphs.h"
#include "isoform/base/error.h"
#include "isoform/base/random.h"
#include "isoform/io/model_file.h"
#include "isoform/io/onnx_file.h"

namespace isoform {
namespace {

using ::testing::HasSubstr;
using testing::OnnxGraph;

// A perceptron as Isoform writes it, with names and a transform.
std::string exported() {
  ChainSettings settings = testing::chain_of({5, 4, 3}, 1, LengthMode::none);
  settings.psi = PsiMode::none;
  Model<float> model = testing::random_model<float>(settings, 3);
  model.tasks = {testing::class_task("digits", 3)};
  return serialise_onnx(model);
}

enum class Outcome { read, refused };

Outcome outcome(const std::string& bytes) {
  try {
    const Imported<float> imported = import_onnx<float>(bytes, "x");
    EXPECT_NO_THROW(parse_model<float>(serialise_model(imported.model), "y"));
    return Outcome::read;
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::StartsWith("'x'"));
    return Outcome::refused;
  }
}

TEST(OnnxDamage, CutAnywhereItIsRefused) {
  for (const std::string& whole : {exported(), testing::small_graph().bytes()}) {
    ASSERT_EQ(outcome(whole), Outcome::read);
    std::size_t graph_ends =
        0;  // behind it stand the operator set and what the file says of itself
    for (std::size_t length = 0; length < whole.size(); ++length) {
      if (outcome(whole.substr(0, length)) == Outcome::refused) graph_ends = length;
    }
    EXPECT_GT(graph_ends + 700, whole.size());
  }
}

TEST(OnnxDamage, ChangedAtRandomItIsReadOrRefused) {
  const std::string valid[] = {exported(), testing::small_graph().bytes()};
  int read = 0, refused = 0;
  for (std::uint64_t trial = 0; trial < 20000; ++trial) {
    const Random random(trial, Purpose::test, 2);
    std::string bytes = valid[trial % 2];
    const std::uint64_t changes = 1 + random.below(3, 0);
    for (std::uint64_t c = 0; c < changes && !bytes.empty(); ++c) {
      const std::size_t where = random.below(bytes.size(), 3 * c + 1);
      const std::uint64_t what = random.below(8, 3 * c + 2);
      if (what == 0) {
        bytes.erase(where, 1 + random.below(20, 3 * c + 3));
      } else if (what == 1) {
        bytes.insert(where, 1, static_cast<char>(random.below(256, 3 * c + 3)));
      } else if (what == 2) {
        bytes[where] = static_cast<char>(random.below(256, 3 * c + 3));
      } else {
        bytes[where] = static_cast<char>(bytes[where] ^ (1 << what));
      }
    }
    (outcome(bytes) == Outcome::read ? read : refused)++;
  }
  EXPECT_GT(read, 200);
  EXPECT_GT(refused, 5000);
}

TEST(OnnxDamage, GraphsInGraphsEnd) {
  onnx::GraphProto graph;
  graph.set_name("inner");
  for (int depth = 0; depth < 60; ++depth) {
    onnx::GraphProto outer;
    auto& node = *outer.add_node();
    node.set_op_type("If");
    auto& attribute = *node.add_attribute();
    attribute.set_name("then_branch");
    attribute.set_type(onnx::AttributeProto::GRAPH);
    attribute.mutable_g()->Swap(&graph);
    outer.Swap(&graph);
  }
  OnnxGraph damaged = testing::small_graph();
  auto& branch = *damaged.node("If").add_attribute();
  branch.set_name("then_branch");
  branch.set_type(onnx::AttributeProto::GRAPH);
  branch.mutable_g()->Swap(&graph);
  const std::string bytes = damaged.bytes();
  EXPECT_EQ(outcome(bytes), Outcome::refused);
}

TEST(OnnxDamage, ManyNodesAreReadInTime) {
  OnnxGraph graph = testing::small_graph();
  for (int k = 0; k < 50000; ++k) graph.node("Identity");
  EXPECT_EQ(outcome(graph.bytes()), Outcome::read);
}

TEST(OnnxDamage, WhatASmallFileCanAskForIsBounded) {
  // Two thin layers whose product is wide.
  OnnxGraph graph({20000});
  graph.linear("in", 1, 20000);
  graph.linear("out", 20000, 1);
  EXPECT_THAT([&] { graph.read(); }, ::testing::ThrowsMessage<FormatError>(
                                         HasSubstr("as one they need 20000 × 20000 weights")));
}

// Each of many nodes asks for a matrix that no file holds.
TEST(OnnxDamage, WhatManyNodesCanAskForIsBounded) {
  OnnxGraph tanh({2000});
  for (int k = 0; k < 1000; ++k) tanh.node("Tanh");
  EXPECT_THAT([&] { tanh.read(); },
              ::testing::ThrowsMessage<FormatError>(HasSubstr("stands without a weight on 2000")));
  OnnxGraph thin({2000});
  for (int k = 0; k < 20; ++k) {
    const std::string name = std::to_string(k);
    thin.linear("in" + name, 1, 2000);
    thin.linear("out" + name, 2000, 1);
    thin.node("Tanh");
  }
  EXPECT_THAT([&] { thin.read(); },
              ::testing::ThrowsMessage<FormatError>(HasSubstr("as one they need 2000 × 2000")));
}

}  // namespace
}  // namespace isoform
