// The elements of an array of numpy as values of ours.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "isoform/base/error.h"
#include "isoform/data/npy.h"

namespace isoform {

namespace {

// Calls use(element of the file) for each, in the order of the axes, the last one running fastest.
template <class Function>
void each_element(const NpyHeader& header, std::span<const std::size_t> axes, const Function& use) {
  if (header.elements == 0) return;
  const std::size_t dimensions = header.shape.size();
  ISOFORM_ASSERT(axes.empty() || axes.size() == dimensions, "an order of all axes");
  std::vector<std::size_t> strides(dimensions);
  std::size_t stride = 1;
  for (std::size_t k = 0; k < dimensions; ++k) {
    const std::size_t axis = header.is_fortran_order ? k : dimensions - 1 - k;
    strides[axis] = stride;
    stride *= static_cast<std::size_t>(header.shape[axis]);
  }
  const auto axis = [&](std::size_t k) { return axes.empty() ? k : axes[k]; };
  const auto size = [&](std::size_t k) { return static_cast<std::size_t>(header.shape[axis(k)]); };
  if (dimensions == 0) return use(0);
  const std::size_t last = dimensions - 1, step = strides[axis(last)], inner = size(last);
  std::vector<std::size_t> index(dimensions, 0);
  for (std::size_t start = 0;;) {
    for (std::size_t i = 0; i < inner; ++i) use(start + i * step);
    std::size_t k = last;
    for (; k > 0; --k) {
      start += strides[axis(k - 1)];
      if (++index[k - 1] < size(k - 1)) break;
      start -= size(k - 1) * strides[axis(k - 1)];
      index[k - 1] = 0;
    }
    if (k == 0) return;
  }
}

template <class T>
T load(const std::uint8_t* from, bool is_big_endian) {
  T value{};
  std::uint8_t bytes[sizeof(T)];
  std::memcpy(bytes, from, sizeof(T));
  if (is_big_endian != (std::endian::native == std::endian::big)) {
    std::reverse(bytes, bytes + sizeof(T));
  }
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

struct Half {
  std::uint16_t bits;
};

double number(Half half) {
  const int exponent = half.bits >> 10U & 31;
  const int fraction = half.bits & 1023;
  double size = std::ldexp(fraction + (exponent > 0 ? 1024 : 0), std::max(exponent, 1) - 25);
  if (exponent == 31) {
    size = fraction == 0 ? std::numeric_limits<double>::infinity()
                         : std::numeric_limits<double>::quiet_NaN();
  }
  return half.bits >> 15U != 0 ? -size : size;
}
template <class T>
T number(T value) {
  return value;
}

// The position of an element of the file, not of the result.
std::string position_in_file(const NpyHeader& header, std::size_t element) {
  if (!header.is_fortran_order) return npy_position(header, element);
  std::size_t i = 0;
  std::vector<std::size_t> index;
  for (const Index size : header.shape) {
    index.push_back(element % static_cast<std::size_t>(size));
    element /= static_cast<std::size_t>(size);
  }
  for (std::size_t k = 0; k < index.size(); ++k) {
    i = i * static_cast<std::size_t>(header.shape[k]) + index[k];
  }
  return npy_position(header, i);
}

[[noreturn]] void refuse(const NpyHeader& header, std::size_t element, const std::string& what) {
  throw FormatError(
      fmt::format("{}: the value at {} {}", header.where, position_in_file(header, element), what));
}

// convert(value, element of the file) for each element of stored type T.
template <class T, class Out, class Convert>
std::vector<Out> converted(const NpyArray& array, std::span<const std::size_t> axes,
                           const Convert& convert) {
  const NpyHeader& header = array.header;
  ISOFORM_ASSERT(header.element_bytes == sizeof(T), "elements of that size");
  std::vector<Out> out;
  out.reserve(header.elements);
  each_element(header, axes, [&](std::size_t element) {
    const T value = load<T>(array.bytes.data() + element * sizeof(T), header.is_big_endian);
    out.push_back(convert(number(value), element));
  });
  return out;
}

// Calls use.operator()<T>() with the stored type of integers and bool.
template <class Function>
auto with_integer(const NpyHeader& header, const Function& use) {
  const bool is_signed = header.kind == 'i';
  switch (header.element_bytes) {
    case 1:
      return is_signed ? use.template operator()<std::int8_t>()
                       : use.template operator()<std::uint8_t>();
    case 2:
      return is_signed ? use.template operator()<std::int16_t>()
                       : use.template operator()<std::uint16_t>();
    case 4:
      return is_signed ? use.template operator()<std::int32_t>()
                       : use.template operator()<std::uint32_t>();
    default:
      return is_signed ? use.template operator()<std::int64_t>()
                       : use.template operator()<std::uint64_t>();
  }
}

void append_utf8(std::string& out, char32_t c) {
  const auto tail = [&](unsigned shift) { return static_cast<char>(0x80 | (c >> shift & 0x3F)); };
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += {static_cast<char>(0xC0 | c >> 6U), tail(0)};
  } else if (c < 0x10000) {
    out += {static_cast<char>(0xE0 | c >> 12U), tail(6), tail(0)};
  } else {
    out += {static_cast<char>(0xF0 | c >> 18U), tail(12), tail(6), tail(0)};
  }
}

}  // namespace

std::string npy_position(const NpyHeader& header, std::size_t i) {
  std::string out;
  for (std::size_t k = header.shape.size(); k-- > 0;) {
    const auto size = static_cast<std::size_t>(header.shape[k]);
    out = fmt::format("{}{}{}", i % size, out.empty() ? "" : ", ", out);
    i /= size;
  }
  return '[' + out + ']';
}

std::vector<float> npy_floats(const NpyArray& array, std::span<const std::size_t> axes) {
  const NpyHeader& header = array.header;
  const auto to_float = [&](auto value, std::size_t element) {
    const auto rounded = static_cast<float>(value);
    if (!std::isfinite(rounded)) {
      refuse(header, element,
             std::isfinite(static_cast<double>(value))
                 ? fmt::format("is {}, more than a float32 holds; scale the values", value)
                 : fmt::format("is {}; replace values that are not finite", value));
    }
    return rounded;
  };
  if (header.kind == 'f') {
    switch (header.element_bytes) {
      case 2:
        return converted<Half, float>(array, axes, to_float);
      case 4:
        return converted<float, float>(array, axes, to_float);
      default:
        return converted<double, float>(array, axes, to_float);
    }
  }
  ISOFORM_ASSERT(header.kind != 'U', "numbers");
  if (header.kind == 'b') {
    const std::vector<std::uint8_t> bytes = npy_bytes(array, axes);
    return {bytes.begin(), bytes.end()};
  }
  return with_integer(header,
                      [&]<class T>() { return converted<T, float>(array, axes, to_float); });
}

std::vector<std::uint8_t> npy_bytes(const NpyArray& array, std::span<const std::size_t> axes) {
  const NpyHeader& header = array.header;
  const bool is_bool = header.kind == 'b';
  ISOFORM_ASSERT(is_bool || (header.kind == 'u' && header.element_bytes == 1), "bytes or bool");
  return converted<std::uint8_t, std::uint8_t>(
      array, axes, [&](std::uint8_t value, std::size_t element) {
        if (is_bool && value > 1) {
          refuse(header, element,
                 fmt::format("is a bool of {}; the file is damaged, save it again", value));
        }
        return value;
      });
}

std::vector<std::int64_t> npy_integers(const NpyArray& array) {
  const NpyHeader& header = array.header;
  if (header.kind == 'b') {
    const std::vector<std::uint8_t> bytes = npy_bytes(array);
    return {bytes.begin(), bytes.end()};
  }
  ISOFORM_ASSERT(header.kind == 'u' || header.kind == 'i', "whole numbers");
  return with_integer(header, [&]<class T>() {
    return converted<T, std::int64_t>(array, {}, [&](T value, std::size_t element) {
      if (value > 0 && static_cast<std::uint64_t>(value) >
                           std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
        refuse(header, element, fmt::format("is {}, too large", value));
      }
      return static_cast<std::int64_t>(value);
    });
  });
}

std::vector<std::string> npy_texts(const NpyArray& array) {
  const NpyHeader& header = array.header;
  ISOFORM_ASSERT(header.kind == 'U', "text");
  std::vector<std::string> out;
  out.reserve(header.elements);
  const std::size_t characters = header.element_bytes / 4;
  each_element(header, {}, [&](std::size_t element) {
    const std::uint8_t* const at = array.bytes.data() + element * header.element_bytes;
    const auto character = [&](std::size_t i) {
      return load<std::uint32_t>(at + 4 * i, header.is_big_endian);
    };
    std::size_t length = characters;
    while (length > 0 && character(length - 1) == 0) --length;
    std::string& text = out.emplace_back();
    for (std::size_t i = 0; i < length; ++i) {
      const std::uint32_t c = character(i);
      if (c == 0 || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) {
        refuse(header, element,
               fmt::format("holds 0x{:x}, which is no character; save the array again", c));
      }
      append_utf8(text, c);
    }
  });
  return out;
}

}  // namespace isoform
