// The interface for C beside the library that is behind it.
#include <gmock/gmock.h>

#include <cstdlib>
#include <sstream>
#include <thread>

#include "io/general_models.h"
#include "isoform/base/version.h"
#include "isoform/c/isoform.h"
#include "isoform/io/model_file.h"
#include "tests/support/c_program.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::HasSubstr;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// A model in a file, opened through C.
struct Opened {
  explicit Opened(const Model<float>& which) : model(which) {
    folder.write("m.safetensors", serialise_model(which));
    path = folder.path("m.safetensors");
    EXPECT_EQ(isoform_open(path.c_str(), 2, &handle), ISOFORM_OK) << isoform_error();
  }
  ~Opened() { isoform_close(handle); }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;

  Model<float> model;
  CProgram folder;
  std::string path;
  isoform_model* handle = nullptr;
};

Matrix<float> raw_samples(Index inputs, Index samples) {
  return Dice(3, 150).normals<float>(inputs, samples, 50);
}

TEST(C, AnswersWhatTheLibraryAnswers) {
  Opened m(layered_model<float>({{5, 3, 4}, {12, 9}, {4, 2, 3}}, 3));
  EXPECT_STREQ(isoform_version(), version().c_str());
  ASSERT_EQ(isoform_tasks(m.handle), 3U);
  EXPECT_EQ(isoform_layers(m.handle), 2U);
  EXPECT_EQ(isoform_width(m.handle, 1), 12U);
  EXPECT_EQ(isoform_parameters(m.handle),
            static_cast<std::size_t>(m.model.network.parameter_count()));
  const Matrix<float> raw = raw_samples(12, 600);
  for (std::size_t task = 0; task < 3; ++task) {
    EXPECT_EQ(isoform_task_name(m.handle, task), m.model.tasks[task].name);
    const Route route = m.model.route(task);
    Matrix<float> own(0, raw.cols()), x = Matrix<float>::Zero(12, raw.cols());
    for (const int id : route.inputs) {
      const RowRange rows = m.model.rows_of_input(id);
      const Index n = rows.end - rows.begin;
      own.conservativeResize(own.rows() + n, Eigen::NoChange);
      own.bottomRows(n) = raw.middleRows(rows.begin, n);
      x.middleRows(rows.begin, n) = own.bottomRows(n);
      View<float> part = x.middleRows(rows.begin, n);
      m.model.standardise(part, id);
    }
    ASSERT_EQ(isoform_inputs(m.handle, task), static_cast<std::size_t>(own.rows()));
    const auto outputs = static_cast<Index>(isoform_outputs(m.handle, task));
    EXPECT_EQ(isoform_output_name(m.handle, task, 1), m.model.tasks[task].outputs[1]);
    const auto engine = create_engine<float>({.name = "reference", .threads = 1});
    Pass<float> pass;
    pass.prepare(m.model.network, x.cols(), route);
    pass.set_input(x);
    forward(m.model.network, *engine, pass);
    const Matrix<float> truth = pass.z(route.outputs.front());
    Matrix<float> y(outputs, raw.cols()), answers = y;
    ASSERT_EQ(isoform_predict(m.handle, task, own.data(), 600, y.data()), ISOFORM_OK);
    EXPECT_STREQ(isoform_error(), "");
    EXPECT_LE((y - truth).norm(), 1e-6F * truth.norm());
    ASSERT_EQ(isoform_answer(m.handle, task, own.data(), 600, answers.data()), ISOFORM_OK);
    for (Index j = 0; j < y.cols(); ++j) {
      const Vector<float> e = (y.col(j).array() - y.col(j).maxCoeff()).exp();
      EXPECT_LE((answers.col(j) - e / e.sum()).norm(), 1e-6F);
    }
  }
}

TEST(C, ChangesTheFormAndSaves) {
  Opened m(random_model<float>(chain_of({6, 20, 16, 3}, 4), 8));
  const Matrix<float> x = raw_samples(6, 300);
  Matrix<float> before(3, 300), after(3, 300);
  ASSERT_EQ(isoform_predict(m.handle, 0, x.data(), 300, before.data()), ISOFORM_OK);
  for (const std::size_t layer : {1, 2}) {
    ASSERT_EQ(isoform_rotate(m.handle, layer, 5), ISOFORM_OK) << isoform_error();
  }
  ASSERT_EQ(isoform_predict(m.handle, 0, x.data(), 300, after.data()), ISOFORM_OK);
  EXPECT_NE(before, after);
  EXPECT_LE((before - after).norm(), 2e-6F * before.norm());
  const std::size_t parameters = isoform_parameters(m.handle);
  double change = -1;
  ASSERT_EQ(isoform_shrink(m.handle, 0, x.data(), 300, 0.2, &change), ISOFORM_OK)
      << isoform_error();
  EXPECT_LT(isoform_parameters(m.handle), parameters);
  EXPECT_GT(change, 0);
  EXPECT_LE(change, 0.2);
  EXPECT_LT(isoform_width(m.handle, 1) + isoform_width(m.handle, 2), 36U);
  ASSERT_EQ(isoform_predict(m.handle, 0, x.data(), 300, before.data()), ISOFORM_OK);
  const std::string path = m.folder.path("smaller.safetensors");
  ASSERT_EQ(isoform_save(m.handle, path.c_str()), ISOFORM_OK);
  isoform_model* again = nullptr;
  ASSERT_EQ(isoform_open(path.c_str(), 1, &again), ISOFORM_OK);
  ASSERT_EQ(isoform_predict(again, 0, x.data(), 300, after.data()), ISOFORM_OK);
  EXPECT_EQ(before, after);
  isoform_close(again);
  EXPECT_EQ(isoform_shrink(m.handle, 0, x.data(), 300, 1e-9, &change), ISOFORM_FAILED);
  EXPECT_THAT(isoform_error(), HasSubstr("shrink: nothing can go within 1e-09"));
}

