// How the second moment of Adam follows a turn. docs/mathematics.md 7.
#include "isoform/train/factors.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "isoform/data/split.h"
#include "isoform/topology/diagonalise.h"
#include "isoform/train/objective.h"
#include "isoform/train/optimiser.h"
#include "tests/support/blobs.h"
#include "tests/support/networks.h"

namespace isoform {
namespace {

using namespace isoform::testing;

Network<double> one_space(std::vector<Index> groups) {
  Index width = 0;
  for (const Index size : groups) width += size;
  return Network<double>::chain({.widths = {3, width, 2}, .groups = {std::move(groups)}});
}

// T∘T, then λ.
Matrix<double> carried(Factor<double> factor, const Edit& edit, const std::vector<Index>& groups,
                       const Matrix<double>& v) {
  EditTransport<double> transport(edit, groups);
  const Vector<double> lambda = factor.follow(transport);
  return lambda.asDiagonal() * transport.rows(v, Transport::squared);
}

TEST(Factor, GathersBlocksOfRowsAndColumns) {
  const auto engine = create_engine<double>({.threads = 1});
  Dice dice(1);
  const std::vector<Index> groups = {3, 1, 4};
  for (const Op op : {Op::none, Op::transpose}) {
    Factor<double> factor;
    Matrix<double> sum = Matrix<double>::Zero(8, 8);
    double samples = 0;
    for (int i = 0; i < 4; ++i) {
      const Index other = 5 * (i + 1);
      const Matrix<double> g = dice.normals(8, other);
      factor.gather(*engine, op, op == Op::none ? g : Matrix<double>(g.transpose()), groups, 0.7);
      sum = (0.7 * sum + g * g.transpose()).eval();
      samples = 0.7 * samples + static_cast<double>(std::min<Index>(other, 16));
    }
    EXPECT_DOUBLE_EQ(factor.samples, samples);
    Index at = 0;
    for (const Matrix<double>& block : factor.blocks) {
      EXPECT_LE(relative(block, sum.block(at, at, block.rows(), block.rows())), 1e-14);
      at += block.rows();
    }
    EXPECT_EQ(at, 8);
  }
}

TEST(Factor, IsExactForCovariancesThatFactor) {
  Worst worst;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Dice dice(seed, 5);
    const std::vector<Index> groups = random_groups(dice, dice.between(1, 20));
    const auto network = one_space(groups);
    const Edit edit = rotate_random(network, 1, seed);
    const Index n = network.space(1).dimension;
    Matrix<double> t = Matrix<double>::Zero(n, n);
    Factor<double> factor;
    factor.samples = 1e15;
    Vector<double> rows(n);
    Index at = 0;
    const double other = dice.uniform(0.1, 9);  // ℒ is known up to a factor
    for (std::size_t g = 0; g < groups.size(); ++g) {
      const Matrix<double> half = dice.normals(groups[g], groups[g]);
      factor.blocks.emplace_back(other * half * half.transpose());
      rows.segment(at, groups[g]) = (half * half.transpose()).diagonal();
      t.block(at, at, groups[g], groups[g]) = edit.groups[g].t;
      at += groups[g];
    }
    Vector<double> turned(n);
    at = 0;
    for (std::size_t g = 0; g < groups.size(); ++g) {
      const auto& q = edit.groups[g].t;
      turned.segment(at, groups[g]) = (q * factor.blocks[g] * q.transpose()).diagonal() / other;
      at += groups[g];
    }
    const Vector<double> columns = dice.normals(7, 1).cwiseAbs2();
    worst.add(relative(carried(factor, edit, groups, rows * columns.transpose()),
                       turned * columns.transpose()),
              fmt::format("seed {}", seed));
    // The other case: uncorrelated entries with any v.
    for (Matrix<double>& block : factor.blocks)
      block = block.diagonal().asDiagonal().toDenseMatrix();
    const Matrix<double> v = dice.normals(n, 7).cwiseAbs2();
    worst.add(relative(carried(factor, edit, groups, v), t.cwiseAbs2() * v),
              fmt::format("seed {}, uncorrelated", seed));
  }
  EXPECT_LE(worst.error, 1e-12) << worst.where;
}

TEST(Factor, SelectionsAndNewEntriesHaveNothingToCorrect) {
  Dice dice(2);
  Factor<double> factor;
  factor.samples = 3;
  for (const Index size : {3, 2}) {
    const Matrix<double> half = dice.normals(size, size);
    factor.blocks.emplace_back(half * half.transpose());
  }
  const auto before = factor.blocks;
  const double mean = (before[0].trace() + before[1].trace()) / 5;
  Edit edit = identity_edit(1, {3, 2});
  edit.groups[0].size = 3;  // two of three stay, one comes
  edit.groups[0].t = Matrix<double>{{0, 0, 1}, {1, 0, 0}, {0, 0, 0}};
  edit.groups.push_back({GroupEdit::kNew, 2, {}});
  EditTransport<double> transport(edit, {3, 2});
  const Vector<double> lambda = factor.follow(transport);
  EXPECT_EQ(lambda, Vector<double>::Ones(7));
  ASSERT_EQ(factor.blocks.size(), 3U);
  EXPECT_EQ(factor.blocks[0](0, 1), before[0](2, 0));
  EXPECT_EQ(factor.blocks[0](2, 2), mean);
  EXPECT_EQ(factor.blocks[0](2, 0), 0);
  EXPECT_EQ(factor.blocks[1], before[1]);
  EXPECT_EQ(factor.blocks[2], (mean * Matrix<double>::Identity(2, 2)));
  EXPECT_EQ(Factor<double>().follow(transport), Vector<double>::Ones(7)) << "nothing gathered";
}

TEST(Factor, FewSamplesSayLittle) {
  const auto network = one_space({4});
  const Edit edit = rotate_random(network, 1, 3);
  const Matrix<double> half = Dice(8).normals(4, 1);
  Factor<double> one{{half * half.transpose()}, 1}, many{{half * half.transpose()}, 1e15};
  EditTransport<double> transport(edit, {4});
  const Vector<double> drawn = one.follow(transport), told = many.follow(transport);
  EXPECT_LE((drawn - (told + Vector<double>::Ones(4)) / 2).norm(), 1e-12);
  EXPECT_GT(drawn.minCoeff(), 0.4);
}

TEST(Factor, GatheringsAreDenseAtFirst) {
  std::vector<int> steps, large;
  for (int k = 1; k <= 100; ++k) {
    if (is_gathering(k, 32)) steps.push_back(k);
    if (is_gathering(k, 128)) large.push_back(k);
  }
  EXPECT_EQ(steps, (std::vector<int>{1, 2, 4, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96}));
  EXPECT_EQ(large, (std::vector<int>{1, 2, 4, 8, 16, 32, 64, 96}));
}

// A path of Nesterov's method, watched by an Adam that moves nothing; both are turned.
class Watched {
 public:
  explicit Watched(const Network<double>& start, SecondMoment rule)
      : network_(start),
        watcher_({.method = Method::adam, .weight_decay = 0, .second_moment = rule}) {}
  void apply(const Edit& edit) {
    path_.transport(network_, edit);
    watcher_.transport(network_, edit);
    network_.apply(edit);
  }
  void steps(const Model<double>& transform, const Dataset& data, int count) {
    for (int i = 0; i < count; ++i) {
      const auto order = epoch_order(static_cast<std::uint32_t>(data.samples()), 5, i / 60);
      const auto samples = std::span(order).subspan(static_cast<std::size_t>(i % 60 * 32), 32);
      pass_.prepare(network_, 32);
      data.gather(samples, pass_.input());
      transform.standardise(pass_.input());
      forward(network_, *engine_, pass_);
      std::vector<std::uint32_t> labels;
      for (const auto s : samples) labels.push_back(data.labels()[s]);
      View<double> gradient = pass_.output_gradient();
      score_batch<double>(Loss::cross_entropy, pass_.output(), labels, &gradient);
      backward(network_, *engine_, pass_);
      watcher_.step(pass_.parameters(network_), *engine_, 0);
      path_.step(pass_.parameters(network_), *engine_, 0.01);
    }
  }
  [[nodiscard]] const Matrix<double>& v(int map) const {
    return watcher_.state({Role::weight, map})->second;
  }
  [[nodiscard]] const Network<double>& network() const { return network_; }

