#include "isoform/serve/model_server.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "isoform/base/text.h"
#include "isoform/io/model_file.h"
#include "isoform/serve/edits.h"
#include "isoform/serve/openapi.h"
#include "isoform/serve/question.h"

namespace isoform {

namespace {

using nlohmann::json;

HttpResponse as_json(const json& value, int status = 200) {
  return {.status = status,
          .body = value.dump(-1, ' ', false, json::error_handler_t::replace) + "\n"};
}

std::vector<std::pair<std::string, std::string>> shape_headers(const Version& version,
                                                               std::size_t task, Index samples) {
  return {{"X-Isoform-Version", std::to_string(version.number)},
          {"X-Isoform-Shape", fmt::format("{},{}", samples, version.tasks[task].outputs)}};
}

// Samples of a task among all inputs one below the other, 0 where it reads nothing.
Matrix<float> among_all(const Version& version, std::size_t task, const Matrix<float>& x) {
  Matrix<float> all = Matrix<float>::Zero(version.model.network.widths().front(), x.cols());
  Index row = 0;
  for (const int id : version.tasks[task].inputs) {
    const RowRange rows = version.model.rows_of_input(id);
    all.middleRows(rows.begin, rows.end - rows.begin) = x.middleRows(row, rows.end - rows.begin);
    row += rows.end - rows.begin;
  }
  return all;
}

std::string task_in(const json& body) {
  if (!body.contains("task")) return "";
  if (!body["task"].is_string()) throw HttpError(422, "task: needs the name of a task");
  return body["task"].get<std::string>();
}

}  // namespace

std::string name_of_file(const std::string& path) {
  std::filesystem::path file = std::filesystem::path(path).filename();
  if (file.extension() == ".safetensors") file = file.stem();
  return file.string();
}

ModelServer::ModelServer(ServeSettings settings)
    : settings_(std::move(settings)), http_(settings_.access, settings_.limits) {
  settings_.learner.validate();
  if (settings_.batcher.batch < 1 || settings_.batcher.waiting < 1) {
    throw UsageError("batch: needs 1 sample or more");
  }
  http_.on_answer = [this](const HttpAnswered& answered) { metrics_.answered(answered); };
  add_routes();
}

ModelServer::~ModelServer() { http_.stop(0.5); }

void ModelServer::add(const std::string& name, Model<float> model) {
  const bool control = std::any_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) < 32 || c == 127 || c == '/';
  });
  if (name.empty() || name.size() > 200 || control) {
    throw UsageError(
        fmt::format("name: needs 1 to 200 bytes without '/' and control characters, got '{}'; give "
                    "another with --name NAME=FILE",
                    name));
  }
  if (models_.contains(name)) {
    throw UsageError(fmt::format(
        "name: two models are called '{}'; give one another name with --name NAME=FILE", name));
  }
  auto made = std::make_unique<Served>(name, std::move(model), settings_);
  made->live.batcher().on_batch = [this, name](Index samples, Index) {
    metrics_.batch(name, samples);
  };
  models_.emplace(name, std::move(made));
}

void ModelServer::remember(const std::string& name, const std::vector<Examples::Example>& known) {
  Served& of = *models_.at(name);
  of.learner.remember(*of.live.current(), of.live.current()->task_index(""), known);
}

std::vector<std::string> ModelServer::names() const {
  std::vector<std::string> all;
  for (const auto& [name, served] : models_) all.push_back(name);
  return all;
}

LiveModel& ModelServer::model(const std::string& name) const {
  const auto found = models_.find(name);
  if (found != models_.end()) return found->second->live;
  throw HttpError(404, fmt::format("model '{}' is unknown; there are {}{}", name,
                                   fmt::join(names(), ", "), did_you_mean(name, names())));
}

ModelServer::Served& ModelServer::served(const HttpRequest& request) const {
  static_cast<void>(model(request.name("name")));
  return *models_.at(request.name("name"));
}

void ModelServer::start() {
  http_.start();
  ready_ = true;
}

void ModelServer::stop(double grace) {
  drain();
  http_.stop(grace);
}