TEST(C, SaysWhatIsWrong) {
  Opened m(random_model<float>(chain_of({6, 8, 3}, 4), 8));
  float x[6] = {0}, y[3];
  const auto expect = [](isoform_status got, isoform_status code, const char* says) {
    EXPECT_EQ(got, code);
    EXPECT_THAT(isoform_error(), HasSubstr(says));
  };
  isoform_model* none = m.handle;
  expect(isoform_open("no/such/file", 1, &none), ISOFORM_FILE, "no/such/file");
  EXPECT_EQ(none, nullptr);
  m.folder.write("text", "no model");
  expect(isoform_open(m.folder.path("text").c_str(), 1, &none), ISOFORM_FORMAT, "text");
  expect(isoform_open(nullptr, 1, &none), ISOFORM_USAGE, "open: needs a path, got NULL");
  expect(isoform_open(m.path.c_str(), 1, nullptr), ISOFORM_USAGE, "a place for the model");
  expect(isoform_open(m.path.c_str(), -1, &none), ISOFORM_USAGE, "got -1");
  expect(isoform_predict(nullptr, 0, x, 1, y), ISOFORM_USAGE, "predict: needs a model, got NULL");
  expect(isoform_predict(m.handle, 1, x, 1, y), ISOFORM_USAGE, "predict: tasks are 0 to 0, got 1");
  expect(isoform_predict(m.handle, 0, nullptr, 1, y), ISOFORM_USAGE, "needs samples");
  expect(isoform_answer(m.handle, 0, x, 1, nullptr), ISOFORM_USAGE, "a place for answers");
  expect(isoform_rotate(m.handle, 0, 1), ISOFORM_USAGE, "hidden layers are 1 to 1, got 0");
  expect(isoform_rotate(m.handle, 2, 1), ISOFORM_USAGE, "got 2");
  expect(isoform_shrink(m.handle, 0, nullptr, 9, 0.1, nullptr), ISOFORM_USAGE, "needs samples");
  expect(isoform_shrink(m.handle, 0, x, 1, -1, nullptr), ISOFORM_USAGE, "");
  EXPECT_STRNE(isoform_error(), "");
  expect(isoform_save(m.handle, "no/such/folder/m"), ISOFORM_FILE, "no/such/folder");
  std::thread([] { EXPECT_STREQ(isoform_error(), "") << "each thread has its own"; }).join();
  EXPECT_STRNE(isoform_error(), "");
  EXPECT_EQ(isoform_predict(m.handle, 0, nullptr, 0, nullptr), ISOFORM_OK);
  EXPECT_STREQ(isoform_error(), "");
  for (isoform_model* model : {m.handle, static_cast<isoform_model*>(nullptr)}) {
    EXPECT_EQ(isoform_task_name(model, 7), nullptr);
    EXPECT_EQ(isoform_inputs(model, 7), 0U);
    EXPECT_EQ(isoform_input_name(model, 0, 100), nullptr);
    EXPECT_EQ(isoform_outputs(model, 7), 0U);
    EXPECT_EQ(isoform_output_name(model, 0, 100), nullptr);
    EXPECT_EQ(isoform_width(model, 0), 0U);
    EXPECT_EQ(isoform_width(model, 9), 0U);
  }
  EXPECT_EQ(isoform_tasks(nullptr), 0U);
  isoform_close(nullptr);
}

TEST(C, ShowsItsOwnNamesAlone) {
  const std::string library = environment("ISOFORM_C_LIBRARY");
  if (library.empty()) GTEST_SKIP() << "run through ctest";
  const CProgram folder;
  std::istringstream lines(folder.run("nm -D --defined-only '" + library + "'", true));
  int names = 0;
  for (std::string line; std::getline(lines, line);) {
    const std::string name = line.substr(line.rfind(' ') + 1);
    if (name.starts_with("ISOFORM_C_0")) continue;
    EXPECT_TRUE(name.starts_with("isoform_")) << name;
    ++names;
  }
  EXPECT_EQ(names, 18);
}

TEST(C, ServesAProgramInC) {
  const std::string client = environment("ISOFORM_C_CLIENT");
  if (client.empty()) GTEST_SKIP() << "run through ctest";
  const Opened m(random_model<float>(chain_of({6, 8, 3}, 4), 8));
  EXPECT_EQ(m.folder.run("'" + client + "' m.safetensors", true), "isoform " + version() + "\n");
}

}  // namespace
}  // namespace isoform
