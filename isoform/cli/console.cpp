#include "isoform/cli/console.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "isoform/base/error.h"
#include "isoform/cli/verbs.h"
#include "isoform/monitor/format.h"
#include "isoform/run/tables.h"

namespace isoform::cli {

bool is_terminal(int descriptor) { return isatty(descriptor) == 1; }

bool colourful(int descriptor) {
  const char* none = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  const bool dumb = terminal != nullptr && std::string_view(terminal) == "dumb";
  return is_terminal(descriptor) && !dumb && (none == nullptr || *none == '\0');
}

int terminal_columns() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void print_line(std::string_view text) {
  print(text);
  print("\n");
}

void print_json(const nlohmann::json& json) {
  print_line(json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

void complain(std::string_view text) {
  const bool colour = colourful(STDERR_FILENO);
  fmt::print(stderr, "{}isoform:{} {}\n", colour ? "\x1b[31m" : "", colour ? "\x1b[0m" : "", text);
}

std::string Table::text() const {
  std::vector<int> widths(rows_.front().size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t c = 0; c < row.size(); ++c) {
      widths[c] = std::max(widths[c], static_cast<int>(text_columns(row[c])));
    }
  }
  std::string out;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      if (c > 0) line += "  ";
      line += c == 0 ? pad_right(row[c], widths[c]) : pad_left(row[c], widths[c]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

void DataOptions::add_to(CLI::App& app, bool data_required) {
  auto* option =
      app.add_option(
             "--data", data,
             "known set (isoform data list), folder of IDX files or pictures, or, for models "
             "of tables, a CSV file (- for standard input)")
          ->type_name("SET");
  if (data_required) option->required();
  app.add_option("--data-dir", data_dir, "folder where known sets are looked for")
      ->type_name("DIR");
  app.add_option("--task", task, "task that the data are for, where a model has several")
      ->type_name("NAME");
  app.add_option("--split", split, "part of the set: test or train")
      ->type_name("PART")
      ->capture_default_str();
  app.add_option("--delimiter", delimiter, "of a table: , ; | tab")
      ->type_name("CHAR")
      ->capture_default_str();
  app.add_option("--header", header, "of a table: whether its first line names the columns")
      ->type_name("BOOL")
      ->capture_default_str();
  app.add_option("--decimal", decimal, "of a table: point or comma")
      ->type_name("NAME")
      ->capture_default_str();
  app.add_option("--threads", threads, "threads; 0: all cores")->type_name("COUNT");
}

CsvOptions DataOptions::csv() const {
  // As train takes them.
  RunSettings settings;
  set_setting(settings, "delimiter", delimiter);
  set_setting(settings, "header", header);
  set_setting(settings, "decimal", decimal);
  return settings.table.columns.csv;
}

Dataset DataOptions::load(const Model<float>& model, bool labelled) const {
  if (names_table(data)) {
    const EncodedTable rows = read_rows(model, data, csv(), labelled);
    for (const std::string& note : notes(rows.report)) complain("note: " + note);
    return rows.data;
  }
  if (split != "test" && split != "train") {
    throw UsageError(fmt::format("split: needs test or train, got '{}'", split));
  }
  return isoform::load(data, split == "train" ? Split::train : Split::test, {data_dir, true});
}

namespace {
std::atomic<bool> interrupted{false};
void on_interrupt(int) {
  if (interrupted.exchange(true)) _exit(kInterrupted);
}
}  // namespace

const std::atomic<bool>& catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
  return interrupted;
}

void require_writable(const std::string& path) {
  if (path.empty()) return;
  if (path == "-") {
    throw UsageError("-: is standard input, and nothing is written there; give a file's name");
  }
  const std::filesystem::path folder = std::filesystem::absolute(path).parent_path();
  if (!std::filesystem::is_directory(folder)) {
    throw FileError(
        fmt::format("{}: cannot be written, because the folder {} does not exist; make it "
                    "first or choose another path",
                    path, folder.string()));
  }
  if (std::filesystem::is_directory(path)) {
    throw FileError(
        fmt::format("{}: cannot be written, because it is a folder; give a file", path));
  }
  // By a file that is made and goes: permissions do not tell of file systems that take none.
  std::string probe = (folder / ".isoform-XXXXXX").string();
  const int descriptor = mkstemp(probe.data());
  if (descriptor < 0) {
    throw FileError(fmt::format("{}: cannot be written, because {} takes no files: {}", path,
                                folder.string(), std::strerror(errno)));
  }
  close(descriptor);
  unlink(probe.c_str());
}

bool is_same_file(const std::string& a, const std::string& b) {
  if (a.empty() || b.empty()) return false;
  std::error_code ignored;
  // Absolute first: a relative path of which nothing exists yet would stay as it is.
  const auto whole = [&](const std::string& path) {
    return std::filesystem::weakly_canonical(std::filesystem::absolute(path), ignored);
  };
  return whole(a) == whole(b) || std::filesystem::equivalent(a, b, ignored);
}

void require_different(const std::vector<std::pair<std::string, std::string>>& files) {
  for (std::size_t i = 0; i < files.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const std::string& path = files[i].second;
      if (is_same_file(path, files[j].second)) {
        // "--data", and "the memory of the model".
        const bool flag = files[j].first.find(' ') == std::string::npos;
        throw UsageError(fmt::format("{}: needs another file than {}{}, got {} for both",
                                     files[i].first, flag ? "--" : "", files[j].first, path));
      }
    }
  }
}

std::string Change::text() const {
  return fmt::format("{:.2g} of the output's length on average, at most {:.2g}", mean, largest);
}

Change measure_change(const Matrix<float>& before, const Matrix<float>& after) {
  return {isoform::measure_change<float>(before, after)};
}

}  // namespace isoform::cli
