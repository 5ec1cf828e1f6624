#include "isoform/data/emnist.h"

#include "data/idx_files.h"
#include "isoform/base/error.h"

namespace isoform {
namespace {

using namespace testing_data;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class EmnistLetters : public ::testing::Test {
 protected:
  Dataset read(const Bytes& images, const Bytes& labels) {
    const fs::path image_path = write_plain(folder_ / "images", images);
    const fs::path label_path = write_plain(folder_ / "labels", labels);
    return emnist_letters(read_idx_array(image_path), image_path, read_idx_array(label_path),
                          label_path, {"A", "B"}, "letters");
  }
  std::string refusal(const Bytes& images, const Bytes& labels) {
    return message_of<FormatError>([&] { (void)read(images, labels); });
  }
  TemporaryFolder folder_;
};

TEST_F(EmnistLetters, KeepsTheFirstOnesUpright) {
  // Three pictures stored as 2 columns of 3 rows; the second is a C.
  const Dataset data = read(idx_bytes({3, 2, 3}, {1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 0, 0,  //
                                                  11, 12, 13, 14, 15, 16}),
                            idx_bytes({3}, {2, 3, 1}));
  EXPECT_EQ(data.name(), "letters");
  EXPECT_EQ(data.image(), (ImageShape{3, 2}));
  EXPECT_THAT(data.labels(), ElementsAre(1, 0));
  EXPECT_THAT(data.classes(), ElementsAre("A", "B"));
  EXPECT_EQ(std::get<Bytes>(data.stored_values()),
            (Bytes{1, 4, 2, 5, 3, 6, 11, 14, 12, 15, 13, 16}));
}

TEST_F(EmnistLetters, RefusesOtherLabels) {
  for (const std::uint8_t label : Bytes{0, 27}) {
    EXPECT_THAT(refusal(idx_bytes({2, 1, 1}, {1, 2}), idx_bytes({2}, {1, label})),
                AllOf(HasSubstr((folder_ / "labels").string()),
                      HasSubstr("got " + std::to_string(label) + " at sample 1")));
  }
  EXPECT_NO_THROW((void)read(idx_bytes({2, 1, 1}, {1, 2}), idx_bytes({2}, {1, 26})));
  EXPECT_THAT(refusal(idx_bytes({1, 1, 1}, {1}), idx_bytes({1}, {3})),
              HasSubstr("none of the first 2 letters"));
}

TEST_F(EmnistLetters, RefusesOtherShapes) {
  EXPECT_THAT(refusal(idx_bytes({2, 1, 1}, {1, 2}), idx_bytes({1}, {1})),
              AllOf(HasSubstr("1 labels"), HasSubstr("2 images")));
  EXPECT_THAT(refusal(idx_bytes({1, 4}, {1, 2, 3, 4}), idx_bytes({1}, {1})),
              AllOf(HasSubstr((folder_ / "images").string()), HasSubstr("in 2; is this")));
  EXPECT_THAT(refusal(idx_floats({1, 1, 1}, {1}), idx_bytes({1}, {1})), HasSubstr("float32"));
}

}  // namespace
}  // namespace isoform
