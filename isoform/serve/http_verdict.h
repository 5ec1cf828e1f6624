// Whether a request is answered at all: everything that can be said before its body is read.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "isoform/serve/http_access.h"
#include "isoform/serve/http_head.h"
#include "isoform/serve/http_routes.h"

namespace isoform {

/// A request without its body.
struct HttpAsked {
  std::string method, target, path;               // path: decoded; target: as it came
  std::string remote;                             // address
  std::function<std::string(const char*)> value;  // of a header; "" if absent
  std::function<bool(const char*)> has;
};

struct HttpVerdict {
  HttpFault fault = {};  // status 0: it is answered, by `found`
  HttpRoutes::Found found = {};
  std::vector<std::pair<std::string, std::string>> headers = {};  // of the refusal
};

/// In this order: 414, 400 (path, Host), 403 (Host), 429, 405, 404, 403 (Origin), 401 or 403 (token), 400 (a GET with a body), 411, 413,
/// 415. Counts the request for the rate.
HttpVerdict judge(const HttpAsked& asked, const Access& access, const HttpLimits& limits, int port,
                  const HttpRoutes& routes, RateLimit& rate);

/// "application/json" of "Application/JSON; charset=utf-8".
std::string media_type(std::string text);

}  // namespace isoform
