// Writes networks of every form, profile and mode as ONNX files, with inputs and what the library computes of them; and
// graphs as others write them, with what the library computes when it has imported them.
//
//   onnx_cases FOLDER
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "io/general_models.h"
#include "io/onnx_graphs.h"
#include "isoform/base/file.h"
#include "isoform/io/onnx_file.h"
#include "isoform/topology/gates.h"
#include "isoform/topology/perceptron.h"
#include "support/perceptrons.h"

namespace isoform {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace)

constexpr Index kSamples = 12;

nlohmann::json rows_of(const Matrix<double>& columns) {
  std::vector<double> numbers(columns.data(), columns.data() + columns.size());
  return {{"width", columns.rows()}, {"numbers", numbers}};
}

class Cases {
 public:
  explicit Cases(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// Random raw values; a quarter of the samples are the mean itself, which standardisation makes 0.
  template <class T>
  void add(const std::string& kind, const Model<T>& model) {
    const std::string name =
        fmt::format("{:03}-{}-{}", count_++, kind, sizeof(T) == sizeof(float) ? "float" : "double");
    Matrix<double> x =
        Dice(static_cast<std::uint64_t>(count_), 21).normals(inputs_of(model), kSamples);
    for (Index j = 0; j < x.cols(); ++j) {
      if (j % 4 == 3) x.col(j).setZero();
      for (Index i = 0; i < x.rows(); ++i) {
        const double raw =
            x(i, j) / static_cast<double>(model.scale[i]) + static_cast<double>(model.mean[i]);
        x(i, j) = static_cast<double>(static_cast<float>(raw));
      }
    }
    const Matrix<double> y = logits_of(model, x).template cast<double>();
    nlohmann::json all = {{"samples", kSamples}};
    const std::vector<int> inputs = model.network.inputs(), outputs = model.network.outputs();
    Index row = 0;
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      const Space<T>& space = model.network.space(inputs[k]);
      const std::string called = k < model.inputs.size() ? model.inputs[k].name : space.name;
      all["inputs"][called] = rows_of(x.middleRows(row, space.dimension));
      row += space.dimension;
    }
    row = 0;
    for (std::size_t k = 0; k < outputs.size(); ++k) {
      const Space<T>& space = model.network.space(outputs[k]);
      const std::string called = k < model.tasks.size() ? model.tasks[k].name : space.name;
      all["outputs"][called] = rows_of(y.middleRows(row, space.dimension));
      row += space.dimension;
    }
    write_onnx(model, folder_ / (name + ".onnx"));
    write_file_atomically(folder_ / (name + ".json"), all.dump());
  }

  /// A graph of another program, of samples of this shape.
  void add_foreign(const std::string& kind, OnnxGraph& graph, const std::vector<Index>& shape) {
    const std::string name = fmt::format("{:03}-foreign-{}", count_++, kind);
    const std::string bytes = graph.bytes();
    const Model<float> model = import_onnx<float>(bytes, name).model;
    const Matrix<double> x = Dice(static_cast<std::uint64_t>(count_), 24)
                                 .normals<float>(inputs_of(model), kSamples)
                                 .cast<double>();
    nlohmann::json all = {{"samples", kSamples}};
    all["inputs"]["x"] = rows_of(x);
    all["inputs"]["x"]["shape"] = shape;
    all["outputs"][graph.last] = rows_of(logits_of(model, x).cast<double>());
    write_file_atomically(folder_ / (name + ".onnx"), bytes);
    write_file_atomically(folder_ / (name + ".json"), all.dump());
  }

  /// A network without names, in both precisions.
  void add(const std::string& kind, const Network<double>& network) {
    add(kind, model_of(network));
    add(kind, model_of(cast_network<float>(network)));
  }

 private:
  template <class T>
  Model<T> model_of(const Network<T>& network) {
    Model<T> model;
    model.network = network;
    Dice dice(static_cast<std::uint64_t>(count_), 22);
    const Index n = network.widths().front();
    // Means are exact in float, so that a raw value can be one.
    model.mean = dice.normals<float>(n, 1, 50).template cast<T>();
    model.scale = Vector<T>::Constant(n, T(0.125));
    return model;
  }

  std::filesystem::path folder_;
  int count_ = 0;
};

