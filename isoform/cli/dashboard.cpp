// isoform dashboard
#include "isoform/serve/dashboard.h"

#include <fmt/format.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <set>
#include <thread>

#include "isoform/base/error.h"
#include "isoform/base/file.h"
#include "isoform/cli/console.h"
#include "isoform/cli/listen.h"
#include "isoform/cli/verbs.h"
#include "isoform/serve/log_follower.h"

namespace isoform::cli {

namespace {

constexpr const char* kExamples = R"(
Examples:
  isoform dashboard run.jsonl                              # a run that is over, or one under way
  isoform dashboard small.jsonl --compare large.jsonl      # side by side
  isoform dashboard run.jsonl --html run.html              # the same page as one file, for a colleague

The log comes from: isoform train --data fashion-mnist --events run.jsonl
While a run is under way it can be watched and steered with: isoform train … --dashboard)";

struct Options {
  std::string log, html;
  std::vector<std::string> compare;
  ListenOptions listen;
};

// "run" and "run 2" where two logs have one stem.
std::vector<std::string> names_of(const std::vector<std::string>& paths) {
  std::vector<std::string> names;
  std::set<std::string> taken;
  for (const std::string& path : paths) {
    const std::string stem = std::filesystem::path(path).stem().string();
    std::string name = stem;
    for (int k = 2; !taken.insert(name).second; ++k) name = fmt::format("{} {}", stem, k);
    names.push_back(name);
  }
  return names;
}

void run(const Options& o) {
  std::vector<std::string> paths = {o.log};
  paths.insert(paths.end(), o.compare.begin(), o.compare.end());
  for (const std::string& path : paths) require_different({{"log", path}, {"html", o.html}});
  require_writable(o.html);
  const std::vector<std::string> names = names_of(paths);
  std::vector<std::unique_ptr<RunFeed>> feeds;
  std::vector<std::unique_ptr<LogFollower>> followers;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    // A page that is kept has all there is.
    feeds.push_back(o.html.empty() ? std::make_unique<RunFeed>(names[i])
                                   : std::make_unique<RunFeed>(names[i], SIZE_MAX));
    followers.push_back(std::make_unique<LogFollower>(paths[i], *feeds.back()));
    if (feeds.back()->next() == 0 && !o.html.empty()) {
      throw UsageError(fmt::format("log: '{}' has no event; there is nothing to show", paths[i]));
    }
    if (feeds.back()->next() == 0) {
      complain(fmt::format("'{}' has no event yet; the page waits for the run to begin", paths[i]));
    }
  }
  if (!o.html.empty()) {
    std::vector<const RunFeed*> all;
    for (const auto& feed : feeds) all.push_back(feed.get());
    write_file_atomically(o.html, dashboard_html(all));
    return print_line(fmt::format("page           {}", o.html));
  }
  HttpServer server(o.listen.access(), {});
  std::vector<ShownRun> shown;
  for (const auto& feed : feeds) shown.push_back({feed.get(), nullptr});
  isoform::add_dashboard(server, shown);
  const std::atomic<bool>& stop = catch_interrupts();
  server.start();
  print_line(fmt::format("dashboard      {}", o.listen.told(server)));
  print_line("Ctrl-C ends it");
  std::fflush(stdout);
  std::vector<bool> told(followers.size());
  while (!stop) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    for (std::size_t i = 0; i < followers.size(); ++i) {
      const std::string failure = followers[i]->failure();
      if (failure.empty() || told[i]) continue;
      told[i] = true;
      complain(failure);
    }
  }
  server.stop(1);
}

}  // namespace

void add_dashboard(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb =
      app.add_subcommand("dashboard", "watch a run, or look at one again, in a browser");
  verb->footer(kExamples);
  verb->add_option("log", options->log, "event log of a run")->type_name("FILE.jsonl")->required();
  verb->add_option("--compare", options->compare, "other runs beside it")->type_name("FILE.jsonl");
  verb->add_option("--html", options->html,
                   "write the page with the runs in it as one file, and stop")
      ->type_name("FILE.html");
  options->listen.add_to(verb);
  verb->callback([options] { run(*options); });
}

}  // namespace isoform::cli
