// The schema of a model of tables, in the model file and the checkpoint.
#include <gmock/gmock.h>

#include <functional>
#include <limits>
#include <nlohmann/json.hpp>

#include "io/random_damage.h"
#include "isoform/base/error.h"
#include "isoform/io/checkpoint.h"
#include "isoform/io/model_file.h"
#include "isoform/io/safetensors.h"
#include "tests/support/random_table.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

template <class T>
Model<T> sample(TargetKind kind = TargetKind::numbers) {
  const RandomTable table{.kind = kind, .rows = 60};
  const TableFile file(table.write(1));
  const RunSettings settings = table_run(file.path(), table);
  Model<T> model = table_model<T>(settings, read_table(settings));
  model.schema->columns.push_back(
      {.name = "id \"é\"", .kind = ColumnKind::ignored, .why = "it counts the rows"});
  model.schema->columns.front().fill = -1.0 / 3;
  return model;
}

void expect_same(const Schema& a, const Schema& b) {
  ASSERT_EQ(a.columns.size(), b.columns.size());
  for (std::size_t c = 0; c < a.columns.size(); ++c) {
    const Column &x = a.columns[c], &y = b.columns[c];
    EXPECT_EQ(x.name, y.name);
    EXPECT_EQ(x.kind, y.kind);
    EXPECT_EQ(x.categories, y.categories);
    EXPECT_EQ(x.has_missing, y.has_missing);
    EXPECT_EQ(x.kind == ColumnKind::number ? x.fill : 0, y.fill);
    EXPECT_EQ(x.why, y.why);
  }
  EXPECT_EQ(a.target, b.target);
  EXPECT_EQ(a.targets, b.targets);
  EXPECT_EQ(a.mean, b.mean);
  EXPECT_EQ(a.scale, b.scale);
}

template <class T>
class SchemaFile : public ::testing::Test {};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(SchemaFile, Scalars);

TYPED_TEST(SchemaFile, ComesBackInEveryDetail) {
  for (const TargetKind kind : {TargetKind::classes, TargetKind::labels, TargetKind::numbers}) {
    const Model<TypeParam> model = sample<TypeParam>(kind);
    const std::string bytes = serialise_model(model);
    const Model<TypeParam> read = parse_model<TypeParam>(bytes, "x");
    ASSERT_TRUE(read.schema.has_value());
    expect_same(*model.schema, *read.schema);
    EXPECT_EQ(read.tasks.front().loss, model.tasks.front().loss);
    EXPECT_EQ(read.tasks.front().outputs, model.tasks.front().outputs);
    EXPECT_EQ(read.inputs.front().features, model.inputs.front().features);
    EXPECT_EQ(serialise_model(read), bytes);
  }
}

TYPED_TEST(SchemaFile, IsInTheCheckpoint) {
  Checkpoint<TypeParam> checkpoint;
  bool taken = false;
  const RandomTable table{.kind = TargetKind::numbers, .rows = 60};
  const TableFile file(table.write(1));
  const RunSettings settings = table_run(file.path(), table);
  const TableData data = read_table(settings);
  Model<TypeParam> model = table_model<TypeParam>(settings, data);
  const auto engine = create_engine<TypeParam>({.threads = 1});
  const Dataset rows = data.rows.data.with_weights(std::vector<float>(60, 2.5F));
  Trainer<TypeParam> trainer(model, {{"t", rows, rows}},
                             table_settings(settings, data.facts.schema, 60).training, *engine);
  trainer.on_checkpoint(0, [&](TrainerState<TypeParam> state) {
    if (taken || state.courses.front().total.samples == 0) return;
    checkpoint.state = std::move(state);
    taken = true;
  });
  while (trainer.run_epoch()) {
  }
  ASSERT_TRUE(taken);
  const std::string bytes = serialise_checkpoint(checkpoint);
  const Checkpoint<TypeParam> read = parse_checkpoint<TypeParam>(bytes, "x");
  EXPECT_EQ(serialise_checkpoint(read), bytes);
  ASSERT_TRUE(read.state.model.schema.has_value());
  expect_same(*model.schema, *read.state.model.schema);
  EXPECT_EQ(read.state.courses.front().total.weight, checkpoint.state.courses.front().total.weight);
  EXPECT_EQ(read.state.courses.front().total.weight,
            2.5 * static_cast<double>(read.state.courses.front().total.samples));
}

