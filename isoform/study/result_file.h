// Results of long work, a line of JSON for each run, written when the run is done: what was killed goes on with the next.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

namespace isoform {

/// Makes a folder for results, and those it lies in. FileError where that can't be.
void make_folder(const std::filesystem::path& folder);

/// Lines {"key": …, "run": …}. One caller at a time.
class ResultFile {
 public:
  /// True for a run that makes sense; json exceptions count as false.
  using Sound = std::function<bool(const nlohmann::json&)>;
  /// Reads what is there; a last line that a kill has cut is dropped. FileError where it can't be written; FormatError,
  /// with the line, for one that is no result.
  ResultFile(std::filesystem::path path, const Sound& sound);
  /// Null if there is none. Valid until the next add of this key.
  [[nodiscard]] const nlohmann::json* find(const nlohmann::json& key) const;
  /// Appends a line and hands it to the system. FileError.
  void add(const nlohmann::json& key, const nlohmann::json& run);

 private:
  std::filesystem::path path_;
  std::map<std::string, nlohmann::json> known_;
};

}  // namespace isoform
