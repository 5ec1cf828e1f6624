#include "isoform/base/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "isoform/base/version.h"

namespace isoform {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

TEST(Assertion, PassesSilentlyAndEvaluatesOnce) {
  int evaluations = 0;
  EXPECT_NO_THROW(ISOFORM_ASSERT(++evaluations == 1, "counts"));
  EXPECT_EQ(evaluations, 1);
}

TEST(Assertion, NamesConditionNoteFileAndLine) {
  const int expected_line = __LINE__ + 2;
  try {
    ISOFORM_ASSERT(1 + 1 == 3, "sums of small numbers");
    FAIL() << "did not throw";
  } catch (const InternalError& error) {
    const std::string what = error.what();
    EXPECT_THAT(what, HasSubstr("1 + 1 == 3"));
    EXPECT_THAT(what, HasSubstr("sums of small numbers"));
    EXPECT_THAT(what, HasSubstr("error_test.cpp:" + std::to_string(expected_line)));
  }
}

TEST(Assertion, IsOneStatement) {
  bool reached_else = false;
  if (false)
    ISOFORM_ASSERT(false, "not evaluated");
  else
    reached_else = true;
  EXPECT_TRUE(reached_else);
}

TEST(Errors, UsersMistakesShareABaseThatBugsDoNot) {
  EXPECT_THROW(throw UsageError("x"), Error);
  EXPECT_THROW(throw FileError("x"), Error);
  EXPECT_THROW(throw FormatError("x"), Error);
  const bool bug_is_error = std::is_base_of_v<Error, InternalError>;
  EXPECT_FALSE(bug_is_error);
}

TEST(Version, IsThreeNumbersAndTheCompilerIsNamed) {
  EXPECT_THAT(version(), MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
  EXPECT_FALSE(compiler().empty());
}

}  // namespace
}  // namespace isoform
