// A table that holds more than the model: appended, and what it said stays to the last bit.
#include "isoform/run/extend.h"

#include <gmock/gmock.h>

#include "isoform/base/error.h"
#include "isoform/io/model_file.h"
#include "isoform/train/evaluate.h"
#include "tests/support/random_table.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

template <class T>
struct ExtendModel : public ::testing::Test {
  // A model of the first table, and what the second made of it.
  void extend(const RandomTable& first, const RandomTable& second, std::uint64_t seed) {
    const TableFile before(first.write(seed));
    RunSettings settings = table_run(before.path(), first);
    table = read_table(settings);
    old_model = table_model<T>(settings, table, seed);
    model = old_model;
    const TableFile after(second.write(seed + 1000));
    const CsvFile file = after.open();
    TableOptions said;
    said.weights = second.weights ? "w" : "";
    said = known_columns(said, *model.schema, file);
    added = extend_model(model, infer_schema(file, said), file, said.weights);
    fresh = encode_table(file, *model.schema,
                         {.features = model.inputs.front().features,
                          .classes = model.tasks.front().outputs,
                          .weights = said.weights})
                .data;
  }
  // Old rows with whatever the new features may hold.
  Matrix<T> logits_of_old_rows(Dice& dice) {
    const Dataset& rows = table.rows.data;
    Dataset::Contents c = contents_without_values(rows);
    const Index features = model.network.widths().front();
    Matrix<float> x = dice.normals<float>(features, rows.samples(), 100);
    std::vector<std::uint32_t> all(static_cast<std::size_t>(rows.samples()));
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint32_t>(i);
    Matrix<float> old(rows.features(), rows.samples());
    rows.gather(all, View<float>(old));
    x.topRows(old.rows()) = old;
    c.features = features;
    c.feature_names = model.inputs.front().features;
    c.values = std::vector<float>(x.data(), x.data() + x.size());
    return logits(model, Dataset(std::move(c)), *engine);
  }

  std::unique_ptr<Engine<T>> engine = create_engine<T>({.threads = 1});
  TableData table;
  Model<T> old_model, model;
  Extension added;
  Dataset fresh;
};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(ExtendModel, Scalars);

TYPED_TEST(ExtendModel, OldLogitsStayToTheLastBit) {
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    Dice dice(seed, 140);
    const auto kind = static_cast<TargetKind>(seed % 3);
    RandomTable first{.kind = kind, .rows = 120, .cities = 2, .classes = 2};
    RandomTable second = first;
    second.rows = 90;
    second.wider = seed % 2 == 0;
    second.weights = seed % 4 == 0;
    second.cities = static_cast<int>(dice.between(2, 5));
    second.classes = static_cast<int>(dice.between(2, 4));
    this->extend(first, second, seed);
    const Matrix<TypeParam> before = logits(this->old_model, this->table.rows.data, *this->engine);
    const Matrix<TypeParam> after = this->logits_of_old_rows(dice);
    ASSERT_EQ(after.rows() - before.rows(), std::ssize(this->added.classes));
    EXPECT_TRUE((after.topRows(before.rows()).array() == before.array()).all()) << seed;
    EXPECT_TRUE((after.bottomRows(after.rows() - before.rows()).array() == 0).all());
    const Model<TypeParam> read = parse_model<TypeParam>(serialise_model(this->model), "x");
    EXPECT_EQ(read.inputs.front().features, this->model.inputs.front().features);
    EXPECT_TRUE(logits(this->model, this->fresh, *this->engine).allFinite());
  }
}

