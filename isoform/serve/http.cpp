// With http_connection.cpp all that sees cpp-httplib, version 0.11. It parses requests and writes answers; what it lacks is here: a
// deadline for a whole request (its own is for each read), bounds on heads, chunked bodies and connections, and refusals before a body
// is read.
#include "isoform/serve/http.h"

#include <fmt/format.h>
#include <httplib.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>
#include <utility>

#include "isoform/serve/http_connection.h"
#include "isoform/serve/http_head.h"
#include "isoform/serve/http_verdict.h"
#include "isoform/serve/http_workers.h"

namespace isoform {

namespace {

using Clock = HttpSocket::Clock;

constexpr int kBacklog = 512;  // connections that wait to be accepted
constexpr int kRefusers = 16;  // threads beyond the connections, to say that there are too many

// The connection that this thread answers: the parser's hooks do not say.
thread_local HttpConnection* current = nullptr;

class Workers : public httplib::TaskQueue {
 public:
  explicit Workers(std::size_t most) : workers_(most) {}
  void enqueue(std::function<void()> job) override { workers_.add(std::move(job)); }
  void shutdown() override { workers_.join(); }

 private:
  HttpWorkers workers_;
};

class Sink : public HttpSink {
 public:
  Sink(httplib::DataSink& sink, const HttpConnection& live, const std::atomic<bool>& stopping)
      : sink_(sink), live_(live), stopping_(stopping) {}
  bool write(std::string_view text) override {
    return alive() && (text.empty() || sink_.write(text.data(), text.size())) && alive();
  }
  [[nodiscard]] bool alive() const override { return !stopping_ && live_.is_writable(); }

 private:
  httplib::DataSink& sink_;
  const HttpConnection& live_;
  const std::atomic<bool>& stopping_;
};

void set_header(httplib::Response& response, const std::string& name, const std::string& value) {
  response.headers.erase(name);
  response.set_header(name, value);
}

void put_error(httplib::Response& response, int status, std::string_view sentence) {
  response.status = status;
  response.body = error_body(sentence);
  set_header(response, "Content-Type", "application/json");
}

// For what the parser refuses by itself.
std::string_view sentence_of(int status) {
  switch (status) {
    case 400:
      return "the request is malformed: its first line or its body is not HTTP/1.1";
    case 404:
      return "there is nothing of that name here";
    case 413:
      return "the body is too long";
    case 414:
      return "the path is too long";
    default:
      return "the request can't be answered";
  }
}

}  // namespace

struct HttpServer::State : httplib::Server {
  State(Access access_in, const HttpLimits& limits_in, const HttpServer* outer_in)
      : access(std::move(access_in)),
        limits(limits_in),
        rate(limits.requests_per_second),
        outer(outer_in) {
    access.validate();
    limits.validate();
    set_default_headers(
        {{"Content-Security-Policy",
          "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' "
          "data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors "
          "'none'"},
         {"X-Content-Type-Options", "nosniff"},
         {"Referrer-Policy", "no-referrer"},
         {"Cross-Origin-Resource-Policy", "same-origin"},
         {"Cache-Control", "no-store"}});
    set_payload_max_length(limits.body_bytes);
    set_keep_alive_timeout(static_cast<time_t>(std::max(1.0, limits.idle_seconds)));
    set_keep_alive_max_count(1'000'000);  // only told; the loop below has no such bound
    // Not the parser's own SO_REUSEPORT: two servers would share a port without a word.
    set_socket_options([](socket_t descriptor) {
      const int yes = 1;
      setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    new_task_queue = [this]() -> httplib::TaskQueue* {
      return new Workers(static_cast<std::size_t>(limits.connections + kRefusers));
    };
    set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
      return admit(request, response) ? HandlerResponse::Unhandled : HandlerResponse::Handled;
    });
    set_expect_100_continue_handler(
        [this](const httplib::Request& request, httplib::Response& response) {
          return admit(request, response) ? 100 : response.status;
        });
    const Handler handle = [this](const httplib::Request& request, httplib::Response& response) {
      answer(request, response);
    };
    Get(".*", handle);
    Post(".*", handle);
    Put(".*", handle);
    Patch(".*", handle);
    Delete(".*", handle);
    set_exception_handler(
        [](const httplib::Request&, httplib::Response& response, const std::exception_ptr&) {
          put_error(response, 500, "something went wrong inside; the request was not answered");
        });
    set_error_handler(HandlerWithResponse([](const httplib::Request&, httplib::Response& response) {
      if (current->fault.status != 0) {
        if (current->fault.status == 503) set_header(response, "Retry-After", "1");
        put_error(response, current->fault.status, current->fault.sentence);
      } else if (response.body.empty()) {
        put_error(response, response.status, sentence_of(response.status));
      }
      return HandlerResponse::Handled;
    }));
    set_post_routing_handler([this](const httplib::Request&, httplib::Response& response) {
      // The parser failed, or a body could not be read to its end: what follows is no request.
      const bool lost = current->method.empty() || current->route != nullptr;
      if (!current->handled && lost) current->close = true;
      if (current->close || stopping) {
        set_header(response, "Connection", "close");
        response.headers.erase("Keep-Alive");
      }
      response.headers.erase("Accept-Ranges");
      current->status = response.status;
    });
  }

