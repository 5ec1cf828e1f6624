// The model file read by somebody else: read_model.py, written from docs/model-file.md, computes the same
// logits as the reference engine.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <sstream>
#include <string>

#include "io/random_model.h"
#include "isoform/io/model_file.h"
#include "isoform/io/safetensors.h"
#include "isoform/network/pass.h"
#include "monitor/folder.h"

namespace isoform {
namespace {

using testing::chain_of;
using testing::Folder;
using testing::mixed_chain;
using testing::random_model;
using testing::slurp;
using testing::sparse_model;
using testing::spill;

constexpr Index kSamples = 9;
constexpr const char* kPython = "/usr/bin/python3";

bool has_numpy() {
  return std::system((std::string(kPython) + " -c 'import numpy' 2>/dev/null").c_str()) == 0;
}

// Random images of 1 × inputs bytes as an IDX file, and the same as columns.
std::string idx_images(Index inputs, Matrix<double>& x) {
  const Random random(6, Purpose::test);
  std::string bytes("\0\0\x08\3\0\0\0\x09\0\0\0\1\0\0\0", 15);
  bytes += static_cast<char>(inputs);
  x.resize(inputs, kSamples);
  for (Index i = 0; i < x.size(); ++i) {
    const std::uint64_t byte = random.below(256, static_cast<std::uint64_t>(i));
    x.data()[i] = static_cast<double>(byte);
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

template <class T>
Matrix<double> logits(const Model<T>& model, const Matrix<double>& raw) {
  Matrix<T> x = raw.cast<T>();
  model.standardise(x);
  Pass<T> pass;
  pass.prepare(model.network, x.cols());
  pass.input() = x;
  const auto engine = create_engine<T>({.name = "reference", .threads = 1});
  forward(model.network, *engine, pass);
  return pass.output().template cast<double>();
}

// Largest difference between the script and the reference engine, relative to the largest logit.
template <class T>
double difference(const Model<T>& model) {
  const Folder folder;
  Matrix<double> x;
  save_model(model, folder / "model.isoform");
  spill(folder / "images.idx", idx_images(model.network.widths().front(), x));
  const std::string f = "'" + folder.path().string() + "/";
  const std::string command = std::string(kPython) + " " ISOFORM_READ_MODEL " " + f +
                              "model.isoform' " + f + "images.idx' " + f + "out.csv' 7";
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
  const Matrix<double> expected = logits(model, x);
  std::istringstream lines(slurp(folder / "out.csv"));
  double largest = 0;
  Index sample = 0;
  for (std::string line; std::getline(lines, line); ++sample) {
    std::istringstream cells(line);
    Index row = 0;
    for (std::string cell; std::getline(cells, cell, ','); ++row) {
      largest = std::max(largest, std::abs(std::stod(cell) - expected(row, sample)));
    }
    EXPECT_EQ(row, expected.rows());
  }
  EXPECT_EQ(sample, 7);
  return largest / expected.cwiseAbs().maxCoeff();
}

// The worked example of docs/model-file.md.
Model<double> docs_example() {
  ChainSettings settings = chain_of({2, 3, 2});
  settings.groups = {{2, 1}};
  settings.length = LengthMode::constant;
  Model<double> model;
  model.network = Network<double>::chain(settings);
  model.network.map(0).a << 1, 0, 0, -1, 6, 0, 1, 1, 0.5;
  model.network.space(1).length << 0.25, 0;
  model.network.map(1).a << 1, 0, -1, 0.1, 0, 0.5, 0, 1, 1, 0, -0.5, 0;
  model.mean = Vector<double>{{100, 50}};
  model.scale = Vector<double>{{0.02, 0.01}};
  Task task;
  task.name = "sides";
  task.outputs = {"left", "right"};
  model.tasks = {task};
  return model;
}

TEST(ModelFileDocs, ExampleIsTrue) {
  const Matrix<double> y = logits(docs_example(), Matrix<double>{{200}, {100}});
  EXPECT_NEAR(y(0), 0.12598370, 5e-9);
  EXPECT_NEAR(y(1), 1.20885375, 5e-9);
  const TensorFile file = parse_tensors(serialise_model(docs_example()), "x");
  EXPECT_EQ(
      file.metadata.at("isoform"),
      R"({"architecture":"chain","format":1,"groups":[[2,1]],"history":[],)"
      R"("intrinsic_length_mode":"constant","psi_mode":"decay","radial":"tanh",)"
      R"("structure":["dense","triangle"],"tasks":[{"active":true,"inputs":"all","loss":"cross_entropy","name":"sides",)"
      R"("outputs":["left","right"]}],"widths":[2,3,2]})");
  const std::string bytes = serialise_model(docs_example());
  EXPECT_NE(bytes.find(R"("layers.1.psi":{"data_offsets":[136,168],"dtype":"F64","shape":[2,2]})"),
            std::string::npos)
      << bytes;
}

TEST(Numpy, ComputesTheLogitsFromTheFile) {
  if (!has_numpy()) GTEST_SKIP() << "numpy is not installed";
  for (const Radial radial :
       {Radial::tanh, Radial::asinh, Radial::algebraic, Radial::log, Radial::softsign}) {
    ChainSettings settings = mixed_chain();
    settings.radial = radial;
    EXPECT_LT(difference(random_model<double>(settings, 31)), 1e-12) << radial_name(radial);
  }
  Model<double> mixed = random_model<double>(mixed_chain(), 32);
  mixed.network.space(2).radial = Radial::softsign;
  EXPECT_LT(difference(mixed), 1e-12);
  EXPECT_LT(difference(docs_example()), 1e-12);
  // Near the floor and at t = 0, where the gate is a limit.
  for (const Radial radial : {Radial::tanh, Radial::log}) {
    ChainSettings settings = mixed_chain();
    settings.radial = radial;
    settings.length = LengthMode::none;
    settings.psi = PsiMode::none;
    Model<double> small = random_model<double>(settings, 33);
    small.network.map(0).a *= 1e-6;
    small.network.map(0).a.topRows(3).setZero();
    EXPECT_LT(difference(small), 1e-12) << radial_name(radial);
  }
  EXPECT_LT(difference(random_model<double>(chain_of({5, 3}), 34)), 1e-12);
  EXPECT_LT(difference(random_model<float>(mixed_chain(), 35)), 1e-5);
  EXPECT_LT(difference(sparse_model<double>(36)), 1e-12);
}

}  // namespace
}  // namespace isoform
