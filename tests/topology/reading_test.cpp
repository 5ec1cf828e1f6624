#include "isoform/topology/reading.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "isoform/base/error.h"
#include "isoform/topology/shrink.h"
#include "tests/support/networks.h"
#include "tests/support/oracle.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::HasSubstr;

constexpr Index kSamples = 60;

std::unique_ptr<Engine<double>> one_thread() {
  return create_engine<double>({.name = "cpu", .threads = 1});
}

// A case of every kind: chains of all modes and groupings, and graphs.
struct Case {
  explicit Case(std::uint64_t seed, Index widest = 14)
      : network(seed % 5 == 0 ? graph_network(seed) : random_network(seed, {.widest = widest})),
        x(random_inputs(seed, network.widths().front(), kSamples)),
        where(describe(network, seed)) {
    pass.prepare(network, kSamples);
    pass.input() = x;
    forward(network, *engine, pass);
  }
  [[nodiscard]] Reader<double> reader() { return {network, *engine, x}; }
  // u of a connection for every sample.
  Vector<double> u(int space, const Connection& c) {
    const Space<double>& s = network.space(space);
    return pass.z(space).middleRows(s.begin(c.group), s.groups[c.group]).transpose() * c.direction;
  }

  Network<double> network;
  Matrix<double> x;
  std::string where;
  std::unique_ptr<Engine<double>> engine = one_thread();
  Pass<double> pass;
};

TEST(Reading, IsTheSameFunctionInEveryBasis) {
  Worst worst;
  for (std::uint64_t seed = 0; seed < 80; ++seed) {
    Case c(seed, 24);
    const Matrix<double> y = oracle_output(c.network, c.x);
    const auto reader = c.reader();
    ASSERT_EQ(reader.bases().size(), 4u);
    for (const Basis basis : reader.bases()) {
      worst.add(relative(oracle_output(reader.in_basis(basis), c.x), y),
                fmt::format("{} {}", basis_name(basis), c.where));
    }
  }
  measured("same_function", worst.error);
  EXPECT_LE(worst.error, 1e-12) << worst.where;
}

// Strengths are computed anew from the network turned to the basis, and the samples sent through it.
TEST(Reading, StrengthIsWhatTheBasisSays) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Case c(seed);
    const auto reader = c.reader();
    for (const Basis basis : reader.bases()) {
      Network<double> turned = reader.in_basis(basis);
      Pass<double> pass;
      pass.prepare(turned, kSamples);
      pass.input() = c.x;
      forward(turned, *c.engine, pass);
      for (const LayerReading& layer : reader.read(basis)) {
        const Space<double>& s = turned.space(layer.space);
        const std::string where =
            fmt::format("{} at {}, {}", basis_name(basis), layer.space, c.where);
        ASSERT_EQ(static_cast<Index>(layer.connections.size()), s.dimension);
        const Matrix<double> rows = incoming_matrix(turned, layer.space),
                             columns = outgoing_matrix(turned, layer.space);
        const Vector<double> bias = incoming_bias(turned, layer.space);
        const Matrix<double> z = pass.z(layer.space);
        const Matrix<double> centred = z.colwise() - z.rowwise().mean();
        const Matrix<double> covariance = centred * centred.transpose() / double(kSamples);
        // Orthogonal inside the groups, whatever the basis calls so.
        Matrix<double> gram = rows * rows.transpose();
        if (basis == Basis::task) gram = columns.transpose() * columns;
        if (basis == Basis::covariance) gram = covariance;
        double before = INFINITY;
        for (const Connection& k : layer.connections) {
          const Index at = s.begin(k.group) + k.place;
          EXPECT_LE(k.strength, before) << where;
          before = k.strength;
          EXPECT_NEAR(k.incoming, rows.row(at).norm(), 1e-10) << where;
          EXPECT_NEAR(k.outgoing, columns.col(at).norm(), 1e-10) << where;
          EXPECT_NEAR(k.bias, bias[at], 1e-10) << where;
          EXPECT_NEAR(k.direction.norm(), 1, 1e-12) << where;
          if (basis == Basis::effect) {
            EXPECT_NEAR(k.strength, *k.share, 1e-12 * (1 + *k.share)) << where;
            continue;
          }
          EXPECT_NEAR(k.strength, std::sqrt(std::max(0.0, gram(at, at))), 1e-6) << where;
          for (Index i = 0; i < s.groups[k.group]; ++i) {
            if (i == k.place) continue;
            EXPECT_NEAR(gram(at, s.begin(k.group) + i), 0, 1e-9 * (1 + gram.norm())) << where;
          }
        }
      }
    }
  }
}

