// Chains as perceptrons: the same function, in the sparse forms that were promised.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "isoform/base/error.h"
#include "isoform/compile/predictor.h"
#include "isoform/network/structure.h"
#include "isoform/topology/perceptron.h"
#include "tests/support/perceptrons.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::HasSubstr;

constexpr Stages kBoth[] = {Stages::one, Stages::two};

TEST(Convert, KeepsTheFunctionOfRandomChains) {
  const auto cpu = create_engine<double>({.name = "cpu", .threads = 2});
  const auto single = create_engine<float>({.name = "cpu", .threads = 1});
  Worst worst, formula, narrow, predicted;
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    const Index gates = 1 + static_cast<Index>(seed % 16);
    const auto chain = random_whole_chain(seed, gates);
    const Matrix<double> x =
        random_inputs(seed, chain.widths().front(), 7).cast<float>().cast<double>();
    const Matrix<double> truth = all_outputs(chain, *cpu, x);
    const auto rounded = cast_network<float>(chain);
    const Matrix<double> rounded_truth = all_outputs(cast_network<double>(rounded), *cpu, x);
    for (const Stages stages : kBoth) {
      const std::string where =
          fmt::format("{} stages, {}", stages == Stages::one ? 1 : 2, describe(chain, seed));
      const auto perceptron = convert(chain, stages);
      EXPECT_EQ(perceptron.hidden().size(), static_cast<std::size_t>(gates));
      EXPECT_EQ(perceptron.widths().front(), chain.widths().front());
      worst.add(relative(all_outputs(perceptron, *cpu, x), truth), where);
      formula.add(relative(perceptron_oracle(perceptron, x.leftCols(2)), truth.leftCols(2)), where);
      const auto of_float = convert(rounded, stages);
      narrow.add(relative(all_outputs(of_float, *single, x), rounded_truth), where);
      Predictor<double> predictor(perceptron);
      predictor.prepare(x.cols());
      predictor.set_input(x);
      predictor.run(*cpu);
      predicted.add(relative(predictor.output(), truth), where);
    }
  }
  measured("convert_double", worst.error);
  measured("convert_formula", formula.error);
  measured("convert_float", narrow.error);
  measured("convert_predictor", predicted.error);
  EXPECT_LE(worst.error, 1e-12) << worst.where;
  EXPECT_LE(formula.error, 1e-12) << formula.where;
  EXPECT_LE(narrow.error, 1e-5) << narrow.where;
  EXPECT_LE(predicted.error, 1e-12) << predicted.where;
}

TEST(Convert, KeepsNamesAndOrderOfInputsAndOutputs) {
  const auto chain = random_whole_chain(11, 3);
  for (const Stages stages : kBoth) {
    const auto perceptron = convert(chain, stages);
    const auto names = [](const Network<double>& network, const std::vector<int>& ids) {
      std::vector<std::string> list;
      for (const int id : ids) list.push_back(network.space(id).name);
      return list;
    };
    EXPECT_EQ(names(perceptron, perceptron.inputs()), names(chain, chain.inputs()));
    EXPECT_EQ(names(perceptron, perceptron.outputs()), names(chain, chain.outputs()));
    for (const int id : perceptron.hidden()) EXPECT_TRUE(perceptron.is_gate(id));
  }
}

TEST(Convert, GatesAreTrianglesAndCutToTheirRank) {
  auto chain = Network<double>::chain({.widths = {30, 20, 20, 20, 6}, .group_size = 0});
  Dice dice(3);
  randomise(chain, dice);
  const auto form = [](const Network<double>& network, std::size_t gate) {
    return structure_of(network, network.incoming(network.hidden()[gate]).front());
  };
  const auto one = convert(chain, Stages::one);
  for (std::size_t l = 0; l < 3; ++l) EXPECT_EQ(form(one, l), Structure::triangle) << l;
  const auto two = convert(chain, Stages::two);
  EXPECT_EQ(form(two, 0), Structure::diagonal);
  EXPECT_EQ(form(two, 1), Structure::diagonal);
  EXPECT_EQ(form(two, 2), Structure::triangle);

  // A narrow layer leaves later gates a few directions: 4 of the signal, and the constants.
  auto narrow = Network<double>::chain({.widths = {30, 20, 4, 20, 6}, .group_size = 0});
  randomise(narrow, dice);
  for (const Stages stages : kBoth) {
    const auto cut = convert(narrow, stages);
    EXPECT_LE(cut.space(cut.hidden()[2]).dimension, 4 + 1);
    const auto cpu = create_engine<double>({.name = "cpu", .threads = 1});
    const auto x = random_inputs(4, 30, 9);
    EXPECT_LE(relative(output_of(cut, *cpu, x), output_of(narrow, *cpu, x)), 1e-12);
  }
}

template <class Function>
std::string refusal(const Function& function) {
  try {
    function();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Convert, RefusesWhatIsNoChainOfWholeLayers) {
  const auto message = [](const Network<double>& network) {
    return refusal([&] { (void)convert(network, Stages::one); });
  };
  EXPECT_THAT(message(Network<double>::chain({.widths = {3, 2}})), HasSubstr("no hidden layer"));
  const auto groups = Network<double>::chain({.widths = {3, 9, 2}, .group_size = 4});
  EXPECT_THAT(message(groups), HasSubstr("--group-size 0"));
  EXPECT_THAT(message(groups), HasSubstr("layer 1 has 3 groups"));
  const auto chain = Network<double>::chain({.widths = {3, 4, 5, 2}, .group_size = 0});
  EXPECT_EQ(message(chain), "accepted");
  EXPECT_THAT(message(with_input_skips(chain)), HasSubstr("'input' to 'hidden 2'"));
  EXPECT_THAT(message(convert(chain, Stages::one)), HasSubstr("a perceptron already"));
  auto frozen = chain;
  frozen.space(2).set_frozen(0, true);
  EXPECT_THAT(message(frozen), HasSubstr("thaw"));
}

TEST(MakeTriangular, KeepsTheFunction) {
  const auto cpu = create_engine<double>({.name = "cpu", .threads = 1});
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Dice dice(seed, 94);
    auto network = random_perceptron({.inputs = 9,
                                      .outputs = 3,
                                      .gates = {dice.between(2, 9), dice.between(2, 12), 6},
                                      .general = dice.coin(),
                                      .seed = seed});
    const auto x = random_inputs(seed, 9, 8);
    const Matrix<double> before = output_of(network, *cpu, x);
    make_triangular(network);
    for (const int gate : network.hidden()) {
      EXPECT_NE(structure_of(network, network.incoming(gate).front()), Structure::dense);
    }
    EXPECT_LE(relative(output_of(network, *cpu, x), before), 1e-12);
  }
}

}  // namespace
}  // namespace isoform
