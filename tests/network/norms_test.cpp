// Norms: what maps read of the length of groups. docs/mathematics.md 14.
#include <gtest/gtest.h>

#include <cmath>

#include "isoform/base/error.h"
#include "isoform/network/pass.h"
#include "tests/support/networks.h"

namespace isoform {
namespace {

using namespace isoform::testing;

// In closed form, with t = o + |z|² and m = √t.
double norm_of(Radial radial, double t) {
  const double m = std::sqrt(t);
  switch (radial) {
    case Radial::tanh:
      return m / std::tanh(m) - 1;
    case Radial::asinh:
      return m / std::asinh(m) - 1;
    case Radial::algebraic:
      return std::sqrt(1 + t) - 1;
    case Radial::log:
      return m / std::log1p(m) - 1;
    case Radial::softsign:
      return m;
  }
  return 0;
}

TEST(Norms, GrowWithTheLengthOfTheirGroup) {
  for (const Radial radial :
       {Radial::tanh, Radial::asinh, Radial::algebraic, Radial::log, Radial::softsign}) {
    ChainSettings settings{.widths = {3, 10, 2}, .group_size = 4, .radial = radial, .norms = true};
    auto network = Network<double>::chain(settings);
    Dice dice(1, 3);
    randomise(network, dice);
    const auto engine = create_engine<double>({.name = "reference"});
    Pass<double> pass;
    pass.prepare(network, 50);
    pass.input() = 4 * dice.normals(3, 50);
    forward(network, *engine, pass);
    const Space<double>& s = network.space(1);
    ASSERT_EQ(pass.norms(1).rows(), 3);
    for (Index g = 0; g < 3; ++g) {
      for (Index j = 0; j < 50; ++j) {
        const double t = s.o(g) + pass.z(1).col(j).segment(s.begin(g), s.groups[g]).squaredNorm();
        EXPECT_NEAR(pass.norms(1)(g, j), norm_of(radial, t), 1e-12 * (1 + t))
            << radial_name(radial);
      }
    }
  }
}

// Groups of one without o, profile softsign: a norm is |z|, and a map that reads nothing else is a sum of them.
TEST(Norms, OfSingleNeuronsAreTheirAbsoluteValues) {
  auto network = Network<double>::chain({.widths = {5, 6, 3},
                                         .group_size = 1,
                                         .radial = Radial::softsign,
                                         .length = LengthMode::none,
                                         .norms = true});
  Dice dice(2, 3);
  Map<double>& last = network.map(1);
  last.a.setZero();
  last.chi() = dice.normals(3, 6);
  const Matrix<double> x = dice.normals(5, 40);
  const auto engine = create_engine<double>({.name = "cpu", .threads = 1});
  const Matrix<double> truth = last.chi() * (network.map(0).weight() * x).cwiseAbs();
  EXPECT_LE(relative(output_of(network, *engine, x), truth), 1e-2) << "t is floored at 1e-6";
  EXPECT_LE(relative(output_of(network, *engine, 1e4 * x), 1e4 * truth), 1e-6);
}

TEST(Norms, AreThereWhereAMapReadsThem) {
  const auto plain = graph_network(1), read = graph_network(1, Radial::tanh, LengthMode::trainable,
                                                            PsiMode::decay, PsiMode::none, true);
  EXPECT_EQ(plain.features(1), 2);
  EXPECT_EQ(read.features(1), 4) << "maps 1 and 5 read them, map 4 does not";
  EXPECT_EQ(read.features(2), 6);
  EXPECT_EQ(read.features(3), 1) << "map 6 does not";
  EXPECT_EQ(read.features(0), 0);
  EXPECT_EQ(read.map(1).chi().cols(), 2);
  EXPECT_EQ(read.map(6).chi().cols(), 0);
  EXPECT_EQ(read.map(1).features().cols(), 4);
  EXPECT_EQ(read.map(6).psi().cols(), 1);
}

TEST(Norms, NeedAPsiBesideThem) {
  for (const PsiMode psi : {PsiMode::none, PsiMode::expectation}) {
    const ChainSettings settings{.widths = {2, 3, 1}, .psi = psi, .norms = true};
    EXPECT_THROW(settings.validate(), UsageError);
  }
}

// The penalty of mode decay is of ψ alone.
TEST(Norms, AreNotPenalised) {
  auto network = Network<double>::chain(
      {.widths = {2, 4, 3}, .group_size = 2, .psi = PsiMode::decay, .norms = true});
  network.map(1).chi().setConstant(2);
  EXPECT_EQ(network.penalty(), 0);
  network.map(1).psi().setConstant(1);
  EXPECT_NEAR(network.penalty(), kPsiPenalty * 6, 1e-12);
  EXPECT_EQ(network.parameter_count(), 4 * 3 + 3 * (4 + 1 + 4) + 2);
  EXPECT_EQ(network.parameter_count_after(1, 2, 1), 6 * 3 + 3 * (6 + 1 + 6) + 3);
}

// A step in single precision where gates are all but shut: nothing overflows.
TEST(Norms, StayFiniteForLongVectors) {
  auto network = Network<float>::chain({.widths = {4, 8, 3}, .group_size = 4, .norms = true});
  network.map(1).chi().setConstant(0.5F);
  const auto engine = create_engine<float>({.name = "cpu", .threads = 1});
  for (const float length : {1e3F, 1e6F, 1e12F}) {
    Pass<float> pass;
    pass.prepare(network, 2);
    pass.input().setConstant(length);
    forward(network, *engine, pass);
    pass.output_gradient().setOnes();
    backward(network, *engine, pass);
    EXPECT_TRUE(pass.output().allFinite()) << length;
    for (const Parameter<float>& p : pass.parameters(network)) {
      EXPECT_TRUE(Eigen::Map<Matrix<float>>(p.gradient, p.rows, p.cols).allFinite()) << length;
    }
  }
}

}  // namespace
}  // namespace isoform
