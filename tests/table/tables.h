// Tables as files.
#pragma once

#include <zlib.h>

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include "isoform/table/csv.h"
#include "monitor/folder.h"

namespace isoform::testing {

using Rows = std::vector<std::vector<std::string>>;

inline std::string line_of(const std::vector<std::string>& fields, char delimiter = ',') {
  std::string line;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) line += delimiter;
    line += csv_field(fields[i], delimiter);
  }
  return line;
}

inline std::string csv_of(const Rows& rows, char delimiter = ',') {
  std::string text;
  for (const auto& row : rows) text += line_of(row, delimiter) + "\n";
  return text;
}

inline Rows rows_of(const CsvFile& file) {
  Rows rows;
  file.read([&](const CsvFile::Record& r) { rows.emplace_back(r.fields.begin(), r.fields.end()); });
  return rows;
}

inline void spill_gzip(const std::filesystem::path& path, const std::string& text) {
  gzFile file = gzopen(path.c_str(), "wb");
  ASSERT_NE(file, nullptr);
  gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
  gzclose(file);
}

/// A file in a folder of its own that goes with it.
class TableFile {
 public:
  explicit TableFile(const std::string& text, const std::string& name = "t.csv")
      : path_(made() / name) {
    spill(path_, text);
  }
  TableFile(const TableFile&) = delete;
  TableFile& operator=(const TableFile&) = delete;
  ~TableFile() {
    std::error_code ignored;
    std::filesystem::remove_all(path_.parent_path(), ignored);
  }
  explicit TableFile(const Rows& rows) : TableFile(csv_of(rows)) {}
  [[nodiscard]] std::string path() const { return path_.string(); }
  [[nodiscard]] CsvFile open(const CsvOptions& options = {}) const {
    return CsvFile(path_, options);
  }

 private:
  static std::filesystem::path made() {
    std::string path = (std::filesystem::temp_directory_path() / "isoform-table-XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr) throw std::runtime_error("no folder can be made");
    return path;
  }
  std::filesystem::path path_;
};

}  // namespace isoform::testing
