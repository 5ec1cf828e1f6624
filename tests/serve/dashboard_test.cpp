// The API is tested from outside (tests/cli/test_dashboard.py), the page in a browser (tests/web).
#include "isoform/serve/dashboard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "isoform/base/error.h"
#include "isoform/serve/page_files.h"

namespace isoform {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Dashboard, ReadsRequests) {
  EXPECT_EQ(parse_control(R"({"action": "pause"})").action, ControlAction::pause);
  const ControlRequest set = parse_control(R"({"action": "set", "tolerance": 0.05})");
  EXPECT_EQ(set.tolerance, 0.05);
  EXPECT_FALSE(set.parameter_budget);
  EXPECT_EQ(parse_control(R"({"action": "set", "parameter_budget": 7})").parameter_budget, 7);
  const ControlRequest off = parse_control(R"({"action":"task","task":"mnist","active":false})");
  EXPECT_EQ(off.task, "mnist");
  EXPECT_FALSE(off.active);
}

TEST(Dashboard, RefusesWhatIsNoRequest) {
  for (const char* bad :
       {"", "[]", "{}", "{", "null", R"({"action": 7})", R"({"action": "explode"})",
        R"({"action": "set", "tolerance": "0.1"})", R"({"action": "set", "parameter_budget": 1.5})",
        R"({"action": "set", "task": "x"})", R"({"action": "task"})",
        R"({"action": "task", "task": ""})", R"({"action": "task", "task": "x", "active": 1})",
        R"({"action": "pause", "tolerance": 1})", "\xff\xfe"}) {
    EXPECT_THROW(parse_control(bad), UsageError) << bad;
  }
}

// A page in one file: what it embeds must not end the element that it stands in.
TEST(Dashboard, OneFileHoldsTheRuns) {
  RunFeed feed("</script><script>alert(1)</script>");
  feed.add({"start", 0, 0, 0, {{"data", "<!--</script><b>"}}});
  if (!has_dashboard_page()) {
    EXPECT_THROW(dashboard_html({&feed}), UsageError);
    return;
  }
  EXPECT_THAT(std::string(page_files::kStyle), Not(HasSubstr("</style")));
  const std::string page = dashboard_html({&feed});
  EXPECT_THAT(page, HasSubstr("recorded-runs"));
  EXPECT_THAT(page, Not(HasSubstr("<!--")));
  EXPECT_EQ(page.find("</script>", page.find("alert(1)")),
            page.find("</script>\n<script type=\"module\">"));
  EXPECT_THAT(page, Not(HasSubstr("alert(1)</script>")));
  EXPECT_THAT(page, Not(HasSubstr("src=\"app.js\"")));
}

}  // namespace
}  // namespace isoform
