#include "isoform/table/schema.h"

#include <gmock/gmock.h>

#include "isoform/base/error.h"

namespace isoform {
namespace {

using ::testing::ElementsAre;

TEST(Schema, NamesComeBack) {
  for (const ColumnKind kind : {ColumnKind::number, ColumnKind::category, ColumnKind::ignored}) {
    EXPECT_EQ(column_kind_from_name(column_kind_name(kind)), kind);
  }
  for (const TargetKind kind : {TargetKind::classes, TargetKind::labels, TargetKind::numbers}) {
    EXPECT_EQ(target_kind_from_name(target_kind_name(kind)), kind);
  }
  EXPECT_THROW(column_kind_from_name("text"), UsageError);
  EXPECT_THROW(target_kind_from_name("regression"), UsageError);
}

TEST(Schema, FeaturesFollowTheColumns) {
  Schema schema;
  schema.columns = {{.name = "age", .has_missing = true},
                    {.name = "id", .kind = ColumnKind::ignored, .has_missing = true},
                    {.name = "city",
                     .kind = ColumnKind::category,
                     .categories = {"Oslo", "Rome"},
                     .has_missing = true},
                    {.name = "size"}};
  EXPECT_THAT(feature_names(schema), ElementsAre("age", "age is missing", "city = Oslo",
                                                 "city = Rome", "city is missing", "size"));
  const auto features = features_of(schema);
  EXPECT_EQ(features[3].second.column, 2U);
  EXPECT_EQ(features[3].second.category, 1U);
  EXPECT_TRUE(features[4].second.missing);
  EXPECT_EQ(schema.find("city"), &schema.columns[2]);
  EXPECT_EQ(schema.find("City"), nullptr);
}

TEST(Schema, NamesStandOnOneLine) {
  EXPECT_EQ(name_in("  a\nb\t "), "a b");
  EXPECT_EQ(name_in("\x01"), "");
  EXPECT_EQ(name_in("é x"), "é x");
}

}  // namespace
}  // namespace isoform
