// Products with matrices that have known zeros, against the same matrices written out.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <vector>

#include "isoform/linalg/engine.h"
#include "tests/linalg/strided.h"
#include "tests/support/dice.h"

namespace isoform {
namespace {

using namespace isoform::testing;

template <class T>
class SparseProducts : public ::testing::Test {
 protected:
  std::unique_ptr<Engine<T>> reference_ = create_engine<T>({.name = "reference"});
  std::unique_ptr<Engine<T>> cpu_ = create_engine<T>({.name = "cpu", .threads = 2});
};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(SparseProducts, Scalars);

// diag(d) and P written out as one matrix, multiplied in double by Eigen.
TYPED_TEST(SparseProducts, MultiplyDiagonalIsTheProductWithTheMatrixWrittenOut) {
  using T = TypeParam;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    Dice dice(seed, 4);
    const Index largest = seed % 20 == 0 ? 200 : 24;
    const Index rows = dice.between(0, largest), inputs = dice.between(0, largest),
                samples = dice.between(0, largest);
    const Index more = dice.coin() ? dice.between(0, 3) : dice.between(0, 30);
    const Index margin = dice.between(0, 3);
    const Matrix<T> d = dice.normals<T>(std::min(rows, inputs), 1);
    const Strided<T> p(dice, rows, more, margin), a(dice, inputs + more, samples, margin);
    Matrix<double> whole = Matrix<double>::Zero(rows, inputs + more);
    for (Index i = 0; i < d.size(); ++i) whole(i, i) = d(i);
    whole.rightCols(more) = p.const_view().template cast<double>();
    const T beta = dice.coin() ? T(1) : dice.coin() ? T(0) : T(0.5);
    for (Engine<T>* engine : {this->cpu_.get(), this->reference_.get()}) {
      Dice same(seed, 5);
      Strided<T> c(same, rows, samples, margin);
      Matrix<double> truth = c.storage.template cast<double>();
      auto inside = truth.block(margin, 0, rows, samples);
      inside = (double(beta) * inside + whole * a.const_view().template cast<double>()).eval();
      engine->multiply_diagonal({d.data(), static_cast<std::size_t>(d.size())}, p.const_view(),
                                a.const_view(), beta, c.view());
      // The whole storage: nothing outside the view is written.
      ASSERT_LE(relative<T>(c.storage, truth.cast<T>()), 8 * kUlp<T>)
          << engine->name() << ", seed " << seed << ": " << rows << " rows, " << inputs
          << " inputs, " << more << " more, beta " << beta;
    }
  }
}

TYPED_TEST(SparseProducts, MultiplyBlocksIsTheProductWithTheMatrixWrittenOut) {
  using T = TypeParam;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Dice dice(seed, 6);
    const Index largest = seed % 20 == 0 ? 200 : 24;
    const Index inner = dice.between(0, largest), samples = dice.between(0, largest);
    const Index margin = dice.between(0, 3);
    std::vector<RowBlock<T>> blocks;
    Index rows = dice.between(0, 2);  // rows in no block at the beginning and the end
    const Index untouched = rows;
    for (Index k = dice.between(0, 5); k > 0; --k) {
      const Index first = dice.between(0, inner), end = dice.between(first, inner);
      blocks.push_back({rows, first, dice.normals<T>(dice.between(0, largest), end - first)});
      rows += blocks.back().a.rows();
    }
    Matrix<double> whole = Matrix<double>::Zero(rows + 1, inner);
    for (const RowBlock<T>& block : blocks) {
      whole.block(block.row, block.first, block.a.rows(), block.a.cols()) =
          block.a.template cast<double>();
    }
    const Strided<T> b(dice, inner, samples, margin);
    const T beta = dice.coin() ? T(1) : dice.coin() ? T(0) : T(0.5);
    for (Engine<T>* engine : {this->cpu_.get(), this->reference_.get()}) {
      Dice same(seed, 7);
      Strided<T> c(same, rows + 1, samples, margin);
      Matrix<double> truth = c.storage.template cast<double>();
      auto inside = truth.block(margin + untouched, 0, rows - untouched, samples);
      inside =
          (double(beta) * inside +
           (whole * b.const_view().template cast<double>()).middleRows(untouched, rows - untouched))
              .eval();
      engine->multiply_blocks(blocks, b.const_view(), beta, c.view());
      ASSERT_LE(relative<T>(c.storage, truth.cast<T>()), 8 * kUlp<T>)
          << engine->name() << ", seed " << seed << ", beta " << beta;
    }
  }
}

TYPED_TEST(SparseProducts, MultiplyDiagonalWithBetaZeroDoesNotReadTheResult) {
  using T = TypeParam;
  for (const Index rows : {3, 17, 40}) {
    for (const Index more : {0, 1, 2, 30}) {
      Dice dice(static_cast<std::uint64_t>(rows));
      const Matrix<T> d = dice.normals<T>(std::min<Index>(rows, 17), 1);
      const Matrix<T> p = dice.normals<T>(rows, more), a = dice.normals<T>(17 + more, 50);
      for (Engine<T>* engine : {this->cpu_.get(), this->reference_.get()}) {
        Matrix<T> c = Matrix<T>::Constant(rows, 50, std::numeric_limits<T>::quiet_NaN());
        engine->multiply_diagonal({d.data(), static_cast<std::size_t>(d.size())}, p, a, T(0), c);
        EXPECT_TRUE(c.allFinite()) << engine->name() << " " << rows << " " << more;
        if (rows > 17 && more == 0) {
          EXPECT_TRUE(c.bottomRows(rows - 17).isZero(0));
        }
      }
    }
  }
}

}  // namespace
}  // namespace isoform
