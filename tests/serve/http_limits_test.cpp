// Who may ask, how much and how long.
#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "serve/http_case.h"

namespace isoform {
namespace {

using namespace isoform::test;

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
  std::condition_variable more;
  std::vector<HttpAnswered> told;
  server_->on_answer = [&](const HttpAnswered& answered) {
    const std::scoped_lock lock(mutex);
    told.push_back(answered);
    more.notify_all();
  };
  server_->start();
  // A client has its answer before it is told of.
  const auto ask_and_wait = [&](const std::string& path) {
    std::unique_lock lock(mutex);
    const std::size_t before = told.size();
    lock.unlock();
    ask(server_->port(), "GET", path);
    lock.lock();
    EXPECT_TRUE(
        more.wait_for(lock, std::chrono::seconds(10), [&] { return told.size() > before; }));
  };
  ask_and_wait("/a");
  ask_and_wait("/a/b");
  server_->stop();
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].route, "/{x}");
  EXPECT_EQ(told[1].status, 404);
  EXPECT_GE(told[0].seconds, 0);
}

}  // namespace
}  // namespace isoform