// The least mean square change of the next pre-activations for a constant in the place of u, gates held:
// found from the samples, in every basis. docs/mathematics.md 10.
TEST(Reading, ShareIsWhatTheNextSpacesLose) {
  Worst worst;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Case c(seed);
    const auto reader = c.reader();
    for (const Basis basis : reader.bases()) {
      for (const LayerReading& layer : reader.read(basis)) {
        const Space<double>& s = c.network.space(layer.space);
        if (c.network.features(s.id) > s.gates()) continue;  // norms count too, to first order
        double variance = 0, scale = 0;
        for (const int m : c.network.outgoing(layer.space)) {
          const Matrix<double> z = c.pass.z(c.network.map(m).to);
          variance += (z.colwise() - z.rowwise().mean()).squaredNorm() / kSamples;
        }
        for (const Connection& k : layer.connections) {
          const Vector<double> u = c.u(layer.space, k);
          const Vector<double> gate = c.pass.gates(layer.space).row(k.group).transpose();
          const Vector<double> su = gate.cwiseProduct(u);
          const double a = su.dot(gate) / gate.squaredNorm();
          const Vector<double> column = outgoing_matrix(c.network, layer.space)
                                            .middleCols(s.begin(k.group), s.groups[k.group]) *
                                        k.direction;
          const double lost = (su - a * gate).squaredNorm() / kSamples * column.squaredNorm();
          scale = su.squaredNorm() / kSamples * column.squaredNorm();
          if (variance < 1e-9) continue;  // a next space that stands still has no shares
          worst.add(
              std::abs(*k.share * variance - lost) / std::max(1e-12, std::max(lost, 1e-3 * scale)),
              c.where);
        }
      }
    }
  }
  measured("share", worst.error);
  EXPECT_LE(worst.error, 1e-8) << worst.where;
}

// Both bounds are those of the reduction that takes one direction alone, and that reduction stays within them.
TEST(Reading, BoundsAreThoseOfRemovingOneAlone) {
  Worst worst;
  int bounded = 0, refused = 0;
  for (std::uint64_t seed = 0; seed < 120; ++seed) {
    Case c(seed, 9);
    const auto reader = c.reader();
    const Basis basis = reader.bases()[seed % 4];
    const Matrix<double> y = oracle_output(c.network, c.x);
    const double slack = 1e-11 * (1 + y.colwise().norm().maxCoeff());
    for (const LayerReading& layer : reader.read(basis)) {
      const Space<double>& s = c.network.space(layer.space);
      const auto scores = reader.scores(layer.space, basis);
      const double unit = gain(c.network, layer.space) * (1 + c.pass.z(layer.space).norm());
      for (const Connection& k : layer.connections) {
        if (s.dimension == 1) {
          EXPECT_FALSE(k.bound.holds());
          EXPECT_FALSE(k.on_samples.has_value());
          continue;
        }
        // The same scores with this direction at the end of its group.
        auto last = scores;
        GroupScores& group = last[k.group];
        const Index n = s.groups[k.group];
        for (Index i = k.place; i + 1 < n; ++i) {
          group.basis.row(i).swap(group.basis.row(i + 1));
          std::swap(group.constant[i], group.constant[i + 1]);
          std::swap(group.spread[i], group.spread[i + 1]);
        }
        std::vector<Index> keep = s.groups;
        --keep[k.group];
        const double truth =
            removal_bound_on<double>(c.network, layer.space, last, keep, c.pass.z(layer.space))
                .value;
        worst.add(std::abs(*k.on_samples - truth) / (truth + 1e-5 * unit), c.where);
        EXPECT_NEAR(k.stand_in, group.constant[n - 1], 0);
        auto reduced = c.network;
        reduced.apply(reduce(c.network, layer.space, last, keep));
        const double moved = (oracle_output(reduced, c.x) - y).colwise().norm().maxCoeff();
        EXPECT_LE(moved, *k.on_samples + slack) << c.where;
        bounded += k.bound.holds() ? 1 : 0;
        refused += k.bound.holds() ? 0 : 1;
        if (k.bound.holds()) {
          EXPECT_LE(moved, k.bound.value + slack) << c.where;
        }
      }
    }
  }
  EXPECT_GT(bounded, 100);
  EXPECT_GT(refused, 100);
  measured("bound_on_samples", worst.error);
  EXPECT_LE(worst.error, 1e-9) << worst.where;
}

