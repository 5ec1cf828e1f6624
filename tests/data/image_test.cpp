#include "isoform/data/image.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "data/image_files.h"
#include "isoform/base/error.h"
#include "isoform/data/image_fault.h"

namespace isoform {
namespace {

using namespace testing_data;
using ::testing::AllOf;
using ::testing::HasSubstr;

Bytes read(const fs::path& path, int size) {
  Bytes out(static_cast<std::size_t>(3 * size * size));
  read_image(path, size, out);
  return out;
}

// Channel after channel.
Bytes planar(const Picture& p) {
  Bytes out;
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t i = 0; i < p.pixels.size() / 3; ++i) out.push_back(p.pixels[3 * i + c]);
  }
  return out;
}

class Image : public ::testing::Test {
 protected:
  fs::path write(const Bytes& bytes) { return write_plain(folder_ / "picture", bytes); }
  std::string refusal(const Bytes& bytes) {
    const fs::path path = write(bytes);
    std::string message = message_of<FormatError>([&] { (void)read(path, 4); });
    EXPECT_THAT(message, HasSubstr(path.string()));
    return message;
  }
  TemporaryFolder folder_;
};

TEST_F(Image, OfItsSizeStaysAsItIsInEveryFormat) {
  const Picture p = picture(5, 5);
  EXPECT_EQ(read(write(ppm_bytes(p)), 5), planar(p));
  EXPECT_EQ(read(write(png_bytes(p)), 5), planar(p));
  EXPECT_EQ(read(write(bmp_bytes(p, false)), 5), planar(p));
  EXPECT_EQ(read(write(bmp_bytes(p, true)), 5), planar(p));
}

TEST_F(Image, OfGreyHasThreeEqualChannels) {
  Bytes grey = text_bytes("P5 2 2 255\n");
  append(grey, {10, 20, 30, 40});
  EXPECT_EQ(read(write(grey), 2), (Bytes{10, 20, 30, 40, 10, 20, 30, 40, 10, 20, 30, 40}));
}

TEST_F(Image, OfJpegHasItsColours) {
  for (const Bytes& bytes : {jpeg_bytes(), progressive_jpeg_bytes()}) {
    const Bytes got = read(write(bytes), 16);
    const int want[2][3] = {{200, 40, 60}, {30, 120, 220}};
    for (std::size_t i = 0; i < got.size(); ++i) {
      const std::size_t channel = i / 256, column = i % 16;
      // Colours of half resolution run into one another at the border.
      if (column >= 6 && column <= 9) continue;
      EXPECT_NEAR(got[i], want[column < 8 ? 0 : 1][channel], 4) << channel << " " << column;
    }
  }
}

// The contract's filter, in double.
double filtered(const std::function<double(int)>& value, int from, int to, int at) {
  const double scale = static_cast<double>(from) / to;
  const double width = std::max(scale, 1.0);
  const double centre = (at + 0.5) * scale;
  double sum = 0, weights = 0;
  for (int x = -from; x < 2 * from; ++x) {
    const double weight = std::max(0.0, 1 - std::abs(x + 0.5 - centre) / width);
    sum += weight * value(std::clamp(x, 0, from - 1));
    weights += weight;
  }
  return sum / weights;
}

TEST_F(Image, IsStretchedByTheFilterOfTheContract) {
  for (const std::array<int, 3>& shape :
       {std::array{10, 23, 4}, std::array{3, 2, 7}, std::array{9, 3, 6}, std::array{64, 1, 5}}) {
    const int rows = shape[0], columns = shape[1], size = shape[2];
    const Picture p =
        picture(static_cast<std::uint32_t>(rows), static_cast<std::uint32_t>(columns), 3);
    const Bytes got = read(write(ppm_bytes(p)), size);
    for (int c = 0; c < 3; ++c) {
      for (int y = 0; y < size; ++y) {
        for (int x = 0; x < size; ++x) {
          const auto row = [&](int r) {
            const auto pixel = [&](int column) {
              return static_cast<double>(p.at(static_cast<std::size_t>(r),
                                              static_cast<std::size_t>(column),
                                              static_cast<std::size_t>(c)));
            };
            return filtered(pixel, columns, size, x);
          };
          const double want = filtered(row, rows, size, y);
          EXPECT_NEAR(got[static_cast<std::size_t>((c * size + y) * size + x)], want, 0.51)
              << rows << " × " << columns << " to " << size << " at " << y << ", " << x;
        }
      }
    }
  }
}

