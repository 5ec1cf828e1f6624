#include "isoform/serve/http.h"

#include <gtest/gtest.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <thread>

#include "serve/client.h"

namespace isoform {
namespace {

using test::Answer;
using test::ask;
using test::Client;
using test::request_text;

std::string error_of(const Answer& answer) {
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

TEST_F(HttpTest, AnswersRoutesWithNamesQueriesAndBodies) {
  start();
  EXPECT_EQ(get("/open?q=a%20b&r=1").body, "a b");
  EXPECT_EQ(post("/v1/models/my%20net/predict", "{}").body, "my net:{}");
  EXPECT_EQ(ask(port_, "HEAD", "/open").status, 200);
  EXPECT_EQ(server_->url(), "http://127.0.0.1:" + std::to_string(port_));
  EXPECT_EQ(get("/large").body.size(), 5'000'000U);
}

TEST_F(HttpTest, KeepsAConnectionForManyRequestsAlsoSentAtOnce) {
  start();
  Client client(port_);
  std::string all;
  for (int i = 0; i < 50; ++i)
    all += request_text(port_, "POST", "/v1/models/m/predict", std::to_string(i));
  client.send(all);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(client.read().body, "m:" + std::to_string(i));
  EXPECT_EQ(server_->connections(), 1);
}

TEST_F(HttpTest, EveryAnswerHasTheHeadersOfSafety) {
  start();
  Client malformed(port_);
  malformed.send("nonsense\r\n\r\n");
  for (const Answer& answer : {get("/open"), get("/nothing"), post("/v1/models/m/edit", "{}"),
                               get("/throw/other"), malformed.read()}) {
    EXPECT_GE(answer.status, 200);
    const auto value = [&](const char* name) {
      const auto found = answer.headers.find(name);
      return found == answer.headers.end() ? "" : found->second;
    };
    EXPECT_TRUE(value("content-security-policy").starts_with("default-src 'none'"));
    EXPECT_EQ(value("x-content-type-options"), "nosniff");
    EXPECT_EQ(value("referrer-policy"), "no-referrer");
    EXPECT_EQ(value("cache-control"), "no-store");
  }
}

TEST_F(HttpTest, ErrorsAreJsonWithASentence) {
  start();
  const Answer missing = get("/nothing");
  EXPECT_EQ(missing.status, 404);
  EXPECT_NE(error_of(missing), "");
  const Answer method = ask(port_, "PUT", "/v1/models/m/predict", "{}");
  EXPECT_EQ(method.status, 405);
  EXPECT_EQ(method.headers.at("allow"), "POST");
  EXPECT_EQ(ask(port_, "OPTIONS", "/open").status, 405);
  EXPECT_EQ(error_of(get("/throw/usage")), "widths: needs 2, got 1");
  EXPECT_EQ(get("/throw/usage").status, 400);
  EXPECT_EQ(get("/throw/conflict").status, 409);
  const Answer inside = get("/throw/other");
  EXPECT_EQ(inside.status, 500);
  EXPECT_EQ(inside.body.find("swordfish"), std::string::npos);
  for (const auto& [name, value] : inside.headers) EXPECT_EQ(value.find("swordfish"), value.npos);
  EXPECT_EQ(post("/v1/models/m/predict", "x", {{"Content-Type", "text/plain"}}).status, 415);
  EXPECT_EQ(post("/v1/models/m/predict", "x", {{"Content-Type", "multipart/form-data; boundary=x"}})
                .status,
            415);
  EXPECT_EQ(post("/v1/models/m/predict", "x", {{"Content-Encoding", "gzip"}}).status, 415);
  EXPECT_EQ(post("/v1/models/m/predict", "x", {{"Content-Length", ""}}).status, 411);
  EXPECT_EQ(get("/open", {{"Content-Length", "5"}}).status, 400);
  EXPECT_EQ(get("/" + std::string(2000, 'a')).status, 414);
  EXPECT_EQ(get("/%00").status, 400);
}

TEST_F(HttpTest, RefusesMalformedHeads) {
  start();
  const std::string host = "Host: 127.0.0.1:" + std::to_string(port_) + "\r\n";
  for (const std::string& head :
       {std::string("GET /open HTTP/1.1\r\n\r\n"), "GET /open HTTP/1.1\n" + host + "\r\n",
        "GET /open\r\n" + host + "\r\n", "GET  /open HTTP/1.1\r\n" + host + "\r\n",
        "GET /open HTTP/9.9\r\n" + host + "\r\n", "GET /open HTTP/1.1\r\n" + host + host + "\r\n",
        "GET /open HTTP/1.1\r\n" + host + " folded: 1\r\n\r\n",
        "GET /open HTTP/1.1\r\n" + host + "No Token: 1\r\n\r\n",
        "POST /v1/models/m/predict HTTP/1.1\r\n" + host +
            "Content-Type: application/json\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        "POST /v1/models/m/predict HTTP/1.1\r\n" + host +
            "Content-Type: application/json\r\nContent-Length: 2\r\nTransfer-Encoding: "
            "chunked\r\n\r\n{}",
        "POST /v1/models/m/predict HTTP/1.1\r\n" + host +
            "Content-Type: application/json\r\nTransfer-Encoding: gzip, chunked\r\n\r\n{}",
        "POST /v1/models/m/predict HTTP/1.1\r\n" + host +
            "Content-Type: application/json\r\nContent-Length: -1\r\n\r\n{}",
        std::string("GET /open HTTP/1.1\r\n") + host + "x: " + std::string(1, '\0') + "\r\n\r\n",
        "\r\n\r\n" + host + "\r\n"}) {
    Client client(port_);
    client.send(head);
    const Answer answer = client.read();
    EXPECT_EQ(answer.status, 400) << head;
    EXPECT_NE(error_of(answer), "") << head;
    EXPECT_TRUE(client.closed()) << head;
  }
  EXPECT_EQ(get("/open").status, 200);
}

TEST_F(HttpTest, BoundsHeadsBodiesAndCounts) {
  start({}, {.body_bytes = 1000, .header_bytes = 2000});
  EXPECT_EQ(get("/open", {{"X", std::string(3000, 'x')}}).status, 431);
  std::map<std::string, std::string> many;
  for (int i = 0; i < 120; ++i) many["X" + std::to_string(i)] = "1";
  EXPECT_EQ(get("/open", many).status, 431);
  EXPECT_EQ(post("/v1/models/m/predict", std::string(1000, 'x')).status, 200);
  EXPECT_EQ(post("/v1/models/m/predict", std::string(1001, 'x')).status, 413);
  EXPECT_EQ(
      post("/v1/models/m/predict", "x", {{"Content-Length", "99999999999999999999999"}}).status,
      413);
  // In chunks, and never ending.
  Client client(port_);
  client.send(request_text(port_, "POST", "/v1/models/m/predict", "",
                           {{"Content-Length", ""}, {"Transfer-Encoding", "chunked"}}));
  const std::string chunk = "64\r\n" + std::string(100, 'x') + "\r\n";
  for (int i = 0; i < 100; ++i) {
    if (!client.send(chunk)) break;
  }
  EXPECT_EQ(client.read().status, 413);
  EXPECT_TRUE(client.closed());
  // A line of a chunk's size that never ends.
  Client line(port_);
  line.send(request_text(port_, "POST", "/v1/models/m/predict", "",
                         {{"Content-Length", ""}, {"Transfer-Encoding", "chunked"}}));
  for (int i = 0; i < 100; ++i) {
    if (!line.send(std::string(100, '1'))) break;
  }
  EXPECT_GE(line.read().status, 400);
  EXPECT_EQ(get("/open").status, 200);
}

TEST_F(HttpTest, TakesChunkedBodiesAndExpectations) {
  start({}, {.body_bytes = 1000});
  Client client(port_);
  client.send(request_text(port_, "POST", "/v1/models/m/predict", "",
                           {{"Content-Length", ""}, {"Transfer-Encoding", "chunked"}}));
  client.send("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  EXPECT_EQ(client.read().body, "m:abcde");
  client.send(request_text(port_, "POST", "/v1/models/m/predict", "",
                           {{"Content-Length", "3"}, {"Expect", "100-continue"}}));
  EXPECT_TRUE(client.read_until([](const std::string& b) { return b.find("100") != b.npos; }));
  client.send("xyz");
  EXPECT_EQ(client.read().body, "m:xyz");
  // A chunk that is none: what follows must not be taken for a request.
  Client broken(port_);
  broken.send(request_text(port_, "POST", "/v1/models/m/predict", "",
                           {{"Content-Length", ""}, {"Transfer-Encoding", "chunked"}}));
  broken.send("zz\r\n" + request_text(port_, "GET", "/open"));
  EXPECT_EQ(broken.read().status, 400);
  EXPECT_TRUE(broken.closed());
  EXPECT_EQ(broken.rest(), "");
  // What would be refused is refused before it is sent.
  client.send(request_text(port_, "POST", "/v1/models/m/predict", "",
                           {{"Content-Length", "3000"}, {"Expect", "100-continue"}}));
  EXPECT_EQ(client.read().status, 413);
}

TEST_F(HttpTest, RangesAndCompressionAreNotActedOn) {
  start();
  EXPECT_EQ(get("/open", {{"Range", "bytes=99999999999999999999999999-"}}).status, 200);
  EXPECT_EQ(get("/open", {{"Range", "bytes=0-1"}}).body, "open");
  const Answer answer = get("/large", {{"Accept-Encoding", "gzip, br"}});
  EXPECT_EQ(answer.body.size(), 5'000'000U);
  EXPECT_FALSE(answer.headers.contains("content-encoding"));
}

TEST_F(HttpTest, SlowSendersAreCutOff) {
  start({}, {.request_seconds = 0.6, .idle_seconds = 0.5});
  const auto began = std::chrono::steady_clock::now();
  Client head(port_), body(port_);
  const std::string text = request_text(port_, "GET", "/open");
  body.send(request_text(port_, "POST", "/v1/models/m/predict", "", {{"Content-Length", "1000"}}));
  for (std::size_t i = 0; i + 5 < text.size(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(40));
    if (!head.send(text.substr(i, 1)) || !body.send("x")) break;
    if (std::chrono::steady_clock::now() - began > std::chrono::seconds(3)) break;
    pollfd none{};
    poll(&none, 0, 0);
    if (server_->connections() == 0) break;
  }
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(3));
  EXPECT_EQ(head.read().status, 408);
  EXPECT_EQ(body.read().status, 408);
  Client idle(port_);
  EXPECT_TRUE(idle.closed(3));
}

TEST_F(HttpTest, TooManyConnectionsAreToldSo) {
  start({}, {.connections = 4});
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(std::make_unique<Client>(port_));
    clients.back()->send(request_text(port_, "GET", "/open"));
    EXPECT_EQ(clients.back()->read().status, 200);
  }
  for (int i = 0; i < 10; ++i) {
    const Answer answer = get("/open");
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.headers.at("retry-after"), "1");
  }
  clients.clear();
  for (int i = 0; i < 100 && server_->connections() > 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(get("/open").status, 200);
}

TEST_F(HttpTest, TooManyRequestsWait) {
  start({}, {.requests_per_second = 5});
  int refused = 0;
  for (int i = 0; i < 30; ++i) {
    const Answer answer = get("/open");
    if (answer.status == 429) {
      EXPECT_EQ(answer.headers.at("retry-after"), "1");
      ++refused;
    }
  }
  EXPECT_GE(refused, 15);
}

TEST_F(HttpTest, TokensSeparatePredictionsFromChanges) {
  start({.token = "read-1", .control_token = "write-2"});
  EXPECT_EQ(get("/open").status, 200);
  const Answer none = get("/v1/models");
  EXPECT_EQ(none.status, 401);
  EXPECT_TRUE(none.headers.at("www-authenticate").starts_with("Bearer"));
  const auto bearer = [](const char* token) {
    return std::map<std::string, std::string>{{"Authorization", std::string("Bearer ") + token}};
  };
  EXPECT_EQ(get("/v1/models", bearer("read-1")).status, 200);
  EXPECT_EQ(get("/v1/models", bearer("write-2")).status, 200);
  for (const char* wrong : {"read-2", "read-", "read-11", "", "read-1 read-1"}) {
    EXPECT_EQ(get("/v1/models", bearer(wrong)).status, 401) << wrong;
  }
  EXPECT_EQ(get("/v1/models", {{"Authorization", "read-1"}}).status, 401);
  EXPECT_EQ(post("/v1/models/m/edit", "{}", bearer("read-1")).status, 403);
  EXPECT_EQ(post("/v1/models/m/edit", "{}", bearer("write-2")).status, 200);
  EXPECT_EQ(post("/v1/models/m/edit", "{}").status, 401);
}

TEST_F(HttpTest, BeyondLoopbackATokenIsNeeded) {
  for (const char* address : {"0.0.0.0", "::", "192.168.0.1", "example.org"}) {
    EXPECT_THROW(HttpServer({.address = address}, {}), UsageError) << address;
    EXPECT_NO_THROW(HttpServer({.address = address, .token = "t"}, {})) << address;
  }
  EXPECT_THROW(HttpServer({.token = "two words"}, {}), UsageError);
  EXPECT_THROW(HttpServer({.port = 70000}, {}), UsageError);
  start();
  HttpServer second({.port = port_}, {});
  EXPECT_THROW(second.start(), UsageError);
}

TEST_F(HttpTest, ForeignOriginsAndHostsAreRefused) {
  start();
  const std::string own = "http://127.0.0.1:" + std::to_string(port_);
  EXPECT_EQ(get("/v1/models", {{"Origin", own}}).status, 200);
  EXPECT_EQ(post("/v1/models/m/edit", "{}", {{"Origin", own}}).status, 200);
  for (const std::string& foreign :
       {std::string("http://evil.example"), std::string("null"), std::string("http://127.0.0.1:1"),
        own + ".evil.example", "file://127.0.0.1:" + std::to_string(port_)}) {
    EXPECT_EQ(get("/v1/models", {{"Origin", foreign}}).status, 403) << foreign;
    EXPECT_EQ(post("/v1/models/m/edit", "{}", {{"Origin", foreign}}).status, 403) << foreign;
  }
  EXPECT_EQ(get("/v1/models", {{"Sec-Fetch-Site", "cross-site"}}).status, 403);
  for (const std::string& host :
       {std::string("evil.example"), "evil.example:" + std::to_string(port_),
        std::string("127.0.0.1"), std::string("localhost:1")}) {
    EXPECT_EQ(get("/open", {{"Host", host}}).status, 403) << host;
  }
  EXPECT_EQ(get("/open", {{"Host", "localhost:" + std::to_string(port_)}}).status, 200);
  EXPECT_EQ(get("/open", {{"Host", ""}}).status, 400);
  server_.reset();
  start({.hosts = {"models.example"}});
  EXPECT_EQ(
      get("/v1/models", {{"Host", "models.example"}, {"Origin", "https://models.example"}}).status,
      200);
  EXPECT_EQ(get("/open", {{"Host", "evil.example"}}).status, 403);
}

TEST_F(HttpTest, NoPathReachesTheFileSystem) {
  start();
  for (const char* path : {"/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd",
                           "/open/../../etc/passwd", "/v1/models/..%2f..%2fetc%2fpasswd", "/."}) {
    EXPECT_EQ(get(path).status, 404) << path;
  }
}

TEST_F(HttpTest, StreamsEndByThemselvesWithTheClientAndWithTheServer) {
  start();
  const Answer answer = get("/events");
  EXPECT_EQ(answer.headers.at("content-type"), "text/event-stream");
  EXPECT_NE(answer.body.find("data: 2\n\n"), std::string::npos);
  forever_ = true;
  {
    Client client(port_);
    client.send(request_text(port_, "GET", "/events"));
    EXPECT_TRUE(
        client.read_until([](const std::string& b) { return b.find("data: 1\n") != b.npos; }));
  }
  for (int i = 0; i < 300 && server_->connections() > 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(server_->connections(), 0);
  Client old(port_);  // before chunks
  old.send("GET /events HTTP/1.0\r\nHost: localhost:" + std::to_string(port_) + "\r\n\r\n");
  EXPECT_TRUE(old.read_until(
      [](const std::string& b) { return b.find("\r\n\r\ndata: 0\n\ndata: 1\n") != b.npos; }));
  Client client(port_);
  client.send(request_text(port_, "GET", "/events"));
  EXPECT_TRUE(
      client.read_until([](const std::string& b) { return b.find("data: 1\n") != b.npos; }));
  const auto began = std::chrono::steady_clock::now();
  server_->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(2));
  EXPECT_TRUE(client.closed());
  EXPECT_TRUE(client.rest().ends_with("0\r\n\r\n"));
}

TEST_F(HttpTest, StopAnswersWhatIsUnderWayAndWakesIdleConnections) {
  Access access;
  server_ = std::make_unique<HttpServer>(access, HttpLimits{});
  std::atomic<bool> inside = false;
  server_->route("GET", "/slow", Scope::open, [&](const HttpRequest&) {
    inside = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    return HttpResponse{.body = "late"};
  });
  server_->start();
  Client idle(server_->port()), busy(server_->port());
  busy.send(request_text(server_->port(), "GET", "/slow"));
  while (!inside) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  server_->stop();
  const Answer answer = busy.read();
  EXPECT_EQ(answer.body, "late");
  EXPECT_EQ(answer.headers.at("connection"), "close");
  EXPECT_TRUE(idle.closed(1));
}

TEST_F(HttpTest, TellsOfEveryAnswer) {
  server_ = std::make_unique<HttpServer>(Access{}, HttpLimits{});
  server_->route("GET", "/{x}", Scope::open, [](const HttpRequest&) { return HttpResponse{}; });
  std::mutex mutex;
  std::vector<HttpAnswered> told;
  server_->on_answer = [&](const HttpAnswered& answered) {
    const std::scoped_lock lock(mutex);
    told.push_back(answered);
  };
  server_->start();
  ask(server_->port(), "GET", "/a");
  ask(server_->port(), "GET", "/a/b");
  server_->stop();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].route, "/{x}");
  EXPECT_EQ(told[1].status, 404);
  EXPECT_GE(told[0].seconds, 0);
}

}  // namespace
}  // namespace isoform