  // Everything that can be said before a body is read. False: the response is there.
  bool admit(const httplib::Request& request, httplib::Response& response) {
    HttpConnection& live = *current;
    if (live.admitted) return true;
    live.method = request.method;
    const auto refuse = [&](int status, std::string_view sentence) {
      put_error(response, status, sentence);
      // What nobody reads must not be taken for the next request.
      const std::string length = request.get_header_value("Content-Length");
      const bool body =
          request.has_header("Transfer-Encoding") || (!length.empty() && length != "0");
      if (body || status == 400) live.close = true;
      return false;
    };
    if (live.fault.status != 0) {
      return refuse(live.fault.status, live.fault.sentence);
    }
    HttpVerdict verdict =
        judge({request.method, request.target, request.path, live.wire.address(),
               [&request](const char* name) { return request.get_header_value(name); },
               [&request](const char* name) { return request.has_header(name); }},
              access, limits, port, routes, rate);
    for (const auto& [name, value] : verdict.headers) set_header(response, name, value);
    if (verdict.fault.status != 0) return refuse(verdict.fault.status, verdict.fault.sentence);
    HttpRoutes::Found& found = verdict.found;
    live.route = found.route;
    live.names = std::move(found.names);
    live.admitted = true;
    return true;
  }

  void answer(const httplib::Request& request, httplib::Response& response) {
    HttpConnection& live = *current;
    live.handled = true;
    HttpRequest asked;
    asked.method = request.method;
    asked.path = request.path;
    asked.names = live.names;
    for (const auto& [name, value] : request.params) asked.query.emplace(name, value);
    asked.content_type = media_type(request.get_header_value("Content-Type"));
    // The parser hands its request out as const and reads it no more.
    asked.body = std::move(const_cast<std::string&>(request.body));  // NOLINT
    asked.remote = live.wire.address();
    asked.header = [&request](const std::string& name) { return request.get_header_value(name); };
    try {
      HttpResponse given = live.route->handler(asked);
      response.status = given.status;
      for (const auto& [name, value] : given.headers) set_header(response, name, value);
      if (given.stream) return stream(request, response, std::move(given));
      response.body = std::move(given.body);
      if (!given.content_type.empty()) set_header(response, "Content-Type", given.content_type);
    } catch (const HttpError& error) {
      put_error(response, error.status(), error.what());
      for (const auto& [name, value] : error.headers()) set_header(response, name, value);
    } catch (const UsageError& error) {
      put_error(response, 400, error.what());
    } catch (const FormatError& error) {
      put_error(response, 400, error.what());
    } catch (const std::bad_alloc&) {
      put_error(response, 500, "not enough memory for this request");
    } catch (const std::exception&) {
      put_error(response, 500, "something went wrong inside; the request was not answered");
    }
  }

  void stream(const httplib::Request& request, httplib::Response& response, HttpResponse given) {
    auto next = std::make_shared<std::function<bool(HttpSink&)>>(std::move(given.stream));
    HttpConnection* const live = current;
    const auto provider = [this, live, next](std::size_t, httplib::DataSink& out) {
      live->streaming = true;
      Sink sink(out, *live, stopping);
      bool more = false;
      try {
        more = sink.alive() && (*next)(sink);
      } catch (const std::exception&) {
        live->close = true;
        return false;  // cut short: the client sees that it is not all
      }
      if (!more || stopping) out.done();
      return live->is_writable();
    };
    set_header(response, "X-Accel-Buffering", "no");
    if (request.version == "HTTP/1.0") {
      live->close = true;  // knows no chunks: the end is the end of the connection
      response.set_content_provider(given.content_type, provider);
    } else {
      response.set_chunked_content_provider(given.content_type, provider);
    }
  }

