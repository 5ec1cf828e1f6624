// A model as a C header gives what the library gives, from every compiler that is here, and is as clean as it says.
#include "isoform/compile/c_header.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>
#include <sstream>

#include "compile/c_header_models.h"
#include "isoform/base/error.h"
#include "isoform/compile/predictor.h"
#include "tests/support/c_program.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr Index kSamples = 12;

// Raw columns of all inputs: random, all 0, and the mean, which is 0 once standardised.
Matrix<float> raw_inputs(const Model<float>& model, std::uint64_t seed) {
  const Index n = inputs_of(model);
  Matrix<float> x = Dice(seed, 142).normals<float>(n, kSamples);
  for (Index j = 0; j < kSamples; ++j) {
    x.col(j) = x.col(j).cwiseQuotient(model.scale) + model.mean;
  }
  x.col(0).setZero();
  x.col(1) = model.mean;
  return x;
}

template <class T>
Matrix<double> library_answers(const Network<T>& network, const Route& route,
                               const Matrix<float>& standardised) {
  const auto engine = create_engine<T>({.name = "cpu", .threads = 1});
  Predictor<T> predictor(network, route);
  predictor.prepare(standardised.cols());
  const Matrix<T> x = standardised.cast<T>();
  predictor.set_input(x);
  predictor.run(*engine);
  return predictor.output().template cast<double>();
}

// A function of a header, what it is given and what it ought to answer.
struct Question {
  std::string what, header;
  CFunction function;
  std::vector<float> x;  // sample after sample, input after input
  Matrix<double> answer, exact;
};

struct Questions {
  std::vector<Question> all;
  std::vector<std::pair<std::string, std::string>> headers;  // name, text
};

Questions every_question() {
  Questions questions;
  const std::vector<NamedModel> models = models_of_every_kind();
  for (std::size_t i = 0; i < models.size(); ++i) {
    const Model<float>& model = models[i].model;
    const std::string name = fmt::format("m{}", i);
    const CHeader header = c_header(model, {.name = name});
    questions.headers.emplace_back(name, header.text);
    const Matrix<float> raw = raw_inputs(model, i);
    Matrix<float> x = raw;
    model.standardise(x);
    for (std::size_t task = 0; task < header.functions.size(); ++task) {
      const Route route = model.tasks.empty() ? Route{} : model.route(task);
      Question q{models[i].what, name, header.functions[task], {}, {}, {}};
      for (Index j = 0; j < kSamples; ++j) {
        for (const int id : model.network.inputs()) {
          const bool read =
              route.inputs.empty() ||
              std::find(route.inputs.begin(), route.inputs.end(), id) != route.inputs.end();
          const RowRange rows = model.rows_of_input(id);
          for (Index r = rows.begin; read && r < rows.end; ++r) q.x.push_back(raw(r, j));
        }
      }
      q.answer = library_answers(model.network, route, x);
      q.exact = library_answers(cast_network<double>(model.network), route, x);
      questions.all.push_back(std::move(q));
    }
  }
  return questions;
}

// A program that reads all x from a file and writes all y to another.
std::string asker(const Questions& questions) {
  std::string text, calls;
  for (const auto& [name, header] : questions.headers) {
    text += fmt::format("#include \"{}.h\"\n", name);
  }
  text += "#include <stdio.h>\n";
  for (std::size_t i = 0; i < questions.all.size(); ++i) {
    const CFunction& f = questions.all[i].function;
    Index inputs = 0;
    std::string arguments;
    for (const Index n : f.inputs) {
      arguments += fmt::format("x + {}, ", inputs);
      inputs += n;
    }
    text += fmt::format(
        "static int ask{}(FILE *in, FILE *out) {{\n  float x[{}], y[{}];\n"
        "  if (fread(x, sizeof(float), {}, in) != {}) return 1;\n  {}({}y);\n"
        "  return fwrite(y, sizeof(float), {}, out) != {};\n}}\n",
        i, inputs, f.outputs, inputs, inputs, f.symbol, arguments, f.outputs, f.outputs);
    calls += fmt::format("  for (i = 0; i < {}; ++i) bad += ask{}(in, out);\n", kSamples, i);
  }
  return text +
         "int main(void) {\n  int i, bad = 0;\n  FILE *in = fopen(\"x.bin\", \"rb\"), "
         "*out = fopen(\"y.bin\", \"wb\");\n  if (!in || !out) return 2;\n" +
         calls + "  fclose(in);\n  return fclose(out) != 0 || bad;\n}\n";
}

