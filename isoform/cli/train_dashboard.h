// --dashboard of isoform train: the page of a run while it is under way.
#pragma once

#include <optional>
#include <string>

#include "isoform/cli/listen.h"
#include "isoform/serve/dashboard.h"

namespace isoform::cli {

struct DashboardOptions {
  bool on = false, stay = false;
  ListenOptions listen;
  void add_to(CLI::App* verb);
};

/// The server of one run. Without --dashboard it does nothing.
class LiveDashboard {
 public:
  /// Throws UsageError for options that contradict each other, before long work. `name` of the run.
  LiveDashboard(const DashboardOptions& options, std::string name);
  LiveDashboard(const LiveDashboard&) = delete;
  LiveDashboard& operator=(const LiveDashboard&) = delete;

  /// Listens. Empty, or the address for people.
  std::string start();
  Observer observer() { return feed_.observer(); }
  RunControl& control() { return control_; }
  [[nodiscard]] bool on() const { return options_.on; }
  /// The run has ended: pages get what is left, and with --dashboard-stay the server goes on until an interrupt.
  void finish(const std::atomic<bool>& stop);

 private:
  DashboardOptions options_;
  RunFeed feed_;
  RunControl control_;
  std::optional<HttpServer> server_;
};

}  // namespace isoform::cli
