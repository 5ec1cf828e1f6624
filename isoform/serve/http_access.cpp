#include "isoform/serve/http_access.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

namespace isoform {

namespace {

constexpr std::size_t kMaxBuckets = 4096;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

struct Authority {
  std::string host, port;
};

// "[::1]:80", "localhost", "127.0.0.1:8080".
Authority parts_of(std::string_view text) {
  const std::size_t bracket = text.rfind(']');
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos || (bracket != text.npos && colon < bracket)) return {lower(text), ""};
  return {lower(text.substr(0, colon)), std::string(text.substr(colon + 1))};
}

void check_token(std::string_view token, const char* what) {
  constexpr std::string_view kMarks = "-._~+/=";
  for (const char c : token) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && kMarks.find(c) == kMarks.npos) {
      throw UsageError(fmt::format(
          "{}: needs letters, digits and -._~+/= without spaces between, as `openssl rand -hex 32` "
          "makes them",
          what));
    }
  }
}

}  // namespace

void Access::validate() const {
  if (port < 0 || port > 65535) {
    throw UsageError(fmt::format("port: needs 0 (any) to 65535, got {}", port));
  }
  if (address.empty()) throw UsageError("listen: needs an address, got an empty text");
  check_token(token, "token");
  check_token(control_token, "control token");
  if (!is_loopback(address) && token.empty()) {
    throw UsageError(fmt::format(
        "listen: {} can be reached from other machines, and anybody there could ask; give a token "
        "(--token-file, or ISOFORM_TOKEN in the environment), or listen on 127.0.0.1",
        address));
  }
}

void HttpLimits::validate() const {
  const auto positive = [](const char* what, double value) {
    if (!(value > 0) || !std::isfinite(value)) {
      throw UsageError(fmt::format("{}: needs a number above 0, got {}", what, value));
    }
  };
  positive("body bytes", static_cast<double>(body_bytes));
  positive("bytes of all bodies", static_cast<double>(all_body_bytes));
  positive("header bytes", static_cast<double>(header_bytes));
  positive("connections", connections);
  positive("request seconds", request_seconds);
  positive("idle seconds", idle_seconds);
  if (!(requests_per_second >= 0) || !std::isfinite(requests_per_second)) {
    throw UsageError(fmt::format("requests per second: needs 0 (no limit) or more, got {}",
                                 requests_per_second));
  }
  if (connections > 10000) {
    throw UsageError(fmt::format("connections: needs 1 to 10000, got {}", connections));
  }
}

bool is_loopback(std::string_view address) {
  const std::string text = lower(address);
  in_addr four{};
  in6_addr six{};
  if (inet_pton(AF_INET, text.c_str(), &four) == 1) return (ntohl(four.s_addr) >> 24U) == 127;
  if (inet_pton(AF_INET6, text.c_str(), &six) == 1) return IN6_IS_ADDR_LOOPBACK(&six) != 0;
  return text == "localhost";
}

bool same_token(std::string_view given, std::string_view token) {
  // What is compared past the token's end is its own first byte: no branch tells how far the two agree.
  unsigned difference = given.size() == token.size() ? 0U : 1U;
  if (token.empty()) return false;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const char other = token[i < token.size() ? i : 0];
    difference |= static_cast<unsigned char>(given[i]) ^ static_cast<unsigned char>(other);
  }
  return difference == 0;
}

bool needs_token(const Access& access, Scope scope) {
  if (scope == Scope::open) return false;
  if (scope == Scope::predict) return !access.token.empty();
  return !access.token.empty() || !access.control_token.empty();
}

bool authorised(const Access& access, Scope scope, std::string_view authorization) {
  if (!needs_token(access, scope)) return true;
  const std::size_t space = authorization.find(' ');
  if (space == authorization.npos || lower(authorization.substr(0, space)) != "bearer") {
    return false;
  }
  const std::string_view given = authorization.substr(space + 1);
  // Both are compared always.
  const bool control = same_token(given, access.control_token);
  const bool predict = same_token(given, access.token);
  if (scope == Scope::predict) return control || predict;
  return access.control_token.empty() ? predict : control;
}

bool is_our_host(const Access& access, int port, std::string_view host) {
  const bool local = is_loopback(access.address);
  if (!local && access.hosts.empty()) return true;
  const Authority asked = parts_of(host);
  for (const std::string& name : access.hosts) {
    if (lower(name) == asked.host) return true;
  }
  const int asked_port = asked.port.empty() ? 80 : std::atoi(asked.port.c_str());
  if (asked_port != port) return false;
  const std::string own = lower(access.address);
  if (asked.host == own || asked.host == "[" + own + "]") return true;
  return local && (asked.host == "localhost" || asked.host == "127.0.0.1" || asked.host == "[::1]");
}

bool is_our_origin(std::string_view origin, std::string_view host) {
  const std::size_t scheme = origin.find("://");
  if (scheme == origin.npos) return false;
  const std::string kind = lower(origin.substr(0, scheme));
  if (kind != "http" && kind != "https") return false;
  const std::string standard = kind == "http" ? "80" : "443";
  Authority from = parts_of(origin.substr(scheme + 3)), to = parts_of(host);
  if (from.port.empty()) from.port = standard;
  if (to.port.empty()) to.port = standard;
  return from.host == to.host && from.port == to.port;
}

bool RateLimit::admit(const std::string& address, Clock::time_point now) {
  if (rate_ <= 0) return true;
  const double most = std::max(1.0, 2 * rate_);
  const std::scoped_lock lock(mutex_);
  if (buckets_.size() >= kMaxBuckets && !buckets_.contains(address)) {
    const auto oldest = std::min_element(
        buckets_.begin(), buckets_.end(),
        [](const auto& a, const auto& b) { return a.second.last < b.second.last; });
    buckets_.erase(oldest);
  }
  const auto [place, fresh] = buckets_.try_emplace(address, Bucket{most, now});
  Bucket& bucket = place->second;
  bucket.tokens = std::min(
      most, bucket.tokens + rate_ * std::chrono::duration<double>(now - bucket.last).count());
  bucket.last = now;
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

}  // namespace isoform