TEST(CHeader, AnswersWhatTheLibraryAnswersFromEveryCompiler) {
  const Questions questions = every_question();
  ASSERT_GE(questions.headers.size(), 40U);
  CProgram program;
  for (const auto& [name, text] : questions.headers) program.write(name + ".h", text);
  program.write("main.c", asker(questions));
  std::string x;
  for (const Question& q : questions.all) {
    x.append(reinterpret_cast<const char*>(q.x.data()), q.x.size() * sizeof(float));
  }
  program.write("x.bin", x);
  for (const std::string compiler : {"gcc", "clang"}) {
    if (!has_command(compiler)) {
      std::printf("[ skipped ] %s is not installed\n", compiler.c_str());
      continue;
    }
    for (const std::string level : {"-O0", "-O2"}) {
      SCOPED_TRACE(compiler + level);
      ASSERT_EQ(program.run(
                    fmt::format("{}{}{} main.c -o main -lm && ./main", compiler, kStrictC, level)),
                "");
      const std::vector<float> y = program.read_floats("y.bin");
      std::size_t at = 0;
      Worst all_samples, one_sample, to_double, library_to_double;
      for (const Question& q : questions.all) {
        ASSERT_LE(at + static_cast<std::size_t>(q.answer.size()), y.size());
        const Matrix<double> answer =
            Eigen::Map<const Matrix<float>>(y.data() + at, q.answer.rows(), q.answer.cols())
                .cast<double>();
        at += static_cast<std::size_t>(q.answer.size());
        all_samples.add(relative(answer, q.answer), q.what);
        for (Index j = 0; j < answer.cols(); ++j) {
          one_sample.add(relative(answer.col(j), q.answer.col(j)), q.what);
          to_double.add(relative(answer.col(j), q.exact.col(j)), q.what);
          library_to_double.add(relative(q.answer.col(j), q.exact.col(j)), q.what);
        }
      }
      EXPECT_EQ(at, y.size());
      measured(fmt::format("c_header_{}{}", compiler, level), all_samples.error);
      measured("c_header_worst_sample", one_sample.error);
      measured("c_header_worst_sample_to_double", to_double.error);
      measured("library_worst_sample_to_double", library_to_double.error);
      EXPECT_LE(all_samples.error, 1e-6) << all_samples.where;
      // Where an answer is what is left of larger numbers, the library's own rounding is as large.
      EXPECT_LE(to_double.error, 2 * library_to_double.error) << to_double.where;
    }
  }
}

// gcc and clang, as C, as C++ and in two files of one program; nothing in it can be written to.
TEST(CHeader, CompilesCleanlyAndHoldsNothingThatChanges) {
  CProgram program;
  const Model<float> model = layered_model<float>({{5, 3}, {12, 9}, {4, 2}}, 3);
  const CHeader header = c_header(model, {.name = "net"});
  program.write("net.h", header.text);
  const std::string use =
      "#include \"net.h\"\nfloat {0}(const float *a, const float *b);\n"
      "float {0}(const float *a, const float *b) {{\n  float y[NET_OUTPUTS_TASK_0], "
      "v[NET_OUTPUTS_TASK_1];\n  net_predict_task_0(a, b, y);\n  net_predict_task_1(b, v);\n"
      "  return y[0] + v[0] + (float)net_classes_task_1[1][0];\n}}\n";
  program.write("one.c", fmt::format(fmt::runtime(use), "one"));
  program.write("two.c", fmt::format(fmt::runtime(use), "two"));
  program.write("one.cpp", fmt::format(fmt::runtime(use), "one"));
  program.write(
      "main.c",
      "float one(const float *, const float *);\nfloat two(const float *, const float *);\n"
      "int main(void) { float a[5] = {0}, b[3] = {0}; return one(a, b) > two(a, b); }\n");
  for (const std::string compiler : {"gcc", "clang"}) {
    if (!has_command(compiler)) continue;
    SCOPED_TRACE(compiler);
    const std::string plus = compiler == "gcc" ? "g++" : "clang++";
    EXPECT_EQ(program.run(compiler + kStrictC + "-O2 one.c two.c main.c -o main -lm && ./main"),
              "");
    EXPECT_EQ(program.run(plus + kStrictCxx + "-O2 -c one.cpp"), "");
    EXPECT_EQ(program.run(compiler + kStrictC +
                          "-DNET_SUM=double '-DNET_CONST=static const "
                          "__attribute__((section(\".flash\")))' -c one.c -o flash.o"),
              "");
    for (const char* flags : {"-O0", "-O2", "-O2 -fPIC"}) {
      ASSERT_EQ(program.run(compiler + kStrictC + flags + " -c one.c -o one.o"), "");
      std::istringstream sizes(program.run("size one.o", true));
      std::string line;
      std::getline(sizes, line);
      Index text = 0, data = -1, bss = -1;
      sizes >> text >> data >> bss;
      EXPECT_GE(text, header.constant_bytes / 2) << "the numbers are in it";
      EXPECT_EQ(data, 0) << flags;
      EXPECT_EQ(bss, 0) << flags;
    }
  }
  for (const char* word : {"malloc", "calloc", "realloc", "free(", "static float", "static char",
                           "static int", "extern", "double"}) {
    EXPECT_THAT(header.text.substr(header.text.find("#ifndef")), Not(HasSubstr(word)));
  }
  std::istringstream lines(header.text);
  for (std::string line; std::getline(lines, line);) {
    if (line.find("#include") != std::string::npos && line.find(" *") != 0) {
      EXPECT_TRUE(line == "#include <math.h>" || line == "#include <stddef.h>") << line;
    }
    if (line.starts_with("static")) {
      EXPECT_TRUE(line.starts_with("static inline")) << line;
    }
    for (const char c : line) EXPECT_TRUE(c >= ' ' && c <= '~') << line;
  }
}

