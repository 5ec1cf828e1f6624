#include "isoform/table/csv.h"

#include <csv.h>
#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <set>
#include <system_error>
#include <utility>

#include "isoform/base/error.h"
#include "isoform/table/utf8.h"

namespace isoform {

namespace {

namespace fs = std::filesystem;

constexpr std::array<char, 4> kDelimiters = {',', ';', '\t', '|'};
constexpr std::size_t kSniffed = 64;                     // records that the format is found from
constexpr std::size_t kLongest = std::size_t{64} << 20;  // bytes of a record
constexpr std::size_t kLine = std::size_t{1} << 16;      // bytes read at a time
constexpr std::size_t kColumns = 1'000'000;
constexpr int kBetweenRecords = 0;  // libcsv's state, before the first byte of a record

// The lines of a file, gzip or plain, pieces of long ones.
class Lines {
 public:
  Lines(const fs::path& path, const std::string& name) : name_(name) {
    errno = 0;
    file_ = gzopen(path.c_str(), "rb");
    if (file_ == nullptr) {
      const int code = errno;
      throw FileError(fmt::format("{}: cannot be opened: {}; check its path and permissions", name,
                                  code != 0 ? std::strerror(code) : "out of memory"));
    }
    gzbuffer(file_, 1U << 18);
  }
  ~Lines() { gzclose(file_); }
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;

  // The next line with its end, or a part of it; empty at the end of the file.
  std::string_view next() {
    while (true) {
      const std::string_view left(buffer_.data() + at_, buffer_.size() - at_);
      const std::size_t end = left.find('\n');
      if (end != std::string_view::npos || (ended_ && !left.empty()) || left.size() >= kLine) {
        const std::size_t size = end == std::string_view::npos ? left.size() : end + 1;
        at_ += size;
        return left.substr(0, size);
      }
      if (ended_) return {};
      fill();
    }
  }

 private:
  void fill() {
    buffer_.erase(0, at_);
    at_ = 0;
    const std::size_t before = buffer_.size();
    buffer_.resize(before + kLine);
    const int got = gzread(file_, buffer_.data() + before, static_cast<unsigned>(kLine));
    int code = Z_OK;
    const char* const text = gzerror(file_, &code);
    if (got < 0 || code == Z_BUF_ERROR) {
      if (code == Z_ERRNO) {
        throw FileError(fmt::format("{}: cannot be read: {}", name_, std::strerror(errno)));
      }
      throw FormatError(
          fmt::format("{}: damaged gzip data ({}); fetch the file again", name_, text));
    }
    buffer_.resize(before + static_cast<std::size_t>(got));
    ended_ = got == 0;
  }

  std::string name_;
  gzFile file_ = nullptr;
  std::string buffer_;
  std::size_t at_ = 0;
  bool ended_ = false;
};

// Splits lines into records; libcsv calls back with fields.
class Parser {
 public:
  using Use = std::function<bool(const CsvFile::Record&)>;  // false: enough

  Parser(const std::string& name, char delimiter) : name_(name) {
    csv_init(&csv_, CSV_STRICT | CSV_STRICT_FINI);
    csv_set_delim(&csv_, static_cast<unsigned char>(delimiter));
    csv_set_space_func(&csv_, [](unsigned char c) { return c == CSV_SPACE ? 1 : 0; });
  }
  ~Parser() { csv_free(&csv_); }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  void run(Lines& lines, const Use& use) {
    use_ = &use;
    bool begun = false;
    for (std::string_view piece = lines.next(); !piece.empty() && !enough_; piece = lines.next()) {
      if (!begun && piece.starts_with("\xef\xbb\xbf")) piece.remove_prefix(3);  // a mark of order
      begun = true;
      check(piece);
      if (in_record_ == 0) record_line_ = line_;
      in_record_ += piece.size();
      if (in_record_ > kLongest) {
        throw FormatError(fmt::format(
            "{}:{}: a record of more than {} MiB; most likely a quote in it is never closed", name_,
            record_line_, kLongest >> 20));
      }
      if (csv_parse(&csv_, piece.data(), piece.size(), &on_field, &on_record, this) !=
          piece.size()) {
        fail_quote();
      }
      if (csv_.pstate == kBetweenRecords) in_record_ = 0;  // empty lines too
      if (piece.back() == '\n') ++line_;
    }
    if (enough_) return;
    if (utf8_.is_cut()) {
      throw FormatError(fmt::format(
          "{}:{}: ends within a character, so that it is cut short, or not UTF-8", name_, line_));
    }
    if (csv_fini(&csv_, &on_field, &on_record, this) != 0) {
      throw FormatError(fmt::format(
          "{}:{}: column {}: a quote that is opened in this record is never closed; close it, or "
          "double it (\"\") where it is part of the text",
          name_, record_line_, ends_.size() + 1));
    }
  }

 private:
  static void on_field(void* text, std::size_t size, void* self) {
    auto& p = *static_cast<Parser*>(self);
    if (size > 0) p.text_.append(static_cast<const char*>(text), size);
    p.ends_.push_back(p.text_.size());
  }

  static void on_record(int, void* self) {
    auto& p = *static_cast<Parser*>(self);
    p.fields_.clear();
    std::size_t begin = 0;
    for (const std::size_t end : p.ends_) {
      p.fields_.push_back(std::string_view(p.text_).substr(begin, end - begin));
      begin = end;
    }
    // Empty lines never come here; "" is a field of its own, which a table of one column may miss.
    if (!p.enough_) p.enough_ = !(*p.use_)({p.fields_, p.record_line_});
    p.text_.clear();
    p.ends_.clear();
    p.in_record_ = 0;
  }

  void check(std::string_view piece) {
    if (line_ == 1 && in_record_ == 0 &&
        (piece.starts_with("PK\x03\x04") || piece.starts_with("PAR1"))) {
      throw FormatError(fmt::format("{}: is {}, not a table of text; export it as CSV", name_,
                                    piece.front() == 'P' && piece[1] == 'K'
                                        ? "a zip archive, as Excel's .xlsx files are"
                                        : "a Parquet file"));
    }
    const std::size_t bad = utf8_.fault(piece);
    if (bad == std::string_view::npos) return;
    const auto byte = static_cast<unsigned char>(piece[bad]);
    if (line_ == 1 && (piece.starts_with("\xff\xfe") || piece.starts_with("\xfe\xff"))) {
      throw FormatError(fmt::format(
          "{}: is UTF-16, not UTF-8; convert it: iconv -f UTF-16 -t UTF-8 FILE > NEW", name_));
    }
    throw FormatError(fmt::format(
        "{}:{}: byte {} of this line is {:#04x}, which is {}; convert the file, for example from "
        "Latin-1: iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW",
        name_, line_, bad + 1, byte, byte == 0 ? "no text" : "not UTF-8"));
  }

  [[noreturn]] void fail_quote() const {
    throw FormatError(fmt::format(
        "{}:{}: column {}: a quote where none may be; a field that holds quotes is quoted itself, "
        "with each of them doubled (\"like \"\"this\"\"\")",
        name_, line_, ends_.size() + 1));
  }

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
  Lines lines(path, name);
  Records records;
  Parser(name, delimiter).run(lines, [&](const CsvFile::Record& r) {
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
    Lines lines(path_, name_);
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
  Lines lines(path_, name_);
  bool header = format_.header;
  Parser(name_, format_.delimiter).run(lines, [&](const Record& record) {
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
