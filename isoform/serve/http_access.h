// Who may ask: addresses, tokens, hosts and origins, and how often.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "isoform/serve/http.h"

namespace isoform {

/// True for 127.0.0.0/8, ::1 and localhost.
bool is_loopback(std::string_view address);

/// Compares all of both, in a time that depends on the length of `given` alone.
bool same_token(std::string_view given, std::string_view token);

/// False where a scope needs a token and the value of the header Authorization does not bring it.
bool authorised(const Access& access, Scope scope, std::string_view authorization);

/// True where a scope needs a token.
bool needs_token(const Access& access, Scope scope);

/// True if `host`, the value of the header Host, is one of ours: on loopback localhost, 127.0.0.1, [::1] or the address, with our
/// port, or one of Access::hosts; elsewhere anything, unless there are Access::hosts.
bool is_our_host(const Access& access, int port, std::string_view host);

/// True if an Origin, "http://host:port", is the Host that was asked.
bool is_our_origin(std::string_view origin, std::string_view host);

/// A bucket for each client address: `rate` a second, twice as many (1 at least) at once. Thread-safe. At most some thousand addresses are
/// remembered, and what is forgotten is what has not asked for longest.
class RateLimit {
 public:
  explicit RateLimit(double rate) : rate_(rate) {}
  using Clock = std::chrono::steady_clock;
  /// False if the address has asked too often.
  bool admit(const std::string& address, Clock::time_point now = Clock::now());

 private:
  struct Bucket {
    double tokens = 0;
    Clock::time_point last;
  };
  double rate_;
  std::mutex mutex_;
  std::map<std::string, Bucket> buckets_;
};

}  // namespace isoform
