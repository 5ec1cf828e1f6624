#include "isoform/serve/http_head.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace isoform {

namespace {

constexpr int kMaxHeaders = 100;
constexpr std::size_t kMaxDigits = 18;  // of a length: fits 63 bits

bool same_name(std::string_view a, std::string_view lower) {
  return a.size() == lower.size() &&
         std::equal(a.begin(), a.end(), lower.begin(), [](char x, char y) {
           return std::tolower(static_cast<unsigned char>(x)) == y;
         });
}

// Characters of a token (RFC 9110, 5.6.2).
bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || kMarks.find(c) != kMarks.npos;
  });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::size_t head_size(std::string_view bytes) {
  const std::size_t end = bytes.find("\n\r\n");
  return end == bytes.npos ? bytes.npos : end + 3;
}

HttpFault head_fault(std::string_view head) {
  if (head.find('\0') != head.npos) return {400, "the head of the request holds a zero byte"};
  for (std::size_t i = 0; i < head.size(); ++i) {
    const bool lone_feed = head[i] == '\n' && (i == 0 || head[i - 1] != '\r');
    const bool lone_return = head[i] == '\r' && (i + 1 == head.size() || head[i + 1] != '\n');
    if (lone_feed || lone_return) return {400, "lines of the head must end in CR LF"};
  }
  const std::string_view first = head.substr(0, head.find('\r'));
  if (std::count(first.begin(), first.end(), ' ') != 2 ||
      !is_token(first.substr(0, first.find(' ')))) {
    return {400, "the first line needs a method, a path and HTTP/1.1 with one space between them"};
  }
  std::size_t at = head.find('\n') + 1;
  int headers = 0, hosts = 0, lengths = 0, encodings = 0;
  while (at < head.size()) {
    const std::size_t end = head.find('\r', at);
    const std::string_view line = head.substr(at, end - at);
    at = end + 2;
    if (line.empty()) break;
    if (++headers > kMaxHeaders) return {431, "a request may have at most 100 headers"};
    const std::size_t colon = line.find(':');
    if (colon == line.npos || !is_token(line.substr(0, colon))) {
      return {400, "a header needs a name, a colon and a value on one line"};
    }
    const std::string_view name = line.substr(0, colon), value = trimmed(line.substr(colon + 1));
    hosts += same_name(name, "host") ? 1 : 0;
    encodings += same_name(name, "transfer-encoding") ? 1 : 0;
    if (same_name(name, "transfer-encoding") && !same_name(value, "chunked")) {
      return {400, "Transfer-Encoding: only chunked is understood"};
    }
    if (same_name(name, "content-length")) {
      ++lengths;
      const bool digits =
          std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
      if (value.empty() || !digits) return {400, "Content-Length: needs a number of bytes"};
      if (value.size() > kMaxDigits) return {413, "Content-Length: the body is too long"};
    }
  }
  if (hosts > 1) return {400, "Host: needs to be there once"};
  if (lengths > 1 || encodings > 1 || (lengths > 0 && encodings > 0)) {
    return {400, "a body has one length: one Content-Length, or Transfer-Encoding: chunked"};
  }
  return {};
}

void hide_headers(std::string& head) {
  constexpr std::array<std::string_view, 2> kHidden = {"range", "accept-encoding"};
  for (std::size_t at = head.find('\n'); at != head.npos; at = head.find('\n', at + 1)) {
    const std::size_t first = at + 1, colon = head.find(':', first);
    if (colon == head.npos) return;
    const std::string_view name(head.data() + first, colon - first);
    for (const std::string_view hidden : kHidden) {
      if (same_name(name, hidden)) {
        std::fill_n(head.begin() + static_cast<std::ptrdiff_t>(first), name.size(), 'x');
        break;
      }
    }
  }
}

}  // namespace isoform
