// Rows kept beside a model.
#include "isoform/run/memory.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <numeric>

#include "isoform/base/error.h"
#include "isoform/data/checksum.h"
#include "isoform/io/safetensors.h"
#include "tests/support/random_table.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

Matrix<float> values_of(const Dataset& data) {
  std::vector<std::uint32_t> all(static_cast<std::size_t>(data.samples()));
  std::iota(all.begin(), all.end(), 0U);
  Matrix<float> out(data.features(), data.samples());
  data.gather(all, View<float>(out));
  return out;
}

Dataset rows_of_table(TargetKind kind, int rows = 100) {
  const RandomTable table{.kind = kind, .rows = rows};
  const TableFile file(table.write(5));
  return read_table(table_run(file.path(), table)).rows.data;
}

TEST(Memory, HasAPlaceBesideTheModel) {
  EXPECT_EQ(memory_path("a/model.safetensors"), "a/model.memory.safetensors");
  EXPECT_EQ(memory_path("b.c/model"), "b.c/model.memory");
  EXPECT_NE(memory_path("w.v1"), memory_path("w.v2"));
}

TEST(Memory, ComesBack) {
  const Folder folder;
  for (const TargetKind kind : {TargetKind::classes, TargetKind::labels, TargetKind::numbers}) {
    const Dataset data = rows_of_table(kind);
    for (const Index most : {1, 30, 5000}) {
      const Memory memory =
          remember({data.with_weights(std::vector<float>(100, 3)), data.subset({})},
                   data.feature_names(), most, 1);
      EXPECT_EQ(memory.rows.samples(), std::min<Index>(most, 100));
      EXPECT_FALSE(memory.rows.has_weights());
      save_memory(memory, folder / "m");
      const std::string bytes = slurp(folder / "m");
      const Memory read = load_memory(folder / "m");
      EXPECT_EQ(checksum(read.rows), checksum(memory.rows));
      EXPECT_EQ(read.rows.classes(), data.classes());
      EXPECT_EQ(read.rows.name(), data.name());
      EXPECT_EQ(read.features, data.feature_names());
      EXPECT_EQ(read.counts, memory.counts);
      ASSERT_EQ(read.seen.size(), 1U);
      EXPECT_EQ(read.seen.front().features, data.feature_names());
      EXPECT_EQ(read.seen.front().rows, memory.seen.front().rows);
      EXPECT_EQ(are_seen(read.seen, data), std::vector<bool>(100, true)) << "kept or not";
      EXPECT_EQ(read.rows.has_targets(), data.has_targets());
      save_memory(read, folder / "m");
      EXPECT_EQ(slurp(folder / "m"), bytes);
    }
  }
}

TEST(Memory, FollowsNamesOfClasses) {
  const Dataset data = rows_of_table(TargetKind::classes);
  const Memory memory = remember({data}, data.feature_names(), 60, 1);
  std::vector<std::string> names = data.classes();
  const Memory other = renamed(memory, names.front(), "else");
  names.front() = "else";
  EXPECT_EQ(other.rows.classes(), names);
  EXPECT_EQ(other.rows.labels(), memory.rows.labels());
  EXPECT_EQ(renamed(memory, "nobody", "else").rows.classes(), data.classes());
}

TEST(Memory, KeepsClassesAlike) {
  const Dataset data = rows_of_table(TargetKind::classes, 400);
  const Memory memory = remember({data}, data.feature_names(), 60, 1);
  std::vector<int> of(data.classes().size(), 0);
  for (const std::uint32_t label : memory.rows.labels()) ++of[label];
  for (const int n : of) EXPECT_EQ(n, 20);
}

// Together they count as if none had been left out, also when they are kept a second time.
TEST(Memory, RowsCountForThoseTheyStandFor) {
  const Dataset data = rows_of_table(TargetKind::classes, 400);
  std::vector<double> of(data.classes().size(), 0);
  for (const std::uint32_t label : data.labels()) ++of[label];
  Schema schema;
  schema.columns = {{.name = "x1"}};
  Memory memory = remember({data}, data.feature_names(), 60, 1);
  EXPECT_EQ(memory.counts, of);
  for (int again = 0; again < 2; ++again) {
    const Dataset rows = remembered_rows(memory, schema, data.feature_names(), data.classes());
    std::vector<double> weights(of.size(), 0);
    for (Index i = 0; i < rows.samples(); ++i) {
      weights[rows.labels()[static_cast<std::size_t>(i)]] += static_cast<double>(rows.weight(i));
    }
    for (std::size_t c = 0; c < of.size(); ++c) EXPECT_NEAR(weights[c], of[c], 1e-3);
    memory = remember({rows}, data.feature_names(), 30, 2);
  }
}

