#include "isoform/topology/sparsify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <numeric>

#include "isoform/base/error.h"
#include "isoform/linalg/decompose.h"
#include "isoform/topology/diagonalise.h"
#include "tests/support/networks.h"
#include "tests/support/oracle.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::HasSubstr;

// ---- shapes -------------------------------------------------------------------------------------------

// The shape of a chain with (o, ψ), or with neither.
SparseShape shape_of(const std::vector<Index>& widths, bool folds, Index group_size = 0) {
  SparseShape shape{widths, {}, {0}, {}};
  for (std::size_t l = 1; l + 1 < widths.size(); ++l) {
    shape.groups.push_back(cut_groups(widths[l], group_size));
    shape.gates.push_back(folds ? static_cast<Index>(shape.groups.back().size()) : 0);
    shape.folds.push_back(folds);
  }
  return shape;
}

std::vector<Index> paper_widths(Index inputs, Index width, int hidden, Index outputs) {
  std::vector<Index> widths(static_cast<std::size_t>(hidden) + 2, width);
  widths.front() = inputs;
  widths.back() = outputs;
  return widths;
}

double percent(const SparsePlan& plan) {
  return 100 * static_cast<double>(plan.removed()) / static_cast<double>(plan.weights);
}
double percent(const SparseShape& shape, SparseMethod method) {
  return percent(plan_sparsity(shape, {method, {}}));
}

// docs/mathematics.md 5.2, written again: widths, then one rotation for each.
Index ceiling_by_formula(const std::vector<Index>& widths, bool folds) {
  std::vector<Index> n = widths;
  for (std::size_t l = 1; l + 1 < n.size(); ++l) {
    n[l] = std::min(n[l], n[l - 1] + (l == 1 && folds ? 0 : 1));
  }
  Index count = 0;
  for (std::size_t l = 1; l < n.size(); ++l) count += widths[l] * widths[l - 1] - n[l] * n[l - 1];
  for (std::size_t l = 1; l + 1 < n.size(); ++l) count += n[l] * (n[l] - 1) / 2;
  return count;
}

TEST(SparsePlan, HasThePublishedShares) {
  const struct {
    std::vector<Index> widths;
    double alternating, best;
  } rows[] = {
      // docs/mathematics.md 5.3; alternating: what the paper's experiment 5 removes from these widths
      {paper_widths(3072, 500, 2, 10), 13.93, 13.93},
      {paper_widths(3072, 500, 3, 10), 12.22, 18.34},
      {paper_widths(3072, 500, 5, 10), 19.64, 24.55},
      {paper_widths(3072, 500, 6, 10), 26.82, 26.82},
      {paper_widths(3072, 1000, 3, 10), 19.66, 29.49},
      {paper_widths(2352, 2500, 3, 30), 33.85, 54.60},
  };
  for (const auto& row : rows) {
    const SparseShape shape = shape_of(row.widths, false);
    EXPECT_NEAR(percent(shape, SparseMethod::alternating), row.alternating, 0.005);
    EXPECT_NEAR(percent(shape, SparseMethod::best), row.best, 0.005);
    EXPECT_EQ(plan_sparsity(shape).removed(), plan_sparsity(shape).ceiling);
  }
  EXPECT_EQ(plan_sparsity(shape_of(paper_widths(3072, 500, 3, 10), true)).weights, 2041000);
  const SparsePlan wide = plan_sparsity(shape_of(paper_widths(2352, 2500, 3, 30), false));
  EXPECT_EQ(wide.widths, (std::vector<Index>{2352, 2353, 2354, 2355, 30}));
  const SparsePlan folded = plan_sparsity(shape_of(paper_widths(2352, 2500, 3, 30), true));
  EXPECT_EQ(folded.widths, (std::vector<Index>{2352, 2352, 2353, 2354, 30}));
  EXPECT_NEAR(percent(folded), 54.6, 0.05);
  EXPECT_EQ(folded.removed(), folded.ceiling);
}

TEST(SparsePlan, ReachesTheCeilingWhateverTheWidths) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    Dice dice(seed, 40);
    std::vector<Index> widths;
    const Index maps = dice.between(2, 9);
    for (Index l = 0; l <= maps; ++l) widths.push_back(dice.between(1, 400));
    const bool folds = dice.coin();
    const SparseShape shape = shape_of(widths, folds);
    const SparsePlan best = plan_sparsity(shape);
    const std::string where = fmt::format("widths {}, folds {}", widths, folds);
    EXPECT_EQ(best.ceiling, ceiling_by_formula(widths, folds)) << where;
    EXPECT_EQ(best.removed(), best.ceiling) << where;
    EXPECT_EQ(plan_sparsity(shape, {SparseMethod::chain, {}}).removed(), best.ceiling) << where;
    if (maps > 2) {
      EXPECT_LE(plan_sparsity(shape, {SparseMethod::alternating, {}}).removed(), best.removed())
          << where;
    }
  }
}

