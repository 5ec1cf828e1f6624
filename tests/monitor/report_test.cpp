#include "isoform/monitor/report.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "isoform/monitor/html.h"
#include "isoform/monitor/report_axes.h"
#include "isoform/monitor/report_charts.h"
#include "isoform/monitor/report_parts.h"
#include "isoform/monitor/svg.h"
#include "tests/monitor/page_flaws.h"

namespace isoform::report {
namespace {

using isoform::testing::flaw_in;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

int count_of(const std::string& text, const std::string& word) {
  int count = 0;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1))
    ++count;
  return count;
}

// The numbers of an attribute, wherever `where` is followed by `attribute="…"`.
std::vector<double> numbers(const std::string& svg, const std::string& where,
                            const std::string& attribute) {
  std::vector<double> found;
  for (std::size_t at = svg.find(where); at != std::string::npos; at = svg.find(where, at + 1)) {
    const std::size_t from = svg.find(" " + attribute + "=\"", at) + attribute.size() + 3;
    found.push_back(std::stod(svg.substr(from)));
  }
  return found;
}

// The height at which a tick label is written.
double height_of(const std::string& svg, const std::string& label) {
  const std::size_t end = svg.find(">" + label + "</text>");
  if (end == std::string::npos) return kNan;
  const std::size_t from = svg.rfind(" y=\"", end);
  return std::stod(svg.substr(from + 4)) - 4;
}

LineChart lines(std::vector<double> y, bool logarithmic = false) {
  LineChart chart{"heading", "unit", "x", "alt", {{"", {}, std::move(y), {}, {}}}};
  chart.logarithmic = logarithmic;
  return chart;
}

std::string drawn(const Page& page) {
  std::string html = draw(page);
  EXPECT_EQ(flaw_in(html, true), "");
  return html;
}

// One of everything; `word` stands wherever a word can.
Page everything(const std::string& word) {
  LineChart curves{word,
                   word,
                   word,
                   word,
                   {{word, {1, 2, 3}, {1, 2, 4}, {0, 1, 3}, {2, 3, 5}},
                    {word + " 2", {1, 2, 3}, {4, 2, 1}, {}, {}, true}}};
  curves.marks = {{1.5, word}, {1.6, word}};
  LineChart named = curves;
  named.x_names = {word, word, word, word};
  named.logarithmic = true;
  const RidgeChart ridges{word, word, word, {{word, {1, 2, 3}}, {word, {2, 2.5}}}, 2.0, word};
  const MatrixChart matrix{word, word, word, word, word, {word, word}, {word}, {{1}, {2}}};
  return {word,
          word,
          {Text{word, {word}, {word}}, Row{{curves, ridges}}, Row{{named}}, Row{{matrix}},
           Table{word, {word, word}, {{word, word}, {word}}}, Links{word, {{word, word, word}}}},
          word};
}

TEST(Report, IsOnePageThatFetchesNothing) {
  const std::string html = drawn(everything("some words"));
  EXPECT_THAT(html, AllOf(HasSubstr("<title>some words</title>"), HasSubstr("name=\"viewport\""),
                          HasSubstr("prefers-color-scheme: dark"), HasSubstr("<footer>"),
                          HasSubstr("<pre tabindex=\"0\">some words\n</pre>")));
  EXPECT_EQ(count_of(html, "<svg"), 4);
  EXPECT_EQ(count_of(html, "class=\"charts alone\""), 2);
  EXPECT_EQ(count_of(html, "<desc"), 4);
}

TEST(Report, WordsAreEscaped) {
  const std::string html =
      drawn(everything("<script>\"a' onload=x\" & <b>\x01\xff \xed\xa0\x80 λ</b>"));
  EXPECT_THAT(html, AllOf(Not(HasSubstr("<script")), Not(HasSubstr("<b>")), Not(HasSubstr("\xff")),
                          HasSubstr("&lt;script&gt;&quot;a&#39;"), HasSubstr("λ&lt;/b&gt;")));
  drawn(everything(""));
  drawn(everything(std::string(500, 'w')));
  drawn(everything("ψ ψ ψ ψ ψ ψ ψ ψ ψ ψ ψ ψ ψ ψ ψ ψ ψ ψ ψ ψ ψ ψ ψ ψ ψ ψ ψ ψ ψ ψ ψ ψ ψ ψ ψ ψ ψ"));
}

