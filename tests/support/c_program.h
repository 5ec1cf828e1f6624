// C programs around written headers, compiled and run as users do it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "isoform/base/file.h"

namespace isoform::testing {

inline constexpr const char* kStrictC =
    " -std=c99 -Wall -Wextra -pedantic -Wconversion -Wshadow -Werror ";
inline constexpr const char* kStrictCxx =
    " -std=c++11 -Wall -Wextra -pedantic -Wconversion -Wshadow -Werror ";

/// A folder for sources and what is made of them; gone at the end.
class CProgram {
 public:
  CProgram() {
    std::string pattern = (std::filesystem::temp_directory_path() / "isoform-c-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~CProgram() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  CProgram(const CProgram&) = delete;
  CProgram& operator=(const CProgram&) = delete;

  [[nodiscard]] std::string path(const std::string& name) const {
    return (folder_ / name).string();
  }
  void write(const std::string& name, std::string_view text) {
    write_file_atomically(folder_ / name, text);
  }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream file(folder_ / name, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }
  [[nodiscard]] std::vector<float> read_floats(const std::string& name) const {
    const std::string bytes = read(name);
    std::vector<float> values(bytes.size() / sizeof(float));
    std::copy_n(bytes.data(), values.size() * sizeof(float),
                reinterpret_cast<char*>(values.data()));
    return values;
  }
  /// Runs a command in the folder: what it printed if it failed or with `always`, else "".
  [[nodiscard]] std::string run(const std::string& command, bool always = false) const {
    const std::string line = "cd '" + folder_.string() + "' && ( " + command + " ) >log 2>&1";
    const bool done = std::system(line.c_str()) == 0;
    const std::string printed = read("log");
    if (done) return always ? printed : "";
    return "failed: " + command + "\n" + printed;
  }

 private:
  std::filesystem::path folder_;
};

inline bool has_command(const std::string& name) {
  return std::system(("command -v " + name + " >/dev/null 2>&1").c_str()) == 0;
}

}  // namespace isoform::testing
