// What is served changes: edits, other files, learning.
#include <gtest/gtest.h>

#include "serve/model_server_case.h"

namespace isoform {
namespace {

using namespace isoform::test;

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

}  // namespace
}  // namespace isoform