TEST(Reading, TermsAreTheWeightsBetweenNumberedConnections) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    Case c(seed);
    const auto reader = c.reader();
    const Basis basis = reader.bases()[seed % 4];
    const auto turned = reader.in_basis(basis);
    const auto layers = reader.read(basis);
    // Where a numbered connection, or a coordinate of the input or the output, stands.
    const auto coordinate = [&](const Term& term) {
      for (const LayerReading& layer : layers) {
        if (layer.space != term.space) continue;
        const Connection& k = layer.connections.at(static_cast<std::size_t>(term.number));
        return turned.space(layer.space).begin(k.group) + k.place;
      }
      return term.number;
    };
    for (const LayerReading& layer : layers) {
      for (const Connection& k : layer.connections) {
        const Index at = turned.space(layer.space).begin(k.group) + k.place;
        std::vector<double> row, column;
        for (const int id : turned.incoming(layer.space)) {
          const Map<double>& m = turned.map(id);
          for (Index j = 0; j < m.inputs; ++j) row.push_back(std::abs(m.weight()(at, j)));
          for (const Term& term : k.hears) {
            if (term.space != m.from) continue;
            EXPECT_NEAR(term.weight, m.weight()(at, coordinate(term)), 1e-9) << c.where;
          }
        }
        for (const int id : turned.outgoing(layer.space)) {
          const Map<double>& m = turned.map(id);
          for (Index j = 0; j < m.a.rows(); ++j) column.push_back(std::abs(m.weight()(j, at)));
          for (const Term& term : k.feeds) {
            if (term.space != m.to) continue;
            EXPECT_NEAR(term.weight, m.weight()(coordinate(term), at), 1e-9) << c.where;
          }
        }
        const auto largest = [&](std::vector<double> all, const std::vector<Term>& terms) {
          ASSERT_EQ(terms.size(), std::min(kTerms, all.size())) << c.where;
          std::sort(all.begin(), all.end(), std::greater<>());
          for (std::size_t i = 0; i < terms.size(); ++i) {
            EXPECT_NEAR(std::abs(terms[i].weight), all[i], 1e-9) << c.where;
          }
        };
        largest(row, k.hears);
        largest(column, k.feeds);
      }
    }
  }
}

TEST(Reading, OfInputsIsWeightAndCovariance) {
  Case c(3, 12);
  const auto reader = c.reader();
  const auto layers = reader.read(Basis::covariance);
  const Index count = std::min<Index>(4, c.network.space(1).dimension);
  const Matrix<double> weights = reader.weights(layers[0], 4),
                       answers = reader.answers(layers[0], 4);
  ASSERT_EQ(weights.cols(), count);
  ASSERT_EQ(answers.cols(), count);
  const Matrix<double> turned = reader.in_basis(Basis::covariance).map(0).weight();
  for (Index i = 0; i < count; ++i) {
    const Connection& k = layers[0].connections[i];
    const Index at = c.network.space(1).begin(k.group) + k.place;
    EXPECT_LE((weights.col(i) - turned.row(at).transpose()).norm(), 1e-10);
    const Vector<double> u = c.u(1, k);
    const Vector<double> du = u.array() - u.mean();
    const Matrix<double> dx = c.x.colwise() - c.x.rowwise().mean();
    const Vector<double> truth = dx * du / kSamples / std::sqrt(du.squaredNorm() / kSamples);
    EXPECT_LE((answers.col(i) - truth).norm(), 1e-9);
  }
  if (layers.size() > 1) {
    EXPECT_EQ(reader.weights(layers[1], 4).cols(), 0) << "no input";
  }
}

Network<double> whole_layers(std::vector<Index> widths, Index group_size = 0) {
  ChainSettings settings;
  settings.widths = std::move(widths);
  settings.group_size = group_size;
  auto network = Network<double>::chain(settings);
  Dice dice(1);
  randomise(network, dice);
  return network;
}

TEST(Reading, CountsDirectionsThatActOnTheGateAlone) {
  const auto engine = one_thread();
  const auto gate_only = [&](const Network<double>& network, Basis basis) {
    return Reader<double>(network, *engine, Matrix<double>(network.widths().front(), 0))
        .read(basis)
        .back()
        .gate_only;
  };
  auto network = whole_layers({5, 12, 3});
  EXPECT_EQ(gate_only(network, Basis::task), 9);
  EXPECT_EQ(gate_only(network, Basis::singular), 9) << "a fact of the layer, not of the basis";
  network.map(1).weight().row(2).setZero();  // an output is gone (8)
  EXPECT_EQ(gate_only(network, Basis::task), 10);
  const Reader<double> reader(network, *engine, Matrix<double>(5, 0));
  const auto layer = reader.read(Basis::task)[0];
  for (Index i = 0; i < 12; ++i) {
    EXPECT_EQ(layer.connections[i].strength > 1e-12, i < 2);
    EXPECT_EQ(layer.connections[i].outgoing > 1e-12, i < 2);
  }
  EXPECT_EQ(gate_only(whole_layers({5, 12, 3}, 4), Basis::task), 3) << "three groups of rank 3";
  EXPECT_EQ(gate_only(whole_layers({5, 12, 3}, 1), Basis::task), 0);
  network.map(1).weight().setZero();
  EXPECT_EQ(gate_only(network, Basis::task), 12);
}

