#include "isoform/data/array_set.h"

#include <fmt/format.h>

#include "data/numpy_files.h"
#include "isoform/base/error.h"
#include "isoform/data/catalogue.h"

namespace isoform {
namespace {

using namespace testing_data;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Labels = std::vector<std::uint32_t>;

class ArraySet : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_numpy()) GTEST_SKIP() << "numpy is not installed";
  }
  // Saves the arrays of these lines of Python ("x = …") as s.npz and, each in its file, in s/.
  void save(const std::string& lines) {
    run_python(folder_,
               "import os, shutil\nshutil.rmtree('s', True); os.mkdir('s')\n"
               "given = set(globals())\n" +
                   lines +
                   "\nd = {k: v for k, v in globals().items() if k not in given and k != 'given'}\n"
                   "np.savez('s.npz', **d)\n"
                   "for k, v in d.items(): np.save(f's/{k}.npy', v)\n");
  }
  [[nodiscard]] std::vector<std::string> places() const {
    return {(folder_ / "s.npz").string(), (folder_ / "s").string()};
  }
  template <class E = FormatError>
  void expect_refused(const std::string& lines, const std::vector<std::string>& words,
                      Split split = Split::train) {
    save(lines);
    for (const std::string& place : places()) {
      const std::string text = message_of<E>([&] { (void)load(place, split); });
      EXPECT_THAT(text, HasSubstr(place));
      for (const std::string& word : words) EXPECT_THAT(text, HasSubstr(word)) << lines;
    }
  }
  TemporaryFolder folder_;
};

template <class T>
std::vector<T> values(const Dataset& data) {
  return std::get<std::vector<T>>(data.stored_values());
}

TEST_F(ArraySet, ATableOfOnePart) {
  save("x = np.arange(8.0).reshape(4, 2)\ny = np.array([0, 2, 2, 1])");
  for (const std::string& place : places()) {
    const Dataset data = load(place, Split::train);
    EXPECT_EQ(data.name(), "s");
    EXPECT_EQ(data.features(), 2);
    EXPECT_EQ(data.labels(), (Labels{0, 2, 2, 1}));
    EXPECT_THAT(data.classes(), ElementsAre("0", "1", "2"));
    EXPECT_FALSE(data.image());
    EXPECT_EQ(values<float>(data), (std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7}));
    EXPECT_TRUE(has_array_part(place, Split::train));
    EXPECT_FALSE(has_array_part(place, Split::test));
    EXPECT_THAT(
        message_of<FileError>([&] { (void)load(place, Split::test); }),
        AllOf(HasSubstr(place), HasSubstr("has no test part"), HasSubstr("x_test and y_test")));
  }
}

TEST_F(ArraySet, BothPartsAsKerasSavesThem) {
  save(R"(
x_train = np.arange(24, dtype='u1').reshape(2, 3, 4)
y_train = np.array([0, 1], 'u1')
x_test = np.arange(12, dtype='u1').reshape(1, 3, 4)
y_test = np.array([4], 'u1')
other = np.zeros(3)
)");
  for (const std::string& place : places()) {
    const Dataset train = load(place, Split::train), test = load(place, Split::test);
    EXPECT_EQ(train.image(), (ImageShape{3, 4}));
    EXPECT_EQ(values<std::uint8_t>(train).size(), 24U);
    EXPECT_EQ(values<std::uint8_t>(train)[23], 23);
    EXPECT_EQ(train.classes().size(), 5U);  // of both parts
    EXPECT_EQ(test.classes(), train.classes());
    EXPECT_EQ(test.labels(), Labels{4});
  }
}

TEST_F(ArraySet, PicturesBecomePlanar) {
  for (const std::string type : {"u1", "f4"}) {
    for (const std::string order : {"C", "F"}) {
      save(
          fmt::format("x = np.arange(24).reshape(2, 2, 2, 3).astype('{}', order='{}')\n"
                      "y = np.array([[0], [1]])",
                      type, order));
      for (const std::string& place : places()) {
        const Dataset data = load(place, Split::train);
        EXPECT_EQ(data.image(), (ImageShape{2, 2, 3}));
        EXPECT_EQ(data.labels(), (Labels{0, 1}));
        Matrix<float> all(12, 2);
        data.gather(std::vector<std::uint32_t>{0, 1}, all);
        const Matrix<float> first = all.col(0).transpose();
        EXPECT_EQ(first, (Matrix<float>{{0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11}})) << type << order;
        EXPECT_EQ(all(0, 1), 12);
        EXPECT_EQ(data.stored_values().index(), type == "u1" ? 0U : 1U);
      }
    }
  }
  save("x = np.ones((2, 2, 2, 1), bool)\ny = np.array([True, False])");
  const Dataset data = load(places()[0], Split::train);
  EXPECT_EQ(data.image(), (ImageShape{2, 2, 1}));
  EXPECT_EQ(values<std::uint8_t>(data), Bytes(8, 1));
  EXPECT_EQ(data.labels(), (Labels{1, 0}));
}

