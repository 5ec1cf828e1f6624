// A small writer of self-contained HTML pages, and the style that all of them share. Private to the monitor's pages.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace isoform {

/// Elements of a page in order. What goes through `text`, `table` and `link` is escaped; tags and `raw` are markup,
/// so never pass anything there that a user wrote.
class Html {
 public:
  /// Head and title; `style` is CSS that follows `base_style`.
  Html(std::string_view title, std::string_view style);

  void open(std::string_view tag);
  void close();
  void text(std::string_view tag, std::string_view content);
  void raw(std::string_view markup) { out_ += markup; }
  /// A link, or its words alone where the address could run something (a scheme other than http and https).
  void link(std::string_view address, std::string_view words);
  /// A table that scrolls sideways where the screen is narrow. `kinds`, one for each column: n numbers, w words, l
  /// sentences. Rows may be short.
  void table(std::string_view caption, const std::vector<std::string>& header,
             const std::vector<std::vector<std::string>>& rows, const std::string& kinds);
  int next_id() { return ++id_; }
  /// The document, with everything closed. The writer is spent.
  std::string finish();

 private:
  std::string out_;
  std::vector<std::string> open_;
  int id_ = 0;
};

/// An SVG document as a part of a page: without its declaration, and with ids of its own.
std::string inlined(std::string svg, int id);

/// CSS of pages and charts, light and dark: colours by name, words, tables, cards, axes.
std::string base_style();

}  // namespace isoform
