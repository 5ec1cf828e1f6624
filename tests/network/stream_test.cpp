// Streams: what readers see, gradients, and edits of the one space. docs/mathematics.md 12.
#include <gtest/gtest.h>

#include <cmath>

#include "isoform/base/error.h"
#include "isoform/network/initialise.h"
#include "isoform/network/moments.h"
#include "isoform/network/statistics.h"
#include "tests/support/streams.h"
#include "tests/support/truth.h"

namespace isoform {
namespace {

using namespace isoform::testing;

Network<double> any_network(std::uint64_t seed, const NetworkChoice& choice = {}) {
  if (seed % 2 == 0) return random_streams(seed, choice);
  NetworkChoice narrow = choice;
  narrow.widest = 20;
  return random_residual(seed, narrow);
}

Matrix<double> inputs_for(const Network<double>& network, std::uint64_t seed, Index samples = 5) {
  return random_inputs(seed, network.widths().front(), samples);
}

TEST(Stream, ReadersSeeTheSumOfWhatStandsBeforeThem) {
  Worst in_double, in_float;
  for (const char* name : {"cpu", "reference"}) {
    const auto engine = create_engine<double>({.name = name, .threads = 1});
    const auto single = create_engine<float>({.name = name, .threads = 1});
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
      const auto network = any_network(seed);
      const Matrix<double> x = inputs_for(network, seed);
      in_double.add(relative(stream_forward(network, *engine, x), stream_outputs(network, x)),
                    describe(network, seed));
      const auto rounded = cast_network<float>(network);
      const Matrix<double> x_rounded = x.cast<float>().cast<double>();
      in_float.add(
          relative(stream_forward(rounded, *single, x_rounded), stream_outputs(rounded, x_rounded)),
          describe(network, seed));
    }
  }
  measured("stream_forward_double", in_double.error);
  measured("stream_forward_float", in_float.error);
  EXPECT_LE(in_double.error, 1e-13) << in_double.where;
  EXPECT_LE(in_float.error, 1e-5) << in_float.where;
}

// ½|y − target|² and the penalty by the oracle, so that backward is compared with nothing of its own.
TEST(Stream, GradientsAgreeWithDifferencesOfTheOracle) {
  const auto engine = create_engine<double>({.name = "reference"});
  NetworkChoice smooth{.most_hidden = 4, .widest = 6};
  smooth.radials = {Radial::tanh, Radial::asinh, Radial::algebraic};
  Worst worst;
  for (std::uint64_t seed = 0; seed < 16; ++seed) {
    auto network = seed % 2 == 0 ? random_streams(seed, smooth) : random_residual(seed, smooth);
    const Matrix<double> x = inputs_for(network, seed, 2);
    const Matrix<double> target = Dice(seed, 97).normals(network.widths().back(), 2);
    Pass<double> pass;
    pass.prepare(network, x.cols());
    pass.set_input(x);
    forward(network, *engine, pass);
    pass.output_gradient() = pass.output() - target;
    backward(network, *engine, pass);
    Dice dice(seed, 98);
    for (const Parameter<double>& p : pass.parameters(network)) {
      const bool counts = p.key.role != Role::bias || network.carries_bias(p.key.owner);
      for (int pick = 0; counts && pick < 4; ++pick) {
        const Index i = dice.between(0, p.size() - 1);
        const double at = p.value[i], h = 1e-3;
        const auto loss_at = [&](double value) {
          p.value[i] = value;
          const double loss = 0.5 * (stream_outputs(network, x) - target).squaredNorm();
          return loss + network.penalty();
        };
        const double difference = (8 * (loss_at(at + h) - loss_at(at - h)) -
                                   (loss_at(at + 2 * h) - loss_at(at - 2 * h))) /
                                  (12 * h);
        p.value[i] = at;
        worst.add(
            std::abs(p.gradient[i] - difference) / (1 + std::abs(difference)),
            fmt::format("seed {}, role {} of {}", seed, static_cast<int>(p.key.role), p.key.owner));
      }
    }
  }
  measured("stream_gradients", worst.error);
  EXPECT_LE(worst.error, 1e-8) << worst.where;
}

// dL/dz of a hidden space alone, from any later start: the way back stops at the space.
TEST(Stream, BackwardToASpaceGivesItsSlope) {
  const auto engine = create_engine<double>({.name = "cpu", .threads = 1});
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto network = any_network(seed);
    const Matrix<double> x = inputs_for(network, seed);
    Pass<double> whole, part;
    for (Pass<double>* pass : {&whole, &part}) {
      pass->prepare(network, x.cols());
      pass->set_input(x);
      forward(network, *engine, *pass);
      pass->output_gradient().setOnes();
    }
    backward(network, *engine, whole);
    for (const Space<double>& s : network.spaces()) {
      if (network.is_given(s.id)) continue;
      backward_to(network, *engine, part, s.id);
      for (const Stage& stage : network.stages()) {
        if (stage.space != s.id) continue;
        EXPECT_EQ(Matrix<double>(whole.delta(stage.id)), Matrix<double>(part.delta(stage.id)));
      }
    }
  }
}

