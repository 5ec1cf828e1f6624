#include "isoform/table/csv.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "isoform/base/error.h"
#include "table/tables.h"
#include "tests/support/dice.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string refusal(const std::string& text, const CsvOptions& options = {}) {
  const TableFile table(text);
  std::string message = message_of<FormatError>([&] { (void)rows_of(table.open(options)); });
  EXPECT_THAT(message, StartsWith(table.path()));
  message.erase(0, table.path().size());
  return message;
}

std::string random_field(Dice& dice) {
  const std::vector<std::string> pieces = {",",    ";",   "\t", "|",  "\"", "\"\"", "\n",
                                           "\r\n", "\r",  " ",  "a",  "é",  "漢",   "😀",
                                           "1.5",  "x y", "'",  "\\", "-",  "\x01"};
  std::string field;
  for (Index n = dice.between(0, 5); n > 0; --n) {
    field += pieces[static_cast<std::size_t>(dice.between(0, std::ssize(pieces) - 1))];
  }
  return field;
}

TEST(Csv, WhatIsWrittenIsReadBack) {
  Folder folder;
  const auto path = folder / "t.csv";
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Dice dice(seed, 90);
    const char delimiter = ",;\t|"[dice.between(0, 3)];
    const std::string end = dice.coin() ? "\n" : "\r\n";
    const auto columns = static_cast<std::size_t>(dice.between(2, 6));
    std::vector<std::string> names;
    for (std::size_t c = 0; c < columns; ++c) names.push_back("c" + std::to_string(c));
    std::string text = (dice.coin() ? "\xef\xbb\xbf" : "") + line_of(names, delimiter) + end;
    Rows rows(static_cast<std::size_t>(dice.between(0, 30)));
    std::vector<std::uint64_t> lines;
    for (auto& row : rows) {
      for (Index empty = dice.between(0, 9); empty > 7; --empty) text += end;
      for (std::size_t c = 0; c < columns; ++c) row.push_back(random_field(dice));
      lines.push_back(1 + static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n')));
      text += line_of(row, delimiter) + end;
    }
    if (dice.coin()) text.resize(text.size() - end.size());  // the last line needs no end
    if (dice.coin()) {
      spill(path, text);
    } else {
      spill_gzip(path, text);
    }
    const CsvFile file(path, {.delimiter = delimiter, .header = true});
    EXPECT_EQ(file.columns(), names) << seed;
    Rows read;
    std::vector<std::uint64_t> at;
    file.read([&](const CsvFile::Record& record) {
      read.emplace_back(record.fields.begin(), record.fields.end());
      at.push_back(record.line);
    });
    EXPECT_EQ(read, rows) << seed << "\n" << text;
    EXPECT_EQ(at, lines) << seed << "\n" << text;
    EXPECT_EQ(rows_of(file), rows) << "a second time";
  }
}

TEST(Csv, FieldsMayBeLongerThanAnyBuffer) {
  const std::string longest = std::string(300'000, 'x') + "\n\"é" + std::string(200'000, ',');
  const Rows rows = {{"1", longest}, {longest, "2"}};
  const TableFile table("a,b\n" + csv_of(rows));
  EXPECT_EQ(rows_of(table.open()), rows);
}

TEST(Csv, FormatIsFound) {
  for (const char delimiter : {',', ';', '\t', '|'}) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      Dice dice(seed, 91);
      Rows rows = {{"name", "size, in m", "when"}};
      for (int i = 0; i < 80; ++i) {
        rows.push_back(
            {dice.coin() ? "one; two" : "three", std::to_string(dice.uniform()), "12:30"});
      }
      const TableFile table(csv_of(rows, delimiter));
      const CsvFile file = table.open();
      EXPECT_EQ(file.format().delimiter, delimiter);
      EXPECT_TRUE(file.format().header);
      EXPECT_EQ(file.format().decimal_point, '.');
      EXPECT_EQ(file.columns(), rows.front());
      rows.erase(rows.begin());
      EXPECT_EQ(rows_of(file), rows);
    }
  }
}

TEST(Csv, DecimalCommasAreFoundWhereTheDelimiterLeavesThem) {
  EXPECT_EQ(TableFile("a;b\n1,5;2\n3;2,25\n").open().format().decimal_point, ',');
  EXPECT_EQ(TableFile("a;b\n1.5;2\n3;2.25\n").open().format().decimal_point, '.');
  EXPECT_EQ(TableFile("a;b\n1;2\n").open().format().decimal_point, '.');
  EXPECT_EQ(TableFile("a,b\n\"1,5\",2\n").open().format().decimal_point, '.');
}

