// Single fields.
#include <gmock/gmock.h>

#include <cmath>
#include <cstdlib>

#include "isoform/base/error.h"
#include "table/tables.h"
#include "tests/support/dice.h"

namespace isoform {
namespace {

using namespace isoform::testing;

TEST(Values, MissingHasItsWords) {
  for (const char* text : {"", "  ", "\t", "NA", "na", "N/A", "NaN", "nan", "-nan", "null", "NULL",
                           "None", "?", " NA ", "#N/A"}) {
    EXPECT_TRUE(is_missing(text)) << text;
  }
  for (const char* text : {"0", "-", "nana", "N", "no", "nan1", "inf", "missing", "'"}) {
    EXPECT_FALSE(is_missing(text)) << text;
  }
}

TEST(Values, NumbersAreThoseOfStrtod) {
  const char* const forms[] = {"%.0f", "%.3f", "%g", "%.17g", "%e", "%+.2f", " %.4f ", "%.1E"};
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    Dice dice(seed, 94);
    const double value = dice.normal() * std::pow(10, dice.uniform(-20, 20));
    char text[500];
    std::snprintf(text, sizeof text, forms[seed % std::size(forms)], value);
    const auto number = number_in(text);
    ASSERT_TRUE(number.has_value()) << text;
    EXPECT_EQ(*number, std::strtod(text, nullptr)) << text;
    std::string comma = text;
    std::replace(comma.begin(), comma.end(), '.', ',');
    EXPECT_EQ(number_in(comma, ','), number) << comma;
  }
}

TEST(Values, WhatIsNoNumber) {
  for (const char* text : {"",    " ",    "x",        "1x",    "1 2", "0x10", "1,5", "1.2.3",
                           "inf", "-inf", "infinity", "nan",   "1e",  "e5",   "--1", "+-1",
                           "-+1", "++1",  "1_000",    "1e999", ".",   "-",    "½",   "1%"}) {
    EXPECT_FALSE(number_in(text).has_value()) << text;
  }
  EXPECT_FALSE(number_in("1.5", ',').has_value());
  EXPECT_FALSE(number_in("1,2,3", ',').has_value());
  EXPECT_EQ(number_in("+1"), 1);
  EXPECT_EQ(number_in(".5"), 0.5);
  EXPECT_EQ(number_in("5."), 5);
  EXPECT_EQ(number_in("1e-310"), 1e-310);
  EXPECT_EQ(number_in("-3e-999"), 0) << "too small to tell from 0";
}

TEST(Values, FieldsAreQuotedWhereTheyNeedIt) {
  EXPECT_EQ(csv_field("plain"), "plain");
  EXPECT_EQ(csv_field(""), "");
  EXPECT_EQ(csv_field("a,b"), "\"a,b\"");
  EXPECT_EQ(csv_field("a,b", ';'), "a,b");
  EXPECT_EQ(csv_field("a\"b"), "\"a\"\"b\"");
  EXPECT_EQ(csv_field(" a"), "\" a\"");
  EXPECT_EQ(csv_field("a\nb"), "\"a\nb\"");
}

TEST(Values, DelimitersHaveNames) {
  for (const char delimiter : {',', ';', '\t', '|'}) {
    EXPECT_EQ(delimiter_from_name(delimiter_name(delimiter)), delimiter);
  }
  EXPECT_EQ(delimiter_from_name("\\t"), '\t');
  for (const char* bad : {"", "x", ",,", "comma", " "})
    EXPECT_THROW((void)delimiter_from_name(bad), UsageError) << bad;
}

TEST(Values, TablesAreToldFromSets) {
  const Folder folder;
  spill(folder / "t.csv", "a\n");
  spill(folder / "any name", "a\n");
  EXPECT_TRUE(names_table("-"));
  EXPECT_TRUE(names_table((folder / "t.csv").string()));
  EXPECT_TRUE(names_table((folder / "any name").string()));
  EXPECT_TRUE(names_table((folder / "absent.csv").string()))
      << "so that it is said that there is none";
  EXPECT_TRUE(names_table((folder / "absent.tsv.gz").string()));
  for (const std::string& other :
       {std::string("mnist"), std::string(""), folder.path().string(), (folder / "absent").string(),
        (folder / "absent.npz").string()}) {
    EXPECT_FALSE(names_table(other)) << other;
  }
}

}  // namespace
}  // namespace isoform
