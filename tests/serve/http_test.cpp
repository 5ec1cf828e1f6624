#include <fmt/format.h>
#include <gtest/gtest.h>

#include "serve/http_case.h"

namespace isoform {
namespace {

using namespace isoform::test;

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
        "GET /open HTTP/9.9\r\n" + host + "\r\n",
        fmt::format("GET /open HTTP/1.1\r\n{}{}\r\n", host, host),
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

}  // namespace
}  // namespace isoform