TEST(Memory, RowsFollowTheModel) {
  const Dataset data = rows_of_table(TargetKind::classes);
  const Memory memory = remember({data}, data.feature_names(), 50, 1);
  const std::vector<std::string>& known = data.feature_names();
  Schema schema;
  schema.columns = {
      {.name = "x3", .has_missing = true, .fill = 7},
      {.name = "x1", .has_missing = true},
      {.name = "x2", .has_missing = true},
      {.name = "sky", .kind = ColumnKind::category, .categories = {"red"}, .has_missing = true},
      {.name = "city",
       .kind = ColumnKind::category,
       .categories = {"city 0", "city 1", "city 2", "city 3"}}};
  std::vector<std::string> features = {"x3", "x3 is missing"};
  features.insert(features.end(), known.rbegin(), known.rend());
  features.insert(features.end(),
                  {"x1 is missing", "sky = red", "sky is missing", "city = city 3"});
  std::vector<std::string> classes = {"new"};
  classes.insert(classes.end(), data.classes().rbegin(), data.classes().rend());
  const Dataset rows = remembered_rows(memory, schema, features, classes);
  const Matrix<float> x = values_of(rows), old = values_of(memory.rows);
  const Index n = old.rows();
  EXPECT_TRUE((x.row(0).array() == 7).all());
  EXPECT_TRUE((x.row(1).array() == 1).all());
  EXPECT_EQ(x.middleRows(2, n), old.colwise().reverse());
  EXPECT_TRUE((x.row(n + 2).array() == 0).all()) << "x1 was there";
  EXPECT_TRUE((x.row(n + 3).array() == 0).all());
  EXPECT_TRUE((x.row(n + 4).array() == 1).all());
  EXPECT_TRUE((x.row(n + 5).array() == 0).all());
  for (std::size_t i = 0; i < rows.labels().size(); ++i) {
    EXPECT_EQ(classes[rows.labels()[i]], data.classes()[memory.rows.labels()[i]]);
  }
  EXPECT_THAT(
      message_of<UsageError>([&] { (void)remembered_rows(memory, schema, features, {"class 0"}); }),
      HasSubstr("no longer has"));
}

struct MemoryDamage : public ::testing::Test {
  void SetUp() override {
    const Dataset data = rows_of_table(TargetKind::classes);
    save_memory(remember({data}, data.feature_names(), 20, 1), path);
    valid = slurp(path);
  }
  std::string refusal(const std::function<void(TensorFile&)>& change) {
    TensorFile file = parse_tensors(valid, "x");
    change(file);
    spill(path, serialise(file));
    return message_of<FormatError>([&] { (void)load_memory(path); });
  }
  Folder folder;
  std::filesystem::path path = folder / "m.memory.safetensors";
  std::string valid;
};

TEST_F(MemoryDamage, IsSaid) {
  const auto about = [](const std::function<void(json&)>& change) {
    return [change](TensorFile& file) {
      json words = json::parse(file.metadata["isoform.memory"]);
      change(words);
      file.metadata["isoform.memory"] = words.dump();
    };
  };
  EXPECT_THAT(refusal([](auto& f) { f.metadata.clear(); }),
              AllOf(HasSubstr(path.string()), HasSubstr("no rows of a model")));
  EXPECT_THAT(refusal([](auto& f) { f.tensors.erase("rows"); }), HasSubstr("tensor rows"));
  EXPECT_THAT(refusal([](auto& f) { f.tensors.erase("answers"); }), HasSubstr("tensor answers"));
  EXPECT_THAT(refusal([](auto& f) {
                f.tensors["answers"] = {{19}, std::vector<float>(19, 0)};
              }),
              HasSubstr("damaged"));
  EXPECT_THAT(
      refusal([](auto& f) { std::get<std::vector<float>>(f.tensors["answers"].data)[3] = 77; }),
      HasSubstr("damaged"));
  EXPECT_THAT(
      refusal([](auto& f) { std::get<std::vector<float>>(f.tensors["answers"].data)[3] = -1; }),
      HasSubstr("damaged"));
  EXPECT_THAT(refusal([](auto& f) {
                f.tensors["rows"] = {{0, 1}, std::vector<float>()};
                f.tensors["answers"] = {{0}, std::vector<float>()};
              }),
              HasSubstr("damaged"));
  EXPECT_THAT(refusal(about([](json& w) { w["format"] = 2; })), HasSubstr("newer"));
  EXPECT_THAT(refusal(about([](json& w) { w["features"].push_back("more"); })),
              HasSubstr("damaged"));
  EXPECT_THAT(refusal(about([](json& w) { w["features"] = json::array(); })), HasSubstr("damaged"));
  EXPECT_THAT(refusal(about([](json& w) { w["classes"] = w["counts"] = json::array(); })),
              HasSubstr("damaged"));
  EXPECT_THAT(refusal(about([](json& w) {
                w["classes"] = json::array();
                w["counts"] = json::array({20});
                w["targets"] = true;
              })),
              HasSubstr("damaged"));
  EXPECT_THAT(refusal(about([](json& w) { w.erase("targets"); })), HasSubstr("targets"));
  EXPECT_THAT(refusal(about([](json& w) { w["counts"].push_back(1); })), HasSubstr("counts"));
  EXPECT_THAT(refusal(about([](json& w) { w["counts"][0] = -1; })), HasSubstr("counts"));
  EXPECT_THAT(refusal(about([](json& w) { w["counts"][0] = 1e300; })), HasSubstr("counts"));
  EXPECT_THROW((void)load_memory(folder / "none"), FileError);
}

TEST_F(MemoryDamage, AnyBytesAreReadOrRefused) {
  const std::size_t header = valid.find("}}") + 2;
  int refused = 0;
  for (std::uint64_t seed = 0; seed < 1500; ++seed) {
    Dice dice(seed, 141);
    std::string bytes = valid;
    for (Index n = dice.between(1, 3); n > 0; --n) {
      const auto at = static_cast<std::size_t>(
          dice.between(0, static_cast<Index>(dice.coin() ? header : bytes.size()) - 1));
      if (at >= bytes.size()) continue;
      bytes[at] =
          dice.coin() ? "0,]}\"9-"[dice.between(0, 6)] : static_cast<char>(dice.between(0, 255));
      if (dice.between(0, 9) == 0) bytes.resize(at);
    }
    spill(path, bytes);
    try {
      const Memory memory = load_memory(path);
      EXPECT_FALSE(memory.rows.empty());
    } catch (const FormatError& error) {
      ++refused;
      EXPECT_THAT(error.what(), HasSubstr("m.memory.safetensors"));
    }
  }
  EXPECT_GT(refused, 500);
}

}  // namespace
}  // namespace isoform
