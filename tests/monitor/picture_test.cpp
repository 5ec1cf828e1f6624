#include "isoform/monitor/picture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <cmath>
#include <vector>

#include "isoform/monitor/plot.h"
#include "isoform/monitor/svg.h"
#include "tests/monitor/scripted_run.h"

namespace isoform {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Script;
using testing::scripted_run;

// The position of `needle`, or of the end.
std::size_t find(const std::string& text, char needle, std::size_t from) {
  return std::min(text.find(needle, from), text.size());
}

// What is wrong with `xml`; empty when tags balance, attributes are quoted and & starts an entity.
std::string flaw_in(const std::string& xml) {
  std::vector<std::string> open;
  for (std::size_t i = 0; i < xml.size(); ++i) {
    if (xml[i] == '&') {
      const std::string entity = xml.substr(i, find(xml, ';', i) - i + 1);
      if (entity != "&amp;" && entity != "&lt;" && entity != "&gt;" && entity != "&quot;" &&
          entity != "&#39;") {
        return "a bare & at " + xml.substr(i, 20);
      }
    }
    if (xml[i] != '<') continue;
    const std::size_t end = find(xml, '>', i);
    const std::string tag = xml.substr(i + 1, end - i - 1);
    i = end;
    if (tag.empty() || tag.find('<') != std::string::npos) return "a broken tag " + tag;
    if (tag.front() == '?') continue;
    if (tag.front() == '/') {
      if (open.empty() || open.back() != tag.substr(1)) return "closed without opening: " + tag;
      open.pop_back();
      continue;
    }
    std::size_t at = tag.find_first_of(" /");
    const std::string name = tag.substr(0, at);
    while (at < tag.size() && tag[at] != '/') {
      at = tag.find_first_not_of(' ', at);
      if (at == std::string::npos || tag[at] == '/') break;
      const std::size_t equals = find(tag, '=', at);
      if (equals + 1 >= tag.size() || tag[equals + 1] != '"') return "an unquoted value in " + tag;
      at = find(tag, '"', equals + 2) + 1;
      if (at > tag.size()) return "an open quote in " + tag;
    }
    if (tag.back() != '/') open.push_back(name);
  }
  return open.empty() ? "" : "never closed: " + open.back();
}

std::string checked(const Script& script) {
  std::string svg = draw_run(scripted_run(script));
  EXPECT_EQ(flaw_in(svg), "");
  EXPECT_THAT(svg, AllOf(HasSubstr("<title"), HasSubstr("<desc"), HasSubstr("system-ui")));
  EXPECT_THAT(svg, AllOf(Not(HasSubstr("nan")), Not(HasSubstr("inf ")), Not(HasSubstr("<script")),
                         Not(HasSubstr("href"))));
  for (int space = 1; space <= script.spaces; ++space) {
    EXPECT_THAT(svg, HasSubstr("hidden " + std::to_string(space) + ":"));
  }
  return svg;
}

TEST(Picture, CheckerFindsFlaws) {
  EXPECT_EQ(flaw_in("<?xml?><a b=\"1\"><c/></a>"), "");
  EXPECT_NE(flaw_in("<a><b></a></b>"), "");
  EXPECT_NE(flaw_in("<a>"), "");
  EXPECT_NE(flaw_in("<a b=1/>"), "");
  EXPECT_NE(flaw_in("<a>x & y</a>"), "");
}

TEST(Picture, AnOrdinaryRun) {
  const std::string svg = checked({});
  EXPECT_THAT(svg, AllOf(HasSubstr("fashion-mnist"), HasSubstr("20-24 → 79-54"),
                         HasSubstr("optimiser steps"), HasSubstr("units born"),
                         HasSubstr("scaffold"), HasSubstr("<polygon")));
}

TEST(Picture, WithoutEdits) {
  const std::string svg = checked({.edits = false});
  EXPECT_THAT(svg, AllOf(HasSubstr("(fixed)"), Not(HasSubstr("units born"))));
}

TEST(Picture, OneEpoch) { checked({.epochs = 1}); }

TEST(Picture, TwelveHiddenSpaces) {
  const std::string svg = checked({.epochs = 40, .spaces = 12});
  EXPECT_THAT(svg, HasSubstr("6 of 12 hidden spaces"));
  EXPECT_LT(svg.size(), 1'000'000u);
}

TEST(Picture, MissingValues) { checked({.spaces = 3, .missing = true}); }

TEST(Picture, WithoutThresholds) {
  auto events = scripted_run();
  for (Event& event : events) {
    if (event.type != "spectrum") continue;
    for (auto& space : event.data["spaces"]) space["threshold"] = nullptr;
  }
  const std::string svg = draw_run(events);
  EXPECT_EQ(flaw_in(svg), "");
  EXPECT_THAT(svg, Not(HasSubstr("below threshold")));
}

TEST(Picture, CutShort) {
  EXPECT_THAT(checked({.end = false}), AllOf(HasSubstr("9 of 10 epochs"), HasSubstr("cut short")));
}

TEST(Picture, NothingToShow) {
  EXPECT_EQ(flaw_in(draw_run(std::vector<Event>{})), "");
  checked({.spaces = 0, .edits = false, .spectra = false});
  auto events = scripted_run();
  events.resize(1);
  EXPECT_EQ(flaw_in(draw_run(events)), "");
  for (Event& event : events) event.data = nullptr;
  EXPECT_EQ(flaw_in(draw_run(events)), "");
}

TEST(Picture, NamesOfDataAreEscaped) {
  auto events = scripted_run({.epochs = 1});
  events.front().data["data"] = "<script>\"a\" & b\x01";
  const std::string svg = draw_run(events);
  EXPECT_EQ(flaw_in(svg), "");
  EXPECT_THAT(svg, HasSubstr("&lt;script&gt;"));
}

TEST(Picture, LongRunsStaySmall) {
  const std::string svg = checked({.epochs = 400, .spaces = 2, .steps_per_epoch = 422});
  EXPECT_LT(svg.size(), 700'000u);
}

TEST(Plot, TicksAreRound) {
  const auto axis = plot::round_axis({0.3, 9.2}, 5);
  EXPECT_EQ(axis.step, 2);
  EXPECT_EQ(axis.ticks, (std::vector<double>{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(plot::round_axis({0, 3}, 6, 1).step, 1);
  EXPECT_EQ(plot::exact_axis({0, 844}, 5).ticks, (std::vector<double>{0, 200, 400, 600, 800}));
  EXPECT_FALSE(plot::round_axis({5, 5}, 4).ticks.empty());
  EXPECT_EQ(plot::tick_label(0.25, 0.05), "0.25");
  EXPECT_EQ(plot::tick_label(1200, 200), "1,200");
  EXPECT_EQ(plot::tick_label(1.5e6, 5e5), "1.5M");
  EXPECT_EQ(plot::viridis(0), "#440154");
  EXPECT_EQ(plot::viridis(1), "#fde725");
  EXPECT_EQ(plot::viridis(std::nan("")), "#440154");
}

TEST(Plot, LabelsDoNotOverlap) {
  std::vector<double> at = {50, 10, 52, 51, 99};
  plot::spread(at, 15, 0, 100);
  std::sort(at.begin(), at.end());
  for (std::size_t i = 1; i < at.size(); ++i) EXPECT_GE(at[i] - at[i - 1], 15 - 1e-9);
  EXPECT_LE(at.back(), 100);
}

}  // namespace
}  // namespace isoform
