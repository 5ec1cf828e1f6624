// The page on which people watch a network change its shape, and its API. docs/dashboard.md.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "isoform/serve/http.h"
#include "isoform/serve/run_feed.h"
#include "isoform/train/control.h"

namespace isoform {

/// A run that is shown. With a control, people can ask something of it. Both must outlive the server.
struct ShownRun {
  RunFeed* feed = nullptr;
  RunControl* control = nullptr;
};

/// Adds to the server the page (`/`, `/app.js`, `/app.css`) and
///
///   GET  /api/runs                            which runs there are
///   GET  /api/runs/{id}/events?from=SEQ       lines from SEQ on as server-sent events, until the run has ended
///   GET  /api/runs/{id}/events.jsonl          all lines so far
///   POST /api/runs/{id}/control               a ControlRequest as JSON (Scope::control)
///
/// The page without its data is open; the others need the token, if there is one.
void add_dashboard(HttpServer& server, std::vector<ShownRun> runs);

/// {"action": …} as the API and the page have it. Throws UsageError with field, value and rule.
ControlRequest parse_control(const std::string& json);

/// False in a build without the page's files.
bool has_dashboard_page();

/// The page with these event logs in it, as one file that needs no server. Throws UsageError in a build without the page.
std::string dashboard_html(const std::vector<const RunFeed*>& runs);

}  // namespace isoform
