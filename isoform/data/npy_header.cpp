// read_npy_header(): the dictionary at the start of an array.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <string_view>

#include "isoform/base/error.h"
#include "isoform/data/npy.h"

namespace isoform {

namespace {

constexpr std::size_t kMostHeader = std::size_t{1} << 16U;
constexpr std::size_t kMostDimensions = 32;  // as numpy
constexpr std::array<std::uint8_t, 6> kMagic = {0x93, 'N', 'U', 'M', 'P', 'Y'};

// The one kind of dictionary that numpy writes; anything else is refused.
class Dictionary {
 public:
  Dictionary(std::string_view text, NpyHeader& out) : text_(text), out_(out) {}

  void read() {
    expect('{');
    while (!take('}')) {
      const std::string_view key = quoted();
      expect(':');
      if (key == "descr" && !has_type_) {
        has_type_ = true;
        read_type();
      } else if (key == "fortran_order" && !has_order_) {
        has_order_ = true;
        out_.is_fortran_order = truth();
      } else if (key == "shape" && !has_shape_) {
        has_shape_ = true;
        read_shape();
      } else {
        refuse_form();
      }
      if (!take(',') && peek() != '}') refuse_form();
    }
    skip_blanks();
    if (at_ != text_.size() || !has_type_ || !has_order_ || !has_shape_) refuse_form();
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw FormatError(fmt::format("{}: {}", out_.where, what));
  }
  [[noreturn]] void refuse_form() const {
    refuse(
        fmt::format("the header is not the dictionary of descr, fortran_order and shape that "
                    "numpy writes (at character {}); it is damaged, save the array again",
                    at_));
  }

  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  char peek() {
    skip_blanks();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(char c) {
    if (peek() != c || at_ == text_.size()) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) refuse_form();
  }

  std::string_view quoted() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') refuse_form();
    const std::size_t begin = at_ + 1, end = text_.find(quote, begin);
    if (end == std::string_view::npos) refuse_form();
    at_ = end + 1;
    return text_.substr(begin, end - begin);
  }

  bool truth() {
    skip_blanks();
    for (const bool value : {false, true}) {
      const std::string_view word = value ? "True" : "False";
      if (!text_.substr(at_).starts_with(word)) continue;
      at_ += word.size();
      return value;
    }
    refuse_form();
  }

  std::optional<std::uint64_t> number(std::string_view digits) const {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error == std::errc::result_out_of_range) {
      refuse("a size in the header is larger than any file; it is damaged, save the array again");
    }
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return value;
  }

  void read_type() {
    if (peek() == '[') {
      refuse("holds records of several fields; save each field as an array of its own");
    }
    const std::string_view type = quoted();
    const auto refuse_type = [&] {
      refuse(
          fmt::format("elements of type '{}' are not read; save bool, integers, float16 to "
                      "float64 or text: array.astype('float32')",
                      type.substr(0, 40)));
    };
    if (type == "|O" || type == "O") {
      refuse(
          "holds Python objects; these are pickles, which can run any program when they are read, "
          "and are refused: save numbers or text, array.astype('float32') or array.astype(str)");
    }
    if (type.size() < 3 || std::string_view("<>|").find(type[0]) == std::string_view::npos) {
      refuse_type();
    }
    const std::optional<std::uint64_t> size = number(type.substr(2));
    if (!size) refuse_type();
    out_.kind = type[1];
    out_.is_big_endian = type[0] == '>';
    const auto is_one_of = [&](std::initializer_list<std::uint64_t> sizes) {
      return std::find(sizes.begin(), sizes.end(), *size) != sizes.end();
    };
    switch (out_.kind) {
      case 'b':
        if (!is_one_of({1})) refuse_type();
        break;
      case 'u':
      case 'i':
        if (!is_one_of({1, 2, 4, 8})) refuse_type();
        break;
      case 'f':
        if (!is_one_of({2, 4, 8})) refuse_type();
        break;
      case 'U':
        if (*size < 1 || *size > std::numeric_limits<std::int32_t>::max() / 4) refuse_type();
        break;
      default:
        refuse_type();
    }
    out_.element_bytes = out_.kind == 'U' ? 4 * *size : *size;
    if (type[0] == '|' && out_.element_bytes > 1) refuse_type();
  }

