// Arrays of numpy (.npy), one of them in a file of its own or among others in an .npz (npz.h).
//
//   bytes 0-5   93 'N' 'U' 'M' 'P' 'Y'
//   bytes 6-7   version: 1.0, 2.0 or 3.0
//   then        length of the header, least significant byte first: 2 bytes in version 1, else 4
//   then        the header, a Python dictionary: {'descr': '<f4', 'fortran_order': False, 'shape': (60000, 784), }
//   then        the elements, the last dimension running fastest (first, in Fortran order)
//
// Read are bool, u1 to u8, i1 to i8, f2, f4, f8 and U (text), in either byte order. Arrays of objects are pickles, which can run
// any program when they are read: they are refused and never unpickled. Reading is strict: nothing may be missing and nothing
// may follow. Source: numpy.lib.format.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "isoform/linalg/matrix.h"

namespace isoform {

struct NpyHeader {
  std::string where = {};         ///< file, and array in it, for messages
  char kind = 0;                  ///< b bool, u, i, f numbers, U text
  std::size_t element_bytes = 0;  ///< of text 4 a character
  bool is_big_endian = false;
  bool is_fortran_order = false;
  std::vector<Index> shape =
      {};  ///< up to 32 dimensions, none for a single element; any of them may be 0
  std::size_t elements = 0;      ///< product of shape
  std::size_t header_bytes = 0;  ///< before the elements
  [[nodiscard]] std::size_t data_bytes() const { return elements * element_bytes; }
  /// "float32", "str" and so on, as numpy says.
  [[nodiscard]] std::string type_name() const;
};

/// Elements as they are stored.
struct NpyArray {
  NpyHeader header = {};
  std::vector<std::uint8_t> bytes = {};
};

/// Fills as much of the span as there is, and says how much.
using ByteReader = std::function<std::size_t(std::span<std::uint8_t>)>;

/// FormatError, naming `where`: not numpy's, cut short, a header that is no such dictionary or longer than 64 KiB, a type that
/// is not read, sizes whose product overflows.
[[nodiscard]] NpyHeader read_npy_header(const ByteReader& read, const std::string& where);

/// The whole array from something of `content_bytes`, which are compared with what the header announces before memory is taken.
/// FormatError as above, and for bytes that are missing or left over.
[[nodiscard]] NpyArray read_npy(const ByteReader& read, const std::string& where,
                                std::uint64_t content_bytes);

/// The array of a file. FileError: missing, a folder, unreadable. FormatError as above. About 1 ms for 4 MB.
[[nodiscard]] NpyArray read_npy(const std::filesystem::path& path);
[[nodiscard]] NpyHeader read_npy_header(const std::filesystem::path& path);

/// The elements of an array as values, the last axis running fastest, whatever the order of the file. `axes`: that order of the
/// axes instead of 0, 1, 2 … About 1-4 ns an element. FormatError, with the position, for an element that does not fit.

/// Of any numbers: rounded to float. Infinities, NaN and what is larger than a float are refused.
[[nodiscard]] std::vector<float> npy_floats(const NpyArray& array,
                                            std::span<const std::size_t> axes = {});
/// Of bool and u1 alone (a type that does not fit: InternalError). A bool that is neither 0 nor 1 is refused.
[[nodiscard]] std::vector<std::uint8_t> npy_bytes(const NpyArray& array,
                                                  std::span<const std::size_t> axes = {});
/// Of bool, u and i: whole numbers. What is larger than 2^63 - 1 is refused.
[[nodiscard]] std::vector<std::int64_t> npy_integers(const NpyArray& array);
/// Of U: UTF-8, without the zeros that fill an element up. What is no character is refused.
[[nodiscard]] std::vector<std::string> npy_texts(const NpyArray& array);

/// "[3, 5]": where the element that is the i-th with the last axis running fastest lies.
[[nodiscard]] std::string npy_position(const NpyHeader& header, std::size_t i);
/// "60000 × 28 × 28"; "a single element" without dimensions.
[[nodiscard]] std::string npy_shape_text(const NpyHeader& header);

}  // namespace isoform
