// A small writer of SVG documents: elements in order, text escaped, nothing else.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace isoform {

struct Point {
  double x = 0, y = 0;
};

/// A rectangle in pixels; y grows downwards, as everywhere in SVG.
struct Box {
  double x = 0, y = 0, width = 0, height = 0;
  double right() const { return x + width; }
  double bottom() const { return y + height; }
};

/// Writes one self-contained SVG document. Text is escaped; `attributes` is markup that goes in as
/// it is ("class=\"grid\""), so never pass anything that a user wrote. Coordinates are rounded to
/// 0.01.
class Svg {
 public:
  /// `title` and `description` are read aloud by screen readers; `style` is CSS.
  Svg(double width, double height, std::string_view title, std::string_view description,
      std::string_view style);

  void open(std::string_view attributes);  // a <g>
  void close();

  void rect(const Box& box, std::string_view attributes);
  void line(Point from, Point to, std::string_view attributes);
  void circle(Point centre, double radius, std::string_view attributes);
  void text(Point at, std::string_view content, std::string_view attributes = "");
  /// Straight lines through the points, broken where one is not finite. A point between two breaks
  /// leaves no mark.
  void curve(std::span<const Point> points, std::string_view attributes);
  /// A closed shape.
  void polygon(std::span<const Point> points, std::string_view attributes);
  /// Markup as it is: definitions of patterns and gradients.
  void raw(std::string_view markup);

  /// The document. The writer is spent.
  std::string finish();

 private:
  std::string out_;
  int depth_ = 0;
};

/// `text` with & < > " ' replaced by entities; control characters, which XML forbids, left out; and bytes that are not
/// UTF-8 as U+FFFD.
std::string escape_xml(std::string_view text);

}  // namespace isoform