// "2,981" is three numbers long or one: what nothing decides is asked.
TEST(Csv, CommasThatMayPartThousandsAreAsked) {
  for (const char* text : {"a;b\n2,981;x\n987;y\n", "a\tb\n-12,345\t1\n", "a|b\n1,234,567|2\n"}) {
    EXPECT_THAT(refusal(text),
                AllOf(HasSubstr("whether the comma is decimal"), HasSubstr("--decimal")))
        << text;
    EXPECT_EQ(TableFile(text).open({.decimal = ','}).format().decimal_point, ',');
    EXPECT_EQ(TableFile(text).open({.decimal = '.'}).format().decimal_point, '.');
  }
  // Something decides: no thousands are parted so.
  for (const char* text : {"a;b\n2,981;0,125\n", "a;b\n2,98;2,981\n", "a;b\n1234,567;2,981\n"}) {
    EXPECT_EQ(TableFile(text).open().format().decimal_point, ',') << text;
  }
  EXPECT_EQ(TableFile("a;b\n2,981;1.5\n").open().format().decimal_point, '.');
  EXPECT_EQ(TableFile("a,b\n\"2,981\",1\n").open().format().decimal_point, '.');
}

TEST(Csv, HeadersAreFoundOrSaid) {
  const TableFile none("1,x\n2,y\n"), some("a,b\n1,x\n");
  EXPECT_FALSE(none.open().format().header);
  EXPECT_THAT(none.open().columns(), ElementsAre("column 1", "column 2"));
  EXPECT_EQ(rows_of(none.open()).size(), 2U);
  EXPECT_THAT(none.open({.header = true}).columns(), ElementsAre("1", "x"));
  EXPECT_EQ(rows_of(some.open({.header = false})).size(), 2U);
  EXPECT_THAT(TableFile("a ,,\" c\"\n1,2,3\n").open().columns(),
              ElementsAre("a", "column 2", " c"));
}

TEST(Csv, SpacesAroundFieldsAreNoPartOfThem) {
  EXPECT_EQ(rows_of(TableFile("a, b\n x y ,  \" z \" \n").open()), (Rows{{"x y", " z "}}));
}

TEST(Csv, EmptyLinesAreNoRecords) {
  EXPECT_EQ(rows_of(TableFile("\n\r\na,b\n\n1,2\n   \n\n3,4\n\n").open()),
            (Rows{{"1", "2"}, {"3", "4"}}));
  EXPECT_EQ(rows_of(TableFile("x\n1\n\"\"\n\n3\n").open()), (Rows{{"1"}, {""}, {"3"}}))
      << "but a field in quotes is one";
}

TEST(Csv, RecordsOfOtherLengthsAreNamedByLine) {
  EXPECT_THAT(refusal("a,b\n1,2\n1,2,3\n"),
              StartsWith(":3: has 3 fields, but there are 2 columns"));
  EXPECT_THAT(refusal("a,b\n1,2\n\n\n7\n"), StartsWith(":5: has 1 fields"));
  EXPECT_THAT(refusal("a,b\n\"1\n\n2\",2\n7,8,9\n"), StartsWith(":5: has 3 fields"));
}

TEST(Csv, QuotesThatDoNotFitAreNamedByLineAndColumn) {
  EXPECT_THAT(refusal("a,b\n1,2\n3,4\"5\n"), StartsWith(":3: column 2: a quote where none may be"));
  EXPECT_THAT(refusal("a,b\n1,2\n\"3\"4,5\n"),
              StartsWith(":3: column 1: a quote where none may be"));
  EXPECT_THAT(refusal("a,b\n1,\"2\n3,4\n5,6\n"),
              StartsWith(":2: column 2: a quote that is opened"));
  // Beyond the rows that the format is found from.
  std::string text = "a,b\n";
  for (int i = 0; i < 500; ++i) text += "1,2\n";
  EXPECT_THAT(refusal(text + "1,\"2\n1,2\n"), StartsWith(":502: column 2: a quote that is opened"));
  EXPECT_THAT(refusal(text + "\n1,2\"\n"), StartsWith(":503: column 2: a quote where none may be"));
}

