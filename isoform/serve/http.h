// A small HTTP server for programs that answer with JSON, numbers or a stream of events: routes, tokens, limits, and what browsers
// must not be talked into. The protocol itself is cpp-httplib's, seen by one file (http.cpp).
//
//   HttpServer server({.port = 8080}, {});
//   server.route("GET", "/v1/models/{name}", Scope::predict, [](const HttpRequest& r) { return HttpResponse{.body = …}; });
//   server.start();                          // answers on threads of its own until stop()
//
// Who may ask. Only loopback is listened to unless Access says otherwise, and then a token is needed. A token comes as
// `Authorization: Bearer TOKEN` and is compared in constant time. Browsers are kept from asking for somebody else: a Host that is
// not ours (DNS rebinding) and an Origin that is not the Host are refused with 403, and a body needs a content type that no form
// can send. Every answer carries a strict Content-Security-Policy.
//
// What is refused is answered with JSON {"error": sentence}: 400 malformed, 401 no token, 403 foreign, 404, 405 with Allow, 408 too
// slow, 411 no length, 413 too long, 414 path too long, 415 another content type, 429 too many requests (Retry-After), 431 headers
// too long, 500 a fault of ours (no details), 503 too many connections. No path of a request meets the file system.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "isoform/base/error.h"

namespace isoform {

/// Who may use a route.
enum class Scope {
  open,     // anybody who reaches the port
  predict,  // with Access::token or Access::control_token
  control,  // with Access::control_token, or Access::token where there is none
};

struct Access {
  std::string address = "127.0.0.1";           // or a name; "0.0.0.0" and "::" are all there are
  int port = 0;                                // 0: one that is free
  std::string token = {}, control_token = {};  // empty: none is needed, which only loopback allows
  /// Names by which clients may ask besides the address itself (a proxy's host), with any port. On loopback others are refused.
  std::vector<std::string> hosts = {};

  /// Throws UsageError for an address beyond loopback without a token, a port out of range, or tokens with other characters
  /// than letters, digits and -._~+/=.
  void validate() const;
};

struct HttpLimits {
  std::size_t body_bytes = 64U << 20;       // as sent, chunk by chunk included
  std::size_t all_body_bytes = 512U << 20;  // of all requests under way together
  std::size_t header_bytes = 16U << 10;
  int connections = 256;        // at a time; each has a thread
  double request_seconds = 30;  // for a request to come in whole, and for an answer to be taken
  double idle_seconds =
      60;  // between requests of a connection; and for each part of a stream to be taken
  double requests_per_second = 0;  // of one client address, twice as many at once; 0: no limit

  void validate() const;  // throws UsageError
};

/// Thrown by handlers: a status and a sentence for the client. UsageError and FormatError are 400 with their sentence; all else that
/// is thrown is 500 without one.
class HttpError : public Error {
 public:
  HttpError(int status, const std::string& sentence,
            std::vector<std::pair<std::string, std::string>> headers = {})
      : Error(sentence), status_(status), headers_(std::move(headers)) {}
  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& headers() const {
    return headers_;
  }

 private:
  int status_;
  std::vector<std::pair<std::string, std::string>> headers_;
};

struct HttpRequest {
  std::string method, path;                  // path without query, %XX decoded
  std::map<std::string, std::string> names;  // what stood for {name} in the route
  std::map<std::string, std::string> query;  // the first of each name
  std::string content_type;                  // lower case, without parameters
  std::string body;
  std::string remote;  // address of the client, or of a proxy
  std::function<std::string(const std::string&)>
      header;  // value of a header, "" if absent; while the handler runs

  /// The segment that stood for {name}. Throws InternalError if the route has none.
  [[nodiscard]] const std::string& name(const std::string& key) const;
};

/// Where a stream is written to.
class HttpSink {
 public:
  virtual ~HttpSink() = default;
  /// Sends now. False when the client is gone or the server stops: the stream is over.
  virtual bool write(std::string_view text) = 0;
  /// False when the client is gone or the server stops.
  [[nodiscard]] virtual bool alive() const = 0;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
  /// Instead of a body, for server-sent events (content_type "text/event-stream"): called again and again until it returns false.
  /// It waits for what there is to say itself, at most a second each time, so that stop() need not wait longer.
  std::function<bool(HttpSink&)> stream = {};
};

using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

/// What was answered, for counters.
struct HttpAnswered {
  std::string method, route;  // the pattern; empty: no route
  int status = 0;
  double seconds = 0;  // from the first byte of the request to the last of the answer
};

class HttpServer {
 public:
  /// Throws UsageError as Access and HttpLimits.
  HttpServer(Access access, const HttpLimits& limits);
  ~HttpServer();  // stops
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Before start(). A pattern's {name} stands for one segment that is not empty. GET answers HEAD too. Handlers run on many threads
  /// at a time.
  void route(const std::string& method, const std::string& pattern, Scope scope,
             HttpHandler handler);
  /// Method and pattern of every route, in their order.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> routes() const;
  /// Told of every answer, from any thread; before start().
  std::function<void(const HttpAnswered&)> on_answer;

  /// Binds, and answers on threads of its own from now on. Throws UsageError where it cannot bind. The process ignores SIGPIPE from
  /// then on (cpp-httplib's doing).
  void start();
  /// No new requests; what is under way is answered, streams end, and after `grace` seconds connections are cut. Idempotent.
  void stop(double grace = 10);

  [[nodiscard]] int port() const;         // 0 before start
  [[nodiscard]] std::string url() const;  // "http://127.0.0.1:8080"
  [[nodiscard]] int connections() const;  // now

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// {"error": sentence}.
std::string error_body(std::string_view sentence);

}  // namespace isoform
