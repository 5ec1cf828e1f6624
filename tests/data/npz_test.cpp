#include "isoform/data/npz.h"

#include <zlib.h>

#include "data/numpy_files.h"
#include "isoform/base/error.h"

namespace isoform {
namespace {

using namespace testing_data;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

void append(Bytes& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

// What a zip archive says about its one entry, whatever is really in it.
struct Zip {
  std::string name = "x.npy";
  Bytes content = {};
  std::uint32_t size = 0;  // announced; 0: that of the content
  std::uint16_t method = 0, flags = 0;
  int times = 1;
  std::uint32_t crc = 0;  // 0: the right one

  [[nodiscard]] Bytes bytes() const {
    Bytes out, list;
    for (int i = 0; i < times; ++i) {
      const std::size_t at = out.size();
      const auto about = [&](Bytes& to) {
        append(to, 20, 2);
        append(to, flags, 2);
        append(to, method, 2);
        append(to, 0, 4);  // time
        const uLong sum = crc32_z(0, content.data(), content.size());
        append(to, crc != 0 ? crc : sum, 4);
        append(to, content.size(), 4);
        append(to, size != 0 ? size : content.size(), 4);
        append(to, name.size(), 2);
        append(to, 0, 2);
      };
      append(out, 0x04034b50, 4);
      about(out);
      out.insert(out.end(), name.begin(), name.end());
      out.insert(out.end(), content.begin(), content.end());
      append(list, 0x02014b50, 4);
      append(list, 20, 2);
      about(list);
      append(list, 0, 6);  // comment, disk, attributes
      append(list, 0, 4);
      append(list, at, 4);
      list.insert(list.end(), name.begin(), name.end());
    }
    const std::size_t begin = out.size();
    out.insert(out.end(), list.begin(), list.end());
    append(out, 0x06054b50, 4);
    append(out, 0, 4);
    append(out, static_cast<std::uint64_t>(times), 2);
    append(out, static_cast<std::uint64_t>(times), 2);
    append(out, list.size(), 4);
    append(out, begin, 4);
    append(out, 0, 2);
    return out;
  }
};

Bytes small_array() { return npy_bytes_of(npy_header_of("|u1", "(3,)"), {7, 8, 9}); }

// The bytes of raw deflate.
Bytes deflated(const Bytes& content) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY);
  Bytes out(deflateBound(&stream, content.size()));
  stream.next_in = const_cast<Bytef*>(content.data());
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

class Npz : public ::testing::Test {
 protected:
  fs::path write(const Bytes& bytes) { return write_plain(folder_ / "a.npz", bytes); }
  std::string refusal(const Bytes& bytes, std::uint64_t most = machine_memory()) {
    const fs::path path = write(bytes);
    std::string text = message_of<FormatError>([&] { (void)NpzFile(path, most).read("x"); });
    EXPECT_THAT(text, HasSubstr(path.string() + ": "));
    return text;
  }
  TemporaryFolder folder_;
};

TEST_F(Npz, ReadsWhatNumpyWrites) {
  if (!has_numpy()) GTEST_SKIP() << "numpy is not installed";
  run_python(folder_, R"(
x = np.arange(300000).reshape(3, 100000)
np.savez('stored.npz', x=x, y=np.array(['a', 'b']))
np.savez_compressed('deflated.npz', x=np.asfortranarray(x), y=np.array(['a', 'b']))
# Written to a pipe, sizes and sums come after the content; and as old versions of numpy did it, entry by entry.
import os, subprocess, zipfile
with open('piped.npz', 'wb') as f, subprocess.Popen(['cat'], stdin=subprocess.PIPE, stdout=f) as p:
    np.savez_compressed(p.stdin, x=x, y=np.array(['a', 'b']))
    p.stdin.close()
np.save('x.npy', x); np.save('y.npy', np.array(['a', 'b']))
with zipfile.ZipFile('old.npz', 'w') as z:
    z.comment = b'something'
    z.write('x.npy'); z.write('y.npy')
)");
  for (const char* name : {"stored.npz", "deflated.npz", "piped.npz", "old.npz"}) {
    const NpzFile file(folder_ / name);
    EXPECT_THAT(file.names(), ElementsAre("x", "y"));
    EXPECT_TRUE(file.has("x"));
    EXPECT_FALSE(file.has("x.npy"));
    EXPECT_THAT(file.header("x").shape, ElementsAre(3, 100000));
    const std::vector<std::int64_t> x = npy_integers(file.read("x"));
    for (std::size_t i = 0; i < x.size(); ++i) ASSERT_EQ(x[i], static_cast<std::int64_t>(i));
    EXPECT_THAT(npy_texts(file.read("y")), ElementsAre("a", "b"));
    EXPECT_THROW((void)file.read("z"), UsageError);
  }
}

TEST_F(Npz, ReadsWhatIsMadeByHand) {
  const NpzFile file(write(Zip{.content = small_array()}.bytes()));
  EXPECT_EQ(npy_bytes(file.read("x")), (Bytes{7, 8, 9}));
}

TEST_F(Npz, RefusesWhatIsNoArchive) {
  EXPECT_THAT(refusal({}), HasSubstr("not an .npz file, or cut short"));
  EXPECT_THAT(refusal(small_array()), HasSubstr("not an .npz file"));
  const Bytes whole = Zip{.content = small_array()}.bytes();
  for (std::size_t size = 1; size < whole.size(); ++size) {
    EXPECT_THAT(refusal(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))),
                HasSubstr("cut short"));
  }
  EXPECT_THROW(NpzFile(folder_ / "none.npz"), FileError);
  EXPECT_THROW(NpzFile(folder_.path()), FileError);
}

