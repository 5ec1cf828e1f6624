// From the bytes of a file to records of fields.
#pragma once

#include <csv.h>
#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "isoform/table/csv.h"
#include "isoform/table/utf8.h"

namespace isoform {

/// The lines of a file, gzip or plain, pieces of long ones. FileError where it can't be opened or read, FormatError for damaged gzip.
class CsvLines {
 public:
  CsvLines(const std::filesystem::path& path, const std::string& name);
  ~CsvLines();
  CsvLines(const CsvLines&) = delete;
  CsvLines& operator=(const CsvLines&) = delete;

  /// The next line with its end, or a part of it; empty at the end of the file.
  std::string_view next();

 private:
  void fill();

  std::string name_;
  gzFile file_ = nullptr;
  std::string buffer_;
  std::size_t at_ = 0;
  bool ended_ = false;
};

/// Splits lines into records; libcsv calls back with fields. FormatError with file and line for quotes that do not fit, for what is
/// not UTF-8, and for records of more than 64 MiB.
class CsvParser {
 public:
  using Use = std::function<bool(const CsvFile::Record&)>;  // false: enough

  CsvParser(const std::string& name, char delimiter);
  ~CsvParser();
  CsvParser(const CsvParser&) = delete;
  CsvParser& operator=(const CsvParser&) = delete;

  /// Once.
  void run(CsvLines& lines, const Use& use);

 private:
  static void on_field(void* text, std::size_t size, void* self);
  static void on_record(int, void* self);
  void check(std::string_view piece);
  [[noreturn]] void fail_quote() const;

  std::string name_;
  csv_parser csv_ = {};
  const Use* use_ = nullptr;
  bool enough_ = false;
  std::uint64_t line_ = 1, record_line_ = 1;
  std::size_t in_record_ = 0;
  std::string text_;
  std::vector<std::size_t> ends_;
  std::vector<std::string_view> fields_;
  Utf8 utf8_;
};

}  // namespace isoform
