#include "isoform/serve/http_routes.h"

#include <fmt/format.h>

#include <utility>

#include "isoform/base/error.h"

namespace isoform {

namespace {

std::string_view next_segment(std::string_view& path) {
  path.remove_prefix(1);  // '/'
  const std::size_t end = std::min(path.find('/'), path.size());
  const std::string_view segment = path.substr(0, end);
  path.remove_prefix(end);
  return segment;
}

}  // namespace

std::optional<std::map<std::string, std::string>> match_path(std::string_view pattern,
                                                             std::string_view path) {
  std::map<std::string, std::string> names;
  while (!pattern.empty() && !path.empty()) {
    if (pattern.front() != '/' || path.front() != '/') return {};
    const std::string_view wanted = next_segment(pattern), given = next_segment(path);
    if (wanted.size() > 2 && wanted.front() == '{' && wanted.back() == '}') {
      if (given.empty()) return {};
      names.emplace(wanted.substr(1, wanted.size() - 2), given);
    } else if (wanted != given) {
      return {};
    }
  }
  if (!pattern.empty() || !path.empty()) return {};
  return names;
}

void HttpRoutes::add(HttpRoute route) {
  if (route.pattern.empty() || route.pattern.front() != '/') {
    throw UsageError(
        fmt::format("route: needs a path that begins with /, got '{}'", route.pattern));
  }
  for (const HttpRoute& other : routes_) {
    if (other.method == route.method && other.pattern == route.pattern) {
      throw UsageError(fmt::format("route: {} {} is there", route.method, route.pattern));
    }
  }
  routes_.push_back(std::move(route));
}

HttpRoutes::Found HttpRoutes::find(std::string_view method, std::string_view path) const {
  Found found;
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  std::vector<std::string> allowed;
  for (const HttpRoute& route : routes_) {
    auto names = match_path(route.pattern, path);
    if (!names) continue;
    allowed.push_back(route.method);
    if (route.method == "GET") allowed.emplace_back("HEAD");
    const bool better = found.route == nullptr || names->size() < found.names.size();
    if (route.method == wanted && better) {
      found.route = &route;
      found.names = std::move(*names);
    }
  }
  for (const std::string& one : allowed) {
    found.allowed += (found.allowed.empty() ? "" : ", ") + one;
  }
  return found;
}

const std::string& HttpRequest::name(const std::string& key) const {
  const auto found = names.find(key);
  ISOFORM_ASSERT(found != names.end(), "the route has no such name");
  return found->second;
}

}  // namespace isoform