void ModelServer::add_routes() {
  const auto route = [this](const char* method, const char* path, Scope scope, auto handler) {
    http_.route(method, path, scope,
                [this, handler](const HttpRequest& request) { return handler(*this, request); });
  };
  route("GET", "/v1/models", Scope::predict, [](ModelServer& self, const HttpRequest&) {
    json list = json::array();
    for (const auto& [name, one] : self.models_) {
      json description = describe(*one->live.current(), true);
      description["name"] = name;
      list.push_back(std::move(description));
    }
    return as_json({{"models", std::move(list)}});
  });
  route("GET", "/v1/models/{name}", Scope::predict,
        [](ModelServer& self, const HttpRequest& request) {
          const LiveModel& live = self.served(request).live;
          json description = describe(*live.current(), false);
          description["name"] = live.name();
          description["versions_kept"] = live.kept();
          description["learns"] = self.settings_.learn;
          return as_json(description);
        });
  route("POST", "/v1/models/{name}/predict", Scope::predict,
        [](ModelServer& self, const HttpRequest& r) { return self.predict(r); });
  route("POST", "/v1/models/{name}/edit", Scope::control,
        [](ModelServer& self, const HttpRequest& r) { return self.edit(r); });
  route("PUT", "/v1/models/{name}", Scope::control,
        [](ModelServer& self, const HttpRequest& r) { return self.replace(r); });
  route("POST", "/v1/models/{name}/rollback", Scope::control,
        [](ModelServer& self, const HttpRequest& r) { return self.rollback(r); });
  route("POST", "/v1/models/{name}/learn", Scope::control,
        [](ModelServer& self, const HttpRequest& r) { return self.learn(r); });
  route("GET", "/v1/models/{name}/file", Scope::control,
        [](ModelServer& self, const HttpRequest& request) {
          const VersionPtr version = self.served(request).live.current();
          return HttpResponse{
              .content_type = "application/octet-stream",
              .body = serialise_model(version->model),
              .headers = {{"X-Isoform-Version", std::to_string(version->number)},
                          {"Content-Disposition", "attachment; filename=\"model.safetensors\""}}};
        });
  route("GET", "/metrics", Scope::predict, [](ModelServer& self, const HttpRequest&) {
    std::vector<Metrics::Gauge> gauges;
    for (const auto& [name, one] : self.models_) {
      const VersionPtr version = one->live.current();
      gauges.push_back({name, version->number, version->model.network.parameter_count()});
    }
    return HttpResponse{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                        .body = self.metrics_.text(gauges, self.http_.connections())};
  });
  route("GET", "/openapi.json", Scope::open,
        [](ModelServer&, const HttpRequest&) { return as_json(openapi()); });
  route("GET", "/healthz", Scope::open, [](ModelServer&, const HttpRequest&) {
    return as_json({{"status", "ok"}});
  });
  route("GET", "/readyz", Scope::open, [](ModelServer& self, const HttpRequest&) {
    const bool ready = self.ready_;
    return as_json({{"ready", ready}}, ready ? 200 : 503);
  });
}

std::unique_lock<std::mutex> ModelServer::room_for(const HttpRequest& request) {
  constexpr std::size_t kLarge = 512U << 10;
  if (request.body.size() < kLarge) return {};
  return std::unique_lock(large_);
}

// Values that a model multiplies beyond what float32 holds have no answer, and nothing is learned or judged by them.
void ModelServer::require_finite(const Matrix<float>& y) {
  for (Index j = 0; j < y.cols(); ++j) {
    if (y.col(j).allFinite()) continue;
    throw HttpError(422, fmt::format("inputs[{}]: the values are too large for this model; its "
                                     "answer is not a number",
                                     j));
  }
}

HttpResponse ModelServer::predict(const HttpRequest& request) {
  LiveModel& live = served(request).live;
  const VersionPtr version = live.current();
  std::set<std::string> notes;
  std::size_t task = 0;
  Matrix<float> x;
  if (request.content_type == "application/octet-stream") {
    const auto asked = request.query.find("task");
    task = version->task_index(asked == request.query.end() ? "" : asked->second);
    x = samples_of_bytes(*version, task, request.body);
  } else {
    const auto room = room_for(request);
    const json body = json_body(request, {"inputs", "rows", "task"});
    task = version->task_index(task_in(body));
    x = samples_of(*version, task, body, notes);
  }
  if (x.cols() == 0) throw HttpError(422, "inputs: needs one sample or more");
  const Index samples = x.cols();
  if (samples > settings_.batcher.waiting) {
    throw HttpError(413, fmt::format("a request may have at most {} samples, got {}",
                                     settings_.batcher.waiting, samples));
  }
  standardise(*version, task, x);
  const Matrix<float> asked = x.leftCols(std::min(x.cols(), LiveModel::kOfOneQuestion));
  const Matrix<float> y = live.batcher().answer(version, task, std::move(x));
  require_finite(y);
  live.remember(asked);
  HttpResponse response{.headers = shape_headers(*version, task, samples)};
  if (request.header("Accept").find("application/octet-stream") != std::string::npos) {
    response.content_type = "application/octet-stream";
    response.body = answer_bytes(y);
  } else {
    response.body = answer_json(live.name(), *version, task, y, notes);
  }
  return response;
}