  // Overrides a private virtual function, as the parser's own TLS server does.
  bool process_and_close_socket(socket_t descriptor) override {
    HttpConnection live(descriptor, limits, under_way);
    {
      const std::scoped_lock lock(mutex);
      lives.insert(&live);
    }
    try {
      serve(live);
    } catch (const std::exception&) {
      live.broken = true;  // nothing can be said any more
    }
    if (live.close && !live.broken) live.wire.finish();
    {
      const std::scoped_lock lock(mutex);
      lives.erase(&live);
    }
    changed.notify_all();
    return true;
  }

  void serve(HttpConnection& live) {
    bool too_many = false;
    {
      const std::scoped_lock lock(mutex);
      too_many = lives.size() > static_cast<std::size_t>(limits.connections);
    }
    while (!live.close && !live.broken) {
      if (too_many) {
        live.refuse(503, "too many connections; come back in a moment");
      } else {
        {
          const std::scoped_lock lock(mutex);
          if (stopping) return;
          live.idle = true;
        }
        const auto outcome = live.wire.wait(limits.idle_seconds);
        {
          const std::scoped_lock lock(mutex);
          live.idle = false;
        }
        if (outcome != HttpSocket::Outcome::done || !live.begin()) return;
      }
      bool closed = false;
      live.route = nullptr;
      live.method.clear();
      current = &live;
      const bool written = process_request(live, live.close, closed, nullptr) && live.flush();
      current = nullptr;
      if (outer->on_answer && live.status != 0) {
        outer->on_answer({live.method, live.route == nullptr ? "" : live.route->pattern,
                          live.status,
                          std::chrono::duration<double>(Clock::now() - live.begun).count()});
      }
      live.flush();
      if (!written || closed || stopping) return;
    }
  }

  void start() {
    errno = 0;
    if (access.port == 0) {
      port = bind_to_any_port(access.address);
    } else {
      port = bind_to_port(access.address, access.port) ? access.port : -1;
    }
    if (port < 0) {
      const int why = errno;
      port = 0;
      throw UsageError(fmt::format(
          "port: cannot listen on {}:{}{}; choose another port or address, or end what listens "
          "there",
          access.address, access.port, why != 0 ? fmt::format(" ({})", std::strerror(why)) : ""));
    }
    ::listen(svr_sock_, kBacklog);  // again, as 5 are too few
    listener = std::thread([this] { listen_after_bind(); });
    while (!is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }

  void end(double grace) {
    if (!listener.joinable()) return;
    {
      const std::scoped_lock lock(mutex);
      stopping = true;
      for (HttpConnection* live : lives) {
        if (live->idle) live->wire.interrupt();
      }
    }
    httplib::Server::stop();
    {
      std::unique_lock lock(mutex);
      changed.wait_for(lock, http_span(grace), [this] { return lives.empty(); });
      for (HttpConnection* live : lives) live->wire.cut();
    }
    listener.join();
  }

  Access access;
  HttpLimits limits;
  RateLimit rate;
  const HttpServer* outer;
  HttpRoutes routes;
  int port = 0;
  std::atomic<bool> stopping = false;
  std::atomic<std::size_t> under_way = 0;
  std::thread listener;
  std::mutex mutex;
  std::condition_variable changed;
  std::set<HttpConnection*> lives;
};

std::string error_body(std::string_view sentence) {
  return nlohmann::json{{"error", sentence}}.dump(-1, ' ', false,
                                                  nlohmann::json::error_handler_t::replace) +
         "\n";
}

HttpServer::HttpServer(Access access, const HttpLimits& limits)
    : state_(std::make_unique<State>(std::move(access), limits, this)) {}

HttpServer::~HttpServer() { stop(0.5); }

void HttpServer::route(const std::string& method, const std::string& pattern, Scope scope,
                       HttpHandler handler) {
  state_->routes.add({method, pattern, scope, std::move(handler)});
}

std::vector<std::pair<std::string, std::string>> HttpServer::routes() const {
  std::vector<std::pair<std::string, std::string>> list;
  for (const HttpRoute& route : state_->routes.all())
    list.emplace_back(route.method, route.pattern);
  return list;
}

void HttpServer::start() { state_->start(); }
void HttpServer::stop(double grace) { state_->end(grace); }
int HttpServer::port() const { return state_->port; }

std::string HttpServer::url() const {
  const std::string& address = state_->access.address;
  const bool six = address.find(':') != std::string::npos;
  return fmt::format("http://{}:{}", six ? "[" + address + "]" : address, state_->port);
}

int HttpServer::connections() const {
  const std::scoped_lock lock(state_->mutex);
  return static_cast<int>(state_->lives.size());
}

}  // namespace isoform