// Zeros that Householder reflections make in a map [rows × columns] of a generic network.
Index zeros_by_rows(Index rows, Index columns) {
  Index zeros = 0;
  for (Index j = 0; j < std::min(rows, columns); ++j) zeros += rows - 1 - j;
  return zeros;
}
Index zeros_by_both(Index rows, Index columns) { return rows * columns - std::min(rows, columns); }

// The most that any mixture removes from space `space` on: the rotation of each space goes into the map before it,
// into the map after it, or with that of the next space into the map between them (which makes it diagonal, so
// that a triangle from either side has nothing to add). `taken`: the map before is shaped from its other side.
Index most_by_search(const std::vector<Index>& n, std::size_t space = 1, bool taken = false) {
  if (space + 1 >= n.size()) return 0;
  Index most = most_by_search(n, space + 1);  // the rotation is not used
  if (!taken) {
    most = std::max(most, zeros_by_rows(n[space], n[space - 1]) + most_by_search(n, space + 1));
  }
  most = std::max(most, zeros_by_rows(n[space], n[space + 1]) + most_by_search(n, space + 1, true));
  if (space + 2 < n.size()) {
    most = std::max(most, zeros_by_both(n[space + 1], n[space]) + most_by_search(n, space + 2));
  }
  return most;
}

TEST(SparsePlan, NoMixtureOfRotationsRemovesMore) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Dice dice(seed, 41);
    std::vector<Index> widths;
    const Index maps = dice.between(2, 7);
    for (Index l = 0; l <= maps; ++l) widths.push_back(dice.between(1, 12));
    const SparsePlan plan = plan_sparsity(shape_of(widths, dice.coin()));
    const Index left = std::inner_product(plan.widths.begin() + 1, plan.widths.end(),
                                          plan.widths.begin(), Index{0});
    const std::string where = fmt::format("widths {}", widths);
    EXPECT_EQ(plan.removed() - (plan.weights - left), most_by_search(plan.widths)) << where;
    EXPECT_LE(most_by_search(widths), plan.removed()) << "without cutting widths, " << where;
  }
}

TEST(SparsePlan, PrefersDiagonalsThatCostNothing) {
  const auto forms = [](const std::vector<Index>& widths) {
    std::string text;
    for (const Structure form : plan_sparsity(shape_of(widths, true)).forms) {
      text += structure_name(form).substr(0, 2);
      text += ' ';
    }
    return text;
  };
  EXPECT_EQ(forms({784, 512, 10}), "tr de ");
  EXPECT_EQ(forms({784, 512, 512, 10}), "de di de ");
  EXPECT_EQ(forms({784, 512, 512, 512, 10}), "de di tr de ");
  EXPECT_EQ(forms(paper_widths(784, 512, 8, 10)), "de di de di de di de di de ");
  EXPECT_EQ(forms({784, 512, 511, 300, 10}), "de di tr de ");
  EXPECT_EQ(forms({784, 512, 510, 300, 10}), "tr tr tr de ") << "a diagonal would remove less";
  EXPECT_EQ(forms({784, 200, 300, 299, 200, 10}), "tr de di tr de ") << "300 is cut to 201";
  EXPECT_EQ(forms({784, 40, 40, 30, 30, 10}), "de di de di de ");
  EXPECT_EQ(forms({784, 30, 40, 40, 10}), "tr de di de ") << "40, 40 are cut to 31, 32: larger";
  EXPECT_EQ(forms({784, 500, 499, 499, 400, 10}), "de di tr tr de ") << "the larger of two ties";
}