TEST_F(ArraySet, ClassesMayBeNamesOrRows) {
  save(R"(
X_train = np.zeros((3, 1)); Y_train = np.array(['dog', 'äffin', 'cat'])
X_test = np.zeros((2, 1)); Y_test = np.array([['cat'], ['zebra']])
)");
  for (const std::string& place : places()) {
    const Dataset train = load(place, Split::train), test = load(place, Split::test);
    EXPECT_THAT(train.classes(), ElementsAre("cat", "dog", "zebra", "äffin"));
    EXPECT_EQ(train.labels(), (Labels{1, 3, 0}));
    EXPECT_EQ(test.classes(), train.classes());
    EXPECT_EQ(test.labels(), (Labels{0, 2}));
  }
  for (const std::string type : {"f8", "i8", "b1", "u1"}) {
    save("x = np.zeros((2, 1), 'f2'); y = np.eye(4, dtype='" + type + "')[[2, 0]]");
    const Dataset data = load(places()[0], Split::train);
    EXPECT_EQ(data.labels(), (Labels{2, 0}));
    EXPECT_EQ(data.classes().size(), 4U);
  }
}

TEST_F(ArraySet, RefusesLabelsThatAreNone) {
  const std::string x = "x = np.zeros((3, 2))\n";
  expect_refused<UsageError>(x + "y = np.array([0.5, 1, 2])",
                             {"float64", "regression", "astype(int)"});
  expect_refused(x + "y = np.array([0, -1, 1])", {"whole numbers from 0", "-1 at [1]"});
  expect_refused(x + "y = np.array([0, 1, 1000000])", {"to 65535", "1000000 at [2]"});
  expect_refused(x + "y = np.array(['a', '', 'b'])", {"at [1] is empty"});
  expect_refused(x + "y = np.array([[1, 0], [1, 1], [0, 1]])", {"row 1 of y", "a single 1, got 2"});
  expect_refused(x + "y = np.array([[1, 0], [0, 0], [0, 1]])", {"row 1 of y", "a single 1, got 0"});
  expect_refused(x + "y = np.array([[1, 0], [0, 3], [0, 1]])", {"got 3 at [1, 1]"});
  expect_refused(x + "y = np.array([['a', 'b']] * 3)", {"one name a sample", "3 × 2"});
  expect_refused(x + "y = np.array(3)", {"got a single element"});
  expect_refused(x + "y = np.zeros((3, 2, 2))", {"samples × classes", "3 × 2 × 2"});
  expect_refused(x + "y = np.array([0, 1])", {"x holds 3 samples, y holds 2"});
  expect_refused(x + "y = np.array([0, 1, {}])", {"pickles"});
}

TEST_F(ArraySet, RefusesInputsThatAreNone) {
  const std::string y = "y = np.array([0, 1])\n";
  expect_refused(y + "x = np.zeros(2)", {"2 dimensions", "x.reshape(-1, 1)"});
  expect_refused(y + "x = np.zeros((2, 1, 1, 1, 1))", {"2 × 1 × 1 × 1 × 1"});
  expect_refused(y + "x = np.zeros((2, 0))", {"2 × 0"});
  expect_refused(y + "x = np.array([['1'], ['2']])", {"needs numbers, got text"});
  expect_refused(y + "x = np.array([[1, 2], [3, np.nan]])", {"at [1, 1] is nan"});
  expect_refused(y + "x = np.zeros((2, 3, 32, 32))", {"channels first", "transpose(0, 2, 3, 1)"});
  expect_refused("x = np.zeros((0, 2)); y = np.zeros(0, int)", {"0 × 2"});
}

TEST_F(ArraySet, RefusesPartsThatDoNotFit) {
  const std::string train = "x_train = np.zeros((2, 3)); y_train = np.array([0, 1])\n";
  const std::string test = "x_test = np.zeros((1, 3)); y_test = np.array([0])\n";
  expect_refused(train + "x_test = np.zeros((1, 3))", {"holds x_test, but not y_test"});
  expect_refused(train + "y_test = np.zeros(1, int)", {"holds y_test, but not x_test"});
  expect_refused(train + "x_test = np.zeros((1, 4)); y_test = np.array([0])",
                 {"2 × 3", "1 × 4", "same shape"});
  expect_refused(train + "x_test = np.zeros((1, 3)); y_test = np.array(['a'])", {"of one kind"});
  expect_refused(train + "x = np.zeros((2, 3)); y = np.array([0, 1])", {"two training parts"});
  expect_refused(train + "X_train = x_train", {"both x_train and X_train"});
  expect_refused<FileError>(test, {"has no train part"});
  save("a = np.zeros(2)");
  EXPECT_THAT(message_of<FileError>([&] { (void)load(places()[0], Split::train); }),
              AllOf(HasSubstr("needs arrays x and y"), HasSubstr("got a")));
}

TEST_F(ArraySet, OtherFilesAreRefusedWithWhatIsNeeded) {
  EXPECT_THAT(message_of<FileError>([&] { (void)load("none.npz", Split::train); }),
              HasSubstr("none.npz: cannot be read"));
  const std::string path = write_plain(folder_ / "x.npy", {1}).string();
  EXPECT_THAT(message_of<FileError>([&] { (void)load(path, Split::train); }),
              HasSubstr(".npz file"));
}

}  // namespace
}  // namespace isoform
