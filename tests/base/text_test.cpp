#include "isoform/base/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "isoform/base/error.h"

namespace isoform {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(KnownNames, AreThoseOfTheRefusal) {
  const auto refusing = [](const char* message) {
    return known_names([message](const std::string& text) {
      EXPECT_EQ(text, "?");
      throw UsageError(message);
    });
  };
  EXPECT_THAT(refusing("shape: '?' is unknown; known are round, flat; did you mean flat?"),
              ElementsAre("round", "flat"));
  EXPECT_THAT(refusing("shape: '?' is unknown; known are one"), ElementsAre("one"));
  EXPECT_THAT(refusing("shape: needs a number"), IsEmpty());
  EXPECT_THAT(known_names([](const std::string&) {}), IsEmpty());
}

TEST(DidYouMean, NamesTheNearest) {
  const std::vector<std::string> known = {"adam", "adamw", "muon"};
  EXPECT_EQ(did_you_mean("Adan", known), "; did you mean adam?");
  EXPECT_EQ(did_you_mean("something", known), "");
}

}  // namespace
}  // namespace isoform