// Every profile with groups of one, of many and of unequal sizes, where z = 0 for the mean.
void add_zeros(Cases& cases) {
  for (int profile = 0; profile < 5; ++profile) {
    for (const std::vector<Index>& groups :
         std::vector<std::vector<Index>>{{7}, {1, 1, 1, 1, 1, 1, 1}, {3, 1, 2, 1}}) {
      const ChainSettings settings = {.widths = {5, 7, 7, 3},
                                      .groups = {groups, groups},
                                      .radial = static_cast<Radial>(profile),
                                      .length = LengthMode::none,
                                      .psi = PsiMode::trainable,
                                      .seed = 1};
      Network<double> network = Network<double>::chain(settings);
      Dice dice(static_cast<std::uint64_t>(profile), 23);
      for (int l = 1; l < 3; ++l)
        network.map(l).psi() = dice.normals(network.map(l).a.rows(), network.map(l).psi().cols());
      network.map(1).psi().setZero();  // z of the second layer is 0 too
      cases.add("zero", network);
    }
  }
}

void add_all(Cases& cases) {
  add_zeros(cases);
  for (std::uint64_t seed = 1; seed <= 24; ++seed) cases.add("chain", random_network(seed));
  const auto mode = [](std::uint64_t seed) { return static_cast<int>(seed % 4); };
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    cases.add("graph", graph_network(seed, static_cast<Radial>(seed - 1),
                                     static_cast<LengthMode>(mode(seed)),
                                     static_cast<PsiMode>(mode(seed)), PsiMode::trainable));
    cases.add("residual", random_residual(seed));
    cases.add("streams", random_streams(seed));
    cases.add("perceptron", random_perceptron({.inputs = 6,
                                               .outputs = 4,
                                               .gates = {5, 3, 7},
                                               .general = seed % 2 == 0,
                                               .radial = static_cast<Radial>(seed - 1),
                                               .seed = seed}));
    cases.add("gates", perceptron_model<float>(seed, static_cast<Index>(seed)));
    cases.add("gates", perceptron_model<double>(seed, 3));
    cases.add("skips", skipping_model<float>(seed));
    cases.add("layers", layered_model<double>({{3, 2, 4}, {9, 5}, {4, 1, 2}}, seed));
    cases.add("sparse", sparse_model<float>(seed));
  }
  for (const auto& [in, out] : {std::pair<Index, Index>{9, 5}, {5, 9}, {6, 6}}) {
    Model<float> model = random_model<float>(chain_of({in, out, out, 3}, 4), 7);
    for (int map = 0; map < 2; ++map) impose_structure(model.network, map, Structure::diagonal);
    cases.add("diagonal", model);
  }
}

void add_foreign(Cases& cases) {
  OnnxGraph plain = small_graph();
  cases.add_foreign("plain", plain, {3});
  OnnxGraph image({1, 2, 3});
  image.tensor("mean", {}, {0.5});
  image.tensor("deviation", {1}, {0.25});
  image.node("Sub", {"mean"});
  image.node("Div", {"deviation"});
  image.node("Flatten");
  image.tensor("w", {6, 4}, OnnxGraph::count(24, -12));
  image.tensor("b", {1, 4}, {1, -2, 0.5, 0});
  image.node("MatMul", {"w"});
  image.node("Add", {"b"}).mutable_input()->SwapElements(0, 1);
  image.node("Asinh");
  image.node("Dropout");
  image.linear("last", 2, 4);
  cases.add_foreign("image", image, {1, 2, 3});
  OnnxGraph odd({2, 3});
  odd.integers("flat", {-1, 6});
  odd.node("Reshape", {"flat"});
  odd.tensor("shift", {6}, {1, 2, 3, 4, 5, 6});
  odd.tensor("factor", {1, 6}, {-1, 2, 3, -4, 5, 6});  // negative: no transform
  odd.node("Add", {"shift"});
  odd.node("Mul", {"factor"});
  odd.tensor("v", {6, 5}, OnnxGraph::count(30, -15));
  odd.tensor("c", {5}, OnnxGraph::count(5, -2));
  auto& gemm = odd.node("Gemm", {"v", "c"});
  OnnxGraph::set(gemm, "alpha", 0.125F);
  OnnxGraph::set(gemm, "beta", 3.0F);
  odd.node("Tanh");
  odd.tensor("half", {}, {0.5});
  odd.node("Mul", {"half"});
  odd.node("Sub", {"half"});
  odd.linear("a", 3, 5);
  odd.linear("b", 4, 3);
  odd.node("Tanh");
  cases.add_foreign("odd", odd, {2, 3});
}

}  // namespace
}  // namespace isoform

int main(int argc, char** argv) {
  try {
    if (argc != 2) throw std::runtime_error("needs a folder");
    isoform::Cases cases(argv[1]);
    isoform::add_all(cases);
    isoform::add_foreign(cases);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "onnx_cases: %s\n", error.what());
    return 1;
  }
}