TEST(Csv, WhatIsNoTextIsNamedByLineAndByte) {
  EXPECT_THAT(refusal("a,b\n1,caf\xe9\n"),
              AllOf(StartsWith(":2: byte 6"), HasSubstr("0xe9"), HasSubstr("WINDOWS-1252")));
  EXPECT_THAT(refusal(std::string("a,b\n1,\0\n", 8)),
              AllOf(StartsWith(":2: byte 3"), HasSubstr("no text")));
  EXPECT_THAT(refusal(std::string("\xff\xfe") + std::string("a\0,\0b\0\n\0", 8)),
              HasSubstr("UTF-16"));
  EXPECT_THAT(refusal(std::string("\xfe\xff") + std::string("\0a\0,\0b\0\n", 8)),
              HasSubstr("UTF-16"));
  // Overlong, a surrogate, beyond the last character, a lone continuation.
  for (const char* bad :
       {"\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80", "\xc3("}) {
    EXPECT_THAT(refusal(std::string("a,b\n1,") + bad + "\n"), HasSubstr("not UTF-8")) << bad;
  }
  for (const char* good :
       {"\xc2\x80", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_EQ(rows_of(TableFile(std::string("a,b\n1,") + good + "\n").open()), (Rows{{"1", good}}));
  }
  EXPECT_THAT(refusal(std::string("PK\x03\x04\x14\0\x06", 7)), HasSubstr("Excel"));
  EXPECT_THAT(refusal("PAR1\x15\x04"), HasSubstr("Parquet"));
  // A character that the end of the file cuts.
  EXPECT_THAT(refusal("a,b\n1,caf\xc3"), HasSubstr("not UTF-8"));
}

TEST(Csv, TablesWithoutContentAreRefused) {
  EXPECT_THAT(refusal(""), HasSubstr("is empty"));
  EXPECT_THAT(refusal("\n\n"), HasSubstr("is empty"));
  EXPECT_THAT(refusal("\xef\xbb\xbf"), HasSubstr("is empty"));
  EXPECT_TRUE(rows_of(TableFile("a,b\n").open()).empty());
}

TEST(Csv, NamesThatAreThereTwiceAreRefused) {
  EXPECT_THAT(refusal("a,b,a\n1,2,3\n"),
              AllOf(StartsWith(":1: two columns are called 'a'"), HasSubstr("--header no")));
  EXPECT_THAT(refusal("a,a\n1,2\n", {.header = true}), Not(HasSubstr("--header no")));
}

TEST(Csv, FilesThatCannotBeReadAreNamed) {
  const Folder folder;
  EXPECT_THAT(message_of<FileError>([&] { CsvFile file(folder / "none.csv"); }),
              HasSubstr("none.csv: no such file"));
  EXPECT_THAT(message_of<FileError>([&] { CsvFile file(folder.path()); }),
              HasSubstr("got a folder"));
}

TEST(Csv, DamagedGzipIsSaid) {
  const Folder folder;
  Dice dice(1, 92);
  std::string text = "a,b\n";
  for (int i = 0; i < 20'000; ++i) text += std::to_string(dice.uniform()) + ",1\n";
  spill_gzip(folder / "t.csv.gz", text);
  std::string bytes = slurp(folder / "t.csv.gz");
  const auto reading = [&] { (void)rows_of(CsvFile(folder / "t.csv.gz")); };
  spill(folder / "t.csv.gz", bytes.substr(0, bytes.size() / 2));
  EXPECT_THAT(message_of<FormatError>(reading), HasSubstr("damaged gzip"));
  bytes[bytes.size() / 2] = static_cast<char>(~bytes[bytes.size() / 2]);
  spill(folder / "t.csv.gz", bytes);
  EXPECT_FALSE(message_of<FormatError>(reading).empty());
}

TEST(Csv, AnyBytesAreReadOrRefused) {
  const Folder folder;
  int read = 0, refused = 0;
  const std::string valid = "name,size\n\"a \"\"b\"\"\",1.5\né,2\n,\nx,\"3\n4\"\n";
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    Dice dice(seed, 93);
    std::string text = valid;
    for (Index n = dice.between(1, 4); n > 0; --n) {
      const auto at = static_cast<std::size_t>(dice.between(0, std::ssize(text) - 1));
      switch (dice.between(0, 2)) {
        case 0:
          text[at] = static_cast<char>(dice.between(0, 255));
          break;
        case 1:
          text.insert(at, 1, "\",;\n\r\t "[dice.between(0, 6)]);
          break;
        default:
          text.erase(at, 1);
      }
    }
    spill(folder / "t.csv", text);
    try {
      const CsvFile file(folder / "t.csv");
      file.read(
          [&](const CsvFile::Record& r) { EXPECT_EQ(r.fields.size(), file.columns().size()); });
      ++read;
    } catch (const FormatError& error) {
      EXPECT_THAT(error.what(), HasSubstr("t.csv:"));
      ++refused;
    }
  }
  EXPECT_GT(read, 100);
  EXPECT_GT(refused, 100);
}

}  // namespace
}  // namespace isoform
