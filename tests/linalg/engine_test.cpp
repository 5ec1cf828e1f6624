#include "isoform/linalg/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cmath>
#include <limits>
#include <numeric>

#include "isoform/activation/radial.h"
#include "isoform/base/error.h"
#include "tests/linalg/strided.h"
#include "tests/support/dice.h"

namespace isoform {
namespace {

using isoform::testing::Dice;
using isoform::testing::kUlp;
using isoform::testing::relative;
using isoform::testing::Strided;
using ::testing::HasSubstr;

template <class T>
class Engines : public ::testing::Test {
 protected:
  std::unique_ptr<Engine<T>> reference_ = create_engine<T>({.name = "reference"});
  std::unique_ptr<Engine<T>> cpu_ = create_engine<T>({.name = "cpu", .threads = 2});
};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Engines, Scalars);

TYPED_TEST(Engines, MultiplyAgreesOnEveryShapeTransposeAndStride) {
  using T = TypeParam;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    Dice dice(seed);
    const Index largest = seed % 20 == 0 ? 200 : 24;
    const Index m = dice.between(0, largest), n = dice.between(0, largest),
                k = dice.between(0, largest);
    const Index margin = dice.between(0, 3);
    const Op op_a = dice.coin() ? Op::transpose : Op::none;
    const Op op_b = dice.coin() ? Op::transpose : Op::none;
    const auto a =
        op_a == Op::none ? Strided<T>(dice, m, k, margin) : Strided<T>(dice, k, m, margin);
    const auto b =
        op_b == Op::none ? Strided<T>(dice, k, n, margin) : Strided<T>(dice, n, k, margin);
    Strided<T> c(dice, m, n, margin);
    auto c_reference = c;
    const T beta = dice.coin() ? T(1) : dice.coin() ? T(0) : T(0.5);
    this->cpu_->multiply(op_a, a.const_view(), op_b, b.const_view(), beta, c.view());
    this->reference_->multiply(op_a, a.const_view(), op_b, b.const_view(), beta,
                               c_reference.view());
    // The whole storage: nothing outside the view is written.
    ASSERT_LE(relative(c.storage, c_reference.storage), 8 * kUlp<T>)
        << "seed " << seed << ": " << m << " x " << n << " x " << k << ", beta " << beta;
  }
}

// Small results of long sums are cut along the sum, large ones along a side.
TYPED_TEST(Engines, MultiplyAgreesOnLongSums) {
  using T = TypeParam;
  for (const auto& [m, n, k] : std::vector<std::array<Index, 3>>{{32, 48, 3073},
                                                                 {10, 7, 40000},
                                                                 {1, 2, 1500000},
                                                                 {70, 300, 2000},
                                                                 {128, 48, 785},
                                                                 {500, 48, 1001}}) {
    for (const T beta : {T(0), T(0.5)}) {
      Dice dice(static_cast<std::uint64_t>(k));
      const Matrix<T> a = dice.normals<T>(m, k), b = dice.normals<T>(n, k);
      Matrix<T> c = dice.normals<T>(m, n);
      const Matrix<long double> truth =
          static_cast<long double>(beta) * c.template cast<long double>() +
          a.template cast<long double>() * b.template cast<long double>().transpose();
      const auto one = create_engine<T>({.name = "cpu", .threads = 1});
      const Matrix<T> bt = b.transpose(), start = c;
      for (const Op op : {Op::transpose, Op::none}) {  // as a gradient, and as a layer forward
        const Matrix<T>& right = op == Op::none ? bt : b;
        Matrix<T> alone = start;
        c = start;
        one->multiply(Op::none, a, op, right, beta, alone);
        this->cpu_->multiply(Op::none, a, op, right, beta, c);
        EXPECT_EQ(c, alone) << m << " x " << n << " x " << k << ": bits do not depend on threads";
        EXPECT_LE(static_cast<double>((c.template cast<long double>() - truth).norm()),
                  20 * kUlp<T> * std::sqrt(double(k)) * std::sqrt(double(m * n)))
            << m << " x " << n << " x " << k;
      }
    }
  }
}

