#include "isoform/io/model_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <limits>
#include <nlohmann/json.hpp>

#include "io/random_model.h"
#include "isoform/base/error.h"
#include "isoform/io/safetensors.h"
#include "isoform/network/cost.h"
#include "monitor/folder.h"

namespace isoform {
namespace {

using ::testing::AllOf;
using testing::chain_of;
using testing::Folder;
using testing::full_model;
using ::testing::HasSubstr;
using testing::message_of;
using testing::mixed_chain;
using testing::random_model;
using testing::slurp;
using testing::sparse_model;

constexpr LengthMode kLengthModes[] = {LengthMode::none, LengthMode::constant,
                                       LengthMode::trainable, LengthMode::log};
constexpr PsiMode kPsiModes[] = {PsiMode::none, PsiMode::constant, PsiMode::trainable,
                                 PsiMode::decay, PsiMode::expectation};

nlohmann::json about(const std::string& bytes) {
  return nlohmann::json::parse(parse_tensors(bytes, "x").metadata.at("isoform"));
}

template <class T>
void expect_same(const Model<T>& a, const Model<T>& b) {
  ASSERT_EQ(a.network.widths(), b.network.widths());
  for (const Space<T>& s : a.network.spaces()) {
    const Space<T>& other = b.network.space(s.id);
    EXPECT_EQ(s.name, other.name);
    EXPECT_EQ(s.groups, other.groups);
    if (!s.hidden()) continue;
    EXPECT_EQ(s.radial, other.radial);
    EXPECT_EQ(s.length_mode, other.length_mode);
    for (Index g = 0; g < s.gates(); ++g) EXPECT_EQ(s.o(g), other.o(g));
  }
  for (const Map<T>& m : a.network.maps()) {
    EXPECT_EQ(m.psi_mode, b.network.map(m.id).psi_mode);
    EXPECT_EQ(m.a, b.network.map(m.id).a);
  }
  EXPECT_EQ(a.mean, b.mean);
  EXPECT_EQ(a.scale, b.scale);
}

template <class T>
class ModelFileOf : public ::testing::Test {};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(ModelFileOf, Scalars);

TYPED_TEST(ModelFileOf, EveryModeComesBackBitForBit) {
  using T = TypeParam;
  for (const LengthMode length : kLengthModes) {
    for (const PsiMode psi : kPsiModes) {
      for (const Radial radial :
           {Radial::tanh, Radial::asinh, Radial::algebraic, Radial::log, Radial::softsign}) {
        ChainSettings settings = mixed_chain();
        settings.length = length;
        settings.psi = psi;
        settings.norms = has_psi(psi) && radial != Radial::tanh;
        settings.radial = radial;
        const Model<T> model = random_model<T>(settings, 3);
        const std::string bytes = serialise_model(model);
        const auto read = parse_model<T>(bytes, "x");
        expect_same(model, read);
        EXPECT_EQ(serialise_model(read), bytes);
        EXPECT_EQ(serialise_model(random_model<T>(settings, 3)), bytes);
      }
    }
  }
}

TYPED_TEST(ModelFileOf, BetaComesBackUpToItsSign) {
  using T = TypeParam;
  Model<T> model = random_model<T>(chain_of({2, 4000, 1}, 1), 8);
  Vector<T>& beta = model.network.space(1).length;
  for (Index g = 0; g < beta.size(); ++g) {
    beta[g] = std::ldexp(beta[g], static_cast<int>(g % 100) - 50);  // all binades in use
  }
  const auto read = parse_model<T>(serialise_model(model), "x");
  EXPECT_EQ(read.network.space(1).length, beta.cwiseAbs());
}

// Numbers of every size, in all modes that recover what is trained from o: the bytes stay.
TYPED_TEST(ModelFileOf, LengthsOfEverySizeKeepTheirBytes) {
  using T = TypeParam;
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  const Random random(4, Purpose::test);
  for (const LengthMode mode : {LengthMode::trainable, LengthMode::log}) {
    Model<T> model = random_model<T>(chain_of({1, 20'000, 1}, 1, mode), 8);
    Vector<T>& held = model.network.space(1).length;
    for (Index g = 0; g < held.size(); ++g) {
      const std::uint64_t bits = random.below(std::numeric_limits<std::uint64_t>::max(), g);
      T value = std::bit_cast<T>(static_cast<Bits>(bits >> 1));  // denormals to infinity, NaN
      if (mode == LengthMode::log) {
        value = static_cast<T>(g % 2 == 0 ? 3 * random.uniform(g) - 1.5
                                          : 1500 * random.uniform(g) - 800);
      }
      held[g] = value;
      if (!std::isfinite(model.network.space(1).o(g)) || !std::isfinite(value)) held[g] = T(0.5);
    }
    const std::string bytes = serialise_model(model);
    const auto read = parse_model<T>(bytes, "x");
    EXPECT_TRUE(read.network.all_finite());
    EXPECT_EQ(serialise_model(read), bytes) << length_mode_name(mode);
  }
}

TYPED_TEST(ModelFileOf, ZeroLengthsStayZero) {
  using T = TypeParam;
  for (const LengthMode mode : {LengthMode::trainable, LengthMode::log}) {
    Model<T> model = random_model<T>(chain_of({2, 3, 1}, 8, mode), 8);
    model.network.space(1).length.setConstant(mode == LengthMode::log ? T(-2000) : T(0));
    const auto read = parse_model<T>(serialise_model(model), "x");
    EXPECT_EQ(read.network.space(1).o(0), T(0));
    EXPECT_TRUE(read.network.all_finite());
  }
}

TYPED_TEST(ModelFileOf, TasksImageAndHistoryComeBack) {
  using T = TypeParam;
  const Model<T> model = full_model<T>();
  const std::string bytes = serialise_model(model);
  const auto read = parse_model<T>(bytes, "x");
  EXPECT_EQ(serialise_model(read), bytes);
  EXPECT_EQ(read.image_rows, 2);
  EXPECT_EQ(read.image_cols, 3);
  ASSERT_EQ(read.tasks.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(read.tasks[i].name, model.tasks[i].name);
    EXPECT_EQ(read.tasks[i].outputs, model.tasks[i].outputs);
    EXPECT_EQ(read.tasks[i].loss, model.tasks[i].loss);
    EXPECT_EQ(read.tasks[i].active, model.tasks[i].active);
  }
  ASSERT_EQ(read.history.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    const EditRecord &a = read.history[i], &b = model.history[i];
    EXPECT_EQ(std::tie(a.step, a.kind, a.space, a.group, a.before, a.after, a.born, a.removed),
              std::tie(b.step, b.kind, b.space, b.group, b.before, b.after, b.born, b.removed));
    EXPECT_EQ(std::tie(a.score, a.bound, a.change, a.why),
              std::tie(b.score, b.bound, b.change, b.why));
  }
}

TYPED_TEST(ModelFileOf, NetworksWithoutHiddenLayersComeBack) {
  using T = TypeParam;
  const Model<T> model = random_model<T>(chain_of({3, 2}), 2);
  const std::string bytes = serialise_model(model);
  expect_same(model, parse_model<T>(bytes, "x"));
  EXPECT_EQ(serialise_model(parse_model<T>(bytes, "x")), bytes);
}

TYPED_TEST(ModelFileOf, SparseFormsComeBackBitForBit) {
  using T = TypeParam;
  const Structure forms[] = {Structure::dense, Structure::diagonal, Structure::triangle};
  for (std::uint64_t trial = 0; trial < 100; ++trial) {
    const Random random(trial, Purpose::test, 2);
    std::uint64_t at = 0;
    const auto between = [&](std::uint64_t low, std::uint64_t high) {
      return low + random.below(high - low + 1, at++);
    };
    ChainSettings settings;
    for (std::uint64_t l = between(2, 6); l > 0; --l) {
      settings.widths.push_back(static_cast<Index>(between(1, 12)));
    }
    settings.group_size = static_cast<Index>(between(0, 5));
    Model<T> model = random_model<T>(settings, trial);
    for (const Map<T>& m : model.network.maps()) {
      impose_structure(model.network, m.id, forms[between(0, 2)]);
    }
    const std::string bytes = serialise_model(model);
    const auto read = parse_model<T>(bytes, "x");
    expect_same(model, read);
    EXPECT_EQ(serialise_model(read), bytes);
    // Nothing but zeros was left out.
    Index stored = 0;
    const TensorFile file = parse_tensors(bytes, "x");
    for (const auto& [name, tensor] : file.tensors) {
      if (name.starts_with("layers")) stored += static_cast<Index>(tensor.size());
    }
    EXPECT_EQ(stored, cost_of(model.network).parameters);
  }
}

TYPED_TEST(ModelFileOf, OtherPrecisionIsConverted) {
  using T = TypeParam;
  using Other = std::conditional_t<std::is_same_v<T, float>, double, float>;
  const Model<Other> model = full_model<Other>();
  const auto read = parse_model<T>(serialise_model(model), "x");
  EXPECT_EQ(read.network.map(1).a, model.network.map(1).a.template cast<T>());
  EXPECT_EQ(read.mean, model.mean.template cast<T>());
  const T ulp = std::numeric_limits<float>::epsilon();
  EXPECT_NEAR(read.network.space(1).o(1), model.network.space(1).o(1), 2 * ulp);
  // What o was after the conversion, it stays.
  const std::string bytes = serialise_model(read);
  EXPECT_EQ(serialise_model(parse_model<T>(bytes, "x")), bytes);
}

TEST(ModelFile, HoldsWhatTheFormatSays) {
  const Model<float> model = full_model<float>();
  const std::string bytes = serialise_model(model);
  const TensorFile file = parse_tensors(bytes, "x");
  std::string names;
  for (const auto& [name, tensor] : file.tensors) names += name + shape_text(tensor.shape) + " ";
  EXPECT_EQ(names,
            "input.mean[6] input.scale[6] layers.0.bias[7] layers.0.intrinsic_length[2] "
            "layers.0.weight[7, 6] layers.1.bias[5] layers.1.intrinsic_length[3] "
            "layers.1.psi[5, 2] layers.1.weight[5, 7] layers.2.bias[4] layers.2.psi[4, 3] "
            "layers.2.weight[4, 5] ");
  const auto& weight = std::get<std::vector<float>>(file.tensors.at("layers.1.weight").data);
  EXPECT_EQ(weight[1], model.network.map(1).weight()(0, 1));  // row-major
  const auto& o = std::get<std::vector<float>>(file.tensors.at("layers.1.intrinsic_length").data);
  EXPECT_EQ(o[2], model.network.space(2).o(2));  // o, not β

  nlohmann::json expected = nlohmann::json::parse(R"({
    "format": 1, "architecture": "chain", "widths": [6, 7, 5, 4], "groups": [[3, 4], [1, 1, 3]],
    "radial": ["tanh", "log"], "intrinsic_length_mode": "trainable", "psi_mode": "decay",
    "image": [2, 3], "tasks": [
      {"name": "digits", "inputs": "all", "outputs": ["digits 0", "digits 1", "digits 2"],
       "loss": "cross_entropy", "active": true},
      {"name": "extra \"é\"", "inputs": "all", "outputs": ["extra \"é\" 0"], "loss": "squared",
       "active": false}],
    "history": [
      {"step": 120, "kind": "append", "space": 1, "group": 1, "before": 5, "after": 7, "born": 2,
       "removed": 0, "why": "the spectrum has no tail"},
      {"step": 9000000000, "kind": "reduce", "space": 2, "before": 6, "after": 5, "born": 0,
       "removed": 1, "score": 0.1, "bound": 0.3333333333333333, "change": 1e-300}]})");
  EXPECT_EQ(about(bytes), expected);
}

TEST(ModelFile, HoldsSparseFormsAsTheFormatSays) {
  const Model<double> model = sparse_model<double>(4);
  const std::string bytes = serialise_model(model);
  const TensorFile file = parse_tensors(bytes, "x");
  std::string names;
  for (const auto& [name, tensor] : file.tensors) {
    if (name.find("weight") != std::string::npos) names += name + shape_text(tensor.shape) + " ";
  }
  // Groups of 3, 2, 4 rows of 6 columns; the output's 4 of 5.
  EXPECT_EQ(names,
            "layers.0.weight.triangle[44] layers.1.weight.diagonal[5] layers.2.weight[5, 5] "
            "layers.3.weight.triangle[14] ");
  EXPECT_EQ(about(bytes)["structure"],
            nlohmann::json({"triangle", "diagonal", "dense", "triangle"}));
  const auto& triangle =
      std::get<std::vector<double>>(file.tensors.at("layers.0.weight.triangle").data);
  const auto& w = model.network.map(0).weight();
  EXPECT_EQ(triangle[5], w(0, 5));
  EXPECT_EQ(triangle[6], w(1, 1));   // second row of the first group
  EXPECT_EQ(triangle[15], w(3, 0));  // first row of the second
  const auto& diagonal =
      std::get<std::vector<double>>(file.tensors.at("layers.1.weight.diagonal").data);
  EXPECT_EQ(diagonal[3], model.network.map(1).weight()(3, 3));
  EXPECT_FALSE(about(serialise_model(full_model<double>())).contains("structure"));
}

// Whoever wrote the file may have chosen a form that keeps too much, and said what is the default.
TEST(ModelFile, OtherChoicesOfFormsAreRead) {
  const Model<double> model = sparse_model<double>(4);
  TensorFile file = parse_tensors(serialise_model(model), "x");
  auto words = nlohmann::json::parse(file.metadata["isoform"]);
  words["structure"] = {"triangle", "dense", "dense", "triangle"};
  file.metadata["isoform"] = words.dump();
  file.tensors.erase("layers.1.weight.diagonal");
  std::vector<double> numbers(45);
  for (Index r = 0; r < 5; ++r) {
    for (Index c = 0; c < 9; ++c) numbers[r * 9 + c] = model.network.map(1).weight()(r, c);
  }
  file.tensors["layers.1.weight"] = {{5, 9}, numbers};
  const auto read = parse_model<double>(serialise(file), "x");
  expect_same(model, read);
  EXPECT_EQ(serialise_model(read), serialise_model(model));
}

TEST(ModelFile, ModesOfSingleSpacesComeBack) {
  Model<double> model = random_model<double>(mixed_chain(), 7);
  model.network.space(1).length_mode = LengthMode::log;
  Map<double>& last = model.network.map(2);
  last.psi_mode = PsiMode::expectation;
  last.a = Matrix<double>(last.a.leftCols(last.inputs + 1));
  const std::string bytes = serialise_model(model);
  EXPECT_EQ(about(bytes)["intrinsic_length_mode"], nlohmann::json({"log", "trainable"}));
  EXPECT_EQ(about(bytes)["psi_mode"], nlohmann::json({"decay", "expectation"}));
  const auto read = parse_model<double>(bytes, "x");
  expect_same(model, read);
  EXPECT_EQ(serialise_model(read), bytes);
}

TEST(ModelFile, NamesInOtherEncodingsDoNotLoseAModel) {
  Model<float> model = full_model<float>();
  model.tasks[0].outputs[1] = "caf\xe9";
  model.history[0].bound = std::numeric_limits<double>::infinity();
  model.history[0].score = std::numeric_limits<double>::quiet_NaN();
  const std::string bytes = serialise_model(model);
  const auto read = parse_model<float>(bytes, "x");
  EXPECT_EQ(read.tasks[0].outputs[1], "caf\xef\xbf\xbd");
  EXPECT_EQ(read.history[0].bound, std::nullopt);
  EXPECT_EQ(serialise_model(read), bytes);
}

TEST(ModelFile, WhatNoFileCanHoldIsRefused) {
  const auto refused = [](auto change) {
    Model<float> model = full_model<float>();
    change(model);
    return message_of<UsageError>([&] { serialise_model(model); });
  };
  EXPECT_THAT(
      refused([](auto& m) { m.network.map(1).a(2, 3) = NAN; }),
      AllOf(HasSubstr("layers.1.weight"), HasSubstr("nan at [2, 3]"), HasSubstr("diverged")));
  EXPECT_THAT(refused([](auto& m) { m.network.space(1).length[0] = 1e30F; }),
              HasSubstr("layers.0.intrinsic_length needs finite numbers, got inf"));
  EXPECT_THAT(refused([](auto& m) {
                m.network.space(1).length_mode = LengthMode::constant;
                m.network.space(1).length[0] = -1;
              }),
              HasSubstr("squared lengths"));
  EXPECT_THAT(refused([](auto& m) { m.scale[1] = 0; }), HasSubstr("input.scale"));
  EXPECT_THAT(refused([](auto& m) { m.mean.resize(0); }), HasSubstr("set_transform"));
  EXPECT_THAT(refused([](auto& m) { m.tasks.pop_back(); }), HasSubstr("4 outputs, got 3"));
  EXPECT_THAT(refused([](auto& m) { m.tasks[1].name = "digits"; }), HasSubstr("two are called"));
  EXPECT_THAT(refused([](auto& m) { m.image_cols = 4; }), HasSubstr("got 2 × 4"));
  EXPECT_THAT(refused([](auto& m) { m.history[1].space = 3; }), HasSubstr("history[1]"));
  EXPECT_THAT(refused([](auto& m) { m.network = Network<float>(); }),
              HasSubstr("an input and an output"));
}

TEST(ModelFile, FileIsWhatSerialiseGives) {
  const Folder folder;
  const auto model = random_model<float>(mixed_chain(), 5);
  save_model(model, folder / "m.isoform");
  EXPECT_EQ(slurp(folder / "m.isoform"), serialise_model(model));
  expect_same(model, load_model<float>(folder / "m.isoform"));
  EXPECT_EQ(folder.entries(), 1);
  EXPECT_THAT(message_of<FileError>([&] { load_model<float>(folder / "gone"); }),
              HasSubstr("gone"));
}

TEST(ModelFile, FailureLeavesTheOldFileAndNothingElse) {
  const Folder folder;
  Model<float> model = full_model<float>();
  save_model(model, folder / "m.isoform");
  const std::string before = slurp(folder / "m.isoform");
  model.network.map(0).a(0, 0) = NAN;
  EXPECT_THROW(save_model(model, folder / "m.isoform"), UsageError);
  EXPECT_EQ(slurp(folder / "m.isoform"), before);
  EXPECT_EQ(folder.entries(), 1);
  model.network.map(0).a(0, 0) = 0;
  EXPECT_THAT(message_of<FileError>([&] { save_model(model, folder / "gone/m.isoform"); }),
              HasSubstr("gone/m.isoform"));
  EXPECT_THROW(save_model(model, folder.path()), FileError);
  EXPECT_EQ(folder.entries(), 1);
}

TEST(ModelFile, UnwritableFolderLeavesNothingBehind) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  const Folder folder;
  ::chmod(folder.path().c_str(), 0500);
  EXPECT_THROW(save_model(full_model<float>(), folder / "m.isoform"), FileError);
  ::chmod(folder.path().c_str(), 0700);
  EXPECT_EQ(folder.entries(), 0);
}

// A disk that is full while the bytes are written.
TEST(ModelFile, FullDiskIsAnError) {
  if (::access("/dev/full", W_OK) != 0) GTEST_SKIP() << "no /dev/full";
  EXPECT_THAT(message_of<FileError>([] { save_model(full_model<float>(), "/dev/full"); }),
              HasSubstr("No space left"));
}

}  // namespace
}  // namespace isoform