TYPED_TEST(ExtendModel, SaysWhatIsNew) {
  const RandomTable first{.rows = 200, .cities = 2, .classes = 2};
  RandomTable second{.rows = 200, .cities = 3, .classes = 3, .wider = true};
  this->extend(first, second, 1);
  EXPECT_THAT(this->added.classes, ElementsAre("class 2"));
  EXPECT_THAT(this->added.columns, ElementsAre("x3"));
  EXPECT_THAT(this->added.features,
              ElementsAre("x1 is missing", "city = city 2", "x3", "x3 is missing"));
  const auto& features = this->model.inputs.front().features;
  const std::vector<std::string> old = feature_names(this->table.facts.schema);
  EXPECT_TRUE(std::equal(old.begin(), old.end(), features.begin()));
  EXPECT_EQ(this->model.tasks.front().outputs.back(), "class 2");
  EXPECT_TRUE(this->model.schema->find("x3")->has_missing) << "rows of before do not have it";
  // Deviations of what is new are those of the new rows; marks that never vary are 1.
  const Index at = std::ssize(old);
  EXPECT_NEAR(double(this->model.scale[at + 2]), 1, 0.3);
  EXPECT_EQ(double(this->model.scale[at + 3]), 1);
}

TYPED_TEST(ExtendModel, TheSameTableAddsNothing) {
  const RandomTable same{.rows = 200};
  this->extend(same, same, 3);
  EXPECT_TRUE(this->added.empty());
  EXPECT_EQ(serialise_model(this->model), serialise_model(this->old_model));
}

TYPED_TEST(ExtendModel, TwiceIsAsOnce) {
  this->extend({.cities = 2, .classes = 2}, {.cities = 3, .classes = 3, .wider = true}, 4);
  const std::string once = serialise_model(this->model);
  const TableFile again(RandomTable{.cities = 3, .classes = 3, .wider = true}.write(1004));
  const CsvFile file = again.open();
  const TableOptions said = known_columns({}, *this->model.schema, file);
  EXPECT_TRUE(extend_model(this->model, infer_schema(file, said), file).empty());
  EXPECT_EQ(serialise_model(this->model), once);
}

// In what a refusal leaves, nothing is changed.
TEST(Extend, RefusalsChangeNothing) {
  const TableFile before("a,b,y\n1,2,p\n,3,q\n3,1,p\n2,5,q\n");
  RunSettings settings = table_run(before.path());
  Model<float> model = table_model<float>(settings, read_table(settings));
  const std::string bytes = serialise_model(model);
  const auto refusal = [&]<class Exception>(const std::string& text, Exception*) {
    const TableFile after(text);
    const CsvFile file = after.open();
    std::string message = message_of<Exception>([&] {
      const TableOptions said = known_columns({}, *model.schema, file);
      (void)extend_model(model, infer_schema(file, said), file);
    });
    EXPECT_TRUE(serialise_model(model) == bytes) << text;
    return message;
  };
  UsageError* usage = nullptr;
  FormatError* format = nullptr;
  EXPECT_THAT(refusal("a,b,y\n1,x,p\n,3,q\n", format), HasSubstr(":2: column 'b'"));
  EXPECT_THAT(refusal("a,b\n1,2\n", usage), HasSubstr("no column 'y'"));
  // A new column that would make a feature there is.
  EXPECT_THAT(refusal("a,b,a is missing,y\n1,2,7,p\n5,3,8,q\n", usage), HasSubstr("a is missing"));
  Model<float> bare = model;
  bare.schema.reset();
  const CsvFile file = before.open();
  const TableFacts facts = infer_schema(file, settings.table.columns);
  EXPECT_THAT(message_of<UsageError>([&] { (void)extend_model(bare, facts, file); }),
              HasSubstr("--target"));
}

TEST(Extend, KnownColumnsKeepTheirKinds) {
  const TableFile before("a,city,id,y\n1,x,1,p\n2,y,1,q\n3,x,1,p\n2,y,1,q\n");
  RunSettings settings = table_run(before.path());
  const Model<float> model = table_model<float>(settings, read_table(settings));
  // By itself: a would be constant, city numbers, id numbers.
  const TableFile after("city,id,a,y\n7,2,5,p\n8,3,5,q\n7,1,5,p\n");
  const CsvFile file = after.open();
  const TableFacts facts = infer_schema(file, known_columns({}, *model.schema, file));
  EXPECT_EQ(facts.schema.find("a")->kind, ColumnKind::number);
  EXPECT_EQ(facts.schema.find("city")->kind, ColumnKind::category);
  EXPECT_EQ(facts.schema.find("id")->kind, ColumnKind::ignored);
}

}  // namespace
}  // namespace isoform
