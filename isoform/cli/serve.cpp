// isoform serve
#include <fmt/format.h>
#include <signal.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <thread>

#include "isoform/base/error.h"
#include "isoform/cli/console.h"
#include "isoform/cli/listen.h"
#include "isoform/cli/verbs.h"
#include "isoform/io/model_file.h"
#include "isoform/monitor/format.h"
#include "isoform/serve/model_server.h"

namespace isoform::cli {

namespace {

constexpr const char* kExamples = R"(
Only this machine can ask, unless --listen says otherwise, and then a token is needed: --token-file, or ISOFORM_TOKEN in
the environment. Changes take the control token, --control-token-file or ISOFORM_CONTROL_TOKEN, where there is one.
Ctrl-C answers what is under way, and ends. docs/serving.md has every route, and a configuration for nginx.
Examples:
  isoform serve churn.safetensors
  isoform serve clothes.safetensors --port 9000 --learn
  isoform serve --name digits=mnist-7.safetensors --name clothes=fashion.safetensors
  isoform serve clothes.safetensors --listen 0.0.0.0 --token-file token --control-token-file control-token
  curl 127.0.0.1:8080/v1/models)";

struct Options {
  std::vector<std::string> files, named;
  ListenOptions listen;
  ServeSettings settings;
  double body_megabytes = 64, drain = 0;
};

// --name NAME=FILE.
std::pair<std::string, std::string> parts_of(const std::string& named) {
  const std::size_t equals = named.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == named.size()) {
    throw UsageError(fmt::format("name: needs NAME=FILE, got '{}'", named));
  }
  return {named.substr(0, equals), named.substr(equals + 1)};
}

void run(Options& o) {
  std::vector<std::pair<std::string, std::string>> models;
  for (const std::string& file : o.files) models.emplace_back(name_of_file(file), file);
  for (const std::string& named : o.named) models.push_back(parts_of(named));
  if (models.empty()) throw UsageError("serve: needs a model file, or --name NAME=FILE");
  o.settings.access = o.listen.access();
  if (!(o.body_megabytes > 0) || o.body_megabytes > 1e6)
    throw UsageError(fmt::format("max-body: needs more than 0 MB, got {}", o.body_megabytes));
  if (!(o.drain >= 0) || o.drain > 3600)
    throw UsageError(fmt::format("drain: needs 0 to 3600 seconds, got {}", o.drain));
  o.settings.limits.body_bytes = static_cast<std::size_t>(o.body_megabytes * (1 << 20));
  ModelServer server(o.settings);
  for (const auto& [name, file] : models) server.add(name, load_model<float>(file));
  // Under nohup a terminal that closes ends nothing.
  struct sigaction hang_up {};
  sigaction(SIGHUP, nullptr, &hang_up);
  const std::atomic<bool>& interrupted = catch_interrupts();
  if (hang_up.sa_handler == SIG_IGN) signal(SIGHUP, SIG_IGN);
  server.start();
  for (const std::string& name : server.names()) {
    const VersionPtr version = server.model(name).current();
    const std::vector<Index> widths = version->model.network.widths();
    print_line(fmt::format("{}  {}, {} parameters", name,
                           format_widths({widths.begin(), widths.end()}),
                           format_count(version->model.network.parameter_count())));
  }
  print_line(fmt::format("serving at {}", server.http().url()));
  if (o.settings.access.token.empty() && o.settings.access.control_token.empty()) {
    print_line("without tokens: every program of this machine may ask and change the models");
  }
  std::fflush(stdout);
  while (!interrupted) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  server.drain();
  complain("ending; what is under way is answered");
  std::this_thread::sleep_for(std::chrono::duration<double>(o.drain));
  server.stop();
}

}  // namespace

void add_serve(CLI::App& app) {
  auto options = std::make_shared<Options>();
  ServeSettings& s = options->settings;
  options->listen.port = 8080;
  CLI::App* verb = app.add_subcommand("serve", "answer over HTTP, while models change");
  verb->footer(kExamples);
  verb->add_option("models", options->files, "model files; each is asked by its file's name")
      ->type_name("MODEL");
  verb->add_option("--name", options->named, "a model under another name; may be repeated")
      ->allow_extra_args(false)
      ->type_name("NAME=FILE");
  options->listen.add_to(verb);
  verb->add_flag("--learn", s.learn, "learn from labelled samples that are sent");
  verb->add_option("--learn-rate", s.learner.rate, "learning rate of its steps")
      ->type_name("RATE")
      ->capture_default_str();
  verb->add_option("--learn-every", s.learner.every,
                   "each n-th labelled sample is kept to judge by")
      ->type_name("COUNT")
      ->capture_default_str();
  verb->add_option("--learn-memory", s.learner.replayed,
                   "labelled samples kept to be trained on again")
      ->type_name("COUNT")
      ->capture_default_str();
  verb->add_option("--batch", s.batcher.batch, "samples of a batch at most")
      ->type_name("COUNT")
      ->capture_default_str();
  verb->add_option("--threads", s.batcher.threads, "threads of a batch; 0: all cores")
      ->type_name("COUNT")
      ->capture_default_str();
  verb->add_option("--connections", s.limits.connections, "connections at a time")
      ->type_name("COUNT")
      ->capture_default_str();
  verb->add_option("--max-body", options->body_megabytes, "megabytes of a request at most")
      ->type_name("MB")
      ->capture_default_str();
  verb->add_option("--max-rate", s.limits.requests_per_second,
                   "requests a second of one address; 0: no limit")
      ->type_name("COUNT")
      ->capture_default_str();
  verb->add_option("--request-seconds", s.limits.request_seconds,
                   "in which a request must be there")
      ->type_name("SECONDS")
      ->capture_default_str();
  verb->add_option("--drain", options->drain, "seconds between not ready and the end")
      ->type_name("SECONDS")
      ->capture_default_str();
  verb->callback([options] { run(*options); });
}

}  // namespace isoform::cli
