#include "isoform/cli/train_dashboard.h"

#include <chrono>
#include <cstdio>
#include <thread>
#include <utility>

#include "isoform/base/error.h"
#include "isoform/cli/console.h"

namespace isoform::cli {

void DashboardOptions::add_to(CLI::App* verb) {
  const char* group = "dashboard";
  verb->add_flag("--dashboard", on, "watch and steer the run in a browser; prints the address")
      ->group(group);
  verb->add_flag("--dashboard-stay", stay, "the page stays after the run, until Ctrl-C")
      ->group(group);
  listen.add_to(verb, "dashboard-", group);
}

LiveDashboard::LiveDashboard(const DashboardOptions& options, std::string name)
    : options_(options), feed_(std::move(name)) {
  if (!options.on) {
    if (options.stay || options.listen != ListenOptions{}) {
      throw UsageError("options --dashboard-… need --dashboard");
    }
    return;
  }
  server_.emplace(options.listen.access(), HttpLimits{});
  add_dashboard(*server_, {{&feed_, &control_}});
}

std::string LiveDashboard::start() {
  if (!server_) return "";
  server_->start();
  return ListenOptions::told(*server_);
}

void LiveDashboard::finish(const std::atomic<bool>& stop) {
  if (!server_) return;
  feed_.end();
  if (options_.stay && !stop) {
    complain("the dashboard stays at " + ListenOptions::told(*server_) + "; Ctrl-C ends it");
    std::fflush(stdout);  // it may be a file that somebody reads
  }
  while (options_.stay && !stop) std::this_thread::sleep_for(std::chrono::milliseconds(100));
  server_->stop(2);
}

}  // namespace isoform::cli
