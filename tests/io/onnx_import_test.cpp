// Networks from ONNX files: what becomes of every operator that is read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "io/general_models.h"
#include "io/onnx_graphs.h"
#include "isoform/io/model_file.h"
#include "isoform/io/onnx_file.h"
#include "monitor/folder.h"

namespace isoform {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::logits_of;
using testing::OnnxGraph;
using testing::small_graph;

using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Matrix<float> counted(Index rows, Index cols, float begin) {
  const std::vector<float> values = OnnxGraph::count(rows * cols, begin);
  return Eigen::Map<const Rows>(values.data(), rows, cols);
}

TEST(OnnxImport, TanhLayersBecomeGroupsOfOneWithTheSameBits) {
  const Imported<float> imported = small_graph().read();
  const Network<float>& network = imported.model.network;
  EXPECT_THAT(imported.notes, IsEmpty());
  EXPECT_THAT(network.widths(), ElementsAre(3, 2, 2));
  const Space<float>& hidden = network.space(1);
  EXPECT_THAT(hidden.groups, ElementsAre(1, 1));
  EXPECT_EQ(hidden.radial, Radial::tanh);
  EXPECT_EQ(hidden.length_mode, LengthMode::none);
  EXPECT_EQ(network.map(1).psi_mode, PsiMode::none);
  EXPECT_EQ(network.map(0).weight(), counted(2, 3, 1));
  EXPECT_EQ(network.map(0).bias(), counted(2, 1, -1));
  EXPECT_EQ(network.map(1).weight(), counted(2, 2, 5));
  const Task& task = imported.model.tasks.front();
  EXPECT_EQ(task.name, "task");
  EXPECT_THAT(task.outputs, ElementsAre("0", "1"));
  EXPECT_EQ(task.loss, Loss::cross_entropy);
  EXPECT_EQ(imported.model.mean, Vector<float>::Zero(3));
  EXPECT_EQ(imported.model.scale, Vector<float>::Ones(3));
}

TEST(OnnxImport, TheModelComputesTanh) {
  const Model<float> model = small_graph().read().model;
  const Matrix<double> x = testing::random_inputs(1, 3, 20);
  const Matrix<double> y = logits_of(model, x).cast<double>();
  const Matrix<double> w1 = counted(2, 3, 1).cast<double>(), w2 = counted(2, 2, 5).cast<double>();
  const Vector<double> b1 = counted(2, 1, -1).cast<double>(), b2 = counted(2, 1, -5).cast<double>();
  const Matrix<double> z = (w1 * x).colwise() + b1;
  const Matrix<double> truth =
      (w2 * z.unaryExpr([](double v) { return std::tanh(v); })).colwise() + b2;
  EXPECT_LT(testing::relative(y, truth), 1e-6);
}

TEST(OnnxImport, MatMulAndAddAreALayer) {
  OnnxGraph graph;
  graph.tensor("w", {3, 2}, OnnxGraph::count(6, 1));  // [in, out]
  graph.tensor("b", {1, 2}, {7, 8});
  graph.node("MatMul", {"w"});
  auto& add = graph.node("Add", {"b"});
  add.mutable_input()->SwapElements(0, 1);
  graph.node("Asinh");
  graph.linear("last", 1, 2);
  const Imported<float> imported = graph.read();
  const Network<float>& network = imported.model.network;
  EXPECT_EQ(network.map(0).weight(), counted(3, 2, 1).transpose());
  EXPECT_THAT(network.map(0).bias(), (Vector<float>(2) << 7, 8).finished());
  EXPECT_EQ(network.space(1).radial, Radial::asinh);
  EXPECT_EQ(imported.model.tasks.front().loss, Loss::squared);  // of one output
}

TEST(OnnxImport, GemmKeepsToItsAttributes) {
  OnnxGraph graph;
  graph.tensor("w", {3, 2}, OnnxGraph::count(6, 1));
  graph.tensor("b", {}, {4});
  auto& gemm = graph.node("Gemm", {"w", "b"});
  OnnxGraph::set(gemm, "alpha", 2.0F);
  OnnxGraph::set(gemm, "beta", 0.5F);
  const Network<float> network = graph.read().model.network;
  EXPECT_EQ(network.map(0).weight(), 2 * counted(3, 2, 1).transpose());
  EXPECT_EQ(network.map(0).bias(), Vector<float>::Constant(2, 2));
  EXPECT_THAT(network.widths(), ElementsAre(3, 2));  // a linear network
}

TEST(OnnxImport, WhatTheInputIsShiftedByIsTheTransform) {
  OnnxGraph graph({1, 1, 3});
  graph.tensor("mean", {}, {33});
  graph.tensor("deviation", {1}, {8});
  graph.node("Sub", {"mean"});
  graph.node("Div", {"deviation"});
  graph.node("Flatten");
  graph.linear("only", 2, 3);
  const Model<float> model = graph.read().model;
  EXPECT_EQ(model.mean, Vector<float>::Constant(3, 33));
  EXPECT_EQ(model.scale, Vector<float>::Constant(3, 0.125));
  EXPECT_EQ(model.image_rows, 1);
  EXPECT_EQ(model.image_cols, 3);
}

TEST(OnnxImport, SumsAndFactorsInsideBelongToTheirLayer) {
  OnnxGraph graph = small_graph();
  graph.tensor("two", {}, {2});
  graph.tensor("half", {2}, {0.5, 1});
  graph.node("Mul", {"two"});
  graph.node("Sub", {"half"});
  graph.node("Div", {"half"});
  const Network<float> network = graph.read().model.network;
  Vector<float> factor(2);
  factor << 4, 2;
  EXPECT_EQ(network.map(1).weight(), Matrix<float>(factor.asDiagonal() * counted(2, 2, 5)));
  EXPECT_EQ(network.map(1).bias(),
            (Vector<float>(2) << (-5.0F / 4 - 0.5F) * 2, -4.0F / 4 - 1).finished());
}

TEST(OnnxImport, NeighboursBecomeOne) {
  OnnxGraph graph;
  graph.linear("a", 2, 3);
  graph.linear("b", 4, 2);
  graph.node("Tanh");
  graph.node("Tanh");
  const Imported<float> imported = graph.read();
  EXPECT_THAT(imported.model.network.widths(), ElementsAre(3, 4, 4, 4));
  EXPECT_EQ(imported.model.network.map(0).weight(), counted(4, 2, 1) * counted(2, 3, 1));
  EXPECT_EQ(imported.model.network.map(1).weight(), Matrix<float>::Identity(4, 4));
  EXPECT_THAT(imported.notes,
              ElementsAre(HasSubstr("'a' ('Gemm') and node 'b' ('Gemm') have nothing between"),
                          HasSubstr("the last layer has an activation")));
}

TEST(OnnxImport, WhatChangesNothingIsPassedOver) {
  OnnxGraph graph({1, 3, 1});
  graph.node("Identity");
  graph.integers("shape", {-1, 3});
  graph.node("Reshape", {"shape"});
  graph.linear("first", 2, 3);
  graph.node("Tanh");
  graph.node("Dropout");
  graph.linear("second", 2, 2, 5);
  OnnxGraph::set(graph.node("Softmax"), "axis", std::int64_t{1});
  const Imported<float> imported = graph.read();
  EXPECT_EQ(imported.model.network.map(0).weight(),
            small_graph().read().model.network.map(0).weight());
  EXPECT_THAT(
      imported.notes,
      ElementsAre("node 'Softmax7' ('Softmax') at the end was left out: outputs are logits"));
}

TEST(OnnxImport, ASigmoidAtTheEndMeansLabels) {
  OnnxGraph graph = small_graph();
  graph.node("Sigmoid");
  EXPECT_EQ(graph.read().model.tasks.front().loss, Loss::binary);
}

TEST(OnnxImport, ConstantsMayBeNodes) {
  OnnxGraph graph;
  auto& constant = *graph.graph().add_node();
  constant.set_op_type("Constant");
  constant.add_output("w");
  auto& value = *constant.add_attribute();
  value.set_name("value");
  value.set_type(onnx::AttributeProto::TENSOR);
  auto& tensor = *value.mutable_t();
  tensor.set_data_type(onnx::TensorProto::DOUBLE);
  tensor.add_dims(3);
  tensor.add_dims(1);
  for (const double number : {0.1, 0.2, 0.3}) tensor.add_double_data(number);
  graph.node("MatMul", {"w"});
  const std::string bytes = graph.bytes();
  EXPECT_EQ(import_onnx<double>(bytes, "x").model.network.map(0).a(0, 0), 0.1);
  EXPECT_EQ(import_onnx<float>(bytes, "x").model.network.map(0).a(0, 0), 0.1F);
}

TEST(OnnxImport, SettingsSayWhatTheFileDoesNot) {
  const ImportSettings settings = {.name = "animals",
                                   .classes = {"cat", "dog"},
                                   .loss = Loss::squared,
                                   .mean = {1, 2, 3},
                                   .deviation = {2}};
  const Model<float> model = small_graph().read(settings).model;
  EXPECT_EQ(model.tasks.front().name, "animals");
  EXPECT_THAT(model.tasks.front().outputs, ElementsAre("cat", "dog"));
  EXPECT_EQ(model.tasks.front().loss, Loss::squared);
  EXPECT_EQ(model.mean, (Vector<float>(3) << 1, 2, 3).finished());
  EXPECT_EQ(model.scale, Vector<float>::Constant(3, 0.5));
}

TEST(OnnxImport, AnExportedPerceptronComesBackWithTheSameBits) {
  for (const Radial radial : {Radial::tanh, Radial::asinh}) {
    ChainSettings settings = testing::chain_of({6, 9, 4, 3}, 1, LengthMode::none);
    settings.psi = PsiMode::none;
    settings.radial = radial;
    Model<float> model = testing::random_model<float>(settings, 3);
    model.tasks = {testing::class_task("digits", 3)};
    model.tasks[0].loss = Loss::squared;
    model.inputs = {{"digits", {"a", "b", "c", "d", "e", "f"}}};
    const testing::Folder folder;
    write_onnx(model, folder / "m.onnx");
    const Imported<float> imported = import_model<float>(folder / "m.onnx");
    EXPECT_THAT(imported.notes, IsEmpty());
    EXPECT_EQ(serialise_model(imported.model), serialise_model(model));
  }
}

}  // namespace
}  // namespace isoform
