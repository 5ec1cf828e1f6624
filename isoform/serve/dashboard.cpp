#include "isoform/serve/dashboard.h"

#include <fmt/format.h>

#include <charconv>
#include <memory>
#include <nlohmann/json.hpp>

#include "isoform/base/error.h"
#include "isoform/base/version.h"
#include "isoform/serve/page_files.h"

namespace isoform {

namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;

constexpr milliseconds kWait(500);          // of a stream for new lines
constexpr std::chrono::seconds kBeat(10);   // between comments that keep a silent connection open
constexpr std::chrono::seconds kAnswer(5);  // for a step to end
constexpr std::size_t kLinesAtOnce = 2000;

std::size_t parse_count(const std::string& text, const char* what) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) {
    throw HttpError(400,
                    fmt::format("{}: needs a whole number of 0 or more, got '{}'", what, text));
  }
  return value;
}

const ShownRun& run_of(const std::vector<ShownRun>& runs, const HttpRequest& request) {
  const std::string& id = request.name("id");
  const std::size_t k = parse_count(id, "run");
  if (k >= runs.size()) {
    throw HttpError(404, fmt::format("there is no run {}; /api/runs lists those there are", id));
  }
  return runs[k];
}

HttpResponse list(const std::vector<ShownRun>& runs) {
  Json all = Json::array();
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const bool live = !runs[i].feed->ended();
    all.push_back({{"id", i},
                   {"name", runs[i].feed->name()},
                   {"live", live},
                   {"control", live && runs[i].control != nullptr}});
  }
  return {.body = Json{{"version", version()}, {"runs", all}}.dump(-1, ' ', false,
                                                                   Json::error_handler_t::replace)};
}

// Lines as messages until the run has ended; `done` says that it has.
std::function<bool(HttpSink&)> stream_of(const RunFeed& feed, std::int64_t from) {
  struct Place {
    std::int64_t next;
    std::chrono::steady_clock::time_point spoke = std::chrono::steady_clock::now();
  };
  return [&feed, place = std::make_shared<Place>(Place{from})](HttpSink& sink) {
    // Asked before the lines: what comes before the end is told before it.
    const bool ended = feed.ended();
    std::string text;
    for (const RunFeed::Line& line : feed.lines(place->next, kLinesAtOnce, kWait)) {
      text += fmt::format("id: {}\ndata: {}\n\n", line.seq, line.text);
      place->next = line.seq + 1;
    }
    const auto now = std::chrono::steady_clock::now();
    if (text.empty() && ended) {
      sink.write("event: done\ndata: {}\n\n");
      return false;
    }
    if (text.empty() && now - place->spoke >= kBeat) text = ":\n\n";
    if (text.empty()) return sink.alive();
    place->spoke = now;
    return sink.write(text);
  };
}

HttpResponse events(const RunFeed& feed, const HttpRequest& request) {
  std::int64_t from = 0;
  if (const auto found = request.query.find("from"); found != request.query.end()) {
    from = static_cast<std::int64_t>(parse_count(found->second, "from"));
  } else if (const std::string last = request.header("Last-Event-ID"); !last.empty()) {
    from = static_cast<std::int64_t>(parse_count(last, "Last-Event-ID")) + 1;
  }
  return {.content_type = "text/event-stream", .stream = stream_of(feed, from)};
}

HttpResponse all_lines(const RunFeed& feed) {
  std::string text;
  for (std::int64_t next = 0;;) {
    const auto lines = feed.lines(next, kLinesAtOnce, milliseconds(0));
    if (lines.empty()) break;
    for (const RunFeed::Line& line : lines) text += line.text + "\n";
    next = lines.back().seq + 1;
  }
  return {.content_type = "application/x-ndjson", .body = std::move(text)};
}

HttpResponse ask(const ShownRun& run, const HttpRequest& request) {
  ControlRequest wanted = parse_control(request.body);
  if (run.control == nullptr) {
    throw HttpError(409, "this run is replayed from its log; nothing can be asked of it");
  }
  auto answer = run.control->ask(std::move(wanted));
  if (answer.wait_for(kAnswer) != std::future_status::ready) {
    return {
        .status = 202,
        .body =
            Json{{"accepted", true}, {"note", "asked; the run looks between two steps"}}.dump()};
  }
  const ControlAnswer said = answer.get();
  if (!said.accepted) throw HttpError(409, said.note);
  return {.status = 202, .body = Json{{"accepted", true}, {"note", said.note}}.dump()};
}

HttpResponse file_of(std::string_view text, const char* type) {
  return {.content_type = type, .body = std::string(text)};
}

}  // namespace

ControlRequest parse_control(const std::string& text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("action") || !json["action"].is_string()) {
    throw UsageError("control: needs a JSON object with \"action\", as {\"action\": \"pause\"}");
  }
  ControlRequest request;
  request.action = control_action_from_name(json["action"].get<std::string>());
  const bool sets = request.action == ControlAction::set;
  const bool switches = request.action == ControlAction::task;
  for (const auto& [key, value] : json.items()) {
    const std::string& name = key;  // clang does not capture bindings yet
    const auto refuse = [&name](const char* needs, const Json& got) {
      throw UsageError(fmt::format("control: {} needs {}, got {}", name, needs, got.type_name()));
    };
    if (key == "action") continue;
    if (sets && key == "tolerance") {
      if (!value.is_number()) refuse("a number", value);
      request.tolerance = value.get<double>();
    } else if (sets && key == "parameter_budget") {
      if (!value.is_number_integer()) refuse("a whole number", value);
      request.parameter_budget = value.get<Index>();
    } else if (switches && key == "task") {
      if (!value.is_string()) refuse("a name", value);
      request.task = value.get<std::string>();
    } else if (switches && key == "active") {
      if (!value.is_boolean()) refuse("true or false", value);
      request.active = value.get<bool>();
    } else {
      throw UsageError(fmt::format("control: '{}' does not take \"{}\"",
                                   control_action_name(request.action), key));
    }
  }
  if (switches && request.task.empty()) {
    throw UsageError(
        "control: task needs the name of a task, as {\"action\": \"task\", \"task\": "
        "\"mnist\", \"active\": true}");
  }
  return request;
}

bool has_dashboard_page() { return !page_files::kIndex.empty(); }

void add_dashboard(HttpServer& server, std::vector<ShownRun> runs) {
  const auto all = std::make_shared<const std::vector<ShownRun>>(std::move(runs));
  const auto page = [&server](const char* path, std::string_view text, const char* type) {
    server.route("GET", path, Scope::open, [text, type](const HttpRequest&) {
      if (text.empty()) throw HttpError(404, "this build of Isoform has no page; /api works");
      return file_of(text, type);
    });
  };
  page("/", page_files::kIndex, "text/html; charset=utf-8");
  page("/app.js", page_files::kScript, "text/javascript; charset=utf-8");
  page("/app.css", page_files::kStyle, "text/css; charset=utf-8");
  server.route("GET", "/api/runs", Scope::predict,
               [all](const HttpRequest&) { return list(*all); });
  server.route("GET", "/api/runs/{id}/events", Scope::predict, [all](const HttpRequest& request) {
    return events(*run_of(*all, request).feed, request);
  });
  server.route(
      "GET", "/api/runs/{id}/events.jsonl", Scope::predict,
      [all](const HttpRequest& request) { return all_lines(*run_of(*all, request).feed); });
  server.route("POST", "/api/runs/{id}/control", Scope::control,
               [all](const HttpRequest& request) { return ask(run_of(*all, request), request); });
}

}  // namespace isoform
