#include "isoform/topology/sparsify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "isoform/base/error.h"
#include "isoform/linalg/decompose.h"
#include "tests/support/networks.h"
#include "tests/support/oracle.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::HasSubstr;

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
