// The files of the page (web/dist), as they are in this build; empty where it leaves them out. Private to the dashboard.
#pragma once

#include <string_view>

namespace isoform::page_files {

extern const std::string_view kIndex, kScript, kStyle;
/// How the index names the other two.
inline constexpr std::string_view kStyleTag = R"(<link rel="stylesheet" href="app.css">)";
inline constexpr std::string_view kScriptTag = R"(<script type="module" src="app.js"></script>)";

}  // namespace isoform::page_files