 private:
  Network<double> network_;
  Optimiser<double> path_{{.method = Method::nesterov}}, watcher_;
  Pass<double> pass_;
  std::unique_ptr<Engine<double>> engine_ = create_engine<double>({.threads = 1});
};

double correlation(const Matrix<double>& a, const Matrix<double>& b) {
  const Matrix<double> x = a.array().log(), y = b.array().log();
  const Matrix<double> p = x.array() - x.mean(), q = y.array() - y.mean();
  return p.cwiseProduct(q).sum() / (p.norm() * q.norm());
}

TEST(Factor, TheSecondMomentOfATrainedNetworkFollowsItsTurn) {
  const Dataset data = blobs(1);
  const Model<double> model = blob_model<double>(data, {24, 24}, 0);
  constexpr int kSteps = 400;
  std::map<SecondMoment, double> least;
  for (const SecondMoment rule : {SecondMoment::factored, SecondMoment::squared}) {
    Watched turned(model.network, rule), truth(model.network, rule);
    turned.steps(model, data, kSteps);
    for (const int id : {1, 2}) {
      const Edit edit = rotate_left(turned.network(), id);
      turned.apply(edit);
      truth.apply(edit);
    }
    truth.steps(model, data, kSteps);
    EXPECT_LE(relative(turned.network().map(1).a, truth.network().map(1).a), 1e-10)
        << "the same path";
    least[rule] = 1;
    for (const int map : {0, 1, 2}) {
      const double r = correlation(turned.v(map), truth.v(map));
      measured(fmt::format("correlation_{}_{}", second_moment_name(rule), map), r);
      least[rule] = std::min(least[rule], r);
    }
  }
  EXPECT_GE(least[SecondMoment::factored], 0.9);
  EXPECT_LE(least[SecondMoment::squared], 0.4);
}

}  // namespace
}  // namespace isoform
