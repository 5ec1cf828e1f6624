// Finds what is wrong with a page.
#pragma once

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace isoform::testing {

// What is wrong with a page; empty when tags balance, attributes are quoted, ids are unique, every title that
// is named is there, nothing is fetched and no number is missing. Links, where a page may have them, fetch nothing.
inline std::string flaw_in(const std::string& html, bool links = false) {
  std::vector<std::string> open;
  std::set<std::string> ids;
  for (std::size_t i = 0; i < html.size(); ++i) {
    if (html[i] == '&') {
      const std::string entity = html.substr(i, html.find(';', i) - i + 1);
      if (entity != "&amp;" && entity != "&lt;" && entity != "&gt;" && entity != "&quot;" &&
          entity != "&#39;") {
        return "a bare & at " + html.substr(i, 20);
      }
    }
    if (html[i] != '<') continue;
    const std::size_t end = html.find('>', i);
    if (end == std::string::npos) return "an open tag";
    const std::string tag = html.substr(i + 1, end - i - 1);
    i = end;
    if (tag.starts_with("!DOCTYPE")) continue;
    if (tag.find('<') != std::string::npos) return "a broken tag " + tag;
    if (tag.front() == '/') {
      if (open.empty() || open.back() != tag.substr(1)) return "closed without opening: " + tag;
      open.pop_back();
      continue;
    }
    if (std::count(tag.begin(), tag.end(), '"') % 2 != 0) return "an open quote in " + tag;
    const std::size_t id = tag.find(" id=\"");
    if (id != std::string::npos &&
        !ids.insert(tag.substr(id + 5, tag.find('"', id + 5) - id - 5)).second) {
      return "an id that is there twice: " + tag;
    }
    if (tag.back() != '/') open.push_back(tag.substr(0, tag.find(' ')));
  }
  if (!open.empty()) return "never closed: " + open.back();
  for (std::size_t at = html.find("aria-labelledby=\""); at != std::string::npos;
       at = html.find("aria-labelledby=\"", at + 1)) {
    const std::size_t from = at + 17, space = html.find(' ', from), to = html.find('"', from);
    for (const std::string& name :
         {html.substr(from, space - from), html.substr(space + 1, to - space - 1)}) {
      if (!ids.contains(name)) return "no such id: " + name;
    }
  }
  for (const char* word :
       {"<script", "href", "src=", "@import", "url(http", "nan", "inf<", "inf "}) {
    if (links && std::string(word) == "href") continue;
    if (html.find(word) != std::string::npos) return std::string("a page holds no ") + word;
  }
  return "";
}

}  // namespace isoform::testing
