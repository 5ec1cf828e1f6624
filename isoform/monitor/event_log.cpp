#include "isoform/monitor/event_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include "isoform/base/error.h"
#include "isoform/monitor/write_all.h"

namespace isoform {
namespace {

using detail::write_all;
using nlohmann::json;

struct Contents {
  std::vector<Event> events;
  std::int64_t bytes = 0;  // of whole lines
  bool newline = true;     // whether the last whole line ends with one
};

std::string read_all(const std::filesystem::path& path) {
  const auto refuse = [&path](int error) {
    throw FileError(fmt::format("cannot read '{}': {}; check the name, and that you may read it",
                                path.string(), std::strerror(error != 0 ? error : EIO)));
  };
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) refuse(EISDIR);  // it would open
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) refuse(errno);
  std::ostringstream text;
  text << file.rdbuf();
  if (file.bad()) refuse(errno);
  return std::move(text).str();
}

template <typename T>
T take(json& object, const char* key) {
  const auto it = object.find(key);
  if (it == object.end()) throw FormatError(fmt::format("needs the field '{}'", key));
  bool fits = false;
  if constexpr (std::is_same_v<T, std::string>) {
    fits = it->is_string();
  } else if constexpr (std::is_integral_v<T>) {
    fits = it->is_number_integer();
  } else {
    fits = it->is_number();
  }
  if (!fits) throw FormatError(fmt::format("the field '{}' has another type", key));
  T value = it->template get<T>();
  object.erase(it);
  return value;
}

Event parse_line(json object, std::int64_t expected_seq) {
  if (!object.is_object()) throw FormatError("needs a JSON object");
  const auto version = take<std::int64_t>(object, "v");
  if (version != kEventFormat) {
    throw FormatError(
        fmt::format("needs format {}, got {}; read it with the version of Isoform that wrote it",
                    kEventFormat, version));
  }
  const auto seq = take<std::int64_t>(object, "seq");
  if (seq != expected_seq) {
    throw FormatError(
        fmt::format("needs seq {}, got {}; lines are missing or out of order", expected_seq, seq));
  }
  Event event;
  event.type = take<std::string>(object, "type");
  event.step = take<std::int64_t>(object, "step");
  event.epoch = take<int>(object, "epoch");
  event.time_s = take<double>(object, "time_s");
  event.data = std::move(object);
  return event;
}

Contents parse(const std::filesystem::path& path, std::string_view text,
               const EventLog::Kept& kept = {}) {
  Contents contents;
  std::int64_t number = 0;
  while (!text.empty() && number < kept.lines) {
    ++number;
    const std::size_t end = text.find('\n');
    const bool whole = end != std::string_view::npos;
    const std::string_view line = text.substr(0, end);
    json object = json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (object.is_discarded() && !whole) break;  // cut by a kill
    try {
      if (object.is_discarded()) throw FormatError("is not JSON");
      contents.events.push_back(parse_line(std::move(object), number - 1));
    } catch (const FormatError& error) {
      throw FormatError(fmt::format("'{}' line {}: {}", path.string(), number, error.what()));
    }
    if (contents.events.back().step > kept.step) {
      contents.events.pop_back();
      break;
    }
    const std::size_t used = whole ? end + 1 : line.size();
    contents.bytes += static_cast<std::int64_t>(used);
    contents.newline = whole;
    text.remove_prefix(used);
  }
  return contents;
}

}  // namespace

EventLog::EventLog(const std::filesystem::path& path, Mode mode) : EventLog(path, mode, Kept{}) {}

EventLog::EventLog(const std::filesystem::path& path, Mode mode, Kept kept) : path_(path) {
  std::optional<Contents> old;
  if (mode == Mode::resume && std::filesystem::is_regular_file(path)) {
    old = parse(path, read_all(path), kept);
  }
  const int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (old ? 0 : O_TRUNC);
  file_ = ::open(path.c_str(), flags, 0666);
  if (file_ < 0) {
    const int error = errno;
    throw FileError(fmt::format("cannot write events to '{}': {}; {}", path.string(),
                                std::strerror(error),
                                error == ENOENT   ? "create its folder first, or give another path"
                                : error == EISDIR ? "give the name of a file in it"
                                                  : "give a path you may write to"));
  }
  if (!old) return;
  next_ = std::ssize(old->events);
  bytes_ = old->bytes;
  int error = ::ftruncate(file_, bytes_) == 0 ? 0 : errno;
  if (error == 0 && !old->newline) {
    error = write_all(file_, "\n");
    bytes_ += 1;
  }
  if (error != 0) fail(error);
}

EventLog::~EventLog() {
  if (file_ >= 0) ::close(file_);
}

void EventLog::operator()(const Event& event) {
  if (failed()) return;
  const std::string line = event_line(event, next_) + "\n";
  if (const int error = write_all(file_, line); error != 0) return fail(error);
  bytes_ += std::ssize(line);
  ++next_;
}

Observer EventLog::observer() {
  return [this](const Event& event) { (*this)(event); };
}

void EventLog::fail(int error) {
  failure_ = fmt::format("events are no longer written to '{}': {}; the run goes on without them",
                         path_.string(), std::strerror(error));
  // Take back the part of a line that did fit. A pipe refuses, and has no use for it.
  if (::ftruncate(file_, bytes_) != 0) return;
}

std::string event_line(const Event& event, std::int64_t seq) {
  // Ordered, so that every line starts with the same six fields and can be read by eye.
  nlohmann::ordered_json line;
  line["v"] = kEventFormat;
  line["seq"] = seq;
  line["step"] = event.step;
  line["epoch"] = event.epoch;
  line["time_s"] = event.time_s;
  line["type"] = event.type;
  if (event.data.is_object()) {
    for (const auto& [key, value] : event.data.items()) {
      if (!line.contains(key)) line[key] = nlohmann::ordered_json(value);
    }
  }
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::vector<Event> read_events(const std::filesystem::path& path) {
  return parse(path, read_all(path)).events;
}

}  // namespace isoform
