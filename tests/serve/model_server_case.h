// A server of models, and questions to it.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "serve/models.h"

namespace isoform::test {

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

}  // namespace isoform::test
