#include "isoform/monitor/html.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "isoform/monitor/svg.h"

namespace isoform {
namespace {

// A path or fragment, or a scheme that only fetches: "javascript:" behind a link would run.
bool harmless(std::string_view address) {
  std::string scheme;
  for (const char c : address.substr(0, address.find_first_of("/?#"))) {
    if (static_cast<unsigned char>(c) <= ' ') continue;  // browsers skip these
    scheme += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  if (scheme.find(':') == std::string::npos) return true;
  return scheme == "http:" || scheme == "https:";
}

}  // namespace

Html::Html(std::string_view title, std::string_view style) {
  raw("<!DOCTYPE html>\n");
  open("html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\"");
  open("head");
  raw("<meta charset=\"utf-8\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
      "<meta name=\"color-scheme\" content=\"light dark\"/>\n");
  text("title", title);
  raw(fmt::format("<style>\n{}{}</style>\n", base_style(), style));
  close();
  open("body");
  open("main");
}

void Html::open(std::string_view tag) {
  out_ += fmt::format("<{}>\n", tag);
  open_.emplace_back(tag.substr(0, tag.find(' ')));
}

void Html::close() {
  out_ += fmt::format("</{}>\n", open_.back());
  open_.pop_back();
}

void Html::text(std::string_view tag, std::string_view content) {
  out_ += fmt::format("<{}>{}</{}>\n", tag, escape_xml(content), tag.substr(0, tag.find(' ')));
}

void Html::link(std::string_view address, std::string_view words) {
  if (!harmless(address)) return text("span", words);
  out_ += fmt::format("<a href=\"{}\">{}</a>\n", escape_xml(address), escape_xml(words));
}

void Html::table(std::string_view caption, const std::vector<std::string>& header,
                 const std::vector<std::vector<std::string>>& rows, const std::string& kinds) {
  if (!caption.empty()) text("p class=\"small caption\"", caption);
  open(fmt::format("div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{}\"",
                   caption.empty() ? "Table" : escape_xml(caption)));
  open("table");
  const auto line = [&](const std::vector<std::string>& cells, std::string_view tag) {
    out_ += "<tr>";
    for (std::size_t i = 0; i < kinds.size(); ++i) {
      out_ +=
          fmt::format("<{}{}>{}</{}>", tag,
                      kinds[i] == 'w'   ? " class=\"word\""
                      : kinds[i] == 'l' ? " class=\"word long\""
                                        : "",
                      i < cells.size() ? escape_xml(cells[i]) : "", tag.substr(0, tag.find(' ')));
    }
    out_ += "</tr>\n";
  };
  open("thead");
  line(header, "th scope=\"col\"");
  close();
  open("tbody");
  for (const auto& row : rows) line(row, "td");
  close();
  close();
  close();
}

std::string Html::finish() {
  while (!open_.empty()) close();
  return std::move(out_);
}

std::string inlined(std::string svg, int id) {
  svg.erase(0, svg.find("<svg"));
  const auto replace = [&](const std::string& from, const std::string& to) {
    const std::size_t at = svg.find(from);
    if (at != std::string::npos) svg.replace(at, from.size(), to);
  };
  replace("aria-labelledby=\"title description\"",
          fmt::format("aria-labelledby=\"title{0} description{0}\"", id));
  replace("id=\"title\"", fmt::format("id=\"title{}\"", id));
  replace("id=\"description\"", fmt::format("id=\"description{}\"", id));
  replace("<style>\n</style>\n", "");
  return svg;
}

std::string base_style() {
  return R"(:root { --ink: #1f2328; --soft: #57606a; --line: #e1e5ea; --card: #ffffff; --back: #f5f6f8;
  --one: #0072B2; --two: #D55E00; --pale: #dcebf5; }
@media (prefers-color-scheme: dark) {
:root { --ink: #e6edf3; --soft: #9da7b1; --line: #2d343d; --card: #181d23; --back: #0f1317;
  --one: #56B4E9; --two: #F0954A; --pale: #1d3345; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 1060px; margin: 0 auto; padding: 20px 16px 60px; }
h1 { font-size: 26px; margin: 8px 0 0; overflow-wrap: anywhere; }
h2 { font-size: 21px; margin: 44px 0 8px; }
h4 { font-size: 16px; margin: 24px 0 2px; }
p { margin: 6px 0 14px; max-width: 76ch; }
.small { font-size: 14px; color: var(--soft); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 12px; }
.card svg { display: block; margin: 0 auto; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr));
  gap: 14px; margin: 14px 0; }
.charts svg { width: 100%; height: auto; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13.5px; margin: 0 0 12px; min-width: 60%;
  font-variant-numeric: tabular-nums; }
.caption { margin: 14px 0 2px; }
th, td { padding: 4px 10px; text-align: right; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
th { font-weight: 600; color: var(--soft); }
.word { text-align: left; }
.long { white-space: normal; min-width: 12em; }
text { font-family: system-ui, sans-serif; fill: var(--ink); }
.heading { font-size: 15px; font-weight: 600; }
.label { font-size: 12.5px; font-weight: 400; fill: var(--soft); }
.tick, .name { font-size: 12px; }
.tick { fill: var(--soft); }
.halo { paint-order: stroke; stroke: var(--card); stroke-width: 4px; }
.grid { stroke: var(--line); stroke-width: 1; }
.axis { stroke: var(--soft); stroke-width: 1; }
.mark { stroke: var(--ink); stroke-width: 1.2; stroke-dasharray: 2 3; }
.curve { stroke-width: 2; stroke-linejoin: round; }
@media print { body { background: none; } section { break-inside: avoid-page; } }
)";
}

}  // namespace isoform
