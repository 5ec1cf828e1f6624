#include "isoform/base/error.h"

#include <fmt/format.h>

namespace isoform::detail {

void assertion_failed(const char* condition, const char* file, int line, std::string_view note) {
  throw InternalError(
      fmt::format("a bug in Isoform: '{}' does not hold ({}) at {}:{}; please report it", condition,
                  note, file, line));
}

}  // namespace isoform::detail
