// What the library throws, and the assertion for its own bugs.
//
// Three kinds of failure have three channels:
//   a user's mistake      an exception below: where, what was needed, what came, how to mend it
//   a numerical outcome   a returned state (never an exception)
//   a bug of our own      ISOFORM_ASSERT, which is evaluated in every build
// The library never prints and never exits; only the command-line program does.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace isoform {

/// Base of everything the library throws on purpose. what() is one sentence a person can act on.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A value, flag or request that cannot be served: "where: needs X, got Y; mend".
class UsageError : public Error {
 public:
  using Error::Error;
};

/// A file that cannot be opened, read, written or renamed.
class FileError : public Error {
 public:
  using Error::Error;
};

/// Contents of a file or table that are malformed, cut short or of another format.
class FormatError : public Error {
 public:
  using Error::Error;
};

/// A violated internal invariant: a bug in Isoform.
class InternalError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

namespace detail {
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line,
                                   std::string_view note);
}

}  // namespace isoform

/// Always evaluated; throws InternalError naming condition, file and line.
#define ISOFORM_ASSERT(condition, note)                                            \
  do {                                                                             \
    if (!(condition)) {                                                            \
      ::isoform::detail::assertion_failed(#condition, __FILE__, __LINE__, (note)); \
    }                                                                              \
  } while (false)
