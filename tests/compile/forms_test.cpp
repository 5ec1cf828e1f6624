#include "isoform/compile/forms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/support/networks.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::Contains;
using ::testing::UnorderedElementsAre;

std::vector<std::string> names(const std::vector<Form<double>>& forms) {
  std::vector<std::string> list;
  for (const auto& form : forms) list.push_back(form.name);
  return list;
}

TEST(MeasuredForms, AreThoseThatANetworkHas) {
  const auto engine = create_engine<double>({.threads = 1});
  auto whole = Network<double>::chain({.widths = {20, 24, 24, 24, 5}, .group_size = 0});
  Dice dice(1);
  randomise(whole, dice);
  const auto forms = measured_forms<double>(whole, 3, *engine);
  EXPECT_THAT(names(forms), UnorderedElementsAre("plain", "sparse", "two stages", "one stage"));
  for (std::size_t i = 0; i < forms.size(); ++i) {
    EXPECT_LE(forms[i].difference, 1e-12) << forms[i].name;
    EXPECT_GT(forms[i].seconds, 0);
    if (i > 0) {
      EXPECT_GE(forms[i].seconds, forms[i - 1].seconds) << "fastest first";
    }
  }
  const auto groups = Network<double>::chain({.widths = {20, 24, 24, 5}, .group_size = 4});
  EXPECT_THAT(names(measured_forms<double>(groups, 3, *engine)),
              UnorderedElementsAre("plain", "sparse"));
  EXPECT_THAT(names(measured_forms<double>(graph_network(3), 3, *engine)), Contains("plain"));
}

// Copies share the maps and nothing that a run writes to.
TEST(Predictor, CopiesServeThreadsAtTheSameTime) {
  auto network = Network<double>::chain({.widths = {20, 24, 24, 5}, .group_size = 4});
  Dice dice(2);
  randomise(network, dice);
  Predictor<double> first(network);
  constexpr int kThreads = 4;
  std::vector<Matrix<double>> inputs, wanted, got(kThreads);
  const auto engine = create_engine<double>({.threads = 1});
  for (int i = 0; i < kThreads; ++i) {
    inputs.push_back(random_inputs(static_cast<std::uint64_t>(i), 20, 7));
    wanted.push_back(outputs<double>(network, *engine, inputs.back()));
  }
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i, predictor = first]() mutable {
      const auto own = create_engine<double>({.threads = 1});
      predictor.prepare(7);
      for (int run = 0; run < 200; ++run) {
        predictor.set_input(inputs[i]);
        predictor.run(*own);
      }
      got[i] = predictor.output();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < kThreads; ++i) EXPECT_LE(relative(got[i], wanted[i]), 1e-14);
}

}  // namespace
}  // namespace isoform
