// Ordinary networks: values against loops of their own, gradients against differences of the output.
#include "isoform/study/baseline.h"

#include <gtest/gtest.h>

#include <cmath>

#include "isoform/base/error.h"
#include "tests/support/networks.h"

namespace isoform {
namespace {

using namespace isoform::testing;

constexpr Index kSamples = 4;
const std::vector<Activation> kAll = {Activation::tanh, Activation::relu,
                                      Activation::layernorm_gelu};

// Every parameter random, so that β, γ and biases count.
void randomise(Baseline<double>& network, std::uint64_t seed) {
  Dice dice(seed, 71);
  for (const Parameter<double>& p : network.parameters()) {
    Eigen::Map<Matrix<double>>(p.value, p.rows, p.cols) += 0.5 * dice.normals(p.rows, p.cols);
  }
}

// y by plain loops over the formulas.
Matrix<double> oracle(Baseline<double>& network, Activation activation, Matrix<double> h) {
  const std::vector<Parameter<double>> p = network.parameters();
  std::size_t maps = 0;
  while (maps < p.size() && p[maps].key.role == Role::weight) maps += 2;
  for (std::size_t at = 0; at < maps; at += 2) {
    const Eigen::Map<Matrix<double>> w(p[at].value, p[at].rows, p[at].cols);
    const Eigen::Map<Vector<double>> b(p[at + 1].value, p[at + 1].rows);
    Matrix<double> z(w.rows(), h.cols());
    for (Index j = 0; j < h.cols(); ++j) {
      for (Index i = 0; i < w.rows(); ++i) {
        z(i, j) = b[i];
        for (Index k = 0; k < w.cols(); ++k) z(i, j) += w(i, k) * h(k, j);
      }
    }
    if (at + 2 == maps) return z;
    for (Index j = 0; j < z.cols(); ++j) {
      double mean = 0, variance = 0;
      for (Index i = 0; i < z.rows(); ++i) mean += z(i, j) / double(z.rows());
      for (Index i = 0; i < z.rows(); ++i)
        variance += std::pow(z(i, j) - mean, 2) / double(z.rows());
      for (Index i = 0; i < z.rows(); ++i) {
        double x = z(i, j);
        if (activation == Activation::tanh) x = std::tanh(x);
        if (activation == Activation::relu) x = x > 0 ? x : 0;
        if (activation == Activation::layernorm_gelu) {
          const Parameter<double>& gain = p[maps + at / 2];
          x = gain.value[i] * (x - mean) / std::sqrt(variance + 1e-5) + gain.value[gain.rows + i];
          x = x * std::erfc(-x / std::sqrt(2.0)) / 2;
        }
        z(i, j) = x;
      }
    }
    h = z;
  }
  return h;
}

Matrix<double> outputs_of(Baseline<double>& network, const Matrix<double>& x,
                          const Dropout& dropout = {}) {
  const auto engine = create_engine<double>({.name = "reference"});
  network.prepare(x.cols());
  network.input() = x;
  network.forward(*engine, dropout);
  return network.output();
}

std::vector<Index> random_widths(Dice& dice) {
  std::vector<Index> widths;
  const Index count = dice.between(2, 5);
  for (Index l = 0; l < count; ++l) widths.push_back(dice.between(2, 9));
  return widths;
}

TEST(Baseline, ComputesTheFormulas) {
  for (const Activation activation : kAll) {
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
      Dice dice(seed, 72);
      Baseline<double> network({random_widths(dice), activation, seed});
      randomise(network, seed);
      const Matrix<double> x = dice.normals(network.parameters().front().cols, kSamples);
      EXPECT_LT(relative(outputs_of(network, x), oracle(network, activation, x)), 1e-12) << seed;
    }
  }
}

TEST(Baseline, GradientsAgreeWithDifferences) {
  Worst worst;
  for (const Activation activation : kAll) {
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
      Dice dice(seed, 73);
      Baseline<double> network({random_widths(dice), activation, seed});
      randomise(network, seed);
      const Dropout dropout{seed % 2 == 0 ? 0 : 0.3, seed % 2 == 0 ? 0 : 0.4, seed, 2};
      const Matrix<double> x = dice.normals(network.parameters().front().cols, kSamples);
      const Matrix<double> y = outputs_of(network, x, dropout);
      const Matrix<double> weights = dice.normals(y.rows(), y.cols());
      network.output_gradient() = weights;
      network.backward(*create_engine<double>({.name = "reference"}));
      for (const Parameter<double>& p : network.parameters()) {
        const Matrix<double> at = Eigen::Map<Matrix<double>>(p.value, p.rows, p.cols);
        const Matrix<double> gradient = Eigen::Map<Matrix<double>>(p.gradient, p.rows, p.cols);
        const Matrix<double> direction = dice.normals(p.rows, p.cols);
        const auto loss_at = [&](double step) {
          Eigen::Map<Matrix<double>>(p.value, p.rows, p.cols) = at + step * direction;
          const double loss = outputs_of(network, x, dropout).cwiseProduct(weights).sum();
          Eigen::Map<Matrix<double>>(p.value, p.rows, p.cols) = at;
          return loss;
        };
        constexpr double h = 1e-5;
        const double slope = (loss_at(h) - loss_at(-h)) / (2 * h);
        worst.add(std::abs(slope - gradient.cwiseProduct(direction).sum()) /
                      std::max(1.0, std::abs(slope)),
                  fmt::format("{} seed {}", activation_name(activation), seed));
      }
    }
  }
  measured("baseline gradients", worst.error);
  EXPECT_LT(worst.error, 1e-5) << worst.where;
}

TEST(Baseline, CountsItsParameters) {
  EXPECT_EQ(Baseline<float>({{3, 5, 2}, Activation::relu, 0}).parameter_count(), 3 * 5 + 5 + 12);
  EXPECT_EQ(Baseline<float>({{3, 5, 2}, Activation::layernorm_gelu, 0}).parameter_count(), 42);
  EXPECT_THROW(Baseline<float>({{3}, Activation::relu, 0}), UsageError);
  EXPECT_THROW(activation_from_name("sine"), UsageError);
}

}  // namespace
}  // namespace isoform
