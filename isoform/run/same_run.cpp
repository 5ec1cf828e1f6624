#include "isoform/run/same_run.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "isoform/base/error.h"

namespace isoform {

namespace {

void refuse(const std::string& path, const std::vector<Difference>& differences,
            std::string_view otherwise) {
  if (differences.empty()) return;
  std::vector<std::string> lines;
  for (const Difference& difference : differences) lines.push_back("  " + difference.text());
  throw UsageError(
      fmt::format("resume: '{}' is of another run:\n{}\ngive the same, or begin anew {}", path,
                  fmt::join(lines, "\n"), otherwise));
}

}  // namespace

nlohmann::json counted_settings(RunSettings settings) {
  nlohmann::json json = settings_json(settings);
  json["data"].erase("data");
  json["data"].erase("data_dir");
  json["training"].erase("threads");
  json["table"].erase("in_memory");
  // As it will be read again, bytes that are no text included.
  return nlohmann::json::parse(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

void require_same_settings(const std::string& path, const nlohmann::json& then,
                           const nlohmann::json& now, std::string_view otherwise) {
  refuse(path, setting_differences(then, now), otherwise);
}

void require_same_data(const std::string& path, const std::vector<DataFingerprint>& then,
                       const std::vector<TaskData>& now, std::string_view otherwise) {
  std::vector<DataFingerprint> prints;
  for (const TaskData& each : now) prints.push_back(fingerprint(each));
  refuse(path, differences(then, prints), otherwise);
}

}  // namespace isoform