TEST_F(Image, CutShortAnywhereIsRefused) {
  const Picture p = picture(3, 3);
  for (const Bytes& whole : {ppm_bytes(p), png_bytes(p), bmp_bytes(p, false), bmp_bytes(p, true),
                             jpeg_bytes(), progressive_jpeg_bytes()}) {
    ASSERT_NO_THROW((void)read(write(whole), 4));
    for (std::size_t length = 0; length < whole.size(); ++length) {
      const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
      // Here too, whatever a later decoder lets pass.
      EXPECT_NE(image_fault(part), "") << length;
      EXPECT_NE(refusal(part), "") << "of " << whole.size() << " bytes: " << length;
    }
  }
}

TEST_F(Image, DamagedPngIsRefusedWhateverByteItIs) {
  const Bytes whole = png_bytes(picture(3, 3));
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int bit : {0, 3, 7}) {
      Bytes damaged = whole;
      damaged[at] = static_cast<std::uint8_t>(damaged[at] ^ (1 << bit));
      EXPECT_NE(refusal(damaged), "") << at;
    }
  }
}

// A JPEG has no sums: damage may pass, but not end the program or give a FileError.
TEST_F(Image, DamagedJpegBmpAndPpmDoNoHarm) {
  const Picture p = picture(3, 3);
  int refused = 0;
  for (const Bytes& whole :
       {jpeg_bytes(), progressive_jpeg_bytes(), bmp_bytes(p, false), ppm_bytes(p)}) {
    for (std::size_t at = 0; at < whole.size(); ++at) {
      for (const std::uint8_t value : Bytes{0x00, 0xff}) {
        Bytes damaged = whole;
        damaged[at] = value;
        try {
          (void)read(write(damaged), 4);
        } catch (const FormatError&) {
          ++refused;
        }
      }
    }
  }
  EXPECT_GT(refused, 100);
}

TEST_F(Image, OfAbsurdSizeIsRefusedBeforeMemoryIsTaken) {
  EXPECT_THAT(refusal(png_bytes({16384, 16384, {}})),
              AllOf(HasSubstr("up to 67108864 pixels"), HasSubstr("16384 × 16384")));
  EXPECT_THAT(refusal(text_bytes("P6 999999999 999999999 255\n")), HasSubstr("more pixels"));
  Bytes bmp = bmp_bytes(picture(3, 3), false);
  std::fill(bmp.begin() + 18, bmp.begin() + 26, std::uint8_t{0x7f});
  EXPECT_THAT(refusal(bmp), HasSubstr("more pixels"));
  Bytes jpeg = jpeg_bytes();
  const Bytes frame = {0xff, 0xc0, 0x00, 0x11, 0x08};
  const auto at = std::search(jpeg.begin(), jpeg.end(), frame.begin(), frame.end());
  ASSERT_NE(at, jpeg.end());
  std::fill(at + 5, at + 9, std::uint8_t{0xff});
  EXPECT_THAT(refusal(jpeg), HasSubstr("65535 × 65535"));
  EXPECT_THAT(refusal(png_bytes({0, 4, {}})), HasSubstr("cannot be decoded"));
}

TEST_F(Image, SaysWhatIsWrong) {
  EXPECT_THAT(refusal({}), AllOf(HasSubstr("an empty file"), HasSubstr("move it out")));
  EXPECT_THAT(refusal(text_bytes("GIF89a and so on")),
              HasSubstr("not that of a JPEG, PNG, BMP or PPM"));
  EXPECT_THAT(refusal(text_bytes("P6 1 1 15\nabc")), HasSubstr("values up to 255"));
  // The counts of the first Huffman table: more codes than it has room for.
  Bytes jpeg = jpeg_bytes();
  const Bytes table = {0xff, 0xc4, 0x00, 0x15};
  const auto at = std::search(jpeg.begin(), jpeg.end(), table.begin(), table.end());
  ASSERT_NE(at, jpeg.end());
  std::fill(at + 5, at + 21, std::uint8_t{0xff});
  EXPECT_THAT(refusal(jpeg), HasSubstr("Huffman table"));
  Bytes png = png_bytes(picture(2, 2));
  png[20] ^= 1;
  EXPECT_THAT(refusal(png), HasSubstr("CRC-32 of the PNG chunk at byte 8"));
  EXPECT_THAT(message_of<FileError>([&] { (void)read(folder_ / "none", 4); }),
              AllOf(HasSubstr((folder_ / "none").string()), HasSubstr("cannot be read")));
  EXPECT_THAT(message_of<FileError>([&] { (void)read(folder_.path(), 4); }),
              HasSubstr("cannot be read"));
  const fs::path large = write({'B', 'M'});
  fs::resize_file(large, kMostImageBytes + 1);
  EXPECT_THAT(message_of<FileError>([&] { (void)read(large, 4); }), HasSubstr("make it smaller"));
}

}  // namespace
}  // namespace isoform