// Each column is handed over once, when it is final.
TYPED_TEST(Engines, MultiplyThenHandsOverEveryColumn) {
  using T = TypeParam;
  for (const auto& [m, n, k] : std::vector<std::array<Index, 3>>{
           {500, 900, 48}, {1, 1, 1}, {3, 2000, 5}, {300000, 2, 3}, {10, 129, 48}, {4, 0, 3}}) {
    Dice dice(7);
    const Matrix<T> a = dice.normals<T>(m, k), b = dice.normals<T>(n, k);
    const Matrix<T> start = dice.normals<T>(m, n);
    for (const T beta : {T(0), T(1)}) {
      Matrix<T> truth = start;
      this->reference_->multiply(Op::none, a, Op::transpose, b, beta, truth);
      for (Engine<T>* engine : {this->cpu_.get(), this->reference_.get()}) {
        Matrix<T> c = start, seen = Matrix<T>::Zero(m, n), w = seen, moment = seen;
        std::vector<std::atomic<int>> times(static_cast<std::size_t>(n));
        engine->multiply_then(
            Op::none, a, Op::transpose, b, beta, c, [&](Index first, Index count) {
              for (Index j = first; j < first + count; ++j) times[static_cast<std::size_t>(j)] += 1;
              seen.middleCols(first, count) = c.middleCols(first, count);
              // An elementwise step from inside: of this part alone.
              engine->normalised({0, 1, 1, 0}, c.rows() * count, w.col(first).data(),
                                 seen.col(first).data(), moment.col(first).data());
            });
        for (const auto& count : times) EXPECT_EQ(count, 1);
        EXPECT_EQ(w, Matrix<T>(-seen)) << "w − 1 · g";
        EXPECT_LE(relative(seen, truth), 8 * kUlp<T> * std::sqrt(double(k))) << engine->name();
      }
    }
  }
}

TYPED_TEST(Engines, FillWritesEveryRowOnce) {
  using T = TypeParam;
  for (const auto& [rows, cols] : std::vector<std::array<Index, 2>>{
           {784, 128}, {1, 1}, {3, 20000}, {3072, 48}, {17, 4000}, {0, 5}}) {
    for (Engine<T>* engine : {this->cpu_.get(), this->reference_.get()}) {
      Matrix<T> whole = Matrix<T>::Zero(rows + 2, cols);
      engine->fill(whole.topRows(rows), [](View<T> part, Index first) {
        for (Index i = 0; i < part.rows(); ++i) part.row(i).array() += T(first + i + 1);
      });
      for (Index i = 0; i < whole.rows(); ++i) {
        EXPECT_TRUE((whole.row(i).array() == T(i < rows ? i + 1 : 0)).all()) << engine->name();
      }
    }
  }
}

TYPED_TEST(Engines, MultiplyWithBetaZeroDoesNotReadTheResult) {
  using T = TypeParam;
  for (const Index n : {1, 3, 17, 150, 400}) {
    for (const Index inner : {Index{0}, n}) {
      Dice dice(static_cast<std::uint64_t>(n));
      const Matrix<T> a = dice.normals<T>(n, inner), b = dice.normals<T>(inner, n);
      for (Engine<T>* engine : {this->cpu_.get(), this->reference_.get()}) {
        Matrix<T> c = Matrix<T>::Constant(n, n, std::numeric_limits<T>::quiet_NaN());
        engine->multiply(Op::none, a, Op::none, b, T(0), c);
        EXPECT_TRUE(c.allFinite()) << engine->name() << " " << n << " " << inner;
        if (inner == 0) {
          EXPECT_TRUE(c.isZero(0));
        }
      }
    }
  }
}

