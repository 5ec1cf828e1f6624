#include "isoform/monitor/page.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "isoform/monitor/format.h"
#include "isoform/monitor/page_charts.h"
#include "tests/io/random_model.h"
#include "tests/monitor/page_flaws.h"
#include "tests/support/dice.h"

namespace isoform {
namespace {

using ::testing::AllOf;
using testing::chain_of;
using testing::Dice;
using testing::flaw_in;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::random_model;

// A model that was read, with everything or with nothing known.
class Page : public ::testing::Test {
 protected:
  void make(const ChainSettings& settings, Basis basis, Index samples) {
    model_ = random_model<float>(settings, 3);
    model_.tasks = {{"shapes", {}, Loss::cross_entropy, true}};
    for (Index i = 0; i < settings.widths.back(); ++i)
      model_.tasks[0].outputs.push_back(fmt::format("class {}", i));
    page_.basis = basis;
    page_.layers.clear();
    if (model_.network.hidden().empty()) return;
    const Reader<float> reader(model_.network, *engine_,
                               Dice(5).normals<float>(settings.widths[0], samples));
    page_.layers = reader.read(basis);
    page_.weights = reader.weights(page_.layers[0], 3);
    if (samples > 0) page_.answers = reader.answers(page_.layers[0], 3);
    page_.read_on = samples > 0 ? "some samples" : "";
    page_.measured_on = "some inputs";
    page_.checks = {{"singular", 1e-7, 2.5e-7}, {"task", 2e-7, 5e-7}};
    page_.output_rms = 3;
  }
  std::string drawn() {
    std::string html = draw_page(page_);
    EXPECT_EQ(flaw_in(html), "");
    EXPECT_THAT(html, AllOf(HasSubstr("<title>"), HasSubstr("prefers-color-scheme: dark"),
                            HasSubstr("name=\"viewport\""), HasSubstr("How to read this page")));
    return html;
  }

