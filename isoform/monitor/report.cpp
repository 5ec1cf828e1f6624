#include "isoform/monitor/report.h"

#include <algorithm>

#include "isoform/monitor/html.h"
#include "isoform/monitor/report_charts.h"
#include "isoform/monitor/svg.h"

namespace isoform::report {
namespace {

constexpr const char* kStyle = R"(main { max-width: 1180px; }
.lead { font-size: 17px; }
.chart { margin: 0; min-width: 0; }
.charts { grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); }
.alone { max-width: 680px; }
.chart svg { max-width: 640px; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 10px 14px;
  font-size: 13.5px; line-height: 1.6; overflow-x: auto; margin: 10px 0 16px; }
a { color: var(--one); }
.links { list-style: none; padding: 0; margin: 14px 0; display: grid; gap: 12px;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 320px), 1fr)); }
.links p { margin: 2px 0 0; }
.links a, .links span { font-weight: 600; overflow-wrap: anywhere; }
footer { margin-top: 48px; border-top: 1px solid var(--line); padding-top: 8px; }
footer p, .paragraph { overflow-wrap: break-word; }
@media (max-width: 560px) {
main { padding: 12px 10px 40px; }
.card { padding: 8px 6px; }
.links .card, pre { padding: 8px 10px; }
.chart .tick, .chart .name, .chart .label { font-size: 13px; }
}
)";

std::string drawn(const LineChart& chart, int id) { return draw_lines(chart, id); }
std::string drawn(const RidgeChart& chart, int id) { return draw_ridges(chart, id); }
std::string drawn(const MatrixChart& chart, int id) { return draw_matrix(chart, id); }

void add(Html& html, const Text& text) {
  if (!text.heading.empty()) html.text("h2", text.heading);
  for (const std::string& paragraph : text.paragraphs) {
    html.text("p class=\"paragraph\"", paragraph);
  }
  if (text.code.empty()) return;
  html.raw("<pre tabindex=\"0\">");
  for (const std::string& code : text.code) {
    // Escaping leaves out line breaks, so they are put back here.
    for (std::size_t from = 0; from <= code.size();) {
      const std::size_t to = std::min(code.find('\n', from), code.size());
      html.raw(escape_xml(std::string_view(code).substr(from, to - from)) + "\n");
      from = to + 1;
    }
  }
  html.raw("</pre>\n");
}

void add(Html& html, const Table& table) {
  std::size_t columns = table.header.size();
  for (const auto& row : table.rows) columns = std::max(columns, row.size());
  if (columns == 0) return;
  html.table(table.caption, table.header, table.rows, "w" + std::string(columns - 1, 'n'));
}

void add(Html& html, const Row& row) {
  if (row.charts.empty()) return;
  html.open(row.charts.size() == 1 ? "div class=\"charts alone\"" : "div class=\"charts\"");
  for (const auto& chart : row.charts) {
    html.open("figure class=\"card chart\"");
    html.raw(std::visit([&](const auto& c) { return drawn(c, html.next_id()); }, chart));
    html.close();
  }
  html.close();
}

void add(Html& html, const Links& links) {
  if (!links.heading.empty()) html.text("h2", links.heading);
  if (links.links.empty()) return;
  html.open("ul class=\"links\"");
  for (const Links::Link& link : links.links) {
    html.open("li class=\"card\"");
    html.link(link.href, link.title);
    if (!link.sentence.empty()) html.text("p class=\"small\"", link.sentence);
    html.close();
  }
  html.close();
}

}  // namespace

std::string draw(const Page& page) {
  Html html(page.title, kStyle + chart_style());
  html.open("header");
  html.text("h1", page.title);
  if (!page.lead.empty()) html.text("p class=\"lead paragraph\"", page.lead);
  html.close();
  for (const Block& block : page.blocks) {
    std::visit([&](const auto& part) { add(html, part); }, block);
  }
  if (!page.footer.empty()) {
    html.open("footer");
    html.text("p class=\"small\"", page.footer);
    html.close();
  }
  return html.finish();
}

}  // namespace isoform::report