template <class T>
struct GateCase {
  explicit GateCase(std::uint64_t seed, Index samples_or_random = -1, Index most_groups = 20) {
    Dice dice(seed);
    Index n = 0;
    for (Index g = dice.between(1, most_groups); g > 0; --g) {
      // Runs of one size have loops of their own.
      if (sizes.empty() || dice.coin())
        sizes.push_back(dice.between(1, 20));
      else
        sizes.push_back(sizes.back());
      n += sizes.back();
    }
    samples = samples_or_random >= 0 ? samples_or_random : dice.between(0, 20);
    const auto groups = static_cast<Index>(sizes.size());
    const Index margin = dice.between(0, 2);
    radial = static_cast<Radial>(dice.between(0, 4));
    z = Strided<T>(dice, n, samples, margin);
    h = Strided<T>(dice, n, samples, margin);
    v = Strided<T>(dice, n, samples, margin);
    s = Strided<T>(dice, groups, samples, margin);
    kappa = Strided<T>(dice, groups, samples, margin);
    q = Strided<T>(dice, groups, samples, margin);
    for (Index g = 0; g < groups; ++g) o.push_back(static_cast<T>(dice.uniform()));
    o_gradient.assign(sizes.size(), T(99));
  }
  void run(Engine<T>& engine) {
    const Gates<T> gates{sizes, radial_function<T>(radial)};
    engine.gate_forward(gates, z.const_view(), o, h.view(), s.view(), kappa.view());
    engine.gate_backward(gates, z.const_view(), s.const_view(), kappa.const_view(), q.const_view(),
                         v.view(), o_gradient);
  }
  std::vector<Index> sizes;
  Index samples = 0;
  Radial radial = Radial::tanh;
  Dice none{0};
  Strided<T> z{none, 0, 0, 0}, h{none, 0, 0, 0}, v{none, 0, 0, 0}, s{none, 0, 0, 0},
      kappa{none, 0, 0, 0}, q{none, 0, 0, 0};
  std::vector<T> o, o_gradient;
};

template <class T>
Matrix<T> column_of(const std::vector<T>& values) {
  return Eigen::Map<const Vector<T>>(values.data(), static_cast<Index>(values.size()));
}

TYPED_TEST(Engines, GatesAgreeOnEveryShapeAndStride) {
  using T = TypeParam;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    GateCase<T> by_cpu(seed);
    GateCase<T> by_reference = by_cpu;
    by_cpu.run(*this->cpu_);
    by_reference.run(*this->reference_);
    // Lengths are sums in another order; far out in the tails of a profile that counts a few times.
    const double tolerance = 50 * kUlp<T>;
    EXPECT_LE(relative(by_cpu.h.storage, by_reference.h.storage), tolerance) << "seed " << seed;
    EXPECT_LE(relative(by_cpu.s.storage, by_reference.s.storage), tolerance) << "seed " << seed;
    EXPECT_LE(relative(by_cpu.kappa.storage, by_reference.kappa.storage), tolerance)
        << "seed " << seed;
    EXPECT_LE(relative(by_cpu.v.storage, by_reference.v.storage), tolerance) << "seed " << seed;
    if (by_cpu.samples > 0) {
      EXPECT_LE(relative(column_of(by_cpu.o_gradient), column_of(by_reference.o_gradient)),
                10 * tolerance)
          << "seed " << seed;
    } else {
      for (const T value : by_cpu.o_gradient) EXPECT_EQ(value, T(0));
    }
  }
}

TYPED_TEST(Engines, GatesMayWriteOverWhatTheyRead) {
  using T = TypeParam;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    for (Engine<T>* engine : {this->cpu_.get(), this->reference_.get()}) {
      GateCase<T> apart(seed), inside(seed);
      const Gates<T> gates{apart.sizes, radial_function<T>(apart.radial)};
      engine->gate_forward(gates, apart.z.const_view(), apart.o, apart.h.view(), apart.s.view(),
                           apart.kappa.view());
      engine->gate_forward(gates, inside.z.const_view(), inside.o, inside.z.view(), inside.s.view(),
                           inside.kappa.view());
      EXPECT_EQ(inside.z.view(), apart.h.view()) << engine->name() << ", seed " << seed;
      EXPECT_EQ(inside.s.storage, apart.s.storage);
    }
  }
}