  void read_shape() {
    expect('(');
    while (!take(')')) {
      skip_blanks();
      const std::size_t begin = at_;
      while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
      const std::optional<std::uint64_t> size = number(text_.substr(begin, at_ - begin));
      if (!size || *size > std::uint64_t{std::numeric_limits<Index>::max()}) refuse_form();
      out_.shape.push_back(static_cast<Index>(*size));
      if (out_.shape.size() > kMostDimensions) {
        refuse(fmt::format("has more than {} dimensions", kMostDimensions));
      }
      take('L');  // of Python 2
      if (!take(',') && peek() != ')') refuse_form();
    }
  }

  std::string_view text_;
  NpyHeader& out_;
  std::size_t at_ = 0;
  bool has_type_ = false, has_order_ = false, has_shape_ = false;
};

void count_elements(NpyHeader& header) {
  // A 0 elsewhere does not hide sizes that overflow: whoever multiplies some of them is safe as well.
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  std::uint64_t bytes = std::max<std::uint64_t>(header.element_bytes, 1);
  header.elements = 1;
  for (const Index size : header.shape) {
    const auto n = static_cast<std::uint64_t>(std::max<Index>(size, 1));
    if (bytes > kMost / n) {
      throw FormatError(fmt::format(
          "{}: a shape of {} announces more bytes than any file holds; the header is damaged, save "
          "the array again",
          header.where, npy_shape_text(header)));
    }
    bytes *= n;
    header.elements *= static_cast<std::size_t>(size);
  }
}

}  // namespace

std::string NpyHeader::type_name() const {
  switch (kind) {
    case 'b':
      return "bool";
    case 'U':
      return "str";
    default:
      return fmt::format("{}{}",
                         kind == 'f'   ? "float"
                         : kind == 'u' ? "uint"
                                       : "int",
                         8 * element_bytes);
  }
}

std::string npy_shape_text(const NpyHeader& header) {
  std::string out;
  for (const Index size : header.shape) {
    out += fmt::format("{}{}", out.empty() ? "" : " × ", size);
  }
  return out.empty() ? "a single element" : out;
}

NpyHeader read_npy_header(const ByteReader& read, const std::string& where) {
  const auto refuse = [&](const std::string& what) {
    throw FormatError(fmt::format("{}: {}", where, what));
  };
  std::array<std::uint8_t, 12> start{};
  const std::size_t got = read(std::span(start).first(8));
  if (got == 0) refuse("needs an array of numpy, got nothing; save the array again");
  if (!std::equal(kMagic.begin(), kMagic.begin() + std::min<std::size_t>(got, 6), start.begin())) {
    refuse(
        "not an array of numpy (.npy): the first bytes need to be 93 'NUMPY'; save it with "
        "numpy.save");
  }
  constexpr const char* kShort = "cut short in its header; save or fetch it again";
  if (got < 8) refuse(kShort);
  const std::uint8_t version = start[6];
  if (version < 1 || version > 3 || start[7] != 0) {
    refuse(
        fmt::format("format {}.{} of numpy is not read, but 1.0, 2.0 and 3.0", version, start[7]));
  }
  const std::size_t length_bytes = version == 1 ? 2 : 4;
  if (read(std::span(start).subspan(8, length_bytes)) < length_bytes) refuse(kShort);
  std::size_t length = 0;
  for (std::size_t i = length_bytes; i-- > 0;) length = length << 8U | start[8 + i];
  if (length > kMostHeader) {
    refuse(
        fmt::format("a header may have up to {} bytes, got {}; it is damaged, or of a type that "
                    "is not read",
                    kMostHeader, length));
  }
  std::string text(length, '\0');
  if (read({reinterpret_cast<std::uint8_t*>(text.data()), length}) < length) refuse(kShort);
  NpyHeader header;
  header.where = where;
  header.header_bytes = 8 + length_bytes + length;
  Dictionary(text, header).read();
  count_elements(header);
  return header;
}

}  // namespace isoform
