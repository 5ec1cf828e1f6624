// What a plan claims: arithmetic on shapes alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "isoform/base/error.h"
#include "isoform/topology/sparsify.h"
#include "tests/support/networks.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::HasSubstr;

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

}  // namespace
}  // namespace isoform