TEST(Stream, StagesFollowTheOrderOfSpaces) {
  ChainSettings settings;
  settings.widths = {4, 6, 3, 5, 2};
  const auto network = residual<double>(settings, 7);
  // input, stream, then each branch with what it makes of the stream, output
  std::vector<int> order;
  for (const Stage& stage : network.stages()) order.push_back(stage.space);
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 1, 3, 1, 4, 1, 5}));
  EXPECT_EQ(network.stage_ids(), 9U);
  EXPECT_EQ(network.stages()[7].id, 1) << "the end of a stream goes by its space";
  EXPECT_TRUE(network.is_stream(1));
  EXPECT_FALSE(network.is_stream(2));
  int before = -1;
  for (const Stage& stage : network.stages()) {
    if (stage.space != 1) continue;
    EXPECT_EQ(stage.before, before);
    before = stage.id;
  }
  for (const Map<double>& m : network.maps()) {
    EXPECT_TRUE(network.carries_bias(m.id)) << "one map into each stage";
    EXPECT_EQ(network.writes(m.id) == 1, m.from == 4);
    EXPECT_EQ(network.reads(m.id) == 1, m.to == 5);
  }
  EXPECT_EQ(network.inputs(), std::vector<int>{0});
  EXPECT_EQ(network.outputs(), std::vector<int>{5});
  EXPECT_EQ(network.hidden(), (std::vector<int>{2, 3, 4}));
  EXPECT_EQ(network.widths(), (std::vector<Index>{4, 7, 6, 3, 5, 2}));

  const auto chain = Network<double>::chain(settings);
  EXPECT_EQ(chain.stage_ids(), chain.space_ids());
  for (std::size_t i = 0; i < chain.spaces().size(); ++i) {
    EXPECT_EQ(chain.stages()[i].id, chain.spaces()[i].id);
  }
}

TEST(Stream, AFreshOneIsScaledByTheNumberOfBranches) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Dice dice(seed, 99);
    ChainSettings settings;
    const Index branches = dice.between(1, 12), stream = dice.between(1, 16);
    settings.widths = {dice.between(1, 9)};
    for (Index l = 0; l < branches; ++l) settings.widths.push_back(dice.between(1, 16));
    settings.widths.push_back(3);
    settings.group_size = dice.between(0, 8);
    settings.initialiser = static_cast<Initialiser>(dice.between(0, 2));
    settings.seed = seed;
    const auto network = residual<double>(settings, stream);
    for (const Map<double>& m : network.maps()) {
      const bool adds = network.space(m.from).hidden();
      const Matrix<double> w =
          initial_weights(settings.initialiser, m.a.rows(), m.inputs, seed, m.id);
      const double share = adds ? 1 / std::sqrt(static_cast<double>(branches)) : 1;
      EXPECT_LE((m.weight() - share * w).norm(), 1e-15 * w.norm());
      EXPECT_TRUE(m.bias().isZero(0));
      EXPECT_EQ(m.psi().cols(), adds ? network.space(m.from).gates() : 0);
    }
    EXPECT_EQ(network.space(1).dimension, stream);
  }
  ChainSettings none;
  none.widths = {3, 2};
  EXPECT_THROW(residual<double>(none), UsageError);
  none.widths = {3, 4, 2};
  EXPECT_EQ(residual<double>(none).space(1).dimension, 4);
  EXPECT_THROW(residual<double>(none, -1), UsageError);
}

Edit of_part(const Space<double>& space, const Matrix<double>& t) {
  Edit edit = identity_edit(space.id, space.parts());
  edit.groups[0].t = t;
  edit.groups[0].size = t.rows();
  return edit;
}

// One edit turns, widens or narrows a stream for all of its readers and writers.
TEST(Stream, EditsOfTheOneSpaceKeepTheFunction) {
  Worst worst;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    auto network = any_network(seed);
    const Matrix<double> x = inputs_for(network, seed), before = stream_outputs(network, x);
    const auto check = [&](const char* what) {
      worst.add(relative(stream_outputs(network, x), before),
                fmt::format("{}, {}", what, describe(network, seed)));
    };
    Dice dice(seed, 100);
    for (const Space<double>& listed : network.spaces()) {
      if (!network.is_stream(listed.id)) continue;
      const Space<double>& s = network.space(listed.id);
      const Index n = s.dimension, more = dice.between(1, 4);
      const Random random(seed, Purpose::test, 1, static_cast<std::uint64_t>(s.id));
      network.apply(of_part(s, orthogonal_matrix(n, n, random)));
      check("turned");
      Edit wider = of_part(s, Matrix<double>::Identity(n + more, n));
      for (const int id : network.outgoing(s.id)) {
        const Map<double>& m = network.map(id);
        Matrix<double> delta = Matrix<double>::Zero(m.a.rows(), n + more + 1);
        delta.middleCols(n, more) = dice.normals(m.a.rows(), more);
        wider.corrections.push_back({id, delta});
      }
      network.apply(wider);
      check("widened");
      network.apply(of_part(s, orthogonal_matrix(n + more, n + more, random)));
      check("widened and turned");
      // Coordinates that every writer leaves at 0 go without a trace, whatever reads them.
      const Matrix<double> writers = [&] {
        Matrix<double> all(n + more, 0);
        for (const int id : network.incoming(s.id)) {
          const Matrix<double>& a = network.map(id).a;
          all.conservativeResize(Eigen::NoChange, all.cols() + a.cols());
          all.rightCols(a.cols()) = a;
        }
        return all;
      }();
      const Matrix<double> u = svd(writers, SvdSize::full).u;
      network.apply(of_part(s, u.leftCols(n).transpose()));
      check("narrowed");
      EXPECT_EQ(s.dimension, n);
    }
  }
  measured("stream_edits", worst.error);
  EXPECT_LE(worst.error, 1e-12) << worst.where;
}

