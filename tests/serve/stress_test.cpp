// Many at once, while the model changes; and bytes that nobody should send.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "serve/models.h"

namespace isoform {
namespace {

using namespace isoform::test;
using nlohmann::json;

long count_from(const char* variable, long otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::atol(text);
}

// Memory that the process holds, in MB.
double resident() {
  std::ifstream file("/proc/self/statm");
  long pages = 0;
  file >> pages >> pages;
  return static_cast<double>(pages) * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
}

// ISOFORM_SERVE_REQUESTS=10000 for the whole count (bench/serve).
TEST(ServeStress, NobodyFailsWhileTheModelIsShrunkGrownGivenClassesAndSwapped) {
  const long requests = count_from("ISOFORM_SERVE_REQUESTS", 3000);
  constexpr int kConnections = 50, kChanges = 20, kInputs = 16;
  ModelServer server({});
  server.add("net", classifier(1, {12, 32, 32, 4}));
  server.start();
  const int port = server.http().port();
  const Matrix<float> inputs = random_inputs(5, 12, kInputs);
  std::vector<std::string> bodies;
  for (Index j = 0; j < kInputs; ++j) bodies.push_back(inputs_json(inputs.col(j)));

  struct Said {
    int input;
    std::uint64_t version;
    std::vector<float> outputs;
  };
  std::vector<std::vector<Said>> said(kConnections);
  std::atomic<long> left = requests, failed = 0;
  std::atomic<int> running = kConnections, changes = 0;
  std::vector<std::thread> threads;
  for (int c = 0; c < kConnections; ++c) {
    threads.emplace_back([&, c] {
      Client client(port);
      for (int i = c; left-- > 0 || changes < kChanges; ++i) {
        client.send(request_text(port, "POST", "/v1/models/net/predict",
                                 bodies[static_cast<std::size_t>(i % kInputs)]));
        const Answer answer = client.read(60);
        const json body = json::parse(answer.body, nullptr, false);
        if (answer.status != 200 || !body.is_object()) {
          ++failed;
          break;
        }
        said[static_cast<std::size_t>(c)].push_back(
            {i % kInputs, body["version"], body["outputs"][0].get<std::vector<float>>()});
      }
      --running;
    });
  }
  // Both go on until both are done.
  std::map<std::uint64_t, VersionPtr> versions = {{1, server.model("net").current()}};
  const std::string file = serialise_model(classifier(2, {12, 24, 40, 4}));
  while (changes < kChanges || running > 0) {
    Answer answer;
    switch (changes % 4) {
      case 0:
        answer = ask(port, "POST", "/v1/models/net/edit", R"({"shrink":{"widths":[20,24]}})");
        break;
      case 1:
        answer = ask(port, "POST", "/v1/models/net/edit", R"({"grow":{"space":1,"by":12}})");
        break;
      case 2:
        answer = ask(port, "POST", "/v1/models/net/edit", R"({"append_class":{"name":"new"}})");
        break;
      default:
        answer = ask(port, "PUT", "/v1/models/net", file,
                     {{"Content-Type", "application/octet-stream"}});
    }
    EXPECT_EQ(answer.status, 200) << answer.body;
    if (answer.status != 200) changes = kChanges;  // so that the clients end
    if (answer.status != 200) break;
    const VersionPtr version = server.model("net").current();
    versions[version->number] = version;
    ++changes;
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failed, 0);
  EXPECT_GE(changes, kChanges);
  std::map<std::uint64_t, Matrix<float>> truth;
  std::map<std::uint64_t, long> answered;
  long count = 0;
  double worst = 0;
  for (const auto& [number, version] : versions) truth[number] = truth_of(version->model, inputs);
  for (const auto& one : said) {
    for (const Said& s : one) {
      ++count;
      ++answered[s.version];
      ASSERT_TRUE(truth.contains(s.version));
      const auto y = truth[s.version].col(s.input);
      ASSERT_EQ(static_cast<Index>(s.outputs.size()), y.size());
      for (Index i = 0; i < y.size(); ++i)
        worst = std::max(
            worst, static_cast<double>(std::abs(y[i] - s.outputs[static_cast<std::size_t>(i)])));
    }
  }
  EXPECT_GE(count, requests);
  EXPECT_LE(worst, 1e-5);
  EXPECT_GE(answered.size(), 2U);
  RecordProperty("requests", static_cast<int>(count));
  RecordProperty("changes", changes.load());
  RecordProperty("versions_that_answered", static_cast<int>(answered.size()));
  std::printf("%ld requests, %d changes, %zu versions answered, worst difference %.1e\n", count,
              changes.load(), answered.size(), worst);
}

TEST(ServeStress, HostileRequestsLeaveTheServerAliveAndSmall) {
  ServeSettings settings;
  settings.limits.body_bytes = 4U << 20;
  settings.limits.request_seconds = 1;
  ModelServer server(settings);
  server.add("net", classifier());
  server.start();
  const int port = server.http().port();
  const std::string good = inputs_json(random_inputs(1, 6, 1));
  const auto round = [&] {
    EXPECT_EQ(ask(port, "POST", "/v1/models/net/predict", std::string(5U << 20, 'x')).status, 413);
    EXPECT_EQ(
        ask(port, "POST", "/v1/models/net/predict", "{\"inputs\":" + std::string(4'000'000, '['))
            .status,
        400);
    std::string wide = "{\"inputs\":[[0";
    for (int i = 0; i < 1'000'000; ++i) wide += ",1";
    EXPECT_EQ(ask(port, "POST", "/v1/models/net/predict", wide + "]]}").status, 422);
    EXPECT_EQ(ask(port, "GET", "/" + std::string(1'000'000, 'a')).status, 431);
    EXPECT_EQ(ask(port, "POST", "/v1/models/%2e%2e%2f%2e%2e%2fetc/predict", good).status, 404);
    EXPECT_EQ(ask(port, "POST", "/v1/models/net/predict", good, {{"Origin", "http://evil.example"}})
                  .status,
              403);
    EXPECT_EQ(ask(port, "POST", "/v1/models/net/predict", good,
                  {{"Content-Type", "application/x-www-form-urlencoded"}})
                  .status,
              415);
    std::vector<std::unique_ptr<Client>> slow;
    for (int i = 0; i < 50; ++i) {
      slow.push_back(std::make_unique<Client>(port));
      slow.back()->send("POST /v1/models/net/predict HTTP/1.1\r\nHost");
    }
    EXPECT_EQ(ask(port, "POST", "/v1/models/net/predict", good).status, 200);
    for (auto& client : slow) EXPECT_EQ(client->read(5).status, 408);
    // Clients that leave before they are answered.
    for (int i = 0; i < 50; ++i) {
      Client client(port);
      client.send(request_text(port, "POST", "/v1/models/net/predict", good));
    }
  };
  round();
  const double before = resident();
  for (int i = 0; i < 2; ++i) round();
  EXPECT_LT(resident() - before, 60) << "MB";
  EXPECT_EQ(ask(port, "POST", "/v1/models/net/predict", good).status, 200);
}

// ISOFORM_SERVE_FUZZ=100000 by hand, in a sanitised build.
TEST(ServeFuzz, MutatedRequestsAreAnsweredOrClosed) {
  const long rounds = count_from("ISOFORM_SERVE_FUZZ", 3000);
  ServeSettings settings;
  settings.limits.request_seconds = 2;
  settings.limits.body_bytes = 1U << 20;
  settings.learn = true;
  ModelServer server(settings);
  const Model<float> model = classifier(1, {4, 8, 3});
  server.add("net", model);
  server.start();
  const int port = server.http().port();
  const std::string inputs = R"({"inputs":[[1,-2.5,3e1,0]],"task":"letters"})";
  const std::map<std::string, std::string> binary = {{"Content-Type", "application/octet-stream"}};
  const std::vector<std::string> seeds = {
      request_text(port, "POST", "/v1/models/net/predict", inputs),
      request_text(port, "POST", "/v1/models/net/predict?task=letters", std::string(32, 'A'),
                   binary),
      request_text(port, "GET", "/v1/models/net?x=%20y&z", "",
                   {{"Range", "bytes=0-5,7-"}, {"Accept-Encoding", "gzip"}}),
      request_text(port, "POST", "/v1/models/net/predict",
                   "5\r\n{\"inp\r\n28\r\nuts\":[[1,-2.5,3e1,0]],\"task\":\"letters\"}\r\n0\r\n\r\n",
                   {{"Content-Length", ""}, {"Transfer-Encoding", "chunked"}}),
      request_text(port, "POST", "/v1/models/net/edit",
                   R"({"rotate":{"space":1,"kind":"random","seed":3}})"),
      request_text(
          port, "POST", "/v1/models/net/learn",
          R"({"inputs":[[1,2,3,4],[4,3,2,1]],"labels":["a","b"],"append_new_classes":false})"),
      request_text(port, "PUT", "/v1/models/net", serialise_model(model), binary),
      request_text(port, "GET", "/metrics"),
      request_text(port, "POST", "/v1/models/net/rollback", "{}", {{"Expect", "100-continue"}})};
  long answered = 0, fine = 0;
  for (long round = 0; round < rounds; ++round) {
    isoform::testing::Dice dice(static_cast<std::uint64_t>(round), 142);
    const auto any = [&](std::size_t size) {
      return static_cast<std::size_t>(dice.between(0, static_cast<Index>(size) - 1));
    };
    std::string text = seeds[any(seeds.size())];
    for (Index edits = dice.between(1, 4); edits > 0 && !text.empty(); --edits) {
      const std::size_t at = any(text.size()), length = std::min(text.size() - at, 1 + any(12));
      switch (dice.between(0, 7)) {
        case 0:
          text[at] = static_cast<char>(dice.between(0, 255));
          break;
        case 1:
          text.erase(at, length);
          break;
        case 2:
          text.insert(at, text.substr(any(text.size()), length));
          break;
        case 3:
          text.resize(at);
          break;
        case 4:
          text.insert(at, std::string(1 + any(300), text[at]));
          break;
        case 5: {
          constexpr const char* kPieces[] = {
              "\r\n", "\r\n\r\n", "%00", "../",   "99999999999999999999", "-1", "\0x", "{", "[[[[",
              "NaN",  "chunked",  ": ",  "1e999", "Content-Length: 7\r\n"};
          text.insert(at, kPieces[any(std::size(kPieces))]);
          break;
        }
        case 6:
          text += seeds[any(seeds.size())];
          break;
        default:
          text[at] = static_cast<char>(text[at] ^ (1 << dice.between(0, 7)));
      }
    }
    Client client(port);
    ASSERT_TRUE(client.connected()) << round;
    client.send(text);
    client.end_sending();
    const Answer answer = client.read(10);
    if (answer.status != 0) ++answered;
    if (answer.status == 200) ++fine;
    EXPECT_TRUE(answer.status == 0 ||
                (answer.status >= 200 && answer.status < 600 && answer.status != 500))
        << round << ": " << answer.status << answer.body;
    EXPECT_TRUE(client.closed(10)) << round;
  }
  EXPECT_EQ(ask(port, "GET", "/healthz").status, 200);
  std::printf("%ld requests, %ld answered, %ld of them with 200\n", rounds, answered, fine);
}

}  // namespace
}  // namespace isoform
