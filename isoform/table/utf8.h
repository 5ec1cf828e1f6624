// Is it text? Private to the room.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace isoform {

/// Checks text that comes in pieces, which may end inside a character.
class Utf8 {
 public:
  /// Position of the first byte of the piece that is 0 or begins what is no UTF-8; npos: none.
  std::size_t fault(std::string_view piece) {
    std::size_t begin = std::string_view::npos;  // of the character, if it begins in this piece
    for (std::size_t i = 0; i < piece.size(); ++i) {
      const auto c = static_cast<unsigned char>(piece[i]);
      if (more_ > 0) {
        if (c < low_ || c > high_) return std::min(begin, i);
        low_ = 0x80;
        high_ = 0xbf;
        --more_;
      } else if (c == 0) {
        return i;
      } else if (c >= 0x80) {
        if (c < 0xc2 || c > 0xf4) return i;
        begin = i;
        more_ = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
        if (c == 0xe0) low_ = 0xa0;   // overlong
        if (c == 0xed) high_ = 0x9f;  // surrogates
        if (c == 0xf0) low_ = 0x90;
        if (c == 0xf4) high_ = 0x8f;
      }
    }
    return std::string_view::npos;
  }

  /// True where what was read so far ends inside a character.
  [[nodiscard]] bool is_cut() const { return more_ > 0; }

 private:
  int more_ = 0;  // bytes of the character that are still to come
  unsigned char low_ = 0x80, high_ = 0xbf;
};

}  // namespace isoform
