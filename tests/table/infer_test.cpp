#include "isoform/table/infer.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "isoform/base/error.h"
#include "table/tables.h"
#include "tests/support/dice.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TableFacts infer(const std::string& text, const TableOptions& options) {
  const TableFile table(text);
  return infer_schema(table.open(options.csv), options);
}

template <class Exception>
std::string refusal(const std::string& text, const TableOptions& options) {
  const TableFile table(text);
  return message_of<Exception>([&] { (void)infer_schema(table.open(options.csv), options); });
}

// `value(i)` for every column of n rows, a target of two classes behind.
template <class... Value>
std::string table_of(int n, const Value&... value) {
  std::string text;
  for (std::size_t c = 0; c < sizeof...(value); ++c) text += "c" + std::to_string(c) + ",";
  text += "y\n";
  for (int i = 0; i < n; ++i) {
    ((text += csv_field(value(i)) + ","), ...);
    text += i % 2 == 0 ? "no\n" : "yes\n";
  }
  return text;
}

ColumnKind kind_of(const std::string& text, const TableOptions& options = {.targets = {"y"}}) {
  return infer(text, options).schema.columns.front().kind;
}

TEST(Infer, KindsOfColumns) {
  const auto spare = [](int i) { return std::to_string(i % 7); };
  const auto kind = [&](int n, const auto& value) { return kind_of(table_of(n, value, spare)); };
  EXPECT_EQ(kind(40, [](int i) { return std::to_string(0.5 * i); }), ColumnKind::number);
  EXPECT_EQ(kind(40, [](int i) { return std::to_string(i % 2); }), ColumnKind::number);
  EXPECT_EQ(kind(40, [](int i) { return i % 3 == 0 ? "" : std::to_string(i); }),
            ColumnKind::number);
  EXPECT_EQ(kind(40, [](int i) { return i % 3 == 0 ? "" : "7"; }), ColumnKind::number);
  EXPECT_EQ(kind(40, [](int i) { return i % 3 == 0 ? "a" : "b"; }), ColumnKind::category);
  EXPECT_EQ(kind(40, [](int i) { return i % 3 == 0 ? "12" : "b"; }), ColumnKind::category);
  EXPECT_EQ(kind(40, [](int) { return std::string("NA"); }), ColumnKind::ignored);
  EXPECT_EQ(kind(40, [](int) { return std::string("7"); }), ColumnKind::ignored);
  EXPECT_EQ(kind(40, [](int) { return std::string("x"); }), ColumnKind::ignored);
  EXPECT_EQ(kind(40, [](int i) { return std::to_string(i + 1000); }), ColumnKind::ignored);
  EXPECT_EQ(kind(40, [](int i) { return "row " + std::to_string(i); }), ColumnKind::ignored);
  EXPECT_EQ(kind(1000, [](int i) { return "row " + std::to_string(i % 300); }),
            ColumnKind::ignored);
  EXPECT_EQ(kind(1000, [](int i) { return "row " + std::to_string(i % 200); }),
            ColumnKind::category);
}

TEST(Infer, KindsMayBeSaid) {
  const std::string text = table_of(
      40, [](int i) { return std::to_string(i + 1); },
      [](int i) { return std::to_string(i % 11); });
  EXPECT_EQ(kind_of(text), ColumnKind::ignored);
  EXPECT_EQ(kind_of(text, {.targets = {"y"}, .numbers = {"c0"}}), ColumnKind::number);
  const TableFacts facts = infer(text, {.targets = {"y"}, .categories = {"c1"}, .ignored = {"c0"}});
  EXPECT_EQ(facts.schema.columns[0].why, "as said");
  EXPECT_THAT(facts.schema.columns[1].categories,
              ElementsAre("0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"));
}

// A number slipped in as text is not silently a column less.
TEST(Infer, TextAmongNumbersIsNamedByItsPlace) {
  for (const int rows : {40, 100, 1000}) {
    for (const int at : {0, 17, rows - 1}) {
      const std::string text = table_of(
          rows, [&](int i) { return i == at ? "oops" : std::to_string(1.25 * i); },
          [](int i) { return std::to_string(i % 5); });
      EXPECT_THAT(
          refusal<FormatError>(text, {.targets = {"y"}}),
          AllOf(HasSubstr(":" + std::to_string(at + 2) + ": column 'c0'"), HasSubstr("'oops'")))
          << rows << " " << at;
    }
  }
  const std::string text = table_of(40, [](int i) { return i == 3 ? "x" : std::to_string(i % 2); });
  EXPECT_THAT(refusal<FormatError>(text, {.targets = {"y"}, .numbers = {"c0"}}),
              HasSubstr(":5: column 'c0'"));
}