  std::unique_ptr<Engine<float>> engine_ = create_engine<float>({.name = "cpu", .threads = 1});
  Model<float> model_;
  ModelPage page_{model_, "m.safetensors", Basis::singular, {}, {}, "", "", {}, 0, {}, {}, 10};
};

TEST_F(Page, CheckerFindsFlaws) {
  EXPECT_EQ(flaw_in("<!DOCTYPE html>\n<a b=\"1\"><c/></a>"), "");
  for (const char* bad : {"<a><b></a></b>", "<a>", "<a b=\"1/>", "<a>x & y</a>", "<a>nan</a>",
                          "<a><b id=\"1\"/><b id=\"1\"/></a>", "<a aria-labelledby=\"t d\"/>",
                          "<script/>", "<a href=\"x\"/>"}) {
    EXPECT_NE(flaw_in(bad), "") << bad;
  }
}

TEST_F(Page, ShowsWhatWasRead) {
  make(chain_of({36, 10, 8, 4}, 5), Basis::effect, 50);
  model_.image_rows = model_.image_cols = 6;
  page_.accuracy = 0.875;
  model_.history.push_back(
      {7, EditKind::append, 1, {}, 8, 10, 2, 0, 0, {}, 1e-7, "grown <by> hand"});
  const std::string html = drawn();
  EXPECT_THAT(html, AllOf(HasSubstr("36 → 10 → 8 → 4"), HasSubstr("87.50 % of some inputs"),
                          HasSubstr("2 groups (2×5)"), HasSubstr("shapes: 4 classes"),
                          HasSubstr("some samples"), HasSubstr("grown &lt;by&gt; hand")));
  EXPECT_THAT(html, AllOf(HasSubstr("2.5e-07"), HasSubstr("8 → 10"), HasSubstr("+2")));
  // Strength, share and what it feeds of the first connection, as they are in the reading.
  const Connection& first = page_.layers[0].connections[0];
  EXPECT_THAT(html, HasSubstr(fmt::format("<td>1</td><td>{:.3g}</td>", first.strength)));
  EXPECT_THAT(html,
              HasSubstr(fmt::format("hidden\u00a02\u00a0no.\u00a0{}", first.feeds[0].number + 1)));
  EXPECT_THAT(html, AllOf(HasSubstr("pixel\u00a0"), HasSubstr("class\u00a0"),
                          HasSubstr("What it weighs"), HasSubstr("What it answers to")));
  // 4 charts a layer, the shape and 2 × 3 pictures.
  std::size_t pictures = 0;
  for (std::size_t at = html.find("<svg"); at != std::string::npos; at = html.find("<svg", at + 1))
    ++pictures;
  EXPECT_EQ(pictures, 2u * 4 + 1 + 6);
}

TEST_F(Page, WithoutDataOrImages) {
  make(chain_of({7, 10, 9, 3}, 0), Basis::singular, 0);
  const std::string html = drawn();
  EXPECT_THAT(
      html, AllOf(HasSubstr("need data (--data)"), HasSubstr("none (no data given)"),
                  HasSubstr("reads the input"), HasSubstr("input\u00a0"), HasSubstr(">any input<"),
                  HasSubstr("6 directions are read by no next map")));
  EXPECT_THAT(html, AllOf(Not(HasSubstr("What it weighs")), Not(HasSubstr(">on samples<")),
                          Not(HasSubstr("<th scope=\"col\">share</th>"))));
}

TEST_F(Page, EveryBasisAndMode) {
  for (const LengthMode length : {LengthMode::none, LengthMode::log}) {
    for (const Index group : {1, 3, 0}) {
      for (const Basis basis : {Basis::singular, Basis::covariance, Basis::effect, Basis::task}) {
        make(chain_of({4, 1, 7, 3}, group, length), basis, 30);
        page_.top = 0;
        EXPECT_THAT(drawn(), AllOf(HasSubstr("All 7 connections"), HasSubstr("All 1 connections")));
      }
    }
  }
}

TEST_F(Page, ALinearModelAndADeadLayer) {
  make(chain_of({4, 3}), Basis::singular, 0);
  EXPECT_THAT(drawn(), AllOf(HasSubstr("no hidden layer"), HasSubstr("4 → 3")));
  make(chain_of({4, 6, 3}), Basis::singular, 0);
  for (const Map<float>& map : model_.network.maps()) model_.network.map(map.id).a.setZero();
  const Reader<float> reader(model_.network, *engine_, Matrix<float>(4, 0));
  page_.layers = reader.read(Basis::singular);
  EXPECT_THAT(drawn(), HasSubstr("Every connection has strength 0"));
}

TEST_F(Page, NamesAreEscaped) {
  make(chain_of({4, 6, 3}), Basis::task, 20);
  page_.name = "<script>\"a\" & b";
  model_.tasks[0].name = "<img src=x>";
  model_.tasks[0].outputs = {"<b>", "a&b", "\"'"};
  // An attribute of a name would be found by the checker as src=: names are text here.
  const std::string html = draw_page(page_);
  EXPECT_THAT(html, AllOf(Not(HasSubstr("<script")), Not(HasSubstr("<img")), Not(HasSubstr("<b>")),
                          HasSubstr("&lt;script&gt;"), HasSubstr("&lt;b&gt;")));
}

TEST_F(Page, SeveralTasksSayWhoseOutputItIs) {
  make(chain_of({4, 6, 2}), Basis::task, 0);
  const int head = model_.network.add_like(2, "q", 3);
  model_.tasks = {{"p", {"u", "v"}}, {"q", {"w", "x"}}};
  EXPECT_EQ(term_name(model_, {2, 1, 1}), "p: v");
  EXPECT_EQ(term_name(model_, {head, 0, 1}), "q: w");
  EXPECT_EQ(term_name(model_, {head, 2, 1}), "output 2");
  EXPECT_EQ(term_name(model_, {1, 2, 1}), "hidden 1 no. 3");
  EXPECT_EQ(term_name(model_, {0, 3, 1}), "input 3");
  model_.image_rows = 2, model_.image_cols = 2;
  EXPECT_EQ(term_name(model_, {0, 3, 1}), "pixel 1,1");
  EXPECT_EQ(terms_text(model_, {{1, 0, 0.25}, {0, 1, -2}}, 5),
            "hidden 1 no. 1 +0.25, pixel 0,1 −2");
  EXPECT_EQ(terms_text(model_, {{1, 0, 0.25}, {0, 1, -2}}, 1), "hidden 1 no. 1 +0.25");
  EXPECT_EQ(terms_text(model_, {}, 3), "");
  EXPECT_THAT(drawn(), AllOf(HasSubstr("one of its tasks"), HasSubstr("p: 2 classes")));
}

TEST_F(Page, LongHistoriesAreCutAndWideLayersThinned) {
  make(chain_of({5, 2000, 3}, 8), Basis::singular, 0);
  for (int i = 0; i < 4000; ++i) {
    model_.history.push_back({i, EditKind::reduce, 1, {}, 9, 8, 0, 1, 0, 0.5, {}, "idle"});
  }
  const std::string html = drawn();
  EXPECT_THAT(html, AllOf(HasSubstr("4,000 edits"), HasSubstr("The last 30 edits"),
                          HasSubstr(">3,999<"), Not(HasSubstr(">3,900<"))));
  EXPECT_LT(html.size(), 200'000u);
}

// Runs of one shade, their sum over all paths: every pixel that is not 0 is drawn once.
TEST(PageCharts, ImagesHaveEveryPixelOnce) {
  Dice dice(2);
  const Vector<double> values = dice.normals(28 * 20, 1);
  const std::string svg = page::draw_image(values, 28, 20, "alt", 4);
  double area = 0;
  for (std::size_t at = svg.find('h', svg.find("<path")); at != std::string::npos;
       at = svg.find('h', at + 1)) {
    if (std::isdigit(static_cast<unsigned char>(svg[at + 1])) != 0)
      area += std::stod(svg.substr(at + 1));
  }
  const double most = values.cwiseAbs().maxCoeff();
  const auto drawn = ((values.array() / most * 8).round() != 0).count();
  EXPECT_EQ(area, static_cast<double>(drawn));
  EXPECT_THAT(svg, AllOf(HasSubstr("title4"), HasSubstr("viewBox=\"0 0 20 28\"")));
  // Large ones are averaged: 200 × 100 in squares of 4.
  const Vector<double> large = dice.normals(200 * 100, 1);
  EXPECT_THAT(page::draw_image(large, 200, 100, "alt", 5), HasSubstr("viewBox=\"0 0 25 50\""));
  EXPECT_THAT(page::draw_image(Vector<double>::Zero(4), 2, 2, "alt", 6), Not(HasSubstr("<path")));
}

TEST(PageCharts, LogarithmsHaveAFloor) {
  page::Chart chart{"h", "u", "alt", {{"", "one", {1, 1e-3, 1e-12, 0}}}, true, "", 0, ""};
  const std::string svg = page::draw_chart(chart, 1);
  EXPECT_THAT(svg, HasSubstr(">2 below<"));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
  chart.series[0].values = {1, 0.5};
  EXPECT_THAT(page::draw_chart(chart, 1), Not(HasSubstr("below")));
  chart.series.clear();
  chart.note = "nothing here";
  EXPECT_THAT(page::draw_chart(chart, 1), HasSubstr("nothing here"));
}

TEST(FormatGroups, CountsEqualSizes) {
  EXPECT_EQ(format_groups(std::vector<std::int64_t>{8, 8, 5, 8}), "3×8, 5");
  EXPECT_EQ(format_groups(std::vector<std::int64_t>{12}), "12");
  EXPECT_EQ(format_groups(std::vector<std::int64_t>{}), "");
}

}  // namespace
}  // namespace isoform
