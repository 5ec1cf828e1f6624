#include "isoform/topology/refit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "isoform/base/error.h"
#include "isoform/topology/importance.h"
#include "isoform/topology/shrink.h"
#include "tests/support/networks.h"
#include "tests/support/oracle.h"
#include "tests/support/truth.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::HasSubstr;

// (h; 1; s; ν) of a space as a map reads it, by the oracle.
Matrix<double> features(const Network<double>& network, int map, const Matrix<double>& x) {
  const Map<double>& m = network.map(map);
  const Space<double>& s = network.space(m.from);
  const Matrix<double> z = oracle_z(network, m.from, x), gates = oracle_gates(s, z);
  Matrix<double> f = Matrix<double>::Ones(m.a.cols(), x.cols());
  for (Index g = 0; g < s.gates(); ++g) {
    for (Index i = s.begin(g); i < s.begin(g) + s.groups[g]; ++i) {
      f.row(i) = gates.row(g).cwiseProduct(z.row(i));
    }
  }
  if (has_psi(m.psi_mode)) f.middleRows(s.dimension + 1, s.gates()) = gates;
  if (m.norms) f.bottomRows(s.gates()) = gates.cwiseInverse().array() - 1;
  return f;
}

// Half of every group but the last goes.
Network<double> halved(const Network<double>& network, int space) {
  auto keep = network.space(space).groups;
  for (Index& k : keep) k /= 2;
  ++keep.back();
  auto reduced = network;
  reduced.apply(reduce(network, space, score_by_singular_value(network, space), keep));
  return reduced;
}

const NetworkChoice kSmall = {.most_hidden = 3, .widest = 14};

Network<double> some_network(std::uint64_t seed) {
  return seed % 4 == 0 ? graph_network(seed) : random_network(seed, kSmall);
}

// The least squares problem with its ridge as further rows, by QR: no Gram matrix, no Cholesky.
TEST(Refit, IsTheSolutionOfRidgeRegression) {
  const auto engine = create_engine<double>({.name = "cpu", .threads = 1});
  Worst worst;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const auto network = some_network(seed);
    Dice dice(seed, 60);
    const int id = pick(dice, network.hidden());
    const auto reduced = halved(network, id);
    // More than a batch, a batch, or fewer samples than features.
    const Matrix<double> x =
        random_inputs(seed, network.widths().front(), std::vector<Index>{530, 100, 3}[seed % 3]);
    for (const double ridge : {kRefitRidge, 1e-2}) {
      const Edit edit = refit<double>(reduced, network, id, *engine, x, ridge);
      EXPECT_EQ(edit.record.kind, EditKind::refit);
      ASSERT_EQ(edit.corrections.size(), reduced.outgoing(id).size());
      for (const MapCorrection& correction : edit.corrections) {
        const int to = reduced.map(correction.map).to;
        const Matrix<double> f = features(reduced, correction.map, x);
        const Matrix<double> missing = oracle_z(network, to, x) - oracle_z(reduced, to, x);
        const double rho = ridge * f.rowwise().squaredNorm().mean();
        Matrix<double> rows(f.cols() + f.rows(), f.rows());
        rows << f.transpose(), std::sqrt(rho) * Matrix<double>::Identity(f.rows(), f.rows());
        Matrix<double> right = Matrix<double>::Zero(rows.rows(), missing.rows());
        right.topRows(f.cols()) = missing.transpose();
        const Matrix<double> truth = least_squares(rows, right).transpose();
        worst.add((correction.delta - truth).norm() / std::max(truth.norm(), 1e-4),
                  describe(network, seed));
      }
    }
  }
  measured("refit", worst.error);
  EXPECT_LE(worst.error, 1e-9) << worst.where;
}

template <class T>
double squares_left(const Network<T>& network, const Network<double>& original, int map,
                    const Matrix<double>& x) {
  const int to = network.map(map).to;
  return (oracle_z(original, to, x) - oracle_z(network, to, x)).squaredNorm();
}