TEST(Infer, FactsAreThoseOfTheRowsInAnyOrder) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Dice dice(seed, 95);
    const auto rows = static_cast<std::size_t>(dice.between(30, 60));
    Rows body;
    double sum = 0;
    std::vector<double> known;
    std::uint64_t without = 0;
    for (std::size_t i = 0; i < rows; ++i) {
      const bool missing = dice.between(0, 4) == 0, target = dice.between(0, 9) > 0;
      const int number = static_cast<int>(dice.between(0, 40)) * 4;
      const std::string city(1, static_cast<char>('a' + dice.between(0, 5)));
      body.push_back({missing ? "" : std::to_string(number), city,
                      target ? std::to_string(dice.between(0, 3)) : "?"});
      without += target ? 0 : 1;
      if (!missing && target) known.push_back(number);
    }
    for (const double x : known) sum += x;
    const auto facts_of = [&] { return infer("x,city,y\n" + csv_of(body), {.targets = {"y"}}); };
    const TableFacts facts = facts_of();
    ASSERT_EQ(facts.schema.target, TargetKind::classes);
    EXPECT_EQ(facts.rows, rows - without);
    EXPECT_EQ(facts.without_target, without);
    EXPECT_EQ(facts.missing[0], facts.rows - known.size());
    const Column& x = facts.schema.columns[0];
    EXPECT_EQ(x.kind, ColumnKind::number);
    EXPECT_NEAR(x.fill, sum / static_cast<double>(known.size()), 1e-12 * 160);
    std::uint64_t counted = 0;
    for (const std::uint64_t n : facts.class_rows) counted += n;
    EXPECT_EQ(counted, facts.rows);
    EXPECT_TRUE(std::is_sorted(facts.classes.begin(), facts.classes.end()));
    for (std::size_t i = rows - 1; i > 0; --i) {
      std::swap(body[i], body[static_cast<std::size_t>(dice.between(0, static_cast<Index>(i)))]);
    }
    const TableFacts shuffled = facts_of();
    EXPECT_EQ(shuffled.classes, facts.classes);
    EXPECT_EQ(shuffled.class_rows, facts.class_rows);
    EXPECT_EQ(feature_names(shuffled.schema), feature_names(facts.schema));
    EXPECT_NEAR(shuffled.schema.columns[0].fill, x.fill, 1e-12 * 160);
  }
}

TableFacts of_target(int n, const std::function<std::string(int)>& y,
                     TableOptions options = {.targets = {"y"}}) {
  std::string text = "x,y\n";
  for (int i = 0; i < n; ++i) text += std::to_string((i * 7) % 11) + "," + csv_field(y(i)) + "\n";
  return infer(text, options);
}

TEST(Infer, KindsOfTargets) {
  EXPECT_EQ(of_target(40, [](int i) { return i % 2 == 0 ? "a" : "b"; }).schema.target,
            TargetKind::classes);
  EXPECT_EQ(of_target(40, [](int i) { return std::to_string(i % 20); }).schema.target,
            TargetKind::classes);
  EXPECT_EQ(of_target(40, [](int i) { return std::to_string(i % 21); }).schema.target,
            TargetKind::numbers);
  EXPECT_EQ(of_target(40, [](int i) { return std::to_string(0.5 * (i % 3)); }).schema.target,
            TargetKind::numbers);
  EXPECT_THAT(of_target(40, [](int i) { return std::to_string(8 + i % 4); }).classes,
              ElementsAre("8", "9", "10", "11"));
  const TableOptions said = {.targets = {"y"}, .target_kind = TargetKind::numbers};
  EXPECT_EQ(of_target(
                40, [](int i) { return std::to_string(i % 2); }, said)
                .schema.target,
            TargetKind::numbers);
  const std::string both = "x,p,q\n1,0,1\n2,1,1\n3,0,0\n";
  const TableFacts labels = infer(both, {.targets = {"q", "p"}});
  EXPECT_EQ(labels.schema.target, TargetKind::labels);
  EXPECT_THAT(labels.classes, ElementsAre("q", "p"));
  EXPECT_EQ(infer("x,p,q\n1,0,1\n2,1,1\n3,0,2\n", {.targets = {"p", "q"}}).schema.target,
            TargetKind::numbers);
}

TEST(Infer, NumbersAreStandardised) {
  Dice dice(1, 96);
  std::vector<double> y;
  for (int i = 0; i < 300; ++i) y.push_back(1e6 + dice.normal());
  char text[40];
  const TableFacts facts = of_target(300, [&](int i) {
    std::snprintf(text, sizeof text, "%.17g", y[static_cast<std::size_t>(i)]);
    return std::string(text);
  });
  long double mean = 0, squares = 0;
  for (const double v : y) mean += v;
  mean /= 300;
  for (const double v : y) squares += (v - mean) * (v - mean);
  EXPECT_NEAR(facts.schema.mean.front(), double(mean), 1e-9);
  EXPECT_NEAR(facts.schema.scale.front(), double(std::sqrt(squares / 300)), 1e-9);
}

