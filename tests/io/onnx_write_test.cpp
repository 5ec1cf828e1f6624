// What an ONNX file holds; what it computes is tested in tests/interop.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "io/general_models.h"
#include "io/onnx_graphs.h"
#include "isoform/base/error.h"
#include "isoform/base/version.h"
#include "isoform/io/onnx_builder.h"
#include "isoform/io/onnx_file.h"
#include "monitor/folder.h"

namespace isoform {
namespace {

using ::testing::AllOf;
using testing::chain_of;
using testing::class_task;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::message_of;
using testing::random_model;

template <class T>
onnx::ModelProto exported(const Model<T>& model, const OnnxSettings& settings = {}) {
  onnx::ModelProto proto;
  EXPECT_TRUE(proto.ParseFromString(serialise_onnx(model, settings)));
  return proto;
}

std::vector<std::string> operators(const onnx::ModelProto& proto) {
  std::vector<std::string> types;
  for (const auto& node : proto.graph().node()) types.push_back(node.op_type());
  return types;
}

std::string shape(const onnx::ValueInfoProto& value) {
  const auto& dims = value.type().tensor_type().shape().dim();
  return value.name() + ": " + dims[0].dim_param() + " × " + std::to_string(dims[1].dim_value());
}

Model<float> elementwise() {
  ChainSettings settings = chain_of({4, 3, 2}, 1, LengthMode::none);
  settings.psi = PsiMode::none;
  return random_model<float>(settings, 1);
}

TEST(OnnxWrite, AnElementwiseNetworkIsAnOrdinaryOne) {
  EXPECT_THAT(operators(exported(elementwise())),
              ElementsAre("Sub", "Mul", "Gemm", "Tanh", "Gemm"));
  EXPECT_THAT(operators(exported(elementwise(), {.standardise = false})),
              ElementsAre("Gemm", "Tanh", "Gemm"));
}

TEST(OnnxWrite, GatesArePlainOperators) {
  const auto types = [](Index group, Radial radial) {
    ChainSettings settings = chain_of({4, 6, 2}, group);
    settings.radial = radial;
    return operators(exported(random_model<float>(settings, 1), {.standardise = false}));
  };
  EXPECT_THAT(types(4, Radial::tanh), ElementsAre("Gemm", "Mul", "MatMul", "Add", "Max", "Sqrt",
                                                  "Tanh", "Div", "Gather", "Mul", "Gemm", "Gemm"));
  EXPECT_THAT(types(0, Radial::algebraic),
              ElementsAre("Gemm", "Mul", "ReduceSum", "Add", "Add", "Sqrt", "Reciprocal", "Mul",
                          "Gemm", "Gemm"));
  EXPECT_THAT(types(3, Radial::softsign),
              ElementsAre("Gemm", "Mul", "Reshape", "ReduceSum", "Add", "Max", "Sqrt", "Add",
                          "Reciprocal", "Gather", "Mul", "Gemm", "Gemm"));
  EXPECT_THAT(types(1, Radial::log), ElementsAre("Gemm", "Mul", "Add", "Max", "Sqrt", "Add", "Sub",
                                                 "Log", "Div", "Mul", "Gemm", "Gemm"));
}

TEST(OnnxWrite, InputsAndTasksHaveTheirNames) {
  Model<float> model = testing::layered_model<float>({{3, 2}, {5}, {4, 1}}, 1);
  const onnx::ModelProto proto = exported(model);
  EXPECT_EQ(proto.ir_version(), 7);
  EXPECT_EQ(proto.opset_import(0).version(), 13);
  EXPECT_EQ(proto.producer_name(), "isoform");
  EXPECT_EQ(proto.producer_version(), version());
  EXPECT_EQ(shape(proto.graph().input(0)), "input 0: batch × 3");
  EXPECT_EQ(shape(proto.graph().input(1)), "input 1: batch × 2");
  EXPECT_EQ(shape(proto.graph().output(0)), "task 0: batch × 4");
  EXPECT_EQ(shape(proto.graph().output(1)), "task 1: batch × 1");
  model.inputs[0].name = model.tasks[0].name = "digits";
  model.tasks[1].inputs.clear();
  const onnx::ModelProto clash = exported(model);
  EXPECT_EQ(clash.graph().input(0).name(), "digits");
  EXPECT_EQ(clash.graph().output(0).name(), "digits_2");
  std::map<std::string, std::string> words;
  for (const auto& entry : clash.metadata_props()) words[entry.key()] = entry.value();
  EXPECT_EQ(words["isoform_version"], version());
  EXPECT_THAT(words["isoform_inputs"],
              HasSubstr(R"({"features":[],"input":"digits","name":"digits"})"));
  EXPECT_THAT(words["isoform_tasks"],
              HasSubstr(R"({"classes":["task 0 0","task 0 1","task 0 2","task 0 3"],"inputs":[],)"
                        R"("loss":"cross_entropy","name":"digits","output":"digits_2"})"));
}

TEST(OnnxWrite, NamesOfValuesNeverClash) {
  Model<float> model = testing::skipping_model<float>(1);
  const std::string taken[] = {"first.z", "first.h"};
  for (int k = 0; k < 2; ++k) model.inputs[k].name = taken[k];
  model.tasks[0].name = "second.s";
  model.tasks[1].name = "one";
  model.tasks[1].inputs.clear();
  std::set<std::string> names;
  const onnx::ModelProto proto = exported(model);  // ONNX's checker has passed it
  for (const auto& node : proto.graph().node()) {
    EXPECT_TRUE(names.insert(node.output(0)).second) << node.output(0);
  }
  EXPECT_TRUE(names.contains("second.s"));
}

TEST(OnnxWrite, DiagonalsAreFewerNumbers) {
  for (const auto& [in, out] : {std::pair<Index, Index>{40, 40}, {40, 60}, {60, 40}}) {
    Model<float> model = random_model<float>(chain_of({in, out, 2}, 0), 1);
    const std::size_t before = serialise_onnx(model).size();
    impose_structure(model.network, 0, Structure::diagonal);
    EXPECT_LT(serialise_onnx(model).size() + 4 * static_cast<std::size_t>(in * out - in - out),
              before + 600);
  }
}

TEST(OnnxWrite, TheSameModelGivesTheSameBytes) {
  const auto model = testing::streaming_model<double>(4);
  EXPECT_EQ(serialise_onnx(model), serialise_onnx(model));
  const testing::Folder folder;
  write_onnx(model, folder / "m.onnx");
  EXPECT_EQ(testing::slurp(folder / "m.onnx"), serialise_onnx(model));
  EXPECT_EQ(folder.entries(), 1);
}

TEST(OnnxWrite, Refusals) {
  Model<double> model = random_model<double>(chain_of({4, 3, 2}), 1);
  model.tasks = {class_task("a", 1), class_task("b", 1)};
  EXPECT_THAT(message_of<UsageError>([&] { serialise_onnx(model); }),
              HasSubstr("a task for each of 1 output spaces, got 2"));
  model.tasks.clear();
  model.network.map(0).a(0, 0) = 1e300;  // in double alone
  EXPECT_EQ(message_of<UsageError>([&] { serialise_onnx(model); }),
            "onnx: 'hidden 1.z.weight' needs finite numbers in float32, got inf; has the training "
            "diverged?");
  model.mean.resize(1);
  EXPECT_THAT(message_of<UsageError>([&] { serialise_onnx(model); }),
              HasSubstr("mean and scale need 4 numbers each, got 1 and 4"));
  EXPECT_NO_THROW(detail::require_onnx_size(kMaxOnnxBytes));
  EXPECT_THAT(message_of<UsageError>([] { detail::require_onnx_size(kMaxOnnxBytes + 1); }),
              AllOf(HasSubstr("at most 2147483647 bytes"), HasSubstr("needs 2147483648")));
}

}  // namespace
}  // namespace isoform
