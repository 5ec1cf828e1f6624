#include "isoform/study/result_file.h"

#include <fmt/format.h>

#include <fstream>

#include "isoform/base/error.h"

namespace isoform {

using Json = nlohmann::json;

void make_folder(const std::filesystem::path& folder) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) {
    throw FileError(fmt::format("'{}': cannot be made: {}; give another folder with --out",
                                folder.string(), failed.message()));
  }
}

ResultFile::ResultFile(std::filesystem::path path, const Sound& sound) : path_(std::move(path)) {
  const auto read = [&](const Json& json, int number) {
    try {
      if (sound(json.at("run"))) {
        known_[json.at("key").dump()] = json.at("run");
        return;
      }
    } catch (const Json::exception&) {  // told below
    }
    throw FormatError(
        fmt::format("'{}', line {}: is no result of a study; remove the line, and its "
                    "run will be made again",
                    path_.string(), number));
  };
  std::ifstream file(path_);
  std::string line;
  std::uintmax_t whole = 0;  // bytes of lines that have their end
  for (int number = 1; std::getline(file, line) && !file.eof(); ++number) {
    read(Json::parse(line, nullptr, false), number);
    whole += line.size() + 1;
  }
  constexpr std::string_view kBegin = R"({"key":)";
  if (file.eof() && !line.starts_with(kBegin) && !kBegin.starts_with(line)) read(Json(), 1);
  file.close();
  std::error_code ignored;  // where there is no file, or it can't be written
  if (std::filesystem::file_size(path_, ignored) != whole) {
    std::filesystem::resize_file(path_, whole, ignored);  // a line that a kill has cut
  }
  if (!std::ofstream(path_, std::ios::app)) {
    throw FileError(
        fmt::format("'{}': cannot be written; give another folder with --out", path_.string()));
  }
}

const Json* ResultFile::find(const Json& key) const {
  const auto found = known_.find(key.dump());
  return found == known_.end() ? nullptr : &found->second;
}

void ResultFile::add(const Json& key, const Json& run) {
  std::ofstream file(path_, std::ios::app);
  file << Json{{"key", key}, {"run", run}}.dump() << '\n' << std::flush;
  if (!file) {
    throw FileError(fmt::format("'{}': cannot be written; is the disk full?", path_.string()));
  }
  known_[key.dump()] = run;
}

}  // namespace isoform