// The choice of maximum weight, by trying every set of diagonal maps.
TEST(SparsePlan, FindsTheLargestDiagonalsAmongTheBest) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Dice dice(seed, 42);
    std::vector<Index> widths = {60};
    const Index hidden = dice.between(2, 7);
    for (Index l = 0; l < hidden; ++l) widths.push_back(dice.between(20, 22));
    widths.push_back(5);
    const SparseShape shape = shape_of(widths, true);
    const auto in_diagonals = [&](const SparsePlan& plan) {
      Index work = 0;
      for (std::size_t l = 0; l < plan.forms.size(); ++l) {
        if (plan.forms[l] == Structure::diagonal) work += plan.widths[l] * plan.widths[l + 1];
      }
      return work;
    };
    const SparsePlan best = plan_sparsity(shape);
    Index largest = 0;
    for (std::uint32_t set = 1; set < (1U << (hidden - 1)); ++set) {
      if ((set & (set >> 1)) != 0) continue;
      SparseSettings settings;
      for (int map = 2; map <= hidden; ++map) {
        if ((set >> (map - 2) & 1U) != 0) settings.diagonal.push_back(map);
      }
      const SparsePlan plan = plan_sparsity(shape, settings);
      EXPECT_LE(plan.removed(), best.removed());
      if (plan.removed() == best.removed()) largest = std::max(largest, in_diagonals(plan));
    }
    EXPECT_EQ(in_diagonals(best), largest) << fmt::format("widths {}", widths);
  }
}

TEST(SparsePlan, GroupsGainOneOverTwiceTheirNumber) {
  const SparsePlan plan = plan_sparsity(shape_of({256, 256, 256, 256, 10}, true, 64));
  EXPECT_EQ(plan.removed(), 3 * 4 * 64 * 63 / 2);
  EXPECT_EQ(plan.removed(), plan.ceiling);
  for (int map = 0; map < 3; ++map) EXPECT_EQ(plan.forms[map], Structure::triangle);
  const SparsePlan single = plan_sparsity(shape_of({20, 20, 20, 10}, true, 1));
  EXPECT_EQ(single.removed(), 0);
  EXPECT_EQ(single.forms, std::vector<Structure>(3, Structure::dense));
}

