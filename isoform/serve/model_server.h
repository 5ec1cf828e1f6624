// Models over HTTP: predictions in batches, changes while they are served, learning, counters. docs/serving.md.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "isoform/serve/http.h"
#include "isoform/serve/learner.h"
#include "isoform/serve/live_model.h"
#include "isoform/serve/metrics.h"

namespace isoform {

struct ServeSettings {
  Access access = {};
  HttpLimits limits = {};
  BatcherSettings batcher = {};
  bool learn = false;
  LearnerSettings learner = {};
};

/// Routes, with the scopes of http.h:
///
///   GET  /v1/models, /v1/models/{name}        predict   what there is
///   POST /v1/models/{name}/predict            predict   serve/question.h
///   POST /v1/models/{name}/edit               control   serve/edits.h
///   PUT  /v1/models/{name}                    control   another model file under the name
///   POST /v1/models/{name}/rollback           control   the version before
///   POST /v1/models/{name}/learn              control   serve/learner.h; 403 unless ServeSettings::learn
///   GET  /v1/models/{name}/file               control   the model file: whoever may ask need not get the weights
///   GET  /metrics                             predict   Prometheus
///   GET  /openapi.json, /healthz, /readyz     open
class ModelServer {
 public:
  /// Throws UsageError as the settings do.
  explicit ModelServer(ServeSettings settings);
  ~ModelServer();
  ModelServer(const ModelServer&) = delete;
  ModelServer& operator=(const ModelServer&) = delete;

  /// Before start(). Throws UsageError for a name that is taken, empty, longer than 200 bytes or has a '/' or control characters.
  void add(const std::string& name, Model<float> model);
  /// Samples of the task (the only one) that learning shall not forget.
  void remember(const std::string& name, const std::vector<Examples::Example>& known);
  [[nodiscard]] std::vector<std::string> names() const;
  /// Throws HttpError 404.
  [[nodiscard]] LiveModel& model(const std::string& name) const;

  void start();
  /// From now on /readyz says 503, so that nobody sends more; requests are still answered.
  void drain() { ready_ = false; }
  void stop(double grace = 10);
  /// For what is known of the address, and for routes of one's own before start().
  HttpServer& http() { return http_; }

 private:
  struct Served {
    explicit Served(const std::string& name, Model<float> model, const ServeSettings& settings)
        : live(name, std::move(model), settings.batcher), learner(settings.learner) {}
    LiveModel live;
    Learner learner;
  };
  Served& served(const HttpRequest& request) const;
  // Large JSON becomes a tree ten times its size: one at a time, as long as the lock is held.
  std::unique_lock<std::mutex> room_for(const HttpRequest& request);
  static void require_finite(const Matrix<float>& y);
  void add_routes();
  HttpResponse predict(const HttpRequest& request);
  HttpResponse edit(const HttpRequest& request);
  HttpResponse replace(const HttpRequest& request);
  HttpResponse rollback(const HttpRequest& request);
  HttpResponse learn(const HttpRequest& request);

  ServeSettings settings_;
  Metrics metrics_;
  std::map<std::string, std::unique_ptr<Served>> models_;  // not changed after start
  std::atomic<bool> ready_ = false;
  std::mutex large_;
  HttpServer http_;
};

/// The name of a model file without folder and ending.
std::string name_of_file(const std::string& path);

}  // namespace isoform
