#include "isoform/table/csv_records.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "isoform/base/error.h"

namespace isoform {

namespace {

constexpr std::size_t kLongest = std::size_t{64} << 20;  // bytes of a record
constexpr std::size_t kLine = std::size_t{1} << 16;      // bytes read at a time
constexpr int kBetweenRecords = 0;  // libcsv's state, before the first byte of a record

}  // namespace

CsvLines::CsvLines(const std::filesystem::path& path, const std::string& name) : name_(name) {
  errno = 0;
  file_ = gzopen(path.c_str(), "rb");
  if (file_ == nullptr) {
    const int code = errno;
    throw FileError(fmt::format("{}: cannot be opened: {}; check its path and permissions", name,
                                code != 0 ? std::strerror(code) : "out of memory"));
  }
  gzbuffer(file_, 1U << 18);
}

CsvLines::~CsvLines() { gzclose(file_); }

std::string_view CsvLines::next() {
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

void CsvLines::fill() {
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
    throw FormatError(fmt::format("{}: damaged gzip data ({}); fetch the file again", name_, text));
  }
  buffer_.resize(before + static_cast<std::size_t>(got));
  ended_ = got == 0;
}

CsvParser::CsvParser(const std::string& name, char delimiter) : name_(name) {
  csv_init(&csv_, CSV_STRICT | CSV_STRICT_FINI);
  csv_set_delim(&csv_, static_cast<unsigned char>(delimiter));
  csv_set_space_func(&csv_, [](unsigned char c) { return c == CSV_SPACE ? 1 : 0; });
}

CsvParser::~CsvParser() { csv_free(&csv_); }

void CsvParser::run(CsvLines& lines, const Use& use) {
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
    if (csv_parse(&csv_, piece.data(), piece.size(), &on_field, &on_record, this) != piece.size()) {
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

void CsvParser::on_field(void* text, std::size_t size, void* self) {
  auto& p = *static_cast<CsvParser*>(self);
  if (size > 0) p.text_.append(static_cast<const char*>(text), size);
  p.ends_.push_back(p.text_.size());
}

void CsvParser::on_record(int, void* self) {
  auto& p = *static_cast<CsvParser*>(self);
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

void CsvParser::check(std::string_view piece) {
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

void CsvParser::fail_quote() const {
  throw FormatError(fmt::format(
      "{}:{}: column {}: a quote where none may be; a field that holds quotes is quoted itself, "
      "with each of them doubled (\"like \"\"this\"\"\")",
      name_, line_, ends_.size() + 1));
}

}  // namespace isoform
