#include "isoform/table/csv.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <set>
#include <system_error>
#include <utility>

#include "isoform/base/error.h"
#include "isoform/table/csv_records.h"

namespace isoform {

namespace {

namespace fs = std::filesystem;

constexpr std::array<char, 4> kDelimiters = {',', ';', '\t', '|'};
constexpr std::size_t kSniffed = 64;  // records that the format is found from
constexpr std::size_t kColumns = 1'000'000;

using Records = std::vector<std::vector<std::string>>;

// "2,981" and "1,234,567": a decimal comma in the first, or separators of thousands in both.
bool parts_thousands(std::string_view text) {
  const auto digits = [](std::string_view part) {
    return std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  while (text.starts_with(' ') || text.starts_with('+') || text.starts_with('-')) {
    text.remove_prefix(1);
  }
  while (text.ends_with(' ')) text.remove_suffix(1);
  std::size_t comma = text.find(',');
  if (comma == std::string_view::npos || comma < 1 || comma > 3 || text.front() == '0')
    return false;
  if (!digits(text.substr(0, comma))) return false;
  for (; !text.empty(); text.remove_prefix(comma)) {
    text.remove_prefix(text.front() == ',' ? 1 : comma + 1);
    comma = std::min(text.find(','), text.size());
    if (comma != 3 || !digits(text.substr(0, comma))) return false;
  }
  return true;
}

// The decimal point of numbers as the first records have them.
char decimal_in(const Records& records, const std::string& name) {
  std::size_t points = 0, commas = 0;
  std::string thousands;  // an example
  for (const auto& record : records) {
    for (const std::string& field : record) {
      if (number_in(field)) {
        points += field.find('.') != std::string::npos ? 1 : 0;
      } else if (parts_thousands(field)) {
        if (thousands.empty()) thousands = field;
      } else if (number_in(field, ',')) {
        ++commas;
      }
    }
  }
  if (commas > points) return ',';
  if (points == 0 && !thousands.empty()) {
    throw FormatError(
        fmt::format("{}: has numbers like '{}', of which nothing says whether the comma is "
                    "decimal; say --decimal "
                    "comma if it is, or take the commas out if they part thousands",
                    name, thousands));
  }
  return '.';
}

// The first records as this delimiter cuts them; none where quotes do not fit it.
Records first_records(const fs::path& path, const std::string& name, char delimiter) {
  CsvLines lines(path, name);
  Records records;
  CsvParser(name, delimiter).run(lines, [&](const CsvFile::Record& r) {
    records.emplace_back(r.fields.begin(), r.fields.end());
    return records.size() < kSniffed;
  });
  return records;
}

// How well a delimiter fits: fields of the first record, if all have as many; fewer if not.
double fit(const Records& records) {
  if (records.empty() || records.front().size() < 2) return 0;
  const auto alike = std::count_if(records.begin(), records.end(), [&](const auto& r) {
    return r.size() == records.front().size();
  });
  const double share = static_cast<double>(alike) / static_cast<double>(records.size());
  return share * share * (1 + std::log2(static_cast<double>(records.front().size())));
}

}  // namespace

// Removed when nobody reads it any more.
struct CsvFile::Temporary {
  fs::path path;
  ~Temporary() {
    std::error_code ignored;
    fs::remove(path, ignored);
  }
};

CsvFile::CsvFile(const fs::path& path, const CsvOptions& options)
    : path_(path == "-" ? "/dev/stdin" : path), name_(path == "-" ? "standard input" : path) {
  std::error_code error;
  const fs::file_status status = fs::status(path_, error);
  if (status.type() == fs::file_type::not_found) {
    throw FileError(fmt::format("{}: no such file; check the path", name_));
  }
  if (status.type() == fs::file_type::directory) {
    throw FileError(fmt::format("{}: needs a file, got a folder; name a file in it", name_));
  }
  if (status.type() != fs::file_type::regular) {
    auto temporary = std::make_unique<Temporary>();
    std::string made = (fs::temp_directory_path() / "isoform-table-XXXXXX").string();
    const int descriptor = mkstemp(made.data());
    if (descriptor < 0) {
      throw FileError(fmt::format("{}: is not a file, and no copy of it can be made: {}: {}", name_,
                                  made, std::strerror(errno)));
    }
    temporary->path = made;
    CsvLines lines(path_, name_);
    bool whole = true;
    for (std::string_view piece = lines.next(); whole && !piece.empty(); piece = lines.next()) {
      whole = ::write(descriptor, piece.data(), piece.size()) == static_cast<ssize_t>(piece.size());
    }
    const int code = errno;
    ::close(descriptor);
    if (!whole) {
      throw FileError(fmt::format("{}: is not a file, and the copy {} cannot be written: {}", name_,
                                  made, std::strerror(code)));
    }
    path_ = made;
    temporary_ = std::move(temporary);
  }
  find_format(options);
}

CsvFile::~CsvFile() = default;
CsvFile::CsvFile(CsvFile&&) noexcept = default;

void CsvFile::find_format(const CsvOptions& options) {
  Records records;
  if (options.delimiter) {
    format_.delimiter = *options.delimiter;
    records = first_records(path_, name_, format_.delimiter);
  } else {
    double best = -1;
    std::optional<FormatError> fault;
    for (const char delimiter : kDelimiters) {
      try {
        Records found = first_records(path_, name_, delimiter);
        if (const double score = fit(found); score > best) {
          best = score;
          records = std::move(found);
          format_.delimiter = delimiter;
        }
      } catch (const FormatError& error) {
        if (!fault) fault = error;
      }
    }
    if (best < 0) throw FormatError(*fault);
  }
  if (records.empty()) {
    throw FormatError(fmt::format("{}: is empty; needs a line of column names and rows", name_));
  }
  const std::vector<std::string>& first = records.front();
  if (first.size() > kColumns) {
    throw FormatError(
        fmt::format("{}: has {} columns; this reads {} at most", name_, first.size(), kColumns));
  }
  if (options.decimal) {
    format_.decimal_point = *options.decimal;
  } else if (format_.delimiter != ',') {
    format_.decimal_point = decimal_in(records, name_);
  }
  // Numbers name no columns.
  format_.header = options.header.value_or(
      std::none_of(first.begin(), first.end(), [&](const std::string& field) {
        return number_in(field, format_.decimal_point).has_value();
      }));
  std::set<std::string> names;
  for (std::size_t i = 0; i < first.size(); ++i) {
    std::string name = format_.header ? first[i] : "";
    while (!name.empty() && name.back() == ' ') name.pop_back();
    std::replace(name.begin(), name.end(), '\n', ' ');
    if (name.empty()) name = fmt::format("column {}", i + 1);
    if (!names.insert(name).second) {
      throw FormatError(fmt::format(
          "{}:1: two columns are called '{}'; give each a name of its own{}", name_, name,
          options.header ? "" : ", or say that the first line is no header (--header no)"));
    }
    columns_.push_back(std::move(name));
  }
}

void CsvFile::read(const std::function<void(const Record&)>& use) const {
  CsvLines lines(path_, name_);
  bool header = format_.header;
  CsvParser(name_, format_.delimiter).run(lines, [&](const Record& record) {
    if (std::exchange(header, false)) return true;
    if (record.fields.size() != columns_.size()) {
      throw FormatError(fmt::format(
          "{}:{}: has {} fields, but there are {} columns (delimiter {}); {}", name_, record.line,
          record.fields.size(), columns_.size(), delimiter_name(format_.delimiter),
          record.fields.size() > columns_.size()
              ? "quote fields that hold the delimiter, or take what is too much away"
              : "fill in what is missing, if only with delimiters"));
    }
    use(record);
    return true;
  });
}

std::string CsvFile::header_hint() const {
  return format_.header ? ""
                        : " (the first line is taken for a row; --header yes if it names them)";
}

std::string CsvFile::place(std::uint64_t line, std::size_t column) const {
  return fmt::format("{}:{}: column '{}'", name_, line, columns_[column]);
}

}  // namespace isoform
