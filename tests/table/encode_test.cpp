#include "isoform/table/encode.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "isoform/base/error.h"
#include "isoform/table/infer.h"
#include "table/tables.h"
#include "tests/support/dice.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Matrix<double> values_of(const Dataset& data) {
  std::vector<std::uint32_t> all(static_cast<std::size_t>(data.samples()));
  std::iota(all.begin(), all.end(), 0U);
  Matrix<double> out(data.features(), data.samples());
  data.gather(all, View<double>(out));
  return out;
}

EncodedTable encode(const std::string& text, const Schema& schema, const EncodeOptions& options) {
  const TableFile table(text);
  return encode_table(table.open(), schema, options);
}

Schema schema() {
  Schema s;
  s.columns = {{.name = "age", .has_missing = true, .fill = 30.5},
               {.name = "city", .kind = ColumnKind::category, .categories = {"Oslo", "Rome"}},
               {.name = "note", .kind = ColumnKind::ignored}};
  s.targets = {"y"};
  return s;
}
const std::vector<std::string> kClasses = {"no", "yes"};

TEST(Encode, AgreesWithTheDefinitionOnRandomTables) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Dice dice(seed, 97);
    Rows rows = {{"n", "c", "m", "y"}};
    const auto cell = [&](std::string text, int missing) {
      return dice.between(1, 10) <= missing ? std::string("NA") : text;
    };
    for (Index i = dice.between(40, 80); i > 0; --i) {
      rows.push_back({cell(std::to_string(dice.normal()), 3),
                      cell(std::string(1, "pqr"[dice.between(0, 2)]), 2),
                      std::to_string(dice.between(0, 9)), cell(dice.coin() ? "yes" : "no", 1)});
    }
    const TableFile table(rows);
    const TableFacts facts = infer_schema(table.open(), {.targets = {"y"}});
    const EncodedTable encoded =
        encode_table(table.open(), facts.schema, {.classes = facts.classes});
    const Matrix<double> x = values_of(encoded.data);
    Index j = 0;
    for (std::size_t r = 1; r < rows.size(); ++r) {
      const auto& row = rows[r];
      if (row[3] == "NA") continue;
      EXPECT_EQ(encoded.lines[static_cast<std::size_t>(j)], r + 1);
      EXPECT_EQ(encoded.data.classes()[encoded.data.labels()[static_cast<std::size_t>(j)]], row[3]);
      for (Index f = 0; f < x.rows(); ++f) {
        const std::string& name = encoded.data.feature_names()[static_cast<std::size_t>(f)];
        double expected = -1;
        if (name == "n")
          expected = row[0] == "NA" ? facts.schema.find("n")->fill : std::stod(row[0]);
        if (name == "m") expected = std::stod(row[2]);
        if (name == "n is missing") expected = row[0] == "NA" ? 1 : 0;
        if (name == "c is missing") expected = row[1] == "NA" ? 1 : 0;
        if (name.starts_with("c = ")) expected = row[1] == name.substr(4) ? 1 : 0;
        EXPECT_EQ(static_cast<float>(x(f, j)), static_cast<float>(expected)) << name << " " << r;
      }
      ++j;
    }
    EXPECT_EQ(j, encoded.data.samples());
    EXPECT_EQ(encoded.report.without_target, rows.size() - 1 - static_cast<std::size_t>(j));

    // Columns and features in another order, and one more column.
    Rows turned;
    for (const auto& row : rows)
      turned.push_back({row[3], row[2], "extra " + row[0], row[1], row[0]});
    turned.front()[2] = "more";
    std::vector<std::string> features = encoded.data.feature_names();
    std::reverse(features.begin(), features.end());
    const TableFile other(turned);
    const EncodedTable again =
        encode_table(other.open(), facts.schema, {.features = features, .classes = facts.classes});
    EXPECT_EQ(values_of(again.data), x.colwise().reverse());
    EXPECT_THAT(again.report.new_columns, ElementsAre("more"));
  }
}

TEST(Encode, WhatIsNewIsCounted) {
  const EncodedTable t =
      encode("age,city,note,y\n1,Oslo,,no\n2,Bonn,x,yes\n,Bern,,no\n3,,,yes\n4,Bonn,,\n", schema(),
             {.classes = kClasses});
  EXPECT_EQ(t.data.samples(), 4);
  EXPECT_EQ(t.report.without_target, 1U);
  ASSERT_EQ(t.report.unseen.size(), 1U);
  EXPECT_EQ(t.report.unseen.at("city").rows, 2U);
  EXPECT_EQ(t.report.unseen.at("city").first, "Bonn");
  EXPECT_EQ(t.report.newly_missing, (std::map<std::string, std::uint64_t>{{"city", 1}}));
  EXPECT_TRUE(t.report.new_columns.empty());
  Matrix<double> x(4, 4);  // age, age is missing, Oslo, Rome
  x << 1, 2, 30.5, 3, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0;
  EXPECT_EQ(values_of(t.data), x);
}