TEST(SparsePlan, ExplainsWhatIsImpossible) {
  const auto message = [](const SparseShape& shape, const SparseSettings& settings) -> std::string {
    try {
      plan_sparsity(shape, settings);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "accepted";
  };
  const SparseShape deep = shape_of({9, 8, 8, 8, 8, 3}, true);
  const auto diagonal = [&](std::vector<int> maps) {
    return message(deep, {SparseMethod::best, std::move(maps)});
  };
  EXPECT_EQ(diagonal({2, 4}), "accepted");
  EXPECT_EQ(diagonal({4, 2}), "accepted");
  EXPECT_THAT(diagonal({1}), HasSubstr("basis of the input is fixed by the task; maps 2 to 4 can"));
  EXPECT_THAT(diagonal({5}), HasSubstr("basis of the output is fixed by the task"));
  EXPECT_THAT(diagonal({0}), HasSubstr("out of range; maps are 1 to 5"));
  EXPECT_THAT(diagonal({6}), HasSubstr("out of range"));
  EXPECT_THAT(diagonal({4, 3}), HasSubstr("the one rotation of hidden layer 3"));
  EXPECT_THAT(diagonal({2, 2}), HasSubstr("named twice"));
  EXPECT_THAT(message(deep, {SparseMethod::chain, {2}}), HasSubstr("method best only"));
  EXPECT_THAT(message(deep, {SparseMethod::alternating, {2}}), HasSubstr("method best only"));
  const SparseShape shallow = shape_of({9, 8, 3}, true);
  EXPECT_THAT(message(shallow, {SparseMethod::alternating, {}}), HasSubstr("two hidden layers"));
  EXPECT_THAT(message(shallow, {SparseMethod::best, {2}}), HasSubstr("with one hidden layer"));
  const SparseShape grouped = shape_of({9, 8, 8, 3}, true, 4);
  EXPECT_THAT(message(grouped, {SparseMethod::alternating, {}}),
              HasSubstr("hidden layer 1 has 2 groups"));
  EXPECT_THAT(message(grouped, {SparseMethod::best, {2}}), HasSubstr("must not mix groups"));
  EXPECT_THROW(sparse_shape(graph_network(1)), UsageError);
  ChainSettings linear;
  linear.widths = {3, 2};
  EXPECT_THROW(sparse_shape(Network<double>::chain(linear)), UsageError);
  EXPECT_THROW(sparse_method_from_name("qr"), UsageError);
  for (const char* name : {"best", "alternating", "chain"}) {
    EXPECT_EQ(sparse_method_name(sparse_method_from_name(name)), name);
  }
}

// ---- the ceiling, by the rank of ∂y/∂θ -----------------------------------------------------------------

struct Modes {
  LengthMode length = LengthMode::constant;
  PsiMode psi = PsiMode::trainable;
};

Network<double> network_for(const std::vector<Index>& widths,
                            const std::vector<std::vector<Index>>& groups, const Modes& modes,
                            std::uint64_t seed) {
  ChainSettings settings;
  settings.widths = widths;
  settings.groups = groups;
  settings.length = modes.length;
  settings.psi = modes.psi;
  settings.initialiser = Initialiser::kaiming;
  settings.seed = seed;
  auto network = Network<double>::chain(settings);
  Dice dice(seed, 43);
  randomise(network, dice);
  return network;
}

// The dimension of the fibre: parameters minus the rank of the outputs' derivatives at many inputs.
Index fibre_by_rank(Network<double> network, std::uint64_t seed) {
  for (const int id : network.hidden()) {  // o counts as a parameter, itself
    Space<double>& s = network.space(id);
    if (s.length_mode == LengthMode::constant) s.length_mode = LengthMode::trainable;
  }
  const Index outputs = network.widths().back();
  const Index samples = 2 * network.parameter_count() / outputs + 20;
  const Matrix<double> x = 1.5 * random_inputs(seed, network.widths().front(), samples);
  const auto engine = create_engine<double>({"cpu", 1});
  Matrix<double> jacobian(network.parameter_count(), samples * outputs);
  Pass<double> pass;
  pass.prepare(network, 1);
  for (Index row = 0; row < jacobian.cols(); ++row) {
    pass.input() = x.col(row / outputs);
    forward(network, *engine, pass);
    pass.output_gradient().setZero();
    pass.output_gradient()(row % outputs, 0) = 1;
    backward(network, *engine, pass);
    Index at = 0;
    for (const Parameter<double>& p : pass.parameters(network)) {
      if (p.key.role == Role::length && network.space(p.key.owner).length_mode == LengthMode::none)
        continue;
      jacobian.col(row).segment(at, p.size()) =
          Eigen::Map<const Vector<double>>(p.gradient, p.size());
      at += p.size();
    }
    EXPECT_EQ(at, jacobian.rows());
  }
  const Vector<double> sigma = singular_values(jacobian);
  Index rank = 0;
  while (rank < sigma.size() && sigma[rank] > 1e-11 * sigma[0]) ++rank;
  const double below = rank < sigma.size() ? sigma[rank] : 0;
  EXPECT_GT(sigma[rank - 1], 100 * below) << "a gap in the spectrum decides";
  return network.parameter_count() - rank;
}

template <class T>
Index count_weights(const Network<T>& network) {
  Index count = 0;
  for (const Map<T>& m : network.maps()) count += m.weight().size();
  return count;
}

constexpr Modes kModes[] = {{LengthMode::constant, PsiMode::trainable},
                            {LengthMode::none, PsiMode::none},
                            {LengthMode::constant, PsiMode::none},
                            {LengthMode::none, PsiMode::trainable}};

// Where a constant neuron folds into both o and ψ or into neither, and no group of several is wider than its input,
// the count is the dimension. Beyond that the fibre is larger: o or ψ alone trades with constant neurons, and
// products of gates that multiply the same inputs depend on each other. Then the count is what the plan claims.
TEST(SparseCeiling, IsTheDimensionOfTheFibre) {
  const struct {
    std::vector<Index> widths;
    std::vector<std::vector<Index>> groups;
    bool wide_groups = false;
  } shapes[] = {
      {{6, 5, 4}, {{5}}},
      {{6, 5, 5, 3}, {{5}, {5}}},
      {{8, 6, 4, 3}, {{6}, {4}}},
      {{6, 5, 5, 5, 4}, {{5}, {5}, {5}}},
      {{7, 6, 4, 3, 5}, {{6}, {4}, {3}}},
      {{3, 5, 4}, {{5}}},
      {{3, 6, 6, 4}, {{6}, {6}}},
      {{4, 7, 3, 5}, {{7}, {3}}},
      {{5, 3, 6, 4}, {{3}, {6}}},
      {{2, 4, 5, 6, 3}, {{4}, {5}, {6}}},
      {{5, 4, 6, 3, 4}, {{4}, {6}, {3}}},
      {{6, 6, 4}, {{3, 3}}},
      {{6, 6, 5, 3}, {{3, 2, 1}, {5}}},
      {{6, 8, 6, 4}, {{4, 4}, {3, 3}}},
      {{4, 6, 8, 3}, {{6}, {5, 3}}},
      {{2, 8, 9, 3}, {{4, 4}, {9}}, true},
      {{3, 4, 12, 4}, {{2, 2}, {7, 5}}, true},
  };
  std::uint64_t seed = 0;
  for (const auto& shape : shapes) {
    for (const Modes& modes : kModes) {
      const auto network = network_for(shape.widths, shape.groups, modes, ++seed);
      const std::string where = describe(network, seed);
      const SparsePlan plan = plan_sparsity(sparse_shape(network));
      const auto reduced = network_for(plan.widths, plan.groups, modes, seed);
      Index gauge = 0, in_psi_or_bias = 0;
      for (std::size_t i = 0; i < plan.groups.size(); ++i) {
        for (const Index n : plan.groups[i]) {
          const Index more = std::max<Index>(0, n - plan.widths[i]);
          gauge += n * (n - 1) / 2;
          in_psi_or_bias += more * (more - 1) / 2;
        }
      }
      const Index removable = network.parameter_count() - reduced.parameter_count() + gauge;
      // Biases, ψ and o that the exact reduction removes are no weights.
      const Index others = (network.parameter_count() - plan.weights) -
                           (reduced.parameter_count() - count_weights(reduced));
      EXPECT_EQ(plan.ceiling, removable - others) << where;
      const Index fibre = fibre_by_rank(network, seed);
      if (has_psi(modes.psi) == (modes.length != LengthMode::none) && !shape.wide_groups) {
        EXPECT_EQ(fibre, removable) << where;
        EXPECT_EQ(plan.removed(), plan.ceiling) << where;
      } else {
        EXPECT_GE(fibre, removable) << where;
        EXPECT_LE(plan.removed(), plan.ceiling) << where;
        EXPECT_GE(plan.removed(), plan.ceiling - in_psi_or_bias) << where;
      }
    }
  }
}

// ---- carried out --------------------------------------------------------------------------------------

template <class T>
Index weights_that_are_not_zero(const Network<T>& network) {
  Index count = 0;
  for (const Map<T>& m : network.maps()) count += (m.weight().array() != T(0)).count();
  return count;
}

TEST(Sparsify, KeepsTheFunctionAndHasThePlannedZeros) {
  const auto engine = create_engine<double>({"reference", 1});
  Worst in_double;
  double zeroed = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const auto before = random_network(seed, {.widest = 40});
    const SparseShape shape = sparse_shape(before);
    const SparseMethod method = seed % 3 == 0 ? SparseMethod::chain : SparseMethod::best;
    const SparsePlan plan = plan_sparsity(shape, {method, {}});
    auto network = before;
    const Sparsified done = sparsify(network, plan);
    zeroed = std::max(zeroed, done.largest_zeroed);
    const std::string where = describe(before, seed);
    EXPECT_EQ(network.widths(), plan.widths) << where;
    EXPECT_LE(weights_that_are_not_zero(network), plan.kept) << where;
    for (const Map<double>& m : network.maps()) {
      const Structure form = structure_of(network, m.id);
      EXPECT_LE(stored_weights(form, row_groups(network, m.id), m.inputs), plan.kept_of(m.id))
          << where;
    }
    const Matrix<double> x = random_inputs(seed, shape.widths.front(), 32);
    const OracleRun truth = oracle_run(before, x);
    in_double.add(relative(output_of(network, *engine, x), truth.y), where);
  }
  measured("largest relative change in double", in_double.error);
  measured("largest magnitude set to zero, relative", zeroed);
  EXPECT_LE(in_double.error, 1e-12) << in_double.where;
}