TEST(CHeader, TakesTheStackThatItSays) {
  CProgram program;
  const Model<float> model = random_model<float>(chain_of({300, 290, 20, 10}, 0), 4);
  const CHeader header = c_header(model, {.name = "net"});
  const CFunction& f = header.functions.front();
  EXPECT_EQ(f.stack_bytes, 4 * (301 + 292)) << "two layers at a time";
  EXPECT_THAT(header.text, HasSubstr(fmt::format("{} bytes of stack", f.stack_bytes)));
  program.write("net.h", header.text);
  program.write("one.c",
                "#include \"net.h\"\nfloat one(const float *x);\nfloat one(const float *x) {\n"
                "  float y[NET_OUTPUTS];\n  net_predict(x, y);\n  return y[0];\n}\n");
  ASSERT_EQ(program.run("gcc -std=c99 -O0 -fstack-usage -c one.c"), "");
  std::istringstream lines(program.read("one.su"));
  bool found = false;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t at = line.find(":net_predict\t");
    if (at == std::string::npos) continue;
    found = true;
    EXPECT_LE(std::stol(line.substr(at + 13)), f.stack_bytes + 128);
  }
  EXPECT_TRUE(found);
}

// Names arrive as they are, whatever is in them, and end no comment and no string.
TEST(CHeader, KeepsNamesByteByByte) {
  const std::vector<std::string> names = {"plain",      "say \"hi\"", "back\\slash",  "what?\?/",
                                          "line\nfeed", "é – 日",     "*/ int x; /*", "% @ $ \t7"};
  Model<float> model = random_model<float>(chain_of({4, 6, 8}, 3), 1);
  model.inputs = {{"in */ \"put\"", {"a */", "?\?/", "é", "b\\"}}};
  model.tasks = {{"ta/*sk ?\?/", names}};
  CProgram program;
  program.write("net.h", c_header(model, {.name = "net"}).text);
  program.write("main.c",
                "#include \"net.h\"\n#include <stdio.h>\nint main(void) {\n  size_t i;\n"
                "  for (i = 0; i < NET_OUTPUTS; ++i) if (printf(\"%s|\", net_classes[i]) < 0) "
                "return 1;\n  return 0;\n}\n");
  for (const std::string compiler : {"gcc", "clang"}) {
    if (!has_command(compiler)) continue;
    ASSERT_EQ(program.run(compiler + kStrictC + "main.c -o main -lm && ./main > names"), "");
    std::string expected;
    for (const std::string& name : names) expected += name + "|";
    EXPECT_EQ(program.read("names"), expected);
  }
}

TEST(CHeader, WritesTheTaskThatIsWanted) {
  const Model<float> model = layered_model<float>({{5, 3, 4}, {12, 9}, {4, 2, 3}}, 3);
  const CHeader all = c_header(model, {.name = "net"}), one = c_header(model, {"net", "task 1"});
  ASSERT_EQ(all.functions.size(), 3U);
  EXPECT_EQ(all.functions[2].symbol, "net_predict_task_2");
  ASSERT_EQ(one.functions.size(), 1U);
  EXPECT_EQ(one.functions[0].symbol, "net_predict");
  EXPECT_EQ(one.functions[0].inputs, std::vector<Index>{3});
  EXPECT_EQ(one.functions[0].outputs, 2);
  EXPECT_LT(one.constant_bytes, all.constant_bytes);
  EXPECT_EQ(c_header(model, {.name = "net"}).text, all.text);
}

TEST(CHeader, RefusesWhatIsNoName) {
  EXPECT_EQ(c_name("folder/My-net.v2.h"), "my_net_v2");
  EXPECT_EQ(c_name("1st.h"), "model_1st");
  EXPECT_EQ(c_name("日.h"), "unnamed");
  const Model<float> model = random_model<float>(chain_of({4, 6, 2}), 1);
  for (const char* name :
       {"", "1st", "a-b", "_net", "é", "a b", "a23456789012345678901234567890123456789012"}) {
    try {
      (void)c_header(model, {.name = name});
      FAIL() << name;
    } catch (const UsageError& error) {
      EXPECT_EQ(
          error.what(),
          fmt::format("name: needs a letter, then letters, digits and underscores, 40 at most, "
                      "as it begins names in C; got '{}'",
                      name));
    }
  }
  Model<float> broken = model;
  broken.network.map(0).a(0, 0) = NAN;
  EXPECT_THROW((void)c_header(broken, {}), UsageError);
  EXPECT_THROW((void)c_header(model, {"net", "no task"}), UsageError);
}

}  // namespace
}  // namespace isoform