TEST(Encode, RowsToBePredictedNeedNoTarget) {
  const EncodedTable t =
      encode("city,age\nRome,1\nOslo,\n", schema(), {.classes = kClasses, .labelled = false});
  EXPECT_EQ(t.data.samples(), 2);
  EXPECT_EQ(encode("city,age,y\nRome,1,maybe\nOslo,2,\n", schema(),
                   {.classes = kClasses, .labelled = false})
                .data.samples(),
            2);
}

TEST(Encode, FeaturesThatTheModelLacksAreNotRead) {
  const EncodedTable t = encode("city,y\nRome,yes\nOslo,no\nBonn,no\n", schema(),
                                {.features = {"city = Rome"}, .classes = kClasses});
  EXPECT_EQ(values_of(t.data), (Matrix<double>(1, 3) << 1, 0, 0).finished());
  EXPECT_EQ(t.report.unseen.at("city").rows, 1U) << "Oslo is known, if not read";
}

TEST(Encode, TargetsOfNumbersAndLabels) {
  Schema s = schema();
  s.target = TargetKind::numbers;
  s.targets = {"u", "v"};
  s.mean = {10, -1};
  s.scale = {2, 0.5};
  const Dataset numbers = encode("v,age,city,u,w\n-1,1,Rome,14,0\n0,2,Oslo,9,2.5\n", s,
                                 {.classes = s.targets, .weights = "w"})
                              .data;
  ASSERT_TRUE(numbers.has_targets());
  EXPECT_THAT(numbers.targets(0), ElementsAre(2, 0));
  EXPECT_THAT(numbers.targets(1), ElementsAre(-0.5, 2));
  EXPECT_EQ(numbers.weight(0), 0);
  EXPECT_EQ(numbers.weight(1), 2.5F);
  s.target = TargetKind::labels;
  EXPECT_THAT(encode("v,age,city,u\n1,1,Rome,0.0\n", s, {.classes = s.targets}).data.targets(0),
              ElementsAre(0, 1));
  const TableFile bad("v,age,city,u\n1,1,Rome,0\n1,1,Rome,2\n");
  EXPECT_THAT(
      message_of<FormatError>([&] { (void)encode_table(bad.open(), s, {.classes = s.targets}); }),
      HasSubstr(":3: column 'u'"));
}

template <class Exception>
std::string refusal(const std::string& text, EncodeOptions options = {.classes = kClasses}) {
  return message_of<Exception>([&] { (void)encode(text, schema(), options); });
}

TEST(Encode, WhatDoesNotFitIsNamedByItsPlace) {
  EXPECT_THAT(refusal<FormatError>("age,city,y\n1,Rome,no\nold,Rome,no\n"),
              AllOf(HasSubstr(":3: column 'age'"), HasSubstr("'old'")));
  EXPECT_THAT(refusal<FormatError>("age,city,y\ninf,Rome,no\n"), HasSubstr(":2: column 'age'"));
  EXPECT_THAT(refusal<FormatError>("age,city,y\n1e39,Rome,no\n"), HasSubstr("at most 3.4e38"));
  EXPECT_THAT(refusal<FormatError>("age,city,y\n1,Rome,maybe\n"),
              AllOf(HasSubstr(":2: column 'y'"), HasSubstr("'maybe'"), HasSubstr("no, yes")));
  EXPECT_THAT(
      refusal<FormatError>("age,city,y,w\n1,Rome,no,-1\n", {.classes = kClasses, .weights = "w"}),
      HasSubstr(":2: column 'w'"));
  EXPECT_THAT(
      refusal<FormatError>("age,city,y,w\n1,Rome,no,\n", {.classes = kClasses, .weights = "w"}),
      HasSubstr(":2: column 'w'"));
  EXPECT_THAT(
      refusal<UsageError>("age,city,y,w\n1,Rome,no,0\n", {.classes = kClasses, .weights = "w"}),
      HasSubstr("all weights are 0"));
  EXPECT_THAT(refusal<UsageError>("city,y\nRome,no\n"),
              AllOf(HasSubstr("lacks 1 of the 2"), HasSubstr("age")));
  EXPECT_THAT(refusal<UsageError>("age,Citty,y\n1,Rome,no\n"),
              AllOf(HasSubstr("city"), HasSubstr("did you mean"), HasSubstr("Citty")));
  EXPECT_THAT(refusal<UsageError>("age,city\n1,Rome\n"),
              HasSubstr("no column 'y', which is the target"));
  EXPECT_THAT(refusal<UsageError>("age,city,y\n1,Rome,no\n",
                                  {.features = {"age", "size"}, .classes = kClasses}),
              HasSubstr("'size'"));
  EXPECT_THAT(refusal<FormatError>("age,city,y\n1,Rome,\n"),
              HasSubstr("no rows whose target is known"));
}

TEST(Encode, ACategoryWeighsAsMuchAsANumber) {
  Schema s = schema();
  const std::vector<std::string> features = feature_names(s);
  Vector<double> own(4);
  own << 5, 0.3, 0.3, 0.4;
  Vector<double> expected(4);
  expected << 5, 0.3, 0.5, 0.5;
  EXPECT_LE((table_deviations(s, features, own) - expected).cwiseAbs().maxCoeff(), 1e-15);
}

}  // namespace
}  // namespace isoform