TEST(Sparsify, KeepsTheFunctionInFloat) {
  const auto engine = create_engine<float>({"reference", 1});
  Worst in_float;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto before = cast_network<float>(random_network(seed, {.widest = 40}));
    auto network = before;
    sparsify(network, plan_sparsity(sparse_shape(network)));
    const Matrix<double> x = random_inputs(seed, before.widths().front(), 32);
    in_float.add(relative(output_of(network, *engine, x), oracle_output(before, x)),
                 describe(before, seed));
  }
  measured("largest relative change in float", in_float.error);
  EXPECT_LE(in_float.error, 1e-5) << in_float.where;
}

TEST(Sparsify, CountsExactlyInGenericNetworks) {
  for (const Modes& modes : kModes) {
    for (const SparseMethod method :
         {SparseMethod::best, SparseMethod::alternating, SparseMethod::chain}) {
      for (const auto& widths : {std::vector<Index>{30, 20, 20, 20, 5},
                                 {12, 20, 20, 20, 5},
                                 {9, 14, 14, 12, 12, 3},
                                 {40, 30, 29, 10, 11, 3},
                                 {5, 8, 30, 6, 7, 7, 7, 4}}) {
        std::vector<std::vector<Index>> groups;
        for (std::size_t l = 1; l + 1 < widths.size(); ++l) groups.push_back({widths[l]});
        auto network = network_for(widths, groups, modes, 7);
        const SparsePlan plan = plan_sparsity(sparse_shape(network), {method, {}});
        sparsify(network, plan);
        EXPECT_EQ(weights_that_are_not_zero(network), plan.kept);
        for (const Map<double>& m : network.maps()) {
          EXPECT_EQ(structure_of(network, m.id), plan.forms[m.id]) << fmt::format("{}", widths);
        }
      }
    }
  }
}