TEST(Refit, NeverFitsWorseThanBefore) {
  const auto engine = create_engine<double>({.name = "cpu", .threads = 1});
  const auto single = create_engine<float>({.name = "cpu", .threads = 1});
  std::vector<double> shares;
  for (std::uint64_t seed = 0; seed < 80; ++seed) {
    const auto network = some_network(seed);
    Dice dice(seed, 61);
    const int id = pick(dice, network.hidden());
    const Matrix<double> x = random_inputs(seed, network.widths().front(), 60);
    const auto reduced = halved(network, id);
    auto fitted = reduced;
    fitted.apply(refit<double>(reduced, network, id, *engine, x));
    auto in_float = cast_network<float>(reduced);
    in_float.apply(
        refit<float>(in_float, cast_network<float>(network), id, *single, x.cast<float>()));
    for (const int map : reduced.outgoing(id)) {
      const double before = squares_left(reduced, network, map, x);
      const double after = squares_left(fitted, network, map, x);
      EXPECT_LE(after, before * (1 + 1e-12) + 1e-20) << describe(network, seed);
      if (before > 1e-6) {
        shares.push_back(std::sqrt(after / before));
        EXPECT_NEAR(squares_left(in_float, network, map, x) / before, after / before, 1e-3)
            << describe(network, seed);
      }
    }
  }
  std::sort(shares.begin(), shares.end());
  measured("refit_median_share_left", shares[shares.size() / 2]);
  measured("refit_largest_share_left", shares.back());
  EXPECT_LE(shares[shares.size() / 2], 0.7) << "it does what it is for";
}

TEST(Refit, OfNothingRemovedChangesNothing) {
  const auto engine = create_engine<double>({.name = "cpu", .threads = 1});
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto network = some_network(seed);
    const Matrix<double> x = random_inputs(seed, network.widths().front(), 50);
    for (const int id : network.hidden()) {
      const Edit edit = refit<double>(network, network, id, *engine, x);
      for (const auto& correction : edit.corrections) {
        EXPECT_LE(correction.delta.cwiseAbs().maxCoeff(), 1e-10);
      }
      auto after = network;
      after.apply(edit);
      EXPECT_EQ(after.space(id).groups, network.space(id).groups);
      EXPECT_EQ(after.space(id).length, network.space(id).length);
      EXPECT_LE(relative(oracle_output(after, x), oracle_output(network, x)), 1e-10);
    }
  }
}

// A map that was spoilt comes back, if samples determine it and the ridge is next to nothing.
TEST(Refit, FindsWhatIsThereToFind) {
  const auto engine = create_engine<double>({.name = "cpu", .threads = 2});
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const auto network = graph_network(seed);
    auto spoilt = network;
    Dice dice(seed, 62);
    spoilt.map(3).a = dice.normals(6, spoilt.map(3).a.cols());
    spoilt.apply(refit<double>(spoilt, network, 2, *engine, random_inputs(seed, 5, 800), 1e-13));
    EXPECT_LE(relative(spoilt.map(3).a, network.map(3).a), 1e-4) << seed;
  }
}

TEST(Refit, RefusesWithWhatIsPossible) {
  const auto engine = create_engine<double>({.name = "cpu", .threads = 1});
  const auto network = graph_network(1);
  const auto message = [&](int space, Index samples, double ridge) -> std::string {
    try {
      refit<double>(network, network, space, *engine, random_inputs(1, 5, samples), ridge);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_THAT(message(2, 0, 1e-4), HasSubstr("at least one sample"));
  EXPECT_THAT(message(2, 5, 0), HasSubstr("above 0, got 0"));
  EXPECT_THAT(message(2, 5, -1), HasSubstr("above 0, got -1"));
  EXPECT_THAT(message(2, 5, std::nan("")), HasSubstr("above 0, got nan"));
  EXPECT_THAT(message(4, 5, 1e-4), HasSubstr("hidden layers are 1 to 3"));
  EXPECT_EQ(message(2, 1, 1e-4), "accepted");
}

}  // namespace
}  // namespace isoform
