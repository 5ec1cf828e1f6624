// The page as one file: its style, its script and the runs in it.
#include <nlohmann/json.hpp>

#include "isoform/base/error.h"
#include "isoform/base/version.h"
#include "isoform/serve/dashboard.h"
#include "isoform/serve/page_files.h"

namespace isoform {

namespace {

using std::chrono::milliseconds;

void replace_all(std::string& text, std::string_view what, std::string_view by) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at)) {
    text.replace(at, what.size(), by);
    at += by.size();
  }
}

// Inside an element of its own text ends at "</script" wherever it stands, and "<!--" begins a comment that swallows the end.
// Both are escaped, in the way that strings of JSON take, or strings and patterns of JavaScript.
std::string as_json(std::string text) {
  replace_all(text, "</", "<\\/");
  replace_all(text, "<!--", "<\\u0021--");
  return text;
}

std::string as_script(std::string text) {
  replace_all(text, "</script", "<\\/script");
  replace_all(text, "<!--", "<\\!--");
  return text;
}

void replace(std::string& page, std::string_view what, const std::string& by) {
  const std::size_t at = page.find(what);
  ISOFORM_ASSERT(at != std::string::npos, "index.html names its style and its script");
  page.replace(at, what.size(), by);
}

}  // namespace

std::string dashboard_html(const std::vector<const RunFeed*>& runs) {
  if (!has_dashboard_page()) {
    throw UsageError("this build of Isoform has no page; build it with ISOFORM_DASHBOARD=ON");
  }
  std::string recorded = "{\"version\":" + nlohmann::json(version()).dump() + ",\"runs\":[";
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const nlohmann::json name = runs[i]->name();
    recorded += (i > 0 ? ",{\"name\":" : "{\"name\":") +
                name.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) +
                ",\"events\":[";
    bool first = true;
    for (const RunFeed::Line& line : runs[i]->lines(0, SIZE_MAX, milliseconds(0))) {
      recorded += (first ? "\n" : ",\n") + line.text;
      first = false;
    }
    recorded += "]}";
  }
  recorded += "]}";
  std::string page(page_files::kIndex);
  replace(page, page_files::kStyleTag, "<style>\n" + std::string(page_files::kStyle) + "</style>");
  replace(page, page_files::kScriptTag, "");
  // At the end of the body: a script in the page itself runs where it stands.
  replace(page, "</body>",
          "<script type=\"application/json\" id=\"recorded-runs\">" + as_json(recorded) +
              "</script>\n<script type=\"module\">\n" +
              as_script(std::string(page_files::kScript)) + "</script>\n</body>");
  return page;
}

}  // namespace isoform