TEST(Sparsify, TurnsWhatIsAskedForDiagonal) {
  auto network = network_for({9, 8, 8, 8, 8, 3}, {{8}, {8}, {8}, {8}}, {}, 3);
  const SparsePlan plan = plan_sparsity(sparse_shape(network), {SparseMethod::best, {3}});
  const Sparsified done = sparsify(network, plan);
  const Structure forms[] = {Structure::triangle, Structure::dense, Structure::diagonal,
                             Structure::triangle, Structure::dense};
  for (int map = 0; map < 5; ++map) EXPECT_EQ(structure_of(network, map), forms[map]);
  const Vector<double> diagonal = network.map(2).weight().diagonal();
  for (Index i = 1; i < 8; ++i) EXPECT_LE(diagonal[i], diagonal[i - 1]);
  ASSERT_EQ(done.records.size(), 4u) << "one edit for each space";
  for (const EditRecord& record : done.records) {
    EXPECT_EQ(record.kind, EditKind::rotate);
    EXPECT_THAT(record.why, HasSubstr("sparsified: map"));
  }
}

TEST(Sparsify, ASecondTimeChangesNothing) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    auto network = random_network(seed, {.widest = 24});
    if (seed % 2 == 0) {
      network =
          network_for({9, 12, 12, 11, 11, 3}, {{12}, {12}, {11}, {11}}, kModes[seed / 2 % 4], seed);
    }
    sparsify(network, plan_sparsity(sparse_shape(network)));
    const SparsePlan again = plan_sparsity(sparse_shape(network));
    EXPECT_EQ(again.widths, network.widths()) << describe(network, seed);
    const auto before = network;
    int edits = 0;
    sparsify(network, again, {{}, [&](const Edit&) { ++edits; }});
    EXPECT_EQ(edits, 0) << describe(network, seed);
    for (const Map<double>& m : network.maps()) EXPECT_EQ(m.a, before.map(m.id).a);
  }
}

TEST(Sparsify, ReplayingItsEditsGivesTheSameNetwork) {
  const auto before = network_for({6, 12, 12, 9, 4}, {{12}, {12}, {5, 4}}, {}, 5);
  auto network = before, other = before;
  std::vector<std::string> steps;
  const Sparsified done = sparsify(network, plan_sparsity(sparse_shape(network)),
                                   {[&](std::string_view text) { steps.emplace_back(text); },
                                    [&](const Edit& edit) { other.apply(edit); }});
  EXPECT_LE(done.largest_zeroed, 1e-14);
  EXPECT_FALSE(steps.empty());
  for (const Map<double>& m : network.maps()) {
    EXPECT_LE((m.a - other.map(m.id).a).norm(), 1e-13 * m.a.norm());
  }
  EXPECT_TRUE(std::any_of(done.records.begin(), done.records.end(), [](const EditRecord& r) {
    return r.kind == EditKind::reduce && r.removed == r.before - r.after && r.removed > 0;
  }));
}

TEST(Sparsify, TakesNetworksOfZerosAndRefusesForeignPlans) {
  auto network = network_for({6, 8, 8, 4}, {{8}, {8}}, {}, 5);
  const SparsePlan plan = plan_sparsity(sparse_shape(network));
  for (const Map<double>& m : network.maps()) network.map(m.id).weight().setZero();
  EXPECT_NO_THROW(sparsify(network, plan));
  EXPECT_EQ(network.widths(), plan.widths);
  EXPECT_THROW(sparsify(network, plan), InternalError) << "it has other widths now";
  auto diverged = network_for({6, 8, 8, 4}, {{8}, {8}}, {}, 5);
  diverged.map(1).a(0, 0) = std::nan("");
  EXPECT_THROW(sparsify(diverged, plan), UsageError);
}

}  // namespace
}  // namespace isoform