std::string refusal(const std::function<void(json&)>& change) {
  TensorFile file = parse_tensors(serialise_model(sample<float>()), "x");
  json about = json::parse(file.metadata["isoform"]);
  change(about);
  file.metadata["isoform"] = about.dump();
  return message_of<FormatError>([&] { (void)parse_model<float>(serialise(file), "bad"); });
}

TEST(SchemaDamage, EveryKeyIsChecked) {
  const auto of = [](const std::function<void(json&)>& change) {
    return refusal([&](json& about) { change(about["schema"]); });
  };
  EXPECT_THAT(of([](json& s) { s = 1; }), HasSubstr("schema"));
  EXPECT_THAT(of([](json& s) { s.erase("target"); }),
              AllOf(HasSubstr("'bad'"), HasSubstr("target")));
  EXPECT_THAT(of([](json& s) { s["target"] = "ranks"; }), HasSubstr("ranks"));
  EXPECT_THAT(of([](json& s) { s["targets"] = json::array(); }), HasSubstr("schema.targets"));
  EXPECT_THAT(of([](json& s) { s["targets"] = {"y", "y"}; }), HasSubstr("twice"));
  EXPECT_THAT(of([](json& s) { s["targets"] = {1}; }), HasSubstr("targets"));
  EXPECT_THAT(of([](json& s) { s["columns"][0]["kind"] = "text"; }), HasSubstr("text"));
  EXPECT_THAT(of([](json& s) { s["columns"][0].erase("fill"); }), HasSubstr("fill"));
  EXPECT_THAT(of([](json& s) { s["columns"][0]["missing"] = 3; }), HasSubstr("missing"));
  EXPECT_THAT(of([](json& s) { s["columns"][1]["name"] = s["columns"][0]["name"]; }),
              HasSubstr("twice"));
  EXPECT_THAT(of([](json& s) { s["columns"][2].erase("categories"); }), HasSubstr("categories"));
  EXPECT_THAT(of([](json& s) { s["columns"][2]["categories"] = {"a", "a"}; }), HasSubstr("twice"));
  EXPECT_THAT(of([](json& s) { s["mean"] = {1, 2}; }), HasSubstr("schema.mean"));
  EXPECT_THAT(of([](json& s) { s["scale"] = {0}; }), HasSubstr("schema.scale"));
  EXPECT_THAT(of([](json& s) { s["scale"] = {-1}; }), HasSubstr("schema.scale"));
  EXPECT_THAT(of([](json& s) { s.erase("scale"); }), HasSubstr("scale"));
  EXPECT_THAT(refusal([](json& about) { about.erase("inputs"); }), HasSubstr("schema"));
}

// What could be answered must agree with who answers, or using the model would read beyond its means and scales.
TEST(SchemaDamage, TargetsAreTheOutputs) {
  const auto more = [](json& about) {
    about["schema"]["targets"].push_back("z");
    about["schema"]["mean"].push_back(0);
    about["schema"]["scale"].push_back(1);
  };
  EXPECT_THAT(refusal(more), HasSubstr("schema.targets"));
  const auto two = [](json& about) {
    about["schema"]["target"] = "classes";
    about["schema"]["targets"] = {"y", "z"};
  };
  EXPECT_THAT(refusal(two), HasSubstr("schema.targets"));
}

TEST(SchemaDamage, RandomDamageIsReadOrRefused) {
  expect_read_or_refused(serialise_model(sample<float>()));
}

}  // namespace
}  // namespace isoform
