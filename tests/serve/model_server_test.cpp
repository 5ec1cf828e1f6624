#include "isoform/serve/model_server.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>

#include "isoform/run/table_scores.h"
#include "isoform/serve/openapi.h"
#include "serve/models.h"
#include "table/tables.h"
#include "tests/support/random_table.h"

namespace isoform {
namespace {

using namespace isoform::test;
using isoform::testing::RandomTable;
using isoform::testing::table_model;
using isoform::testing::table_run;
using isoform::testing::TableFile;
using nlohmann::json;

class ModelServerTest : public ::testing::Test {
 protected:
  void start(ServeSettings settings = {}) {
    server_ = std::make_unique<ModelServer>(settings);
    server_->add("net", classifier());
    for (auto& [name, model] : others_) server_->add(name, model);
    server_->start();
  }
  Answer ask(const std::string& method, const std::string& path, const std::string& body = {},
             const std::map<std::string, std::string>& headers = {}) {
    return test::ask(server_->http().port(), method, path, body, headers);
  }
  json good(const std::string& method, const std::string& path, const std::string& body = {}) {
    const Answer answer = ask(method, path, body);
    EXPECT_EQ(answer.status, 200) << method << " " << path << ": " << answer.body;
    return json::parse(answer.body, nullptr, false);
  }
  // The status and sentence of what is refused.
  std::string refused(int status, const std::string& path, const std::string& body) {
    const Answer answer = ask("POST", path, body);
    EXPECT_EQ(answer.status, status) << body << ": " << answer.body;
    const json told = json::parse(answer.body, nullptr, false);
    return told.is_object() ? told.value("error", "") : "";
  }
  Matrix<float> predicted(const Matrix<float>& x) {
    const json answer = good("POST", "/v1/models/net/predict", inputs_json(x));
    Matrix<float> y(static_cast<Index>(answer["outputs"][0].size()), x.cols());
    for (Index j = 0; j < x.cols(); ++j) {
      for (Index i = 0; i < y.rows(); ++i) y(i, j) = answer["outputs"][j][i].get<float>();
    }
    return y;
  }

