#include "isoform/monitor/svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <utility>

#include "isoform/base/error.h"

namespace isoform {
namespace {

// At most two decimals and no trailing zeros: half the size of the file is coordinates.
std::string number(double value) {
  if (!std::isfinite(value)) return "0";
  std::string text = fmt::format("{:.2f}", value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

// Bytes of the UTF-8 character that `text` begins with; 0 where it begins with none that XML allows.
std::size_t character_length(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])) : 0U;
  };
  const std::uint32_t lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  std::uint32_t code = lead & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return 0;
    code = code << 6U | (byte(i) & 0x3FU);
  }
  // Longer than it needs to be, half of a pair, beyond the last plane, or no character.
  if (code < (length == 3 ? 0x800U : length == 4 ? 0x10000U : 0x80U)) return 0;
  if ((code >= 0xD800 && code < 0xE000) || code > 0x10FFFF || (code | 1U) == 0xFFFF) return 0;
  return length;
}

}  // namespace

std::string escape_xml(std::string_view text) {
  std::string safe;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t length = character_length(text.substr(i));
    if (length != 1) {
      safe += length == 0 ? "\uFFFD" : text.substr(i, length);
      i += std::max<std::size_t>(length, 1) - 1;
      continue;
    }
    const char c = text[i];
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      case '\'':
        safe += "&#39;";
        break;
      default:
        if (static_cast<unsigned char>(c) >= 0x20) safe += c;
    }
  }
  return safe;
}

Svg::Svg(double width, double height, std::string_view title, std::string_view description,
         std::string_view style) {
  out_ = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" "
      "viewBox=\"0 0 {0} {1}\" role=\"img\" aria-labelledby=\"title description\">\n"
      "<title id=\"title\">{2}</title>\n<desc id=\"description\">{3}</desc>\n"
      "<style>\n{4}</style>\n",
      number(width), number(height), escape_xml(title), escape_xml(description), style);
}

void Svg::open(std::string_view attributes) {
  out_ += fmt::format("<g {}>\n", attributes);
  ++depth_;
}

void Svg::close() {
  ISOFORM_ASSERT(depth_ > 0, "svg: close without open");
  out_ += "</g>\n";
  --depth_;
}

void Svg::rect(const Box& box, std::string_view attributes) {
  out_ += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" {}/>\n", number(box.x),
                      number(box.y), number(box.width), number(box.height), attributes);
}

void Svg::line(Point from, Point to, std::string_view attributes) {
  out_ += fmt::format("<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" {}/>\n", number(from.x),
                      number(from.y), number(to.x), number(to.y), attributes);
}

void Svg::circle(Point centre, double radius, std::string_view attributes) {
  out_ += fmt::format("<circle cx=\"{}\" cy=\"{}\" r=\"{}\" {}/>\n", number(centre.x),
                      number(centre.y), number(radius), attributes);
}

void Svg::text(Point at, std::string_view content, std::string_view attributes) {
  out_ += fmt::format("<text x=\"{}\" y=\"{}\" {}>{}</text>\n", number(at.x), number(at.y),
                      attributes, escape_xml(content));
}

void Svg::curve(std::span<const Point> points, std::string_view attributes) {
  std::string path;
  bool pen_down = false;
  for (const Point& point : points) {
    if (!std::isfinite(point.x) || !std::isfinite(point.y)) {
      pen_down = false;
      continue;
    }
    path += fmt::format("{}{} {}", pen_down ? 'L' : 'M', number(point.x), number(point.y));
    pen_down = true;
  }
  if (!path.empty()) out_ += fmt::format("<path d=\"{}\" fill=\"none\" {}/>\n", path, attributes);
}

void Svg::polygon(std::span<const Point> points, std::string_view attributes) {
  std::string list;
  for (const Point& point : points) list += number(point.x) + "," + number(point.y) + " ";
  if (!list.empty()) list.pop_back();
  out_ += fmt::format("<polygon points=\"{}\" {}/>\n", list, attributes);
}

void Svg::raw(std::string_view markup) { out_ += markup; }

std::string Svg::finish() {
  ISOFORM_ASSERT(depth_ == 0, "svg: a group was left open");
  out_ += "</svg>\n";
  return std::move(out_);
}

}  // namespace isoform
