// The moments of Adam, seen through the steps they cause: textbook formulas beside the optimiser, along
// every kind of edit. docs/mathematics.md 7.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "isoform/topology/diagonalise.h"
#include "isoform/topology/grow.h"
#include "isoform/topology/shrink.h"
#include "isoform/train/optimiser.h"
#include "tests/support/networks.h"

namespace isoform {
namespace {

using namespace isoform::testing;

// AdamW written a second time, for gradients that a test prescribes.
struct Book {
  Matrix<double> m, v;
  void see(const Matrix<double>& g) {
    if (m.size() == 0) m = v = Matrix<double>::Zero(g.rows(), g.cols());
    m = 0.9 * m + 0.1 * g;
    v = 0.999 * v + 0.001 * g.cwiseAbs2();
  }
  [[nodiscard]] Matrix<double> update(int k) const {
    const Matrix<double> m_hat = m / (1 - std::pow(0.9, k)), v_hat = v / (1 - std::pow(0.999, k));
    return -0.01 * (m_hat.array() / (v_hat.array().sqrt() + 1e-8)).matrix();
  }
};

// Columns of m at the given positions; `fill` where the position is -1.
Matrix<double> columns_at(const Matrix<double>& m, const std::vector<Index>& from, double fill) {
  Matrix<double> out(m.rows(), static_cast<Index>(from.size()));
  for (Index j = 0; j < out.cols(); ++j) {
    if (from[j] < 0) {
      out.col(j).setConstant(fill);
    } else {
      out.col(j) = m.col(from[j]);
    }
  }
  return out;
}

Matrix<double> rows_at(const Matrix<double>& m, const std::vector<Index>& from, double fill) {
  return columns_at(m.transpose(), from, fill).transpose();
}

class Prescribed : public ::testing::Test {
 protected:
  // One step with random gradients; returns the change of every parameter.
  std::map<ParameterKey, Matrix<double>> step() {
    Pass<double> pass;
    pass.prepare(network_, 1);
    std::map<ParameterKey, Matrix<double>> before, change;
    const auto parameters = pass.parameters(network_);
    for (const auto& p : parameters) {
      const Matrix<double> gradient = dice_.normals(p.rows, p.cols);
      Eigen::Map<Matrix<double>>(p.gradient, p.rows, p.cols) = gradient;
      books_[p.key].see(gradient);
      before[p.key] = Eigen::Map<Matrix<double>>(p.value, p.rows, p.cols);
    }
    optimiser_.step(parameters, *engine_, 0.01);
    ++k_;
    for (const auto& p : parameters) {
      if (!p.trainable) continue;  // the bias of a second map into a space
      change[p.key] = Eigen::Map<Matrix<double>>(p.value, p.rows, p.cols) - before[p.key];
    }
    return change;
  }
  void expect_book(const std::string& what) {
    for (const auto& [key, change] : step()) {
      EXPECT_LE((change - books_.at(key).update(k_)).norm(), 1e-13)
          << what << ": role " << static_cast<int>(key.role) << " of " << key.owner;
    }
  }
  void apply(const Edit& edit) {
    optimiser_.transport(network_, edit);
    network_.apply(edit);
  }
  Network<double> network_ = graph_network(6);
  OptimiserSettings settings_{.method = Method::adamw,
                              .learning_rate = 0.01,
                              .weight_decay = 0,
                              .second_moment = SecondMoment::squared};
  Optimiser<double> optimiser_{settings_};
  std::unique_ptr<Engine<double>> engine_ = create_engine<double>({.threads = 1});
  std::map<ParameterKey, Book> books_;
  Dice dice_{11};
  int k_ = 0;
};

TEST_F(Prescribed, AdamIsTheTextbooks) {
  for (int i = 0; i < 5; ++i) expect_book("plain");
}

TEST_F(Prescribed, MomentsFollowARotationByTheirRules) {
  for (int i = 0; i < 5; ++i) step();
  const Edit edit = rotate_random(network_, 2, 1);
  Matrix<double> t = Matrix<double>::Zero(8, 8);
  Index at = 0;
  for (const GroupEdit& group : edit.groups) {
    t.block(at, at, group.size, group.size) = group.t;
    at += group.size;
  }
  const Matrix<double> t2 = t.cwiseAbs2();
  apply(edit);
  for (auto& [key, book] : books_) {
    if (key.role == Role::length) continue;
    const Map<double>& map = network_.map(key.owner);
    if (map.to == 2) {
      book.m = (t * book.m).eval();
      book.v = (t2 * book.v).eval();
    } else if (map.from == 2 && key.role == Role::weight) {
      book.m = (book.m * t.transpose()).eval();
      book.v = (book.v * t2.transpose()).eval();
    }
  }
  expect_book("rotated");
}

// New entries begin with first moment 0 and the mean second moment of their tensor.
// The published rule; ours is in optimiser_state_test.
TEST_F(Prescribed, NewEntriesBeginWithNothing) {
  for (int i = 0; i < 5; ++i) step();
  apply(grow(network_, 2, {{0, 2, 0}, {3}}));  // groups 3, 1, 4 become 3, 3, 4, 3
  const std::vector<Index> source = {0, 1, 2, 3, -1, -1, 4, 5, 6, 7, -1, -1, -1};
  const std::vector<Index> source_group = {0, 1, 2, -1};
  for (auto& [key, book] : books_) {
    const double mean = book.v.mean();
    if (key.role == Role::length) {
      if (key.owner != 2) continue;
      book.m = rows_at(book.m, source_group, 0);
      book.v = rows_at(book.v, source_group, mean);
      continue;
    }
    const Map<double>& map = network_.map(key.owner);
    if (map.to == 2) {
      book.m = rows_at(book.m, source, 0);
      book.v = rows_at(book.v, source, 0);
    } else if (map.from == 2 && key.role != Role::bias) {
      const auto& from = key.role == Role::weight ? source : source_group;
      book.m = columns_at(book.m, from, 0);
      book.v = columns_at(book.v, from, 0);
    }
  }
  expect_book("grown");
}

TEST_F(Prescribed, MomentsFollowASelection) {
  for (int i = 0; i < 5; ++i) step();
  const std::vector<Index> kept = {1, 2, 4, 5, 6, 7}, groups = {0, 2};  // of groups 3, 1, 4
  Edit edit = keep(network_, 2, kept);
  edit.length.resize(0);  // the chain rule has its own test
  apply(edit);
  for (auto& [key, book] : books_) {
    for (Matrix<double>* moment : {&book.m, &book.v}) {
      if (key.role == Role::length) {
        if (key.owner == 2) *moment = rows_at(*moment, groups, 0);
      } else if (network_.map(key.owner).to == 2) {
        *moment = rows_at(*moment, kept, 0);
      } else if (network_.map(key.owner).from == 2 && key.role != Role::bias) {
        *moment = columns_at(*moment, key.role == Role::weight ? kept : groups, 0);
      }
    }
  }
  expect_book("selected");
}

// dL/do is kept by a fold, so the moments of β scale by √(o′/o), those of log o by o′/o.
TEST_F(Prescribed, MomentsOfTheLengthFollowTheChainRule) {
  for (const LengthMode mode : {LengthMode::trainable, LengthMode::log}) {
    network_ = graph_network(6, Radial::tanh, mode);
    optimiser_ = Optimiser<double>(settings_);
    books_.clear();
    k_ = 0;
    for (int i = 0; i < 5; ++i) step();
    Edit edit = identity_edit(1, network_.space(1).groups);
    edit.length = Vector<double>{{0.7, 0.0}};
    const double o = network_.space(1).o(0);
    apply(edit);
    EXPECT_NEAR(network_.space(1).o(0), o + 0.7, 1e-13);
    const double ratio_o = (o + 0.7) / o;
    const double ratio = mode == LengthMode::trainable ? std::sqrt(ratio_o) : ratio_o;
    Book& book = books_.at({Role::length, 1});
    book.m(0, 0) *= ratio;
    book.v(0, 0) *= ratio * ratio;
    expect_book(std::string(length_mode_name(mode)));
  }
}

}  // namespace
}  // namespace isoform
