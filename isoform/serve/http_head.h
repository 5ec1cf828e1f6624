// The head of a request, looked at before the parser is: what parsers disagree about is refused, and what would be acted on
// without use is hidden from it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace isoform {

/// A status and a sentence; status 0: nothing is wrong.
struct HttpFault {
  int status = 0;
  std::string sentence = {};
};

/// Bytes of the head with its empty line, or npos while it is not all there.
std::size_t head_size(std::string_view bytes);

/// 400 for a first line that is not three words, lines that do not end in CR LF, zero bytes, folded lines, a header without a name, spaces before the colon, more than one
/// Host, Content-Length or Transfer-Encoding, a length that is no number; 431 for more than 100 headers. `head` is whole, as head_size
/// says. O(head).
HttpFault head_fault(std::string_view head);

/// Overwrites the names of Range and Accept-Encoding in place: answers are whole and not compressed (the parser of cpp-httplib 0.11
/// ends the program on a Range that does not fit 64 bits, and compresses by itself).
void hide_headers(std::string& head);

}  // namespace isoform
