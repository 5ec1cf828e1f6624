// Optimisers' steps on single numbers and long vectors: the books' formulas, by every engine.
#include <gtest/gtest.h>

#include <cmath>

#include "isoform/linalg/engine.h"
#include "tests/linalg/strided.h"
#include "tests/support/dice.h"

namespace isoform {
namespace {

using isoform::testing::Dice;
using isoform::testing::kUlp;
using isoform::testing::relative;

template <class T>
class Steps : public ::testing::Test {
 protected:
  std::unique_ptr<Engine<T>> reference_ = create_engine<T>({.name = "reference"});
  std::unique_ptr<Engine<T>> cpu_ = create_engine<T>({.name = "cpu", .threads = 2});
};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Steps, Scalars);

TYPED_TEST(Steps, Agree) {
  using T = TypeParam;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Dice dice(seed);
    const Index n = dice.between(0, 70);
    const Matrix<T> w = dice.normals<T>(n, 1), g = dice.normals<T>(n, 1), m = dice.normals<T>(n, 1);
    const Matrix<T> v = dice.normals<T>(n, 1).cwiseAbs2();
    const AdamStep adam{0.9, 0.999, 1e-8, 0.01, 1.7, 0.003, dice.coin() ? 0.1 : 0.0};
    const MomentumStep momentum{0.1, 0.9, 0.01, dice.coin()};
    Matrix<T> w1 = w, m1 = m, v1 = v, w2 = w, m2 = m, v2 = v;
    this->cpu_->adam(adam, n, w1.data(), g.data(), m1.data(), v1.data());
    this->reference_->adam(adam, n, w2.data(), g.data(), m2.data(), v2.data());
    EXPECT_LE(relative(w1, w2), 4 * kUlp<T>);
    EXPECT_LE(relative(m1, m2), 4 * kUlp<T>);
    EXPECT_LE(relative(v1, v2), 4 * kUlp<T>);
    this->cpu_->momentum(momentum, n, w1.data(), g.data(), m1.data());
    this->reference_->momentum(momentum, n, w2.data(), g.data(), m2.data());
    EXPECT_LE(relative(w1, w2), 8 * kUlp<T>);
    EXPECT_LE(relative(m1, m2), 8 * kUlp<T>);
  }
}

// The books' formulas, step by step, with the corrections where the books have them.
TYPED_TEST(Steps, AdamIsTheTextbooks) {
  using T = TypeParam;
  for (Engine<T>* engine : {this->cpu_.get(), this->reference_.get()}) {
    const double rate = 0.01, b1 = 0.9, b2 = 0.999, epsilon = 1e-8, decay = 0.1;
    T w = T(0.7), m = 0, v = 0;
    double w_book = 0.7, m_book = 0, v_book = 0;
    for (int k = 1; k <= 200; ++k) {
      const double gradient = std::sin(0.3 * k) + 0.2;
      const T g = T(gradient);
      const AdamStep step{b1,
                          b2,
                          epsilon,
                          rate / (1 - std::pow(b1, k)),
                          1 / std::sqrt(1 - std::pow(b2, k)),
                          rate * decay,
                          0};
      engine->adam(step, 1, &w, &g, &m, &v);
      m_book = b1 * m_book + (1 - b1) * gradient;
      v_book = b2 * v_book + (1 - b2) * gradient * gradient;
      const double m_hat = m_book / (1 - std::pow(b1, k));
      const double v_hat = v_book / (1 - std::pow(b2, k));
      w_book = w_book - rate * decay * w_book - rate * m_hat / (std::sqrt(v_hat) + epsilon);
    }
    EXPECT_NEAR(double(w), w_book, 200 * kUlp<T>) << engine->name();
  }
}

TYPED_TEST(Steps, MomentumIsTheTextbooks) {
  using T = TypeParam;
  for (Engine<T>* engine : {this->cpu_.get(), this->reference_.get()}) {
    for (const bool nesterov : {false, true}) {
      const double rate = 0.01, mu = 0.9, l2 = 0.1;
      T w = T(0.7), m = 0;
      double w_book = 0.7, velocity = 0;
      for (int k = 1; k <= 100; ++k) {
        const double gradient = std::sin(0.3 * k) + 0.2;
        const T g = T(gradient);
        engine->momentum({rate, mu, l2, nesterov}, 1, &w, &g, &m);
        const double full = gradient + l2 * w_book;
        velocity = mu * velocity + full;
        w_book -= rate * (nesterov ? full + mu * velocity : velocity);
      }
      EXPECT_NEAR(double(w), w_book, 200 * kUlp<T>) << engine->name();
    }
  }
}

TYPED_TEST(Steps, NormalisedStepsAreTheirFormula) {
  using T = TypeParam;
  for (Engine<T>* engine : {this->cpu_.get(), this->reference_.get()}) {
    const NormalisedStep step{0.9, 0.25, 0.01, 0.001};
    T w = T(0.7), m = 0;
    double w_book = 0.7, m_book = 0;
    for (int k = 1; k <= 100; ++k) {
      const double gradient = std::sin(0.3 * k) + 0.2;
      const T g = T(gradient);
      engine->normalised(step, 1, &w, &g, &m);
      m_book = 0.9 * m_book + 0.25 * gradient;
      w_book = w_book - 0.001 * w_book - 0.01 * m_book;
    }
    EXPECT_NEAR(double(w), w_book, 200 * kUlp<T>) << engine->name();
  }
}

// Longer than a tile, and no multiple of anything.
TYPED_TEST(Steps, NormalisedStepsAndSumsAgreeOnLongVectors) {
  using T = TypeParam;
  const Index n = 150001;
  Dice dice(31);
  const Matrix<T> start = dice.normals<T>(n, 1), g = dice.normals<T>(n, 1);
  Matrix<T> w = start, m = g, w_slow = start, m_slow = g;
  const NormalisedStep step{0.9, 0.3, 0.1, 0.01};
  this->cpu_->normalised(step, n, w.data(), g.data(), m.data());
  this->reference_->normalised(step, n, w_slow.data(), g.data(), m_slow.data());
  EXPECT_LE((w - w_slow).cwiseAbs().maxCoeff(), 20 * kUlp<T>);
  EXPECT_LE((m - m_slow).cwiseAbs().maxCoeff(), 20 * kUlp<T>);
  const double truth = g.template cast<double>().squaredNorm();
  for (Engine<T>* engine : {this->cpu_.get(), this->reference_.get()}) {
    EXPECT_NEAR(engine->sum_of_squares(n, g.data()), truth, 1e-12 * truth);
    EXPECT_EQ(engine->sum_of_squares(0, g.data()), 0);
  }
  const auto threads = create_engine<T>({.threads = 3});
  EXPECT_EQ(threads->sum_of_squares(n, g.data()), this->cpu_->sum_of_squares(n, g.data()))
      << "bits do not depend on threads";
}

}  // namespace
}  // namespace isoform
