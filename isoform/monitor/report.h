// One page about an experiment: what was asked, what came out, as words, tables and charts.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace isoform::report {

/// One curve. `x` may be empty: 0, 1, 2, … A value that is not finite breaks it. Points are marked where there are at
/// most 30.
struct Curve {
  std::string label;
  std::vector<double> x, y;
  std::vector<double> low = {}, high = {};  // a band around it; both may be empty
  bool dashed = false;
  int colour = -1;  // curves of one number share a colour; below 0: one of its own
};

/// Curves over a number, or over categories.
struct LineChart {
  std::string heading, unit, x_label;
  std::string alt;  // the outcome in a sentence, for those who cannot see it; empty: the heading
  std::vector<Curve> curves = {};
  bool logarithmic = false;  // y; at most 12 decades; what is zero, negative or smaller lies on the
                             // bottom, at a tick "0" of its own
  struct Mark {
    double x = 0;
    std::string label;
  };
  std::vector<Mark> marks = {};               // vertical dashed lines with a word on top
  std::vector<std::string> x_names = {};      // of x = 0, 1, 2, …: categories instead of numbers
  std::optional<double> low = {}, high = {};  // ends of the y axis
};

struct Ridge {
  std::string label;
  std::vector<double> values;
};

/// A ridge plot: one density for each row, the first at the top, overlapping, on one range of x. Areas are equal,
/// but for ridges more than 2.5 times as high as their median, which are drawn as high as that.
struct RidgeChart {
  std::string heading, x_label, alt;
  std::vector<Ridge> ridges;
  std::optional<double> reference = {};  // a vertical dashed line
  std::string reference_label = {};
  std::optional<double> low = {}, high = {};  // ends of the x axis: charts to compare share them
};

/// A heat map with the number in each cell; NaN leaves one blank.
struct MatrixChart {
  std::string heading, row_title, column_title, unit, alt;
  std::vector<std::string> rows, columns;
  std::vector<std::vector<double>> values;  // rows of cells; what is missing is blank
  int decimals = 1;
};

/// The first column holds words, the others numbers.
struct Table {
  std::string caption;
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
};

struct Text {
  std::string heading;  // may be empty
  std::vector<std::string> paragraphs = {};
  std::vector<std::string> code = {};  // commands, a line each
};

/// Links to other pages. An address with a scheme other than http and https is not linked.
struct Links {
  std::string heading;
  struct Link {
    std::string href, title, sentence = {};
  };
  std::vector<Link> links;
};

/// Charts side by side where there is room, else below each other.
struct Row {
  std::vector<std::variant<LineChart, RidgeChart, MatrixChart>> charts;
};

using Block = std::variant<Text, Table, Row, Links>;

struct Page {
  std::string title, lead;
  std::vector<Block> blocks;
  std::string footer = {};
};

/// One self-contained HTML document, as pages about models are: no scripts, fonts or other files; charts are SVG inside
/// it; light, or dark where the reader's system is. Everything is escaped, and it is well-formed XML. Never throws for
/// what values and texts hold; a value that is not finite, or beyond ±1e30, is not drawn.
std::string draw(const Page& page);

}  // namespace isoform::report