  std::unique_ptr<ModelServer> server_;
  std::vector<std::pair<std::string, Model<float>>> others_;
};

TEST_F(ModelServerTest, PredictsClassesWithProbabilities) {
  start();
  const Matrix<float> x = random_inputs(1, 6, 5), y = truth_of(classifier(), x);
  const json answer = good("POST", "/v1/models/net/predict", inputs_json(x));
  EXPECT_EQ(answer["model"], "net");
  EXPECT_EQ(answer["version"], 1);
  for (Index j = 0; j < 5; ++j) {
    Index best = 0;
    y.col(j).maxCoeff(&best);
    EXPECT_EQ(answer["predictions"][j], std::string(1, static_cast<char>('a' + best)));
    double sum = 0;
    for (Index i = 0; i < 3; ++i) {
      EXPECT_NEAR(answer["outputs"][j][i].get<double>(), y(i, j), 1e-5);
      sum += answer["probabilities"][j][i].get<double>();
    }
    EXPECT_NEAR(sum, 1, 1e-5);
  }
}

TEST_F(ModelServerTest, TakesAndGivesRawFloats) {
  start();
  const Matrix<float> x = random_inputs(2, 6, 700), y = truth_of(classifier(), x);
  const std::string body(reinterpret_cast<const char*>(x.data()),
                         static_cast<std::size_t>(x.size()) * 4);
  const Answer answer =
      ask("POST", "/v1/models/net/predict", body,
          {{"Content-Type", "application/octet-stream"}, {"Accept", "application/octet-stream"}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("x-isoform-version"), "1");
  EXPECT_EQ(answer.headers.at("x-isoform-shape"), "700,3");
  ASSERT_EQ(answer.body.size(), static_cast<std::size_t>(y.size()) * 4);
  Matrix<float> got(3, 700);
  std::memcpy(got.data(), answer.body.data(), answer.body.size());
  EXPECT_LT((got - y).norm() / y.norm(), 1e-6F);
  const Answer text = ask("POST", "/v1/models/net/predict", body.substr(0, 24),
                          {{"Content-Type", "application/octet-stream"}});
  EXPECT_EQ(json::parse(text.body)["outputs"].size(), 1U);
}

TEST_F(ModelServerTest, SaysWhatIsWrongWithSamples) {
  start();
  const std::string path = "/v1/models/net/predict";
  EXPECT_EQ(refused(422, path, R"({"inputs":[[1,2,3,4,5,6],[1,2]]})"),
            "inputs[1]: needs 6 numbers, got 2");
  EXPECT_EQ(refused(422, path, R"({"inputs":[[1,2,3,4,5,"x"]]})"),
            "inputs[0][5]: needs a finite number of at most 3.4e38");
  EXPECT_NE(refused(422, path, R"({"inputs":[[1,2,3,4,5,1e300]]})"), "");
  EXPECT_NE(refused(400, path, R"({"inputs":[[1,2,3,4,5,1e999]]})"), "");
  EXPECT_NE(refused(400, path, R"({"inputs":[[1,2,3,4,5,NaN]]})"), "");
  EXPECT_NE(refused(422, path, R"({"inputs":[]})"), "");
  EXPECT_NE(refused(422, path, R"({"inputs":5})"), "");
  EXPECT_NE(refused(422, path, R"({})"), "");
  EXPECT_NE(refused(400, path, R"([])"), "");
  EXPECT_NE(refused(400, path, R"({"inputs":[[1,2,3,4,5,6]],"inputs":[]})"), "");
  EXPECT_NE(refused(400, path, R"({"imputs":[]})"), "");
  EXPECT_NE(refused(422, path, R"({"rows":[{"x":1}]})"), "");
  EXPECT_NE(refused(404, path, R"({"inputs":[[1,2,3,4,5,6]],"task":"digits"})"), "");
  EXPECT_NE(refused(404, "/v1/models/nit/predict", R"({"inputs":[[1,2,3,4,5,6]]})")
                .find("did you mean net?"),
            std::string::npos);
  EXPECT_NE(refused(400, path, std::string(100000, '[')), "");
  EXPECT_NE(refused(400, path, ""), "");
  EXPECT_EQ(ask("POST", path, std::string(9'000'000, ' ')).status, 413);
  float bad[6] = {1, 2, 3, 4, 5, std::numeric_limits<float>::quiet_NaN()};
  const std::string bytes(reinterpret_cast<const char*>(bad), 24);
  const Answer nan = ask("POST", path, bytes, {{"Content-Type", "application/octet-stream"}});
  EXPECT_EQ(nan.status, 422);
  EXPECT_NE(nan.body.find("sample 0, value 5"), std::string::npos);
  EXPECT_EQ(
      ask("POST", path, bytes.substr(1), {{"Content-Type", "application/octet-stream"}}).status,
      422);
}

TEST_F(ModelServerTest, ReadsRowsOfTables) {
  for (const TargetKind kind : {TargetKind::classes, TargetKind::labels, TargetKind::numbers}) {
    others_.clear();
    const RandomTable table{.kind = kind, .rows = 60};
    const auto rows = table.write(1);
    const TableFile file(rows);
    const RunSettings settings = table_run(file.path(), table);
    const TableData data = read_table(settings);
    others_.emplace_back("table", table_model<float>(settings, data));
    start();
    json asked = json::array();
    for (std::size_t i = 1; i <= 20; ++i) {
      json one;
      for (std::size_t k = 0; k < 3; ++k) {
        const std::string& field = rows[i][k];
        one[rows[0][k]] = field.empty()         ? json()
                          : k < 2 && i % 2 == 0 ? json(std::stod(field))
                                                : json(field);
      }
      asked.push_back(one);
    }
    const json answer = good("POST", "/v1/models/table/predict", json{{"rows", asked}}.dump());
    const auto engine = create_engine<float>({"cpu", 1});
    const Matrix<double> truth = table_answers(others_.front().second, data.rows.data, *engine);
    for (std::size_t j = 0; j < 20; ++j) {
      for (Index i = 0; i < truth.rows(); ++i) {
        const double want = truth(i, static_cast<Index>(j));
        if (kind == TargetKind::numbers) {
          EXPECT_NEAR(answer["predictions"][j].get<double>(), want, 1e-4 * std::abs(want) + 1e-4);
        } else {
          EXPECT_NEAR(answer["probabilities"][j][i].get<double>(), want, 1e-5);
        }
      }
      if (kind == TargetKind::labels) {
        EXPECT_EQ(
            answer["predictions"][j].size(),
            static_cast<std::size_t>((truth.col(static_cast<Index>(j)).array() > 0.5).count()));
      }
    }
    const std::string path = "/v1/models/table/predict";
    EXPECT_NE(refused(422, path, R"({"rows":[{"x1":1,"x2":2,"city":"city 0","x9":1}]})")
                  .find("rows[0], column 'x9'"),
              std::string::npos);
    EXPECT_NE(refused(422, path, R"({"rows":[{"x1":1,"x2":2}]})").find("null"), std::string::npos);
    EXPECT_NE(refused(422, path, R"({"rows":[{"x1":"much","x2":2,"city":"city 0"}]})").find("x1"),
              std::string::npos);
    EXPECT_NE(refused(422, path, R"({"rows":[{"x1":[1],"x2":2,"city":"city 0"}]})"), "");
    const json unseen = good("POST", path, R"({"rows":[{"x1":null,"x2":2,"city":"nowhere"}]})");
    EXPECT_EQ(unseen["notes"].size(), 2U) << unseen;
  }
}

TEST_F(ModelServerTest, Describes) {
  start();
  const json list = good("GET", "/v1/models");
  ASSERT_EQ(list["models"].size(), 1U);
  EXPECT_EQ(list["models"][0]["widths"], json({6, 16, 16, 3}));
  const json one = good("GET", "/v1/models/net");
  EXPECT_EQ(one["tasks"][0]["classes"], json({"a", "b", "c"}));
  EXPECT_EQ(one["parameters"], classifier().network.parameter_count());
  EXPECT_EQ(ask("GET", "/v1/models/no").status, 404);
  EXPECT_EQ(good("GET", "/healthz")["status"], "ok");
  EXPECT_EQ(good("GET", "/readyz")["ready"], true);
  server_->drain();
  EXPECT_EQ(ask("GET", "/readyz").status, 503);
  EXPECT_EQ(ask("GET", "/healthz").status, 200);
}

TEST_F(ModelServerTest, EditsKeepTheFunctionThatTheyPromise) {
  start();
  const Matrix<float> x = random_inputs(3, 6, 100), before = predicted(x);
  const std::string path = "/v1/models/net/edit";
  json told = good("POST", path, R"({"grow":{"space":1,"by":8}})");
  EXPECT_EQ(told["version"], 2);
  EXPECT_EQ(told["widths"], json({6, 24, 16, 3}));
  EXPECT_LT((predicted(x) - before).norm(), 1e-5F * before.norm());
  told = good("POST", path, R"({"rotate":{"space":2,"kind":"random","seed":3}})");
  EXPECT_LT((predicted(x) - before).norm(), 1e-5F * before.norm());
  told = good("POST", path, R"({"append_class":{"name":"d"}})");
  EXPECT_EQ(told["version"], 4);
  const Matrix<float> four = predicted(x);
  EXPECT_EQ(four.rows(), 4);
  EXPECT_EQ(four.row(3).cwiseAbs().maxCoeff(), 0.0F);
  EXPECT_EQ(good("GET", "/v1/models/net")["tasks"][0]["classes"], json({"a", "b", "c", "d"}));
  told = good("POST", path, R"({"shrink":{"widths":[16,12]}})");
  EXPECT_EQ(told["widths"], json({6, 16, 12, 4}));
  EXPECT_EQ(told["judged_on"], "256 inputs that were asked lately");
  told =
      good("POST", path,
           json{{"shrink", {{"tolerance", 0.1}}}, {"inputs", json::parse(inputs_json(x))["inputs"]}}
               .dump());
  EXPECT_EQ(told["judged_on"], "100 samples of the request");
  EXPECT_LT(told["parameters"], told["parameters_before"]);
  told = good("POST", path, R"({"shrink":{"parameters":150}})");
  EXPECT_LE(told["parameters"], 150);
  EXPECT_EQ(told["version"], 7);
  EXPECT_EQ(good("POST", "/v1/models/net/rollback", "{}")["version"], 6);
  EXPECT_EQ(good("POST", "/v1/models/net/predict", inputs_json(x))["version"], 6);
  EXPECT_EQ(good("POST", path, R"({"grow":{"space":1,"by":1}})")["version"], 8);
}

TEST_F(ModelServerTest, RefusesEditsThatDoNotFitAndChangesNothing) {
  start();
  const std::string path = "/v1/models/net/edit";
  for (const char* body :
       {R"({})", R"({"grow":{"space":9,"by":1}})", R"({"grow":{"space":1,"by":0}})",
        R"({"grow":{"space":1,"by":1000000}})", R"({"grow":{"by":1}})", R"({"grow":5})",
        R"({"grow":{"space":1,"by":1,"more":1}})",
        R"({"grow":{"space":1,"by":1},"rotate":{"space":1}})", R"({"shrink":{}})",
        R"({"shrink":{"widths":[1,2,3]}})", R"({"shrink":{"widths":[0,2]}})",
        R"({"shrink":{"tolerance":-1}})", R"({"shrink":{"tolerance":0.1,"widths":[8,8]}})",
        R"({"shrink":{"parameters":1}})", R"({"append_class":{"name":"a"}})",
        R"({"append_class":{}})", R"({"append_class":{"name":"two\nlines"}})",
        R"({"rotate":{"space":1,"kind":"up"}})", R"({"shrink":{"widths":[8,8]},"inputs":[[1]]})"}) {
    EXPECT_NE(refused(422, path, body), "") << body;
  }
  EXPECT_NE(refused(400, path, R"({"undo":{}})"), "");
  EXPECT_NE(refused(409, path, R"({"shrink":{"tolerance":0}})"), "");
  EXPECT_NE(refused(409, "/v1/models/net/rollback", "{}"), "");
  EXPECT_EQ(good("GET", "/v1/models/net")["version"], 1);
}

TEST_F(ModelServerTest, SwapsModelFiles) {
  start();
  const Matrix<float> x = random_inputs(4, 6, 10);
  const Model<float> other = classifier(9, {6, 20, 3});
  const std::string bytes = serialise_model(other);
  const std::map<std::string, std::string> binary = {{"Content-Type", "application/octet-stream"}};
  EXPECT_EQ(ask("PUT", "/v1/models/net", bytes, binary).status, 200);
  EXPECT_LT((predicted(x) - truth_of(other, x)).norm(), 1e-5F);
  const Answer file = ask("GET", "/v1/models/net/file");
  EXPECT_EQ(file.body, bytes);
  EXPECT_EQ(file.headers.at("x-isoform-version"), "2");
  for (const std::string& bad :
       {std::string("nonsense"), bytes.substr(0, bytes.size() / 2), bytes + "x", std::string()}) {
    const Answer answer = ask("PUT", "/v1/models/net", bad, binary);
    EXPECT_EQ(answer.status, 422) << answer.body;
  }
  EXPECT_EQ(ask("PUT", "/v1/models/net", "{}").status, 415);
  EXPECT_EQ(ask("PUT", "/v1/models/new", bytes, binary).status, 404);
  EXPECT_LT((predicted(x) - truth_of(other, x)).norm(), 1e-5F);
}

TEST_F(ModelServerTest, LearnsAndKeepsWhatIsBetter) {
  ServeSettings settings;
  settings.learn = true;
  settings.learner.rate = 0.01;
  settings.learner.passes = 8;
  start(settings);
  // Class by the sign of the first value, else by the second.
  const auto lesson = [](std::uint64_t seed, bool right) {
    const Matrix<float> x = random_inputs(seed, 6, 100);
    json labels = json::array();
    for (Index j = 0; j < x.cols(); ++j) {
      const int k = x(0, j) > 0 ? 0 : x(1, j) > 0 ? 1 : 2;
      labels.push_back(std::string(1, static_cast<char>('a' + (right ? k : (k + 1) % 3))));
    }
    json body = json::parse(inputs_json(x));
    body["labels"] = labels;
    return body;
  };
  const auto share = [&] {
    const json body = lesson(77, true);
    const json answer =
        good("POST", "/v1/models/net/predict", json{{"inputs", body["inputs"]}}.dump());
    int right = 0;
    for (std::size_t j = 0; j < 100; ++j)
      right += answer["predictions"][j] == body["labels"][j] ? 1 : 0;
    return right;
  };
  for (std::uint64_t i = 0; i < 12; ++i) {
    const json told = good("POST", "/v1/models/net/learn", lesson(10 + i, true).dump());
    EXPECT_EQ(told["learned"], 80);
  }
  EXPECT_GE(share(), 85);
  const json version = good("GET", "/v1/models/net")["version"];
  // What is wrong makes the loss on the samples that are kept worse, and is not published.
  json poison = lesson(50, false);
  const json told = good("POST", "/v1/models/net/learn", poison.dump());
  EXPECT_EQ(told["published"], false) << told;
  EXPECT_GT(told["loss_after"], told["loss_before"]);
  EXPECT_EQ(good("GET", "/v1/models/net")["version"], version);
  EXPECT_GE(share(), 85);
  // New classes are refused, or appended.
  json wider = lesson(60, true);
  for (std::size_t j = 0; j < 100; j += 3) wider["labels"][j] = "z";
  EXPECT_NE(refused(422, "/v1/models/net/learn", wider.dump()).find("labels[0]"),
            std::string::npos);
  wider["append_new_classes"] = true;
  const json appended = good("POST", "/v1/models/net/learn", wider.dump());
  if (appended["published"] == true) {
    EXPECT_EQ(appended["appended"], json({"z"}));
    EXPECT_EQ(good("GET", "/v1/models/net")["tasks"][0]["outputs"], 4);
    good("POST", "/v1/models/net/rollback", "{}");
  }
  good("POST", "/v1/models/net/learn", lesson(61, true).dump());
  EXPECT_NE(refused(422, "/v1/models/net/learn", R"({"inputs":[[1,2,3,4,5,6]],"labels":[]})"), "");
  EXPECT_NE(refused(422, "/v1/models/net/learn", R"({"inputs":[[1,2,3,4,5,6]]})"), "");
}

// Finite values may be too large for float32 inside: they must not answer, judge or be remembered.
TEST_F(ModelServerTest, ValuesThatOverflowAreRefusedAndLeaveNothing) {
  ServeSettings settings;
  settings.learn = true;
  start(settings);
  Model<float> steep = classifier();
  steep.network.map(steep.network.maps().front().id).a *= 1000.0F;
  ASSERT_EQ(ask("PUT", "/v1/models/net", serialise_model(steep),
                {{"Content-Type", "application/octet-stream"}})
                .status,
            200);
  json huge = {{"inputs", json::array()}, {"labels", json::array()}};
  for (int j = 0; j < 80; ++j) {
    huge["inputs"].push_back(std::vector<float>(6, j == 3 ? 3e38F : 1.0F));
    huge["labels"].push_back("a");
  }
  const std::string inputs = json{{"inputs", huge["inputs"]}}.dump();
  EXPECT_NE(refused(422, "/v1/models/net/predict", inputs).find("inputs[3]"), std::string::npos);
  EXPECT_NE(refused(422, "/v1/models/net/learn", huge.dump()), "");
  for (int i = 0; i < 2; ++i)
    good("POST", "/v1/models/net/predict", inputs_json(random_inputs(9, 6, 64)));
  good("POST", "/v1/models/net/edit", R"({"shrink":{"tolerance":0.05}})");
  json lesson = json::parse(inputs_json(random_inputs(5, 6, 50)));
  lesson["labels"] = json::array();
  for (int j = 0; j < 50; ++j) lesson["labels"].push_back("b");
  const json told = good("POST", "/v1/models/net/learn", lesson.dump());
  EXPECT_EQ(told["published"], true) << told;
  EXPECT_TRUE(told["loss_before"].is_number()) << told;
  json edit = json::parse(inputs);
  edit["shrink"] = {{"tolerance", 0.05}};
  EXPECT_NE(refused(422, "/v1/models/net/edit", edit.dump()).find("inputs[3]"), std::string::npos);
}

TEST_F(ModelServerTest, DoesNotLearnUnlessTold) {
  start();
  EXPECT_NE(refused(403, "/v1/models/net/learn", R"({"inputs":[[1,2,3,4,5,6]],"labels":["a"]})"),
            "");
}

TEST_F(ModelServerTest, OpenApiNamesEveryRoute) {
  start();
  const json document = good("GET", "/openapi.json");
  std::size_t operations = 0;
  for (const auto& [path, methods] : document["paths"].items()) operations += methods.size();
  const auto routes = server_->http().routes();
  EXPECT_EQ(operations, routes.size());
  for (const auto& [method, path] : routes) {
    std::string lower = method;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    ASSERT_TRUE(document["paths"].contains(path)) << path;
    EXPECT_TRUE(document["paths"][path].contains(lower)) << path << lower;
  }
  // What is referred to is there, and answers have the fields that are described.
  const std::string text = document.dump();
  for (std::size_t at = text.find("#/components/schemas/"); at != text.npos;
       at = text.find("#/components/schemas/", at + 1)) {
    const std::size_t end = text.find('"', at);
    EXPECT_TRUE(document["components"]["schemas"].contains(text.substr(at + 21, end - at - 21)));
  }
  const auto described = [&](const json& answer, const char* schema) {
    for (const auto& [key, value] : answer.items()) {
      EXPECT_TRUE(document["components"]["schemas"][schema]["properties"].contains(key))
          << schema << "." << key;
    }
  };
  described(good("GET", "/v1/models/net"), "Model");
  described(good("POST", "/v1/models/net/predict", inputs_json(random_inputs(1, 6, 2))), "Answer");
  described(good("POST", "/v1/models/net/edit", R"({"grow":{"space":1,"by":8}})"), "Edited");
  described(good("POST", "/v1/models/net/rollback", "{}"), "Published");
}

TEST_F(ModelServerTest, CountsForPrometheus) {
  start();
  for (int i = 0; i < 3; ++i) predicted(random_inputs(1, 6, 4));
  ask("GET", "/nothing");
  good("POST", "/v1/models/net/edit", R"({"grow":{"space":1,"by":8}})");
  const std::vector<std::string> lines = {
      "isoform_requests_total{method=\"POST\",route=\"/v1/models/{name}/predict\",code=\"200\"} "
      "3\n",
      "isoform_requests_total{method=\"\",route=\"\",code=\"404\"} 1\n",
      "isoform_batch_samples_sum{model=\"net\"} 12\n",
      "isoform_batch_samples_count{model=\"net\"} 3\n",
      "isoform_changes_total{model=\"net\",kind=\"grow\"} 1\n",
      "isoform_model_version{model=\"net\"} 2\n",
      "isoform_connections 1\n",
      "isoform_request_seconds_count{method=\"POST\",route=\"/v1/models/{name}/predict\"} 3\n"};
  // A client has its answer before the server has seen the connection end: that is counted a moment later.
  std::string text;
  const auto has = [&](const std::string& line) { return text.find(line) != text.npos; };
  for (int i = 0; i < 200; ++i) {
    text = ask("GET", "/metrics").body;
    if (std::all_of(lines.begin(), lines.end(), has)) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
  }
  for (const std::string& line : lines) EXPECT_TRUE(has(line)) << line << text;
}

TEST_F(ModelServerTest, TokensGuardEveryRouteThatIsNotOpen) {
  ServeSettings settings;
  settings.access.token = "read";
  settings.access.control_token = "write";
  start(settings);
  const std::vector<std::string> open = {"/openapi.json", "/healthz", "/readyz"};
  for (auto [method, path] : server_->http().routes()) {
    const bool is_open = std::find(open.begin(), open.end(), path) != open.end();
    if (const std::size_t at = path.find("{name}"); at != path.npos) path.replace(at, 6, "net");
    EXPECT_EQ(ask(method, path, "{}").status, is_open ? 200 : 401) << path;
    const bool control = method == "PUT" || path.ends_with("/edit") ||
                         path.ends_with("/rollback") || path.ends_with("/learn") ||
                         path.ends_with("/file");
    if (!control) continue;
    EXPECT_EQ(ask(method, path, "{}", {{"Authorization", "Bearer read"}}).status, 403) << path;
  }
}

TEST_F(ModelServerTest, NamesAreUniqueAndPlain) {
  ModelServer server({});
  server.add("net", classifier());
  EXPECT_THROW(server.add("net", classifier()), UsageError);
  for (const char* name : {"", "a/b", "a\nb"})
    EXPECT_THROW(server.add(name, classifier()), UsageError);
  EXPECT_EQ(name_of_file("models/churn.v2.safetensors"), "churn.v2");
  EXPECT_EQ(name_of_file("models/churn"), "churn");
}

}  // namespace
}  // namespace isoform