TEST(Report, BytesThatAreNoCharacterAreReplaced) {
  EXPECT_EQ(escape_xml("aψ→😀\n"), "aψ→😀");
  EXPECT_EQ(escape_xml("\xc3"), "\uFFFD");
  EXPECT_EQ(escape_xml("\xc3(\xa9"), "\uFFFD(\uFFFD");
  EXPECT_EQ(escape_xml("\xc0\xbc"), "\uFFFD\uFFFD");                      // "<", longer than it is
  EXPECT_EQ(escape_xml("\xed\xa0\x80"), "\uFFFD\uFFFD\uFFFD");            // half of a pair
  EXPECT_EQ(escape_xml("\xef\xbf\xbf"), "\uFFFD\uFFFD\uFFFD");            // no character
  EXPECT_EQ(escape_xml("\xf4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD");  // beyond the last
}

TEST(Report, LinksOnlyFetch) {
  Page page{"t", "", {Links{"", {}}}, ""};
  for (const char* address : {"a.html", "../b/c.html?x=1:2#d:e", "#there", "https://example.org/a",
                              "HTTP://example.org"}) {
    page.blocks = {Links{"", {{address, "there", "why"}}}};
    EXPECT_THAT(drawn(page), HasSubstr(fmt::format("<a href=\"{}\">there</a>", address)));
  }
  for (const char* address :
       {"javascript:alert(1)", " JavaScript:x", "java\nscript:x", "data:text/html,x"}) {
    page.blocks = {Links{"", {{address, "there", "why"}}}};
    EXPECT_THAT(drawn(page), AllOf(Not(HasSubstr("href")), HasSubstr("<span>there</span>")));
  }
}

TEST(Report, TablesHaveEveryCell) {
  const Table table{"Means", {"network", "width"}, {{"ours", "64 ± 2", "more"}, {"none"}, {}}};
  const std::string html = drawn({"t", "", {table, Table{}}, ""});
  EXPECT_THAT(html, AllOf(HasSubstr("<th scope=\"col\" class=\"word\">network</th>"
                                    "<th scope=\"col\">width</th><th scope=\"col\"></th>"),
                          HasSubstr("<td class=\"word\">ours</td><td>64 ± 2</td><td>more</td>"),
                          HasSubstr("<td class=\"word\">none</td><td></td><td></td>")));
  EXPECT_EQ(count_of(html, "<table>"), 1);
}

TEST(Report, CodeKeepsItsLines) {
  const std::string html = drawn({"t", "", {Text{"", {}, {"a <b>\nc", "", "d"}}}, ""});
  EXPECT_THAT(html, HasSubstr(">a &lt;b&gt;\nc\n\nd\n</pre>"));
}

TEST(Report, DrawsWhateverValuesHold) {
  const std::vector<std::vector<double>> values = {{},
                                                   {kNan},
                                                   {kInf, -kInf, kNan},
                                                   {1},
                                                   {0},
                                                   {0, 0, 0},
                                                   {-1, 1},
                                                   {1, kNan, 2},
                                                   {1e308, -1e308, 1},
                                                   {1e29, 1},
                                                   {5e-324, 1e9},
                                                   {1e-12, 2e-12},
                                                   {1e17, 1e17 + 16}};
  for (const auto& v : values) {
    for (const bool logarithmic : {false, true}) {
      for (const std::optional<double> end :
           {std::optional<double>(), std::optional<double>(0.5), std::optional<double>(kNan)}) {
        LineChart chart = lines(v, logarithmic);
        chart.curves.push_back({"second", v, v, v, v, true, 3});
        chart.curves.push_back({"short", {1, 2, kNan, 4}, {3}, {kInf}, {1, 2}, false, 999'999});
        chart.marks = {{kNan, "never"}, {0.5, "here"}, {kInf, "never"}};
        chart.low = end;
        chart.high = end;
        RidgeChart ridges{"h", "x", "", {{"a", v}, {"b", {}}}, end, "reference", end, 1.0};
        MatrixChart matrix{"h", "", "", "", "", {"a"}, {}, {v, {}}, 99};
        const std::string html = drawn({"t", "", {Row{{chart, ridges, matrix}}, Row{}}, ""});
        EXPECT_THAT(html, Not(HasSubstr("never")));
        EXPECT_LT(html.size(), 60'000u);
      }
    }
  }
  const std::string none = drawn({"t", "", {Row{{LineChart{}, RidgeChart{}, MatrixChart{}}}}, ""});
  EXPECT_EQ(count_of(none, "nothing to show"), 3);
}

TEST(ReportLines, MarksFewPointsAndBreaksAtGaps) {
  EXPECT_EQ(count_of(draw_lines(lines({1, 2, kNan, 4}), 1), "<circle"), 3);
  const std::string gap = draw_lines(lines({1, 2, kNan, 4, 5}), 1);
  EXPECT_EQ(count_of(gap.substr(gap.find("<path")), "M"), 2);
  std::vector<double> many(5000, 1);
  EXPECT_EQ(count_of(draw_lines(lines(many), 1), "<circle"), 0);
  EXPECT_LT(draw_lines(lines(many), 1).size(), 12'000u);
  many[1] = kNan;  // the first stands alone and would be lost
  EXPECT_EQ(count_of(draw_lines(lines({many.begin(), many.begin() + 50}), 1), "<circle"), 1);
}

TEST(ReportLines, NamesEveryCurveAndMark) {
  LineChart chart = lines({1, 2, 3});
  chart.curves = {{"first", {}, {1, 2}}, {"second", {}, {1, 2.001}}, {"third", {}, {1, 1.999}}};
  chart.marks = {{0.5, "one arrives"}, {0.51, "another arrives"}};
  const std::string at_end = draw_lines(chart, 1);
  for (const char* word : {"first", "second", "third", "one arrives", "another arrives"}) {
    EXPECT_THAT(at_end, HasSubstr(fmt::format(">{}</text>", word)));
  }
  // Beside the ends, where they would cover each other, they are pushed apart.
  EXPECT_GE(std::abs(height_of(at_end, "first") - height_of(at_end, "second")), 16);
  EXPECT_GE(std::abs(height_of(at_end, "first") - height_of(at_end, "third")), 16);
  EXPECT_NE(height_of(at_end, "one arrives"), height_of(at_end, "another arrives"));
  chart.curves[0].label = "a label that is too long for the end of a curve";
  EXPECT_THAT(draw_lines(chart, 1),
              HasSubstr(">a label that is too long for the end of a curve</text>"));
}

TEST(ReportLines, BandsLieBetweenTheirEdges) {
  LineChart chart = lines({});
  chart.low = 0;
  chart.high = 10;
  chart.curves = {{"", {0, 1, 2, 3, 4}, {5, 5, 5, 5, 5}, {4, 4, kNan, 4, 4}, {6, 6, 6, 6, 6}}};
  const std::string svg = draw_lines(chart, 1);
  EXPECT_EQ(count_of(svg, "<polygon"), 2);
  const double bottom = height_of(svg, "0"), unit = (bottom - height_of(svg, "10")) / 10;
  const std::string points = svg.substr(svg.find("points=\"") + 8);
  EXPECT_NEAR(std::stod(points.substr(points.find(',') + 1)), bottom - 6 * unit, 0.02);
}

TEST(ReportLines, ZerosOfALogarithmLieBelowTheLowestDecade) {
  const std::string svg = draw_lines(lines({1e-3, 0, 1e-5, -2}, true), 1);
  EXPECT_THAT(svg, AllOf(HasSubstr(">10⁻⁵</text>"), HasSubstr(">0.001</text>")));
  const double zero = height_of(svg, "0");
  EXPECT_GT(zero, height_of(svg, "10⁻⁵") + 10);
  const std::vector<double> heights = numbers(svg, "<circle", "cy");
  ASSERT_EQ(heights.size(), 4u);
  EXPECT_NEAR(heights[0], height_of(svg, "0.001"), 0.02);
  EXPECT_NEAR(heights[1], zero, 0.02);
  EXPECT_NEAR(heights[2], height_of(svg, "10⁻⁵"), 0.02);
  EXPECT_NEAR(heights[3], zero, 0.02);
  // Nothing below: no such tick, but for the one of x.
  EXPECT_EQ(count_of(svg, ">0</text>"), 2);
  EXPECT_EQ(count_of(draw_lines(lines({1e-3, 1e-5}, true), 1), ">0</text>"), 1);
  EXPECT_THAT(draw_lines(lines({0, 0}, true), 1), HasSubstr(">0</text>"));
}

TEST(ReportLines, LogarithmsHaveTwelveDecades) {
  const std::string svg = draw_lines(lines({1e-40, 0, 1}, true), 1);
  EXPECT_THAT(svg, AllOf(HasSubstr(">10⁻¹¹</text>"), HasSubstr(">&lt;10⁻¹¹</text>"),
                         Not(HasSubstr(">10⁻¹²</text>"))));
}

TEST(ReportLines, TheAxisEndsWhereItIsTold) {
  LineChart chart = lines({3, 7});
  chart.low = 0;
  chart.high = 9;
  const std::string svg = draw_lines(chart, 1);
  EXPECT_THAT(svg, AllOf(HasSubstr(">0</text>"), HasSubstr(">8</text>"), Not(HasSubstr(">10<"))));
  const plot::Vertical y = linear_axis({3, 7}, 0.0, 9.0);
  EXPECT_EQ(y.range.low, 0);
  EXPECT_EQ(y.range.high, 9);
  // Ends the wrong way round say nothing.
  EXPECT_LE(linear_axis({3, 7}, 9.0, 0.0).range.low, 3);
  EXPECT_EQ(logarithmic_axis({1e-9, 1}, 1e-4, {}).least, -5);
}

TEST(ReportLines, CategoriesAreNamedWhereThereIsRoom) {
  LineChart chart = lines({1, 2, 3});
  chart.x_names = {"half", "same", "double"};
  const std::string flat = draw_lines(chart, 1);
  EXPECT_THAT(flat, AllOf(HasSubstr(">half<"), HasSubstr(">same<"), HasSubstr(">double<"),
                          Not(HasSubstr("rotate"))));
  chart.x_names = {"a network of ours", "another network", "a third network", "a fourth network",
                   "an ordinary network"};
  EXPECT_EQ(count_of(draw_lines(chart, 1), "rotate(-30"), 5);
  chart.x_names.clear();
  for (int change = -75; change <= 75; ++change) chart.x_names.push_back(fmt::format("{}", change));
  const std::string thinned = draw_lines(chart, 1);
  EXPECT_THAT(thinned, AllOf(HasSubstr(">-75<"), HasSubstr(">0<"), HasSubstr(">75<"),
                             Not(HasSubstr(">-74<"))));
}

TEST(ReportRidges, DensitiesIntegrateToOne) {
  for (const auto& values : std::vector<std::vector<double>>{
           {0}, {-1, 1, 1.5}, {0, 0, 0, 0}, std::vector<double>(5000, 0.25)}) {
    const std::vector<double> heights = density(values, {-10, 10});
    ASSERT_EQ(heights.size(), static_cast<std::size_t>(kDensityPoints));
    const double area =
        std::accumulate(heights.begin(), heights.end(), 0.0) * 20 / (kDensityPoints - 1);
    EXPECT_NEAR(area, 1, 2e-3);
  }
  EXPECT_THAT(density({}, {0, 1}), Each(0));
  EXPECT_THAT(density({kNan, kInf}, {0, 1}), Each(0));
  EXPECT_THAT(density({1}, {1, 1}), Each(0));
}

TEST(ReportRidges, DensitiesAreHighWhereTheValuesAre) {
  std::vector<double> values(2, -4.0);
  for (int i = 0; i < 40; ++i) values.push_back(3 + 0.01 * (i - 20));
  const std::vector<double> heights = density(values, {-8, 8});
  const auto mode = std::max_element(heights.begin(), heights.end()) - heights.begin();
  EXPECT_NEAR(-8 + 0.1 * static_cast<double>(mode), 3, 0.11);
  EXPECT_GT(heights[40], 0);     // −4
  EXPECT_LT(heights[80], 1e-6);  // 0
}

TEST(ReportRidges, BandwidthIsSilvermansWithAFloor) {
  // Deviation √2.5 = 1.58, quartiles' distance 2: 2/1.34 = 1.49 is less.
  EXPECT_NEAR(bandwidth({5, 1, 3, 2, 4}, 0), 0.9 * 2 / 1.34 * std::pow(5, -0.2), 1e-12);
  EXPECT_EQ(bandwidth({5, 1, 3, 2, 4}, 3), 3);
  EXPECT_EQ(bandwidth({2}, 0.5), 0.5);
  EXPECT_EQ(bandwidth({}, 0.5), 0.5);
  EXPECT_EQ(bandwidth({2, 2, 2}, 0.5), 0.5);
  // Half of the values are equal: the deviation counts.
  EXPECT_GT(bandwidth({0, 1, 1, 1, 1, 1, 2}, 0), 0.1);
}

TEST(ReportRidges, RowsStandInOrderAndLabelsAreThinned) {
  RidgeChart chart{"h", "x", "alt", {}, 2.0, "where it should be"};
  for (int i = 0; i < 40; ++i) {
    chart.ridges.push_back({fmt::format("epoch {}", i), {0.1 * i, 0.1 * i + 1, 0.1 * i + 1.5}});
  }
  const std::string svg = draw_ridges(chart, 1);
  EXPECT_EQ(count_of(svg, "class=\"ridge\""), 40);
  EXPECT_LT(height_of(svg, "epoch 0"), height_of(svg, "epoch 20"));
  EXPECT_THAT(svg, AllOf(HasSubstr(">where it should be</text>"), Not(HasSubstr(">epoch 1<"))));
  EXPECT_LE(numbers(svg, "<svg", "height")[0], 520.01);
  chart.low = -20;
  chart.high = 1;  // short of the reference
  EXPECT_THAT(draw_ridges(chart, 1),
              AllOf(HasSubstr(">−20<"), Not(HasSubstr("where it should be"))));
  chart.ridges.resize(5);
  EXPECT_EQ(count_of(draw_ridges(chart, 1), ">epoch "), 5);
}

TEST(ReportMatrix, WritesTheNumberOfEachCell) {
  const MatrixChart chart{"h",        "row",
                          "column",   "%",
                          "alt",      {"first", "second"},
                          {"a", "b"}, {{12.34, kNan}, {-0.04, -7.06}}};
  const std::string svg = draw_matrix(chart, 1);
  for (const char* word : {"first", "second", "a", "b", "row", "column", "12.3", "0.0", "−7.1"}) {
    EXPECT_THAT(svg, HasSubstr(fmt::format(">{}</text>", word)));
  }
  EXPECT_EQ(count_of(svg, "class=\"blank\"") + count_of(svg, "class=\"value"), 4);
  // White on violet, black on yellow.
  EXPECT_THAT(svg, AllOf(HasSubstr("class=\"value on-light\" text-anchor=\"middle\">12.3<"),
                         HasSubstr("class=\"value on-dark\" text-anchor=\"middle\">−7.1<")));
}

TEST(ReportMatrix, GrowsWithItsColumns) {
  MatrixChart chart{"h", "", "", "", "", {}, {}, {std::vector<double>(40, 1.5)}};
  const std::string svg = draw_matrix(chart, 1);
  EXPECT_EQ(count_of(svg, ">1.5</text>"), 42);  // and both ends of the key
  EXPECT_GT(numbers(svg, "<svg", "width")[0], 1000);
}

TEST(ReportParts, BreaksAndShortensWords) {
  EXPECT_THAT(wrapped("one two three", 7), ElementsAre("one two", "three"));
  EXPECT_THAT(wrapped("ψψψψψ ψ", 3), ElementsAre("ψψψ", "ψψ", "ψ"));
  EXPECT_THAT(wrapped("", 3), ElementsAre());
  EXPECT_EQ(shortened("ψψψψ", 4), "ψψψψ");
  EXPECT_EQ(shortened("ψψψψψ", 4), "ψψψ…");
  EXPECT_EQ(tick_text(2e-9, 1e-9), "2e-09");
  EXPECT_EQ(tick_text(-3e12, 1e12), "−3e+12");
  EXPECT_EQ(tick_text(0.25, 0.05), "0.25");
}

}  // namespace
}  // namespace isoform::report
