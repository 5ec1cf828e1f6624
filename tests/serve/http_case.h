// A server with a few routes, and questions to it.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "isoform/serve/http.h"
#include "serve/client.h"

namespace isoform::test {

inline std::string error_of(const Answer& answer) {
  const auto json = nlohmann::json::parse(answer.body, nullptr, false);
  return json.is_object() && json.contains("error") ? json["error"].get<std::string>() : "";
}

class HttpTest : public testing::Test {
 protected:
  void start(Access access = {}, HttpLimits limits = {}) {
    server_ = std::make_unique<HttpServer>(access, limits);
    server_->route("GET", "/open", Scope::open, [](const HttpRequest& r) {
      const auto found = r.query.find("q");
      return HttpResponse{.body = found == r.query.end() ? "open" : found->second};
    });
    server_->route("POST", "/v1/models/{name}/predict", Scope::predict, [](const HttpRequest& r) {
      return HttpResponse{.body = r.name("name") + ":" + r.body};
    });
    server_->route("GET", "/v1/models", Scope::predict,
                   [](const HttpRequest&) { return HttpResponse{.body = "[]"}; });
    server_->route("POST", "/v1/models/{name}/edit", Scope::control,
                   [](const HttpRequest&) { return HttpResponse{.body = "edited"}; });
    server_->route("GET", "/large", Scope::open, [](const HttpRequest&) {
      return HttpResponse{.content_type = "text/plain", .body = std::string(5'000'000, 'x')};
    });
    server_->route("GET", "/throw/{what}", Scope::open, [](const HttpRequest& r) -> HttpResponse {
      if (r.name("what") == "usage") throw UsageError("widths: needs 2, got 1");
      if (r.name("what") == "conflict") throw HttpError(409, "an edit is under way");
      throw std::runtime_error("the password is swordfish");
    });
    server_->route("GET", "/events", Scope::open, [this](const HttpRequest&) {
      HttpResponse response{.content_type = "text/event-stream"};
      response.stream = [this, n = 0](HttpSink& sink) mutable {
        ++streamed_;
        if (n == 3 && !forever_) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        return sink.write("data: " + std::to_string(n++) + "\n\n");
      };
      return response;
    });
    server_->start();
    port_ = server_->port();
  }
  Answer get(const std::string& path,
             const std::map<std::string, std::string>& headers = {}) const {
    return ask(port_, "GET", path, "", headers);
  }
  Answer post(const std::string& path, const std::string& body,
              const std::map<std::string, std::string>& headers = {}) const {
    return ask(port_, "POST", path, body, headers);
  }

  std::unique_ptr<HttpServer> server_;
  int port_ = 0;
  std::atomic<int> streamed_ = 0;
  std::atomic<bool> forever_ = false;
};

}  // namespace isoform::test