TEST_F(Npz, RefusesAnArrayThatIsDamaged) {
  const Bytes array = small_array();
  EXPECT_THAT(refusal(Zip{.content = array, .crc = 1}.bytes()),
              AllOf(HasSubstr("array 'x'"), HasSubstr("CRC")));
  Bytes noise = deflated(array);
  for (std::size_t i = 4; i < noise.size(); ++i) noise[i] ^= 0xA5;
  EXPECT_THAT(
      refusal(Zip{.content = noise, .size = static_cast<std::uint32_t>(array.size()), .method = 8}
                  .bytes()),
      HasSubstr("array 'x'"));
  EXPECT_THAT(refusal(Zip{.content = Bytes{1, 2, 3}}.bytes()), HasSubstr("not an array of numpy"));
  EXPECT_THAT(refusal(Zip{.content = array, .times = 2}.bytes()),
              HasSubstr("two arrays of one name"));
  EXPECT_THAT(refusal(Zip{.content = array, .method = 12}.bytes()), HasSubstr("method 12 of zip"));
  EXPECT_THAT(refusal(Zip{.content = array, .flags = 1}.bytes()),
              AnyOf(HasSubstr("encrypted"), HasSubstr("Encryption")));
}

// Whatever byte is wrong, nothing but an Error comes of it.
TEST_F(Npz, EveryByteMayBeWrong) {
  const Bytes array = small_array(), stored = Zip{.content = array}.bytes();
  const Bytes packed =
      Zip{.content = deflated(array),
          .size = static_cast<std::uint32_t>(array.size()),
          .method = 8,
          .crc = static_cast<std::uint32_t>(crc32_z(0, array.data(), array.size()))}
          .bytes();
  EXPECT_EQ(npy_bytes(NpzFile(write(packed)).read("x")), (Bytes{7, 8, 9}));
  for (const Bytes& whole : {stored, packed}) {
    for (std::size_t i = 0; i < whole.size(); ++i) {
      for (const int change : {0x01, 0x80, 0xFF}) {
        Bytes bytes = whole;
        bytes[i] ^= static_cast<std::uint8_t>(change);
        try {
          const NpzFile file(write(bytes));
          if (file.has("x")) {
            EXPECT_EQ(npy_bytes(file.read("x")), (Bytes{7, 8, 9})) << i;
          }
        } catch (const Error&) {
        }
      }
    }
  }
}

TEST_F(Npz, ASmallFileCannotTakeMuchMemory) {
  const Bytes array = small_array();
  // Announced, in the archive and in the array, but not there.
  const Bytes boast = npy_bytes_of(npy_header_of("|u1", "(4000000000,)"), {7, 8, 9});
  const auto announced = static_cast<std::uint32_t>(4000000000U + boast.size() - 3);
  EXPECT_THAT(refusal(Zip{.content = deflated(boast), .size = announced, .method = 8}.bytes()),
              AllOf(HasSubstr("cannot hold more than"), HasSubstr(std::to_string(announced))));
  EXPECT_THAT(refusal(Zip{.content = boast}.bytes()), HasSubstr("cut short"));
  // Really there.
  const Bytes zeros = npy_bytes_of(npy_header_of("|u1", "(3000000,)"), Bytes(3000000));
  Zip bomb{.content = deflated(zeros),
           .size = static_cast<std::uint32_t>(zeros.size()),
           .method = 8,
           .crc = static_cast<std::uint32_t>(crc32_z(0, zeros.data(), zeros.size()))};
  EXPECT_THAT(refusal(bomb.bytes(), 2000000), HasSubstr("more than there may be, 2000000"));
  EXPECT_EQ(NpzFile(write(bomb.bytes())).read("x").bytes, Bytes(3000000));
  // More is there than announced: what is announced is read, and the rest found out.
  const Bytes shorter = npy_bytes_of(npy_header_of("|u1", "(2000000,)"), Bytes(3000000));
  bomb.content = deflated(shorter);
  bomb.size = static_cast<std::uint32_t>(shorter.size() - 1000000);
  bomb.crc = static_cast<std::uint32_t>(crc32_z(0, shorter.data(), shorter.size()));
  EXPECT_THAT(refusal(bomb.bytes()), HasSubstr("damaged"));
}

}  // namespace
}  // namespace isoform
