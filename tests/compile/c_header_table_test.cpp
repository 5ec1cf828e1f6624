// Headers of models that learned from tables: what the features are, and numbers in the table's units.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>

#include <cmath>
#include <sstream>

#include "isoform/compile/c_header.h"
#include "isoform/run/table_scores.h"
#include "tests/support/c_program.h"
#include "tests/support/random_table.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(CHeaderOfATable, SaysWhatItReadsAndAnswersInItsUnits) {
  const RandomTable table{.kind = TargetKind::numbers, .rows = 60};
  const TableFile file(table.write(1));
  const RunSettings settings = table_run(file.path(), table);
  const TableData data = read_table(settings);
  const Model<float> model = table_model<float>(settings, data);
  const CHeader header = c_header(model, {.name = "net"});
  for (const char* words : {"\"x1\"", "\"x2 is missing\"", "\"city = city 0\"",
                            "Missing \"x2\" is ", "/* y as predicted to the units of the table:"}) {
    EXPECT_THAT(header.text, HasSubstr(words));
  }
  const Dataset& rows = data.rows.data;
  CProgram program;
  program.write("net.h", header.text);
  std::string text =
      "#include \"net.h\"\n#include <stdio.h>\nint main(void) {\n  size_t i;\n"
      "  static const float all[][NET_INPUTS] = {\n";
  const std::vector<std::uint32_t> few = {0, 1, 2, 3};
  Matrix<float> x(rows.features(), 4);
  rows.gather(few, x);
  for (Index j = 0; j < 4; ++j) {
    std::vector<std::string> numbers;
    for (const float value : x.col(j)) numbers.push_back(fmt::format("{:.9e}f", value));
    text += fmt::format("    {{{}}},\n", fmt::join(numbers, ", "));
  }
  text +=
      "  };\n  for (i = 0; i < 4; ++i) {\n    float y[NET_OUTPUTS];\n    net_predict(all[i], y);\n"
      "    net_numbers(y);\n    printf(\"%.9g\\n\", (double)y[0]);\n  }\n  return 0;\n}\n";
  program.write("main.c", text);
  ASSERT_EQ(program.run(std::string("gcc") + kStrictC + "main.c -o main -lm && ./main > y"), "");
  const auto engine = create_engine<float>({"cpu", 1});
  const Matrix<double> truth = table_answers(model, rows.subset(few), *engine);
  std::istringstream lines(program.read("y"));
  for (Index j = 0; j < 4; ++j) {
    double y = 0;
    lines >> y;
    EXPECT_NEAR(y, truth(0, j), 1e-5 * std::abs(truth(0, j)));
  }
}

TEST(CHeaderOfATable, HasNoUnitsForClasses) {
  const RandomTable table{.rows = 60};
  const TableFile file(table.write(1));
  const RunSettings settings = table_run(file.path(), table);
  const Model<float> model = table_model<float>(settings, read_table(settings));
  EXPECT_THAT(c_header(model, {.name = "net"}).text, Not(HasSubstr("net_numbers")));
}

}  // namespace
}  // namespace isoform
