// Which handler answers which path.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "isoform/serve/http.h"

namespace isoform {

struct HttpRoute {
  std::string method, pattern;
  Scope scope = Scope::control;
  HttpHandler handler;
};

class HttpRoutes {
 public:
  /// Throws UsageError for a pattern that does not begin with '/', or a route that is there.
  void add(HttpRoute route);
  [[nodiscard]] const std::vector<HttpRoute>& all() const { return routes_; }

  struct Found {
    const HttpRoute* route = nullptr;  // null: no route of this method
    std::map<std::string, std::string> names = {};
    std::string allowed = {};  // methods of the path, "GET, HEAD, POST"; empty: no such path
  };
  /// A segment that stands as it is goes before a {name}; HEAD is answered by GET. O(routes).
  [[nodiscard]] Found find(std::string_view method, std::string_view path) const;

 private:
  std::vector<HttpRoute> routes_;
};

/// What stands for each {name} if the path fits the pattern.
std::optional<std::map<std::string, std::string>> match_path(std::string_view pattern,
                                                             std::string_view path);

}  // namespace isoform