TEST(Stream, StatisticsAreOfEveryStage) {
  const auto engine = create_engine<double>({.name = "cpu", .threads = 1});
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto network = any_network(seed);
    const Matrix<double> x = inputs_for(network, seed, 9);
    Statistics statistics(network);
    each_batch<double>(network, *engine, x,
                       [&](Index, Pass<double>& pass) { statistics.gather(network, pass); });
    // What a reader hears of a stream, by the oracle: its variance is that of the stage it reads.
    for (const Map<double>& m : network.maps()) {
      if (!network.is_stream(m.from)) continue;
      std::size_t p = 0, reader = 0;
      while (network.spaces()[p].id != m.from) ++p;
      while (network.spaces()[reader].id != m.to) ++reader;
      Matrix<double> z(network.space(m.from).dimension, x.cols());
      for (Index j = 0; j < x.cols(); ++j) {
        const auto column = StreamOracle<double>(network, x, j).z(p, reader);
        for (Index i = 0; i < z.rows(); ++i) z(i, j) = static_cast<double>(column[i]);
      }
      const double variance = (z.colwise() - z.rowwise().mean()).squaredNorm() / 9;
      EXPECT_NEAR(statistics.z_variance(network.reads(m.id)), variance, 1e-11 * (1 + variance));
      EXPECT_LE(relative(statistics.probe(network.reads(m.id)).topRows(z.rows()), z), 1e-12);
    }
  }
}

// Inputs and heads come and go as they do around a chain; other outputs keep their bits.
TEST(Stream, InputsAndOutputsComeAndGo) {
  const auto engine = create_engine<double>({.name = "cpu", .threads = 1});
  for (std::uint64_t seed = 1; seed < 20; seed += 2) {
    auto network = any_network(seed);
    const Index n = network.widths().front(), outs = network.widths().back();
    const Matrix<double> x = inputs_for(network, seed),
                         before = stream_forward(network, *engine, x);
    const int input = network.add_like(0, "more", 3);
    const int head = network.add_like(network.outputs().front(), "other", 2);
    Matrix<double> all = Matrix<double>::Ones(n + 3, x.cols());
    all.topRows(n) = x;
    EXPECT_EQ(stream_forward(network, *engine, all).topRows(outs), before);
    Dice dice(seed, 101);
    for (const int id : network.outgoing(input)) {
      EXPECT_FALSE(network.carries_bias(id)) << "it adds to the first stage beside the other input";
      network.map(id).weight() = dice.normals(network.map(id).a.rows(), 3, 0.5);
    }
    for (const int id : network.incoming(head)) {
      network.map(id).a = dice.normals(2, network.map(id).a.cols(), 0.5);
    }
    EXPECT_LE(relative(stream_forward(network, *engine, all), stream_outputs(network, all)), 1e-13);
    network.remove_space(0);  // its bias goes on in the other input's map
    EXPECT_EQ(network.inputs(), std::vector<int>{input});
    const Matrix<double> none = Matrix<double>::Zero(n + 3, x.cols());
    EXPECT_LE(relative(stream_forward(network, *engine, none.bottomRows(3)).topRows(outs),
                       stream_outputs(any_network(seed), none.topRows(n))),
              1e-12);
  }
}

TEST(Stream, OnlyStreamsAreWrittenToFromBehind) {
  ChainSettings settings;
  settings.widths = {2, 3, 4, 2};
  const auto network = residual<double>(settings, 5);
  const auto with = [&](int from, int to) {
    auto maps = network.maps();
    Map<double> m;
    m.id = 50;
    m.from = from;
    m.to = to;
    m.inputs = network.space(from).dimension;
    m.a = Matrix<double>::Zero(network.space(to).dimension, m.inputs + 1);
    maps.push_back(m);
    return Network<double>(network.spaces(), maps);
  };
  EXPECT_NO_THROW(with(0, 3));
  for (const auto& [from, to] : {std::pair{3, 2}, {1, 1}, {2, 2}, {4, 2}, {4, 3}}) {
    EXPECT_THROW(with(from, to), InternalError) << from << " to " << to;
  }
}

}  // namespace
}  // namespace isoform