// One value in thirty lies far out: the scale is that of the others.
TEST(Infer, OutliersDoNotScaleARobustTarget) {
  Dice dice(1, 97);
  std::vector<std::string> y;
  for (int i = 0; i < 300; ++i) y.push_back(std::to_string(i % 30 == 7 ? 1e6 : 5 + dice.normal()));
  std::string text = "x,y\n";
  for (const std::string& value : y) text += std::to_string(dice.normal()) + "," + value + "\n";
  const TableFacts plain = infer(text, {.targets = {"y"}});
  EXPECT_GT(plain.schema.scale.front(), 1e5);
  const TableFacts robust = infer(text, {.targets = {"y"}, .robust = true});
  EXPECT_NEAR(robust.schema.mean.front(), 5, 0.3);
  EXPECT_NEAR(robust.schema.scale.front(), 1, 0.2);
  // Half of them alike: no median deviation, so the usual one.
  const std::string same = "x,y\n1,0.5\n2,0.5\n3,0.5\n4,0.5\n5,9.25\n";
  EXPECT_EQ(infer(same, {.targets = {"y"}, .robust = true}).schema.scale,
            infer(same, {.targets = {"y"}}).schema.scale);
}

TEST(Infer, LostDigitsAreTold) {
  const auto warnings = [](double offset) {
    return infer(table_of(50, [&](int i) { return fmt::format("{:.3f}", offset + i % 7); }),
                 {.targets = {"y"}})
        .warnings;
  };
  EXPECT_TRUE(warnings(0).empty());
  EXPECT_TRUE(warnings(1e4).empty());
  EXPECT_THAT(warnings(1e9), ElementsAre(HasSubstr("'c0': its numbers deviate by 2 from 1e+09")));
}

TEST(Infer, TargetsThatCannotBeLearned) {
  const std::string text = "size,city,y\n1,a,p\n2,b,q\n3,a,p\n4,b,q\n";
  EXPECT_THAT(refusal<UsageError>(text, {}),
              AllOf(HasSubstr("target"), HasSubstr("size, city, y")));
  EXPECT_THAT(refusal<UsageError>(text, {.targets = {"sise"}}),
              AllOf(HasSubstr("no column 'sise'"), HasSubstr("did you mean"), HasSubstr("size")));
  EXPECT_THAT(refusal<UsageError>(text, {.targets = {"y", "y"}}), HasSubstr("twice"));
  EXPECT_THAT(refusal<UsageError>(text, {.targets = {"y"}, .numbers = {"y"}}), HasSubstr("target"));
  EXPECT_THAT(
      refusal<UsageError>(text, {.targets = {"y"}, .categories = {"city"}, .ignored = {"city"}}),
      HasSubstr("two things"));
  EXPECT_THAT(refusal<UsageError>(text, {.targets = {"y"}, .weights = "y"}),
              HasSubstr("target too"));
  EXPECT_THAT(
      refusal<UsageError>(text, {.targets = {"city", "y"}, .target_kind = TargetKind::classes}),
      HasSubstr("one column"));
  EXPECT_THAT(refusal<UsageError>(text, {.targets = {"size"}, .target_kind = TargetKind::labels}),
              HasSubstr("0 and 1"));
  EXPECT_THAT(refusal<UsageError>("x,y\n1,p\n2,p\n", {.targets = {"y"}}),
              HasSubstr("same value in every row"));
  EXPECT_THAT(refusal<UsageError>("x,y\n1,.5\n2,0.5\n", {.targets = {"y"}}),
              HasSubstr("same value in every row"));
  EXPECT_THAT(refusal<FormatError>("x,y\n1,\n2,\n", {.targets = {"y"}}),
              HasSubstr("no rows whose target is known"));
  EXPECT_THAT(refusal<FormatError>("x,y\n", {.targets = {"y"}}), HasSubstr("no rows"));
  EXPECT_THAT(refusal<UsageError>("x,y\n1,p\n1,q\n", {.targets = {"y"}}),
              HasSubstr("no column is left"));
  EXPECT_THAT(refusal<UsageError>("y\np\nq\n", {.targets = {"y"}}), HasSubstr("the only one"));
  EXPECT_NO_THROW((void)infer("x,y\n1,p\n2,p\n", {.targets = {"y"}, .partial = true}));
}

// A price with one slip is no name of a class.
TEST(Infer, TextInATargetOfNumbersIsNamedByItsPlace) {
  for (const int rows : {60, 90, 3000}) {
    std::string text = "x,y\n";
    for (int i = 0; i < rows; ++i)
      text += std::to_string(i % 11) + "," + (i == 40 ? "oops" : std::to_string(1.5 * i)) + "\n";
    EXPECT_THAT(refusal<FormatError>(text, {.targets = {"y"}}),
                AllOf(HasSubstr(":42: column 'y'"), HasSubstr("'oops'")))
        << rows;
  }
}

TEST(Infer, FeaturesOfOneNameAreRefused) {
  const std::string text = "a,a is missing,y\n1,5,p\n,6,q\n3,7,p\n";
  EXPECT_THAT(refusal<UsageError>(text, {.targets = {"y"}}),
              HasSubstr("two features would be called 'a is missing'"));
}

}  // namespace
}  // namespace isoform
