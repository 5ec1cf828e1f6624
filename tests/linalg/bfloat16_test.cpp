// The engine "bfloat16": factors rounded as this file rounds them, sums as good as float32's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

#include "isoform/base/error.h"
#include "isoform/linalg/engine.h"
#include "tests/support/dice.h"

namespace isoform {
namespace {

using testing::Dice;
using ::testing::HasSubstr;

// Eight bits of mantissa, to the nearest, even at ties.
double rounded(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t kept = bits & 0xFFFF0000U, rest = bits & 0xFFFFU;
  const bool up = rest > 0x8000U || (rest == 0x8000U && (kept & 0x10000U) != 0);
  return std::bit_cast<float>(up ? kept + 0x10000U : kept);
}

Matrix<double> rounded(const Matrix<float>& m) {
  return m.unaryExpr([](float x) { return rounded(x); });
}

class Bfloat16 : public ::testing::Test {
 protected:
  void SetUp() override {
    try {
      one_ = create_engine<float>({.name = "bfloat16", .threads = 1});
      three_ = create_engine<float>({.name = "bfloat16", .threads = 3});
    } catch (const UsageError& error) {
      EXPECT_THAT(error.what(), HasSubstr("use cpu"));
      GTEST_SKIP() << error.what();
    }
  }
  std::unique_ptr<Engine<float>> one_, three_;
};

TEST_F(Bfloat16, RoundsFactorsAndNothingElse) {
  EXPECT_EQ(one_->name(), "bfloat16");
  for (const auto& shape : std::vector<std::array<Index, 3>>{{1, 2, 1},
                                                             {31, 11, 3},
                                                             {33, 13, 31},
                                                             {17, 70, 64},
                                                             {300, 500, 47},
                                                             {130, 48, 1500},
                                                             {257, 385, 513},
                                                             {64, 24, 1024}}) {
    const Index m = shape[0], n = shape[1], k = shape[2], sums = k / 2 + 3;
    Dice dice(static_cast<std::uint64_t>(m + 100 * n + k));
    // Within larger matrices, so that strides are not sizes.
    const Matrix<float> a = dice.normals<float>(m + 3, k), at = a.transpose();
    const Matrix<float> b = dice.normals<float>(k + 2, n), bt = b.transpose();
    const Matrix<double> left = a.topRows(m).cast<double>(), right = b.topRows(k).cast<double>();
    const Matrix<double> product = rounded(a).topRows(m) * rounded(b).topRows(k);
    const Matrix<double> sizes = left.cwiseAbs() * right.cwiseAbs();
    const Matrix<float> start = dice.normals<float>(m, n);
    for (const float beta : {0.0F, 0.5F, 1.0F}) {
      const Matrix<double> kept = double(beta) * start.cast<double>();
      for (const bool ta : {false, true}) {
        for (const bool tb : {false, true}) {
          Matrix<float> c = start, alone = start;
          if (beta == 0) c.setConstant(std::numeric_limits<float>::quiet_NaN());  // not read
          const auto run = [&](Engine<float>& engine, Matrix<float>& to) {
            const ConstView<float> fa = ta ? ConstView<float>(at.leftCols(m)) : a.topRows(m);
            const ConstView<float> fb = tb ? ConstView<float>(bt.leftCols(k)) : b.topRows(k);
            engine.multiply(ta ? Op::transpose : Op::none, fa, tb ? Op::transpose : Op::none, fb,
                            beta, to);
          };
          run(*three_, c);
          run(*one_, alone);
          EXPECT_EQ(c, alone) << "bits do not depend on threads";
          const Matrix<double> error = (c.cast<double>() - product - kept).cwiseAbs();
          EXPECT_LE((error.array() / (sizes + kept.cwiseAbs()).array()).maxCoeff(),
                    6e-8 * double(sums))
              << m << " x " << n << " x " << k << ", beta " << beta << ta << tb;
          // Of what was not rounded: the bound of bfloat16.h.
          const Matrix<double> all = (c.cast<double>() - left * right - kept).cwiseAbs();
          EXPECT_LE((all.array() / (sizes + kept.cwiseAbs()).array()).maxCoeff(),
                    (1 + 1.0 / 512) / 128 + 6e-8 * double(sums));
        }
      }
    }
  }
}

TEST_F(Bfloat16, HandsOverColumnsAndKeepsWhatIsNoNumber) {
  Dice dice(5);
  Matrix<float> a = dice.normals<float>(40, 64), b = dice.normals<float>(64, 300), c(40, 300),
                d(40, 300);
  a(3, 7) = std::numeric_limits<float>::quiet_NaN();
  b(9, 100) = std::numeric_limits<float>::infinity();
  int seen = 0;
  one_->multiply_then(Op::none, a, Op::none, b, 0.0F, c,
                      [&](Index, Index count) { seen += static_cast<int>(count); });
  EXPECT_EQ(seen, 300);
  three_->multiply(Op::none, a, Op::none, b, 0.0F, d);
  for (const Matrix<float>* out : {&c, &d}) {
    for (Index j = 0; j < 300; ++j) {
      for (Index i = 0; i < 40; ++i) {
        EXPECT_EQ(std::isfinite((*out)(i, j)), i != 3 && j != 100) << i << ", " << j;
      }
    }
  }
}

// What is gathered in double for an engine goes to the one of its name.
TEST_F(Bfloat16, RoundsNothingInDouble) {
  const auto doubles = create_engine<double>({.name = "bfloat16", .threads = 2}),
             cpu = create_engine<double>({.name = "cpu", .threads = 2});
  Dice dice(6);
  const Matrix<double> a = dice.normals(90, 200), b = dice.normals(200, 70);
  Matrix<double> c(90, 70), d(90, 70);
  doubles->multiply(Op::none, a, Op::none, b, 0.0, c);
  cpu->multiply(Op::none, a, Op::none, b, 0.0, d);
  EXPECT_EQ(c, d);
  EXPECT_EQ(doubles->name(), "bfloat16");
}

}  // namespace
}  // namespace isoform
