#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "isoform/monitor/format.h"
#include "isoform/monitor/picture_panels.h"
#include "isoform/monitor/plot.h"

namespace isoform::picture {
namespace {

constexpr double kLane = 20, kBand = 14;
constexpr std::size_t kMostWords = 5;

std::string shortened(const std::string& text, int columns) {
  std::string cut = text;
  while (text_columns(cut) > columns) {
    do {
      cut.pop_back();
    } while (!cut.empty() && (static_cast<unsigned char>(cut.back()) & 0xC0) == 0x80);
  }
  return cut == text ? text : cut + "…";
}

std::string words_of(const RunRecord::TaskChange& change) {
  std::string words = fmt::format("after epoch {}: {}", change.epoch, change.what());
  if (change.change == 0) words += "; others same bits";
  if (change.change > 0) words += fmt::format("; others within {:.0e}", change.change);
  return words;
}

}  // namespace

// Okabe–Ito, beginning where the colours of hidden spaces (plot::series_colour) come last.
std::string task_colour(std::size_t index) {
  static constexpr std::array<const char*, 6> kColours = {"#D55E00", "#009E73", "#CC79A7",
                                                          "#56B4E9", "#0072B2", "#E69F00"};
  return kColours[index % kColours.size()];
}

double tasks_height(const RunRecord& run) {
  if (!run.tells_of_tasks()) return 0;
  const std::size_t words = std::min(run.task_changes.size(), kMostWords + 1);
  return kLane * static_cast<double>(std::max(run.task_lives().size(), words)) + 48;
}

void draw_changes(Svg& svg, const std::vector<double>& at, const Box& box) {
  for (const double x : at) {
    svg.line({x, box.y}, {x, box.bottom()}, "class=\"change\" stroke-dasharray=\"3 3\"");
  }
}

void draw_tasks(Svg& svg, const RunRecord& run, const Box& box, Point words) {
  if (!run.tells_of_tasks()) return;
  const auto begin = static_cast<double>(run.first_step);
  const plot::Scale x{{begin, std::max(begin + 1, static_cast<double>(run.last_step))},
                      {box.x, box.right()}};
  svg.raw(
      fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\" class=\"heading\">Tasks<tspan class=\"label\" "
                  "dx=\"6\">full where trained, pale where kept</tspan></text>\n",
                  box.x, box.y - 14));
  const auto lives = run.task_lives();
  for (std::size_t i = 0; i < lives.size(); ++i) {
    const double top = box.y + kLane * static_cast<double>(i);
    const std::string colour = task_colour(i);
    for (const auto& stretch : lives[i].stretches) {
      const double from = x(static_cast<double>(stretch.begin)),
                   to = x(static_cast<double>(stretch.end));
      svg.rect({from, top, std::max(1.0, to - from), kBand},
               fmt::format("rx=\"2\" fill=\"{0}\" stroke=\"{0}\" fill-opacity=\"{1}\"", colour,
                           stretch.active ? "0.9" : "0.15"));
    }
    svg.text({box.right() + 27, top + 11}, shortened(lives[i].name(), 20), "class=\"name\"");
  }
  const std::size_t shown = std::min(run.task_changes.size(), kMostWords);
  for (std::size_t i = 0; i < shown; ++i) {
    const auto& change = run.task_changes[i];
    svg.text({words.x, words.y + 11 + kLane * static_cast<double>(i)},
             shortened(words_of(change), 56), "class=\"label\"");
  }
  if (shown < run.task_changes.size()) {
    svg.text({words.x, words.y + 11 + kLane * static_cast<double>(shown)},
             fmt::format("and {} more", run.task_changes.size() - shown), "class=\"label\"");
  }
}

}  // namespace isoform::picture
