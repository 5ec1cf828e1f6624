#include "isoform/data/image.h"

#include <fmt/format.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "isoform/base/error.h"
#include "isoform/data/file_bytes.h"
#include "isoform/data/image_fault.h"

namespace {

// What the decoder asks for grows with what a file announces, and its assertions with what a file holds: neither may end the program.
struct Undecodable {};
void require(bool holds) {
  if (!holds) throw Undecodable();
}
constexpr std::size_t kMostAtOnce = std::size_t{1} << 29;
void* bounded(void* old, std::size_t bytes) {
  return bytes > kMostAtOnce ? nullptr : std::realloc(old, bytes);
}

}  // namespace

// The implementation of stb, private to this file. It is not ours to warn about.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wunused-function"
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_ONLY_PNM
#define STBI_NO_STDIO
#define STBI_ASSERT(holds) require(holds)
#define STBI_MALLOC(bytes) bounded(nullptr, bytes)
#define STBI_REALLOC(old, bytes) bounded(old, bytes)
#define STBI_FREE(old) std::free(old)
#include <stb_image.h>
#define STB_IMAGE_RESIZE_IMPLEMENTATION
#define STB_IMAGE_RESIZE_STATIC
#define STBIR_ASSERT(holds) require(holds)
#define STBIR_MALLOC(bytes, context) ((void)(context), bounded(nullptr, bytes))
#define STBIR_FREE(old, context) ((void)(context), std::free(old))
#include <stb_image_resize.h>
#pragma GCC diagnostic pop

namespace isoform {

namespace {

constexpr int kChannels = 3;

struct Free {
  void operator()(stbi_uc* pixels) const { std::free(pixels); }
};
using Pixels = std::unique_ptr<stbi_uc, Free>;

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& what) {
  throw FormatError(
      fmt::format("{}: {}; replace the file, or move it out of the folder", path.string(), what));
}

struct Decoded {
  Pixels pixels;
  int columns = 0, rows = 0;
};

Decoded decoded(const std::filesystem::path& path, std::span<const std::uint8_t> bytes) {
  if (const std::string fault = image_fault(bytes); !fault.empty()) refuse(path, fault);
  const int length = static_cast<int>(bytes.size());
  Decoded out;
  int channels = 0;
  bool known = stbi_info_from_memory(bytes.data(), length, &out.columns, &out.rows, &channels) != 0;
  if (known) {
    // BMP: a negative height says that the first row comes first.
    const auto rows = static_cast<std::uint64_t>(std::abs(std::int64_t{out.rows}));
    if (out.columns < 1 || rows < 1) refuse(path, "has no pixels");
    if (static_cast<std::uint64_t>(out.columns) > kMostImagePixels / rows) {
      refuse(path, fmt::format("a picture may have up to {} pixels, got {} × {}", kMostImagePixels,
                               rows, out.columns));
    }
    out.pixels.reset(
        stbi_load_from_memory(bytes.data(), length, &out.columns, &out.rows, &channels, kChannels));
    known = out.pixels != nullptr;
  }
  if (!known)
    refuse(path, fmt::format("cannot be decoded ({}): damaged, or of a kind that is not supported",
                             stbi_failure_reason()));
  return out;
}

}  // namespace

void read_image(const std::filesystem::path& path, int size, std::span<std::uint8_t> out) {
  const std::size_t area = static_cast<std::size_t>(size) * static_cast<std::size_t>(size);
  ISOFORM_ASSERT(size >= 1 && out.size() == area * kChannels, "a square of three channels");
  const std::vector<std::uint8_t> bytes = file_bytes(path, kMostImageBytes);
  try {
    const Decoded image = decoded(path, bytes);
    std::vector<std::uint8_t> resized(out.size());
    if (stbir_resize_uint8_generic(image.pixels.get(), image.columns, image.rows, 0, resized.data(),
                                   size, size, 0, kChannels, STBIR_ALPHA_CHANNEL_NONE, 0,
                                   STBIR_EDGE_CLAMP, STBIR_FILTER_TRIANGLE, STBIR_COLORSPACE_LINEAR,
                                   nullptr) == 0) {
      refuse(path, fmt::format("cannot be resized from {} × {} pixels", image.rows, image.columns));
    }
    for (std::size_t i = 0; i < area; ++i) {
      for (std::size_t c = 0; c < kChannels; ++c) out[c * area + i] = resized[i * kChannels + c];
    }
  } catch (const Undecodable&) {
    refuse(path, "cannot be decoded: damaged");
  }
}

}  // namespace isoform
