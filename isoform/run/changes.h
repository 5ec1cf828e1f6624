// Changes of tasks as words: a flag's "epoch=6 append=fashion-mnist" and a table [[change]] of a TOML file say the
// same. docs/tasks.md.
//
//   epoch=N and one of
//     append=DATA [name=TASK] [inputs=NAME,…] [loss=LOSS] [weight=NUMBER]
//     remove=TASK · rename=TASK to=NAME · on=TASK · off=TASK
//     change=TASK [data=DATA] [loss=LOSS] [weight=NUMBER]
//     freeze=TASK or trunk · thaw=TASK or trunk
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "isoform/train/task_change.h"

namespace isoform {

/// From "key=value key=value"; values with spaces in quotes '…' or "…". Throws UsageError with what is needed and what
/// came.
TaskChange parse_change(const std::string& text);
/// From keys and values; `where` begins messages.
TaskChange parse_change(const std::map<std::string, std::string>& words, const std::string& where);

/// The keys and values again, as parse_change takes them.
nlohmann::json change_json(const TaskChange& change);
/// As a table [[change]].
std::string change_toml(const TaskChange& change);

/// What data are called after their set or folder: its last part.
std::string data_name(const std::string& set_or_folder);

}  // namespace isoform