HttpResponse ModelServer::edit(const HttpRequest& request) {
  LiveModel& live = served(request).live;
  const VersionPtr asked = live.current();
  json wish;
  std::size_t task = 0;
  Matrix<float> given;
  {
    const auto room = room_for(request);
    wish =
        json_body(request, {"shrink", "grow", "append_class", "rotate", "inputs", "rows", "task"});
    if (wish.contains("inputs") || wish.contains("rows")) {
      std::set<std::string> notes;
      task = asked->task_index(task_in(wish));
      given = samples_of(*asked, task, wish, notes);
      wish.erase("inputs");
      wish.erase("rows");
    }
  }
  std::string kind = "edit";
  for (const char* one : {"shrink", "grow", "append_class", "rotate"}) {
    if (wish.contains(one)) kind = one;
  }
  json told;
  const VersionPtr made = live.change(kind, [&](const Version& version) {
    constexpr Index kFew = 64;
    Matrix<float> samples = live.remembered();
    std::string what = "inputs that were asked lately";
    if (samples.cols() < kFew || samples.rows() != version.model.network.widths().front()) {
      samples.resize(0, 0);
    }
    if (given.cols() > 0) {
      if (task >= version.tasks.size() || version.tasks[task].features != given.rows()) {
        throw HttpError(409, "the model was replaced by one that reads other inputs; ask again");
      }
      standardise(version, task, given);
      require_finite(live.batcher().answer(asked, task, given));
      samples = among_all(version, task, given);
      what = "samples of the request";
    }
    Edited edited = isoform::edit(version, wish, std::move(samples), what);
    told = std::move(edited.told);
    return std::move(edited.model);
  });
  metrics_.changed(live.name(), kind);
  told["model"] = live.name();
  told["version"] = made->number;
  return as_json(told);
}

HttpResponse ModelServer::replace(const HttpRequest& request) {
  if (request.content_type != "application/octet-stream") {
    throw HttpError(415, "Content-Type: a model file comes as application/octet-stream");
  }
  LiveModel& live = served(request).live;
  const VersionPtr made = live.change("replace", [&](const Version&) {
    try {
      return parse_model<float>(request.body, "body");
    } catch (const FormatError& error) {
      throw HttpError(422, error.what());
    }
  });
  metrics_.changed(live.name(), "replace");
  return as_json({{"model", live.name()},
                  {"version", made->number},
                  {"widths", made->model.network.widths()}});
}

HttpResponse ModelServer::rollback(const HttpRequest& request) {
  LiveModel& live = served(request).live;
  const VersionPtr version = live.rollback();
  metrics_.rolled_back(live.name(), "asked");
  return as_json(
      {{"model", live.name()}, {"version", version->number}, {"versions_kept", live.kept()}});
}

HttpResponse ModelServer::learn(const HttpRequest& request) {
  Served& of = served(request);
  if (!settings_.learn) {
    throw HttpError(403, "this server was started without learning (isoform serve --learn)");
  }
  const VersionPtr version = of.live.current();
  std::size_t task = 0;
  std::set<std::string> notes;
  Matrix<float> x;
  json labels;
  bool append = false;
  {
    const auto room = room_for(request);
    json body = json_body(request, {"inputs", "rows", "labels", "task", "append_new_classes"});
    task = version->task_index(task_in(body));
    x = samples_of(*version, task, body, notes);
    append = body.contains("append_new_classes") && body["append_new_classes"] == true;
    if (body.contains("labels")) labels = std::move(body["labels"]);
  }
  if (x.cols() == 0) throw HttpError(422, "inputs: needs one sample or more");
  json told = of.learner.learn(of.live, version->tasks[task].name, x, labels, append);
  told["model"] = of.live.name();
  if (!notes.empty()) told["notes"] = notes;
  if (told["published"] == true) {
    metrics_.changed(of.live.name(), "learn");
    metrics_.learned(of.live.name(), told["learned"].get<std::uint64_t>());
  } else {
    metrics_.rolled_back(of.live.name(), "learning");
  }
  return as_json(told);
}

}  // namespace isoform
