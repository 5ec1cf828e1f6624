// Delimited text, record by record: CSV (RFC 4180), TSV and their kin.
//
// Parsing is libcsv's, in strict mode. What is added: the delimiter is found, places are counted for messages, gzip is
// read through, and what cannot be a table is refused with its place.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace isoform {

/// How a file of records is written.
struct CsvFormat {
  char delimiter = ',';
  bool header = true;        // the first record names the columns
  char decimal_point = '.';  // ',' where the delimiter leaves it free and numbers are written so
};

/// What is known beforehand; the rest is found from the first records.
struct CsvOptions {
  std::optional<char> delimiter = {};  // one of , ; tab |
  std::optional<bool> header = {};
  std::optional<char> decimal = {};  // . or ,

  [[nodiscard]] bool operator==(const CsvOptions&) const = default;
};

/// A file that can be read several times. What can't be (a pipe, standard input as "-") is copied to a temporary file
/// first.
class CsvFile {
 public:
  /// Opens the file and finds its format. FileError: missing, a folder, unreadable. FormatError: empty, not UTF-8 text
  /// (another encoding or kind of file is named where it shows), broken quotes, names of columns twice, commas of which nothing says
  /// whether they are decimal or part thousands ("2,981").
  explicit CsvFile(const std::filesystem::path& path, const CsvOptions& options = {});
  ~CsvFile();
  CsvFile(CsvFile&&) noexcept;

  /// As people call it.
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const CsvFormat& format() const { return format_; }
  /// Names of the columns: the header's, or "column 1" … where there is none.
  [[nodiscard]] const std::vector<std::string>& columns() const { return columns_; }

  /// A record, and the line on which it begins (from 1). Valid during the call.
  struct Record {
    std::span<const std::string_view> fields;
    std::uint64_t line = 0;
  };
  /// Hands every record after the header to `use`, in order. Empty lines are passed over. FormatError "FILE:LINE: …" for
  /// records with more or fewer fields than columns, quotes inside a field or never closed, bytes that are not UTF-8.
  /// About 10 ns a byte; memory: one record.
  void read(const std::function<void(const Record&)>& use) const;

  /// Nothing, or what to say of a column that is not there if the first line may have named it.
  [[nodiscard]] std::string header_hint() const;
  /// "FILE:LINE: column 'NAME'": where messages begin.
  [[nodiscard]] std::string place(std::uint64_t line, std::size_t column) const;

 private:
  struct Temporary;
  void find_format(const CsvOptions& options);

  std::filesystem::path path_;
  std::unique_ptr<Temporary> temporary_;
  std::string name_;
  CsvFormat format_;
  std::vector<std::string> columns_;
};

/// "," ";" "|" "tab" and the characters. UsageError for others.
[[nodiscard]] char delimiter_from_name(const std::string& name);
[[nodiscard]] std::string delimiter_name(char delimiter);
/// "point" and "comma".
[[nodiscard]] char decimal_from_name(const std::string& name);
[[nodiscard]] std::string decimal_name(char decimal);

/// True where `--data` means a table: "-" (standard input), or a file that is no folder and no .npz, unless a known set has that
/// name; also a name that ends with .csv or .tsv (.gz) of a file that is not there, which CsvFile then says.
[[nodiscard]] bool names_table(const std::string& data);

/// True for what stands for "not known": nothing, NA, N/A, NaN, null, none, ?, in letters of either case, spaces around
/// it.
[[nodiscard]] bool is_missing(std::string_view field);

/// True for inf and infinity, with a sign or without, in letters of either case.
[[nodiscard]] bool is_infinite(std::string_view field);

/// The number that a whole field is, spaces around it left out; none: it is no number, or not a finite one. Digits with one
/// decimal point, exponents ("1e-3"), a sign.
[[nodiscard]] std::optional<double> number_in(std::string_view field, char decimal_point = '.');

/// A field as CSV writes it: quoted where the format asks for it.
[[nodiscard]] std::string csv_field(std::string_view text, char delimiter = ',');

}  // namespace isoform