TEST(Reading, CountsWhatThePoliciesCallIdle) {
  auto network = whole_layers({6, 4, 4, 3});
  network.map(1).weight().setZero();
  network.map(1).weight().diagonal() << 2, 1, 0.95, 0.1;
  const auto engine = one_thread();
  const Reader<double> blind(network, *engine, Matrix<double>(6, 0));
  const auto without = blind.read(Basis::singular);
  EXPECT_EQ(without[1].paper.threshold, 0.95);
  EXPECT_EQ(without[1].paper.count, 2);
  EXPECT_FALSE(without[1].effect.has_value());
  EXPECT_FALSE(without[1].connections[0].share.has_value());
  EXPECT_FALSE(without[1].connections[0].on_samples.has_value());
  EXPECT_FALSE(without[0].connections[0].bound.holds()) << "it reads the input";
  EXPECT_TRUE(without[1].connections[0].bound.holds());
  // A neuron that only holds a constant contributes nothing.
  network.map(1).weight().row(3).setZero();
  network.map(1).psi().row(3).setZero();
  const Reader<double> reader(network, *engine, random_inputs(1, 6, 200));
  const auto layers = reader.read(Basis::effect);
  EXPECT_EQ(layers[1].effect->threshold, 3e-5);
  Index idle = 0;
  for (const Connection& c : layers[1].connections) idle += *c.share <= 3e-5 ? 1 : 0;
  EXPECT_EQ(layers[1].effect->count, idle);
  EXPECT_EQ(idle, 1);
  // The counts do not depend on the basis that is read.
  EXPECT_EQ(reader.read(Basis::task)[1].effect->count, idle);
}

TEST(EffectiveRank, OfKnownSpectra) {
  EXPECT_NEAR(effective_rank(Vector<double>::Constant(7, 0.3)), 7, 1e-12);
  EXPECT_NEAR(effective_rank(Vector<double>{{4, 0, 0}}), 1, 1e-12);
  EXPECT_EQ(effective_rank(Vector<double>::Zero(3)), 0);
  EXPECT_EQ(effective_rank(Vector<double>(0)), 0);
  // Shares ¾ and ¼.
  const double entropy = -(0.75 * std::log(0.75) + 0.25 * std::log(0.25));
  EXPECT_NEAR(effective_rank(Vector<double>{{std::sqrt(3.0), 1}}), std::exp(entropy), 1e-12);
}

TEST(Reading, InFloatAgreesWithDouble) {
  for (std::uint64_t seed = 1; seed < 12; ++seed) {
    Case c(seed);
    const auto network = cast_network<float>(c.network);
    const auto engine = create_engine<float>({.name = "cpu", .threads = 1});
    const Reader<float> reader(network, *engine, c.x.cast<float>());
    const auto exact = c.reader().read(Basis::effect), rounded = reader.read(Basis::effect);
    for (std::size_t l = 0; l < exact.size(); ++l) {
      EXPECT_NEAR(exact[l].strength_rank, rounded[l].strength_rank, 1e-3 * exact[l].strength_rank);
      EXPECT_NEAR(exact[l].connections[0].strength, rounded[l].connections[0].strength, 1e-3);
    }
  }
}

TEST(Reading, RefusesWhatItCannotRead) {
  const auto message = [](const auto& call) -> std::string {
    try {
      call();
    } catch (const UsageError& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_THAT(message([] { basis_from_name("natural"); }), HasSubstr("singular, covariance"));
  for (const char* name : {"singular", "covariance", "effect", "task"}) {
    EXPECT_EQ(basis_name(basis_from_name(name)), name);
  }
  const auto network = whole_layers({4, 6, 2});
  const auto engine = one_thread();
  const Reader<double> reader(network, *engine, Matrix<double>(4, 0));
  EXPECT_EQ(reader.bases(), (std::vector<Basis>{Basis::singular, Basis::task}));
  EXPECT_THAT(message([&] { static_cast<void>(reader.read(Basis::effect)); }),
              HasSubstr("looks at data"));
  EXPECT_THAT(message([&] { static_cast<void>(reader.in_basis(Basis::covariance)); }),
              HasSubstr("looks at data"));
  EXPECT_THAT(message([&] { static_cast<void>(reader.scores(2, Basis::task)); }),
              HasSubstr("out of range"));
  const auto linear = whole_layers({4, 2});
  const Reader<double> flat(linear, *engine, Matrix<double>(4, 0));
  EXPECT_TRUE(flat.read(Basis::singular).empty());
}

}  // namespace
}  // namespace isoform
