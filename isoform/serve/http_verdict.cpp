#include "isoform/serve/http_verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace isoform {

namespace {

// The parser's regular expressions recurse for each byte of a path.
constexpr std::size_t kMaxPath = 1024;

bool is_control(char c) { return static_cast<unsigned char>(c) < 32 || c == 127; }

HttpFault body_fault(const HttpAsked& asked, const HttpLimits& limits) {
  const bool chunked = asked.has("Transfer-Encoding"), sized = asked.has("Content-Length");
  const std::uint64_t length =
      sized ? std::strtoull(asked.value("Content-Length").c_str(), nullptr, 10) : 0;
  if (asked.method == "GET" || asked.method == "HEAD") {
    if (chunked || length > 0) return {400, "a GET has no body"};
    return {};
  }
  if (!chunked && !sized) return {411, "a body needs its length: Content-Length"};
  if (length > limits.body_bytes) {
    return {413, fmt::format("a body may have at most {} bytes", limits.body_bytes)};
  }
  const std::string type = media_type(asked.value("Content-Type"));
  if (type != "application/json" && type != "application/octet-stream") {
    return {415, "Content-Type: needs application/json or application/octet-stream"};
  }
  if (asked.has("Content-Encoding") && media_type(asked.value("Content-Encoding")) != "identity") {
    return {415, "Content-Encoding: a body is taken as it is, not compressed"};
  }
  return {};
}

}  // namespace

std::string media_type(std::string text) {
  text.erase(std::min(text.find(';'), text.size()));
  while (!text.empty() && text.back() == ' ') text.pop_back();
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

HttpVerdict judge(const HttpAsked& asked, const Access& access, const HttpLimits& limits, int port,
                  const HttpRoutes& routes, RateLimit& rate) {
  HttpVerdict verdict;
  const auto refuse = [&](int status, std::string sentence) {
    verdict.fault = {status, std::move(sentence)};
    return verdict;
  };
  if (asked.target.size() > 4 * kMaxPath || asked.path.size() > kMaxPath) {
    return refuse(414, fmt::format("a path may have at most {} bytes", kMaxPath));
  }
  if (std::any_of(asked.path.begin(), asked.path.end(), is_control)) {
    return refuse(400, "the path holds control characters");
  }
  const std::string host = asked.value("Host");
  if (host.empty()) return refuse(400, "a request needs a Host");
  if (!is_our_host(access, port, host)) {
    return refuse(403,
                  "Host: this server is asked by another name than its own; if that is meant, it "
                  "can be told the name when it starts");
  }
  if (!rate.admit(asked.remote)) {
    verdict.headers = {{"Retry-After", "1"}};
    return refuse(429, fmt::format("at most {} requests a second are answered to one address",
                                   limits.requests_per_second));
  }
  HttpRoutes::Found found = routes.find(asked.method, asked.path);
  if (found.route == nullptr && !found.allowed.empty()) {
    verdict.headers = {{"Allow", found.allowed}};
    return refuse(405,
                  fmt::format("{} is not for this path; it takes {}", asked.method, found.allowed));
  }
  if (found.route == nullptr) {
    return refuse(404, "there is nothing of that name here");
  }
  const Scope scope = found.route->scope;
  const bool changes = asked.method != "GET" && asked.method != "HEAD";
  if (changes || scope != Scope::open) {
    if (asked.has("Origin") && !is_our_origin(asked.value("Origin"), host)) {
      return refuse(403, "Origin: pages of other sites may not ask here");
    }
    if (asked.value("Sec-Fetch-Site") == "cross-site") {
      return refuse(403, "Sec-Fetch-Site: pages of other sites may not ask here");
    }
  }
  const std::string authorization = asked.value("Authorization");
  if (!authorised(access, scope, authorization)) {
    const bool other = scope == Scope::control && needs_token(access, Scope::predict) &&
                       authorised(access, Scope::predict, authorization);
    if (other) return refuse(403, "this token is for predictions; changes need the control token");
    verdict.headers = {{"WWW-Authenticate", "Bearer realm=\"isoform\""}};
    return refuse(401, scope == Scope::control
                           ? "changes need the control token: Authorization: Bearer TOKEN"
                           : "a token is needed: Authorization: Bearer TOKEN");
  }
  verdict.fault = body_fault(asked, limits);
  verdict.found = std::move(found);
  return verdict;
}

}  // namespace isoform
