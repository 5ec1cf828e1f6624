// What was asked of a run and changes nothing in it.
#pragma once

#include <string>
#include <vector>

#include "isoform/run/settings.h"

namespace isoform {

/// Settings that are not at their defaults and that nothing will read, as other settings are: lines for people, with the reason,
/// such as "tolerance, settle: of no effect; the widths are fixed". Before RunSettings::finish. `numbers`: the targets are.
std::vector<std::string> unused_settings(const RunSettings& settings, bool numbers = false);

}  // namespace isoform
