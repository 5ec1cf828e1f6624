// An untrained model has the shape of the settings and the data, and the transform of the data.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "isoform/base/error.h"
#include "isoform/run/settings.h"

namespace isoform {
namespace {

using ::testing::ElementsAre;

// Six samples of 2 × 2 pixels in three classes; the last pixel never changes.
Dataset pictures() {
  Dataset::Contents contents;
  contents.name = "pictures";
  contents.features = 4;
  contents.values = std::vector<std::uint8_t>{0, 10, 255, 7, 2, 10, 255, 7, 4,  30, 0, 7,
                                              6, 30, 0,   7, 8, 50, 0,   7, 10, 50, 0, 7};
  contents.labels = {0, 1, 2, 0, 1, 2};
  contents.classes = {"a", "b", "c"};
  contents.image = ImageShape{2, 2};
  return Dataset(std::move(contents));
}

template <class T>
class CreateModel : public ::testing::Test {
 protected:
  static Model<T> create(RunSettings settings) {
    settings.data = "pictures";
    settings.finish();
    return create_model<T>(settings, pictures());
  }
};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(CreateModel, Scalars);

TYPED_TEST(CreateModel, HasTheWidthsAndGroupsThatWereAskedFor) {
  RunSettings settings;
  settings.hidden = {8, 5};
  settings.network.group_size = 3;
  const Model<TypeParam> model = this->create(settings);
  EXPECT_THAT(model.network.widths(), ElementsAre(4, 8, 5, 3));
  EXPECT_THAT(model.network.space(1).groups, ElementsAre(3, 3, 2));
  EXPECT_THAT(model.network.space(2).groups, ElementsAre(3, 2));
  settings.network.group_size = 0;
  EXPECT_THAT(this->create(settings).network.space(1).groups, ElementsAre(8));
  settings.network.group_size = 1;
  EXPECT_THAT(this->create(settings).network.space(2).groups, ElementsAre(1, 1, 1, 1, 1));
  settings.network.group_size = 100;
  EXPECT_THAT(this->create(settings).network.space(2).groups, ElementsAre(5));
}

TYPED_TEST(CreateModel, MayHaveAStream) {
  RunSettings settings;
  settings.hidden = {8, 5};
  settings.architecture = Architecture::residual;
  EXPECT_THAT(this->create(settings).network.widths(), ElementsAre(4, 8, 8, 5, 3));
  settings.stream = 6;
  const Model<TypeParam> model = this->create(settings);
  EXPECT_THAT(model.network.widths(), ElementsAre(4, 6, 8, 5, 3));
  EXPECT_TRUE(model.network.is_stream(1));
  settings.architecture = Architecture::skips;
  EXPECT_THROW(this->create(settings), UsageError) << "a chain has no stream";
  settings = RunSettings();
  settings.hidden.clear();
  settings.architecture = Architecture::residual;
  EXPECT_THROW(this->create(settings), UsageError);
}

TYPED_TEST(CreateModel, MayBeLinear) {
  RunSettings settings;
  settings.hidden.clear();
  const Model<TypeParam> model = this->create(settings);
  EXPECT_THAT(model.network.widths(), ElementsAre(4, 3));
  EXPECT_EQ(model.network.parameter_count(), 4 * 3 + 3);
}

TYPED_TEST(CreateModel, CarriesTheModes) {
  RunSettings settings;
  settings.network.radial = Radial::asinh;
  settings.network.length = LengthMode::log;
  settings.network.psi = PsiMode::none;
  settings.loss = Loss::squared;
  const Model<TypeParam> model = this->create(settings);
  EXPECT_EQ(model.network.space(2).radial, Radial::asinh);
  EXPECT_EQ(model.network.space(2).length_mode, LengthMode::log);
  EXPECT_EQ(model.network.map(1).psi().cols(), 0);
  ASSERT_EQ(model.tasks.size(), 1U);
  EXPECT_EQ(model.tasks.front().loss, Loss::squared);
}

TYPED_TEST(CreateModel, KnowsTheTaskTheImageAndTheTransformOfTheData) {
  RunSettings settings;
  settings.training.scaling = Scaling::each;
  const Model<TypeParam> model = this->create(settings);
  ASSERT_EQ(model.tasks.size(), 1U);
  EXPECT_EQ(model.tasks.front().name, "pictures");
  EXPECT_THAT(model.tasks.front().outputs, ElementsAre("a", "b", "c"));
  EXPECT_EQ(model.image_rows, 2);
  EXPECT_EQ(model.image_cols, 2);
  EXPECT_TRUE(model.history.empty());
  const double eps = std::numeric_limits<TypeParam>::epsilon();
  EXPECT_NEAR(static_cast<double>(model.mean[0]), 5.0, 5 * eps);
  EXPECT_NEAR(static_cast<double>(model.mean[1]), 30.0, 30 * eps);
  // Population deviations: √(35/3), √(800/3), 255·√2/3; a constant feature has scale 1.
  EXPECT_NEAR(static_cast<double>(model.scale[0]), std::sqrt(3.0 / 35), eps);
  EXPECT_NEAR(static_cast<double>(model.scale[1]), std::sqrt(3.0 / 800), eps);
  EXPECT_NEAR(static_cast<double>(model.scale[2]), 3 / (255 * std::sqrt(2.0)), eps);
  EXPECT_EQ(static_cast<double>(model.mean[3]), 7.0);
  EXPECT_EQ(static_cast<double>(model.scale[3]), 1.0);
}

TYPED_TEST(CreateModel, DependsOnTheSeedAndOnNothingElse) {
  RunSettings settings;
  settings.training.seed = 1;
  const Model<TypeParam> one = this->create(settings);
  settings.engine.threads = 2;
  settings.training.epochs = 77;
  const Model<TypeParam> same = this->create(settings);
  settings.training.seed = 2;
  const Model<TypeParam> other = this->create(settings);
  EXPECT_EQ(one.network.map(0).weight(), same.network.map(0).weight());
  EXPECT_EQ(one.network.map(2).weight(), same.network.map(2).weight());
  EXPECT_NE(one.network.map(0).weight(), other.network.map(0).weight());
}

TEST(CreateModelOfOtherData, HasNoImageWhereThereIsNone) {
  Dataset::Contents contents;
  contents.name = "numbers";
  contents.features = 3;
  contents.values = std::vector<float>{1, 2, 3, 4, 5, 6};
  contents.labels = {0, 1};
  contents.classes = {"0", "1"};
  RunSettings settings;
  settings.data = "numbers";
  settings.finish();
  const Model<float> model = create_model<float>(settings, Dataset(std::move(contents)));
  EXPECT_EQ(model.image_rows, 0);
  EXPECT_EQ(model.image_cols, 0);
}

// A model's image is drawn as one grey picture; a colour picture has three.
TEST(CreateModelOfOtherData, HasNoImageWherePicturesHaveColours) {
  Dataset::Contents contents;
  contents.name = "colours";
  contents.features = 12;
  contents.values = std::vector<std::uint8_t>(24, 7);
  contents.labels = {0, 1};
  contents.classes = {"0", "1"};
  contents.image = ImageShape{2, 2, 3};
  RunSettings settings;
  settings.data = "colours";
  settings.finish();
  const Model<float> model = create_model<float>(settings, Dataset(std::move(contents)));
  EXPECT_EQ(model.image_rows, 0);
  EXPECT_EQ(model.image_cols, 0);
}

}  // namespace
}  // namespace isoform
