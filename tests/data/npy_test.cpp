#include "isoform/data/npy.h"

#include <cmath>
#include <limits>

#include "data/numpy_files.h"
#include "isoform/base/error.h"

namespace isoform {
namespace {

using namespace testing_data;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Npy : public ::testing::Test {
 protected:
  NpyArray array_of(const Bytes& bytes) { return read_npy(write_plain(folder_ / "a.npy", bytes)); }
  NpyArray array_of(const std::string& type, const std::string& shape, const Bytes& data,
                    const std::string& fortran = "False") {
    return array_of(npy_bytes_of(npy_header_of(type, shape, fortran), data));
  }
  // Refused with its name and these words.
  void expect_refused(const Bytes& bytes, const std::vector<std::string>& words) {
    const std::string text = message_of<FormatError>([&] { (void)array_of(bytes); });
    EXPECT_THAT(text, HasSubstr((folder_ / "a.npy").string() + ": "));
    for (const std::string& word : words) EXPECT_THAT(text, HasSubstr(word));
  }
  void expect_header_refused(const std::string& header, const std::vector<std::string>& words) {
    expect_refused(npy_bytes_of(header, {}), words);
  }
  TemporaryFolder folder_;
};

// Every type, order of bytes, order of dimensions and version, as numpy writes them.
TEST_F(Npy, ReadsWhatNumpyWrites) {
  if (!has_numpy()) GTEST_SKIP() << "numpy is not installed";
  run_python(folder_, R"(
a = np.arange(24).reshape(2, 3, 4) - 3
for kind in ['b1', 'u1', 'u2', 'u4', 'u8', 'i1', 'i2', 'i4', 'i8', 'f2', 'f4', 'f8']:
    for end in '<>':
        for order in 'CF':
            v = (a % 2 if kind == 'b1' else a + 3 if kind[0] == 'u' else a / 4 if kind[0] == 'f' else a)
            for version in (1, 2, 3):
                with open(f'{kind}{end == ">":d}{order}{version}.npy', 'wb') as f:
                    np.lib.format.write_array(f, np.asarray(v, end + kind, order=order), (version, 0))
)");
  int files = 0;
  for (const std::string kind :
       {"b1", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8"}) {
    for (const std::string ending : {"0C1", "1C1", "0F1", "1F1", "0C2", "1F2", "0C3", "1F3"}) {
      const NpyArray array = read_npy(folder_ / (kind + ending + ".npy"));
      ++files;
      EXPECT_THAT(array.header.shape, ElementsAre(2, 3, 4));
      std::vector<float> wanted;
      std::vector<std::int64_t> whole;
      for (int i = 0; i < 24; ++i) {
        const int value = kind == "b1" ? (i + 1) % 2 : kind[0] == 'u' ? i : i - 3;
        whole.push_back(value);
        wanted.push_back(static_cast<float>(value) / (kind[0] == 'f' ? 4.0F : 1.0F));
      }
      EXPECT_EQ(npy_floats(array), wanted) << kind << ending;
      if (kind[0] != 'f') {
        EXPECT_EQ(npy_integers(array), whole) << kind << ending;
      }
      if (kind == "u1" || kind == "b1") {
        EXPECT_EQ(npy_bytes(array), Bytes(whole.begin(), whole.end())) << kind << ending;
      }
      // Axes 2, 0, 1 instead: what numpy calls transpose(2, 0, 1).
      std::vector<float> turned;
      for (std::size_t k = 0; k < 4; ++k) {
        for (std::size_t ij = 0; ij < 6; ++ij) turned.push_back(wanted[4 * ij + k]);
      }
      EXPECT_EQ(npy_floats(array, std::vector<std::size_t>{2, 0, 1}), turned) << kind << ending;
    }
  }
  EXPECT_EQ(files, 96);
}

TEST_F(Npy, ReadsTextOfAllLengths) {
  if (!has_numpy()) GTEST_SKIP() << "numpy is not installed";
  run_python(folder_, R"(
a = np.array(['cat', '', 'Käse', '\U0001F98A!', '猫'])
np.save('little.npy', a)
np.save('big.npy', a.astype('>U7'))
np.save('one.npy', np.array('whole'))
np.save('empty.npy', np.zeros((0, 3)))
)");
  for (const char* name : {"little.npy", "big.npy"}) {
    const NpyArray array = read_npy(folder_ / name);
    EXPECT_EQ(array.header.type_name(), "str");
    EXPECT_THAT(npy_texts(array), ElementsAre("cat", "", "Käse", "\xF0\x9F\xA6\x8A!", "猫"));
  }
  EXPECT_THAT(npy_texts(read_npy(folder_ / "one.npy")), ElementsAre("whole"));
  EXPECT_TRUE(npy_floats(read_npy(folder_ / "empty.npy")).empty());
}

// Every half there is, against their definition in text: sign, exponent, fraction.
TEST_F(Npy, HalvesAreExact) {
  Bytes data;
  for (std::uint32_t bits = 0; bits < 0x7C00; ++bits) {
    data.push_back(static_cast<std::uint8_t>(bits));
    data.push_back(static_cast<std::uint8_t>(bits >> 8U | 0x80));
  }
  const std::vector<float> values = npy_floats(array_of("<f2", "(31744,)", data));
  for (std::size_t bits = 0; bits < values.size(); ++bits) {
    const auto exponent = static_cast<int>(bits >> 10U);
    const double fraction = static_cast<double>(bits & 1023U) / 1024;
    const double wanted = exponent == 0 ? std::pow(2.0, -14) * fraction
                                        : std::pow(2.0, exponent - 15) * (1 + fraction);
    ASSERT_EQ(values[bits], static_cast<float>(-wanted)) << bits;
  }
  for (const Bytes& bad : {Bytes{0, 0x7C}, Bytes{0, 0xFC}, Bytes{1, 0x7C}}) {
    EXPECT_THROW((void)npy_floats(array_of("<f2", "(1,)", bad)), FormatError);
  }
}

TEST_F(Npy, HeadersMayBeWrittenInOtherWays) {
  for (const std::string header : {
           "{\"shape\":(3L,),\"descr\":\"|u1\",\"fortran_order\":False}",
           "{'fortran_order': True, 'shape': (3,), 'descr': '<u1'}      \n",
       }) {
    EXPECT_EQ(npy_bytes(array_of(npy_bytes_of(header, {1, 2, 3}))), (Bytes{1, 2, 3})) << header;
  }
}

TEST_F(Npy, RefusesWhatIsNoArray) {
  expect_refused({}, {"got nothing"});
  expect_refused({'P', 'K', 3, 4, 0, 0, 0, 0, 0, 0}, {"not an array of numpy", "93 'NUMPY'"});
  expect_refused({0x93, 'N', 'U'}, {"cut short in its header"});
  expect_refused({0x93, 'N', 'U', 'M', 'P', 'Y', 4, 0, 0, 0}, {"format 4.0", "1.0, 2.0 and 3.0"});
  expect_refused({0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, 50, 0, '{'}, {"cut short in its header"});
  // A header of 4 GB is not believed.
  expect_refused({0x93, 'N', 'U', 'M', 'P', 'Y', 2, 0, 255, 255, 255, 255},
                 {"65536", "4294967295"});
}

TEST_F(Npy, NeverUnpickles) {
  expect_header_refused(npy_header_of("|O", "(1,)"), {"pickles", "refused"});
  if (!has_numpy()) return;
  run_python(folder_, "np.save('o.npy', np.array([{'a': 1}], dtype=object))");
  EXPECT_THAT(message_of<FormatError>([&] { (void)read_npy(folder_ / "o.npy"); }),
              AllOf(HasSubstr("o.npy"), HasSubstr("pickles")));
}

TEST_F(Npy, RefusesOtherTypes) {
  for (const std::string type : {"<c8", "|S5", "<M8[ns]", "|V3", "<f16", "<u3", "f4", "<f", "<U0",
                                 "|f4", "=f4", "<b1x", "<U99999999999999999999", "|b2"}) {
    expect_header_refused(npy_header_of(type, "(1,)"), {});
  }
  expect_header_refused(npy_header_of("<c8", "(1,)"), {"'<c8'", "are not read"});
  expect_header_refused(
      "{'descr': [('a', '<f4'), ('b', '<f4')], 'fortran_order': False, 'shape': (1,)}",
      {"several fields"});
}

TEST_F(Npy, RefusesHeadersThatAreNone) {
  const std::string good = npy_header_of("|u1", "(0,)");
  EXPECT_EQ(array_of(npy_bytes_of(good, {})).header.elements, 0U);
  // Whatever is cut off or changed in a header, nothing but an Error comes of it.
  for (std::size_t i = 0; i < good.size(); ++i) {
    if (i + 2 < good.size()) expect_header_refused(good.substr(0, i), {});
    for (const char c : {'\0', '9', ')', '\'', '{', ' ', '\xFF'}) {
      std::string changed = good;
      changed[i] = c;
      try {
        (void)array_of(npy_bytes_of(changed, {}));
      } catch (const Error&) {
      }
    }
  }
  for (const std::string header :
       {"", "{}", "[]", "{'descr': '|u1', 'fortran_order': False}",
        "{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': ()}",
        "{'descr': '|u1', 'fortran_order': 0, 'shape': (1,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1 2)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1,), 'more': 1}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1,)} x"}) {
    expect_header_refused(header, {"dictionary"});
  }
}

TEST_F(Npy, SizesThatOverflowAreNotBelieved) {
  expect_header_refused(npy_header_of("<f8", "(4294967296, 4294967296)"),
                        {"more bytes than any file"});
  expect_header_refused(npy_header_of("<f8", "(0, 4294967296, 4294967296)"),
                        {"more bytes than any file"});
  expect_header_refused(npy_header_of("<f8", "(1152921504606846976,)"),
                        {"more bytes than any file"});
  expect_header_refused(npy_header_of("|u1", "(99999999999999999999999,)"),
                        {"larger than any file"});
  std::string many = "(";
  for (int i = 0; i < 33; ++i) many += "1,";
  expect_header_refused(npy_header_of("|u1", many + ")"), {"more than 32 dimensions"});
  // Announced, but not there: refused before memory is taken.
  expect_header_refused(npy_header_of("|u1", "(4611686018427387904,)"), {"cut short", "needs"});
}

TEST_F(Npy, RefusesTheWrongLength) {
  expect_refused(npy_bytes_of(npy_header_of("<f4", "(2, 3)"), Bytes(23)),
                 {"cut short", "2 × 3 of float32", "needs 94 bytes", "a header of 70", "got 93"});
  expect_refused(npy_bytes_of(npy_header_of("<f4", "(2, 3)"), Bytes(25)),
                 {"bytes left over", "got 95"});
}

TEST_F(Npy, SaysWhereAValueIsWrong) {
  Bytes data(24);
  const float infinity = std::numeric_limits<float>::infinity();
  std::memcpy(data.data() + 4 * 3, &infinity, 4);  // the fourth in the file
  const auto refusal = [&](const std::string& type, const std::string& shape,
                           const std::string& fortran) {
    return message_of<FormatError>([&] { (void)npy_floats(array_of(type, shape, data, fortran)); });
  };
  EXPECT_THAT(refusal("<f4", "(2, 3)", "False"),
              AllOf(HasSubstr("a.npy: "), HasSubstr("at [1, 0] is inf"), HasSubstr("not finite")));
  EXPECT_THAT(refusal("<f4", "(2, 3)", "True"), HasSubstr("at [1, 1] is inf"));
  const double large = 1e39;
  std::memcpy(data.data() + 8, &large, 8);
  EXPECT_THAT(refusal("<f8", "(3,)", "False"), HasSubstr("at [1] is 1e+39, more than a float32"));
  EXPECT_THAT(message_of<FormatError>([&] {
                (void)npy_bytes(array_of("|b1", "(2,)", {1, 2}));
              }),
              HasSubstr("at [1] is a bool of 2"));
  EXPECT_THAT(
      message_of<FormatError>([&] { (void)npy_integers(array_of("<u8", "(1,)", Bytes(8, 255))); }),
      HasSubstr("18446744073709551615, too large"));
  for (const Bytes& c : {Bytes{0, 0xD8, 0, 0}, Bytes{0, 0, 0x11, 0}, Bytes{0, 0, 0, 1}}) {
    EXPECT_THAT(message_of<FormatError>([&] { (void)npy_texts(array_of("<U1", "(1,)", c)); }),
                HasSubstr("at [0] holds 0x"));
  }
}

TEST_F(Npy, RefusesWhatIsNoFile) {
  EXPECT_THAT(message_of<FileError>([&] { (void)read_npy(folder_ / "none.npy"); }),
              AllOf(HasSubstr("none.npy"), HasSubstr("cannot be read")));
  EXPECT_THROW((void)read_npy(folder_.path()), FileError);
}

}  // namespace
}  // namespace isoform
