#include "isoform/serve/model_server.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>

#include "isoform/run/table_scores.h"
#include "isoform/serve/openapi.h"
#include "serve/model_server_case.h"
#include "table/tables.h"
#include "tests/support/random_table.h"

namespace isoform {
namespace {

using namespace isoform::test;
using isoform::testing::RandomTable;
using isoform::testing::table_model;
using isoform::testing::table_run;
using isoform::testing::TableFile;

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
  EXPECT_EQ(ask("POST", path, std::string(8'000'000, ' ') + std::string(1'000'000, ' ')).status,
            413);
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
      R"(isoform_requests_total{method="POST",route="/v1/models/{name}/predict",code="200"} 3)",
      R"(isoform_requests_total{method="",route="",code="404"} 1)",
      R"(isoform_batch_samples_sum{model="net"} 12)",
      R"(isoform_batch_samples_count{model="net"} 3)",
      R"(isoform_changes_total{model="net",kind="grow"} 1)",
      R"(isoform_model_version{model="net"} 2)",
      R"(isoform_connections 1)",
      R"(isoform_request_seconds_count{method="POST",route="/v1/models/{name}/predict"} 3)"};
  // A client has its answer before the server has seen the connection end: that is counted a moment later.
  std::string text;
  const auto has = [&](const std::string& line) { return text.find(line + "\n") != text.npos; };
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