// Large enough for every call to be cut into tiles; the last ones are cut unevenly.
TYPED_TEST(Engines, BitsDoNotDependOnTheNumberOfThreads) {
  using T = TypeParam;
  Dice dice(5);
  const Matrix<T> a = dice.normals<T>(301, 260), b = dice.normals<T>(260, 333);
  const Matrix<T> at = a.transpose(), bt = b.transpose();
  const Index n = 200001;
  const Matrix<T> w = dice.normals<T>(n, 1), g = dice.normals<T>(n, 1);
  std::vector<std::vector<Matrix<T>>> results;
  for (const int threads : {1, 2, 4, 8}) {
    const auto engine = create_engine<T>({.name = "cpu", .threads = threads});
    EXPECT_EQ(engine->threads(), threads);
    std::vector<Matrix<T>> all;
    Matrix<T> c = Matrix<T>::Ones(301, 333);
    engine->multiply(Op::none, a, Op::none, b, T(1), c);
    all.push_back(c);
    engine->multiply(Op::transpose, at, Op::none, b, T(0), c);
    all.push_back(c);
    engine->multiply(Op::none, a, Op::transpose, bt, T(1), c);
    all.push_back(c);
    Matrix<T> tall(333, 301);
    engine->multiply(Op::transpose, b, Op::transpose, a, T(0), tall);
    all.push_back(tall);
    for (const Index more : {2, 40}) {
      Dice again(6);
      const Matrix<T> d = again.normals<T>(220, 1), p = again.normals<T>(301, more);
      engine->multiply_diagonal({d.data(), 220}, p, b.topRows(220 + more), T(1), c);
      all.push_back(c);
    }
    engine->multiply_blocks(
        std::vector<RowBlock<T>>{{0, 0, a.topRows(100)}, {100, 90, a.block(100, 90, 201, 170)}}, b,
        T(1), c);
    all.push_back(c);
    for (const Index samples : {700, 1003}) {
      GateCase<T> gates(3, samples, 40);
      gates.run(*engine);
      for (const auto* m : {&gates.h, &gates.s, &gates.kappa, &gates.v}) all.push_back(m->storage);
      all.push_back(column_of(gates.o_gradient));
    }
    Matrix<T> w1 = w, m1 = g, v1 = g.cwiseAbs2();
    engine->adam({0.9, 0.999, 1e-8, 0.01, 1.7, 0.003, 0}, n, w1.data(), g.data(), m1.data(),
                 v1.data());
    engine->momentum({0.1, 0.9, 0.01, true}, n, w1.data(), g.data(), m1.data());
    all.insert(all.end(), {w1, m1, v1});
    results.push_back(std::move(all));
  }
  for (std::size_t i = 1; i < results.size(); ++i) {
    for (std::size_t k = 0; k < results[i].size(); ++k) {
      EXPECT_EQ(results[i][k], results[0][k]) << "call " << k << ", " << (1 << i) << " threads";
    }
  }
}

TEST(CreateEngine, NamesWhatItKnows) {
  try {
    create_engine<float>({.name = "abacus"});
    FAIL() << "did not throw";
  } catch (const UsageError& error) {
    for (const std::string& name : engine_names()) EXPECT_THAT(error.what(), HasSubstr(name));
    EXPECT_THAT(error.what(), HasSubstr("abacus"));
  }
  EXPECT_THROW(create_engine<double>({.threads = -1}), UsageError);
  EXPECT_GE(create_engine<double>({.threads = 0})->threads(), 1);
  for (const std::string& name : engine_names()) {
    if (name == "bfloat16") continue;  // not of every processor: bfloat16_test.cpp
    EXPECT_EQ(create_engine<float>({.name = name, .threads = 1})->name(), name);
  }
  EXPECT_THAT(linear_algebra_library(), HasSubstr("OpenBLAS"));
}

}  // namespace
}  // namespace isoform
