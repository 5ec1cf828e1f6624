// The checks of an edit that need no data: what does not fit is named, and what is no isometry is caught.
#include <gmock/gmock.h>

#include <cmath>
#include <functional>
#include <limits>

#include "isoform/base/error.h"
#include "isoform/topology/diagonalise.h"
#include "isoform/topology/grow.h"
#include "isoform/topology/verify.h"
#include "tests/support/networks.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Sizes = std::vector<Index>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::unique_ptr<Engine<double>> one_thread() {
  return create_engine<double>({.name = "cpu", .threads = 1});
}

// Every T fits and is orthogonal, but two groups are made of one.
TEST(VerifyIsometry, CatchesASourceMistaken) {
  const auto engine = one_thread();
  ChainSettings settings{.widths = {5, 8, 3}, .groups = {{4, 4}}};
  auto network = Network<double>::chain(settings);
  Dice dice(1);
  randomise(network, dice);
  Edit edit = rotate_random(network, 1, 1);
  edit.groups[1].source = 0;
  EXPECT_EQ(check_shapes(network, edit), "");
  EXPECT_FALSE(check_isometry(edit).holds()) << "group 0 is doubled";
  EXPECT_FALSE(check_function(network, edit, *engine, random_inputs(1, 5)).holds());
}

TEST(VerifyIsometry, CatchesTurnsThatAreNone) {
  const auto engine = one_thread();
  const auto network = graph_network(5);
  const auto x = random_inputs(5, 5);
  const auto with = [&](const Matrix<double>& t) {
    Edit edit = identity_edit(1, network.space(1).groups);
    edit.groups[0].size = t.rows();
    edit.groups[0].t = t;
    return edit;
  };
  const Matrix<double> turn = Symmetry::orthogonal(4).sample(1);
  EXPECT_LE(check_isometry(with(turn)).largest(), 1e-15);
  EXPECT_EQ(check_isometry(with(turn)).errors.size(), 2U);
  Matrix<double> scaled = turn, sheared = turn, not_a_number = turn;
  scaled.row(2) *= 1 + 1e-6;
  sheared.row(0) += 1e-6 * turn.row(1);
  not_a_number(1, 1) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_NEAR(check_isometry(with(scaled)).largest(), 2e-6, 1e-11);
  EXPECT_NEAR(check_isometry(with(sheared)).largest(), 1e-6, 1e-11);
  EXPECT_TRUE(std::isnan(check_isometry(with(not_a_number)).largest()));
  for (const Matrix<double>& t : {scaled, sheared, not_a_number}) {
    EXPECT_FALSE(check_isometry(with(t)).holds());
    EXPECT_THAT(check_isometry(with(t)).text(), StartsWith("T of group 0 is no isometry"));
    EXPECT_FALSE(check_function(network, with(t), *engine, x).holds());
  }
  // Rows dropped, rows of new neurons, both, embeddings.
  EXPECT_TRUE(check_isometry(with(turn.topRows(3))).holds());
  EXPECT_EQ(check_isometry(with(turn.topRows(3))).dropped, (Sizes{1, 0}));
  EXPECT_FALSE(check_isometry(with(scaled.topRows(3))).holds());
  Matrix<double> more = Matrix<double>::Zero(6, 4);
  more.middleRows(1, 4) = turn;
  EXPECT_TRUE(check_isometry(with(more)).holds());
  EXPECT_EQ(check_isometry(with(more)).dropped, (Sizes{0, 0}));
  EXPECT_TRUE(check_isometry(with(Symmetry::orthogonal(6).sample(2).leftCols(4))).holds());
  more.topRows(3).setZero();
  EXPECT_EQ(check_isometry(with(more)).dropped, (Sizes{2, 0}));
  EXPECT_EQ(check_isometry(with(Matrix<double>::Zero(4, 4))).largest(), 1) << "forgotten T";
  EXPECT_FALSE(check_isometry(with(Matrix<double>::Ones(4, 4) / 4)).holds()) << "a projection";
}

// Each sentence names what does not fit; and where it speaks of shapes, apply refuses indeed.
TEST(VerifyShapes, SaysWhatDoesNotFit) {
  const auto engine = one_thread();
  const auto network = graph_network(7);  // space 1: groups {4, 3}; maps 0 → 1, 1 → 2, 1 → 3, 1 → 4
  const auto x = random_inputs(7, 5);
  const auto said = [&](const std::function<void(Edit&)>& spoil) {
    Edit edit = grow(network, 1, Growth{{1, 0}, {2}});
    EXPECT_EQ(check_shapes(network, edit), "");
    spoil(edit);
    const FunctionCheck check = check_function(network, edit, *engine, x);
    EXPECT_FALSE(check.holds());
    EXPECT_EQ(check.text(), "the edit does not fit the network: " + check.misfit);
    EXPECT_FALSE(check_bound(network, edit, {kInfinity, {}}, *engine, x).holds());
    return check_shapes(network, edit);
  };
  EXPECT_THAT(said([](Edit& e) { e.space = 9; }), HasSubstr("one of space 9; spaces are 0 to 4"));
  EXPECT_THAT(said([](Edit& e) { e.space = -1; }), HasSubstr("spaces are 0 to 4"));
  EXPECT_THAT(said([](Edit& e) { e.space = 4; }), HasSubstr("has no gates"));
  EXPECT_THAT(said([](Edit& e) { e.groups.clear(); }), HasSubstr("no group"));
  EXPECT_THAT(said([](Edit& e) { e.groups[2].size = 0; }), HasSubstr("group 2 has 0 neurons"));
  EXPECT_THAT(said([](Edit& e) { e.groups[1].source = 2; }),
              HasSubstr("group 1 comes from group 2; space 1 has groups 0 to 1"));
  EXPECT_THAT(said([](Edit& e) { e.groups[1].source = -2; }), HasSubstr("group -2"));
  EXPECT_THAT(said([](Edit& e) { e.groups[1].size = 4; }), HasSubstr("so T is [4 × 3]; got none"));
  EXPECT_THAT(said([](Edit& e) { e.groups[0].t = Matrix<double>::Identity(4, 4); }),
              HasSubstr("so T is [5 × 4]; got [4 × 4]"));
  EXPECT_THAT(said([](Edit& e) { e.groups[2].t = Matrix<double>::Identity(2, 2); }),
              HasSubstr("group 2 is new and reads no group"));
  EXPECT_THAT(said([](Edit& e) { e.length = Vector<double>::Zero(2); }),
              HasSubstr("length has 2 entries; the edit leaves 3 groups"));
  EXPECT_THAT(said([](Edit& e) { e.length[1] = -5; }), HasSubstr("takes o of group 1 from"));
  EXPECT_THAT(said([](Edit& e) { e.length[2] = -1e-9; }), HasSubstr("from 0 to -1e-09"));
  EXPECT_THAT(said([](Edit& e) { e.length[0] = std::nan(""); }), HasSubstr("needs to stay at 0"));
  EXPECT_THAT(said([](Edit& e) { e.corrections[0].map = 7; }), HasSubstr("maps are 0 to 6"));
  EXPECT_THAT(said([](Edit& e) { e.corrections[0].map = 3; }),
              HasSubstr("leads from space 2 to 3 and does not touch space 1"));
  EXPECT_THAT(said([](Edit& e) { e.corrections[0].delta.conservativeResize(8, 11); }),
              HasSubstr("is [8 × 11] at (0, 4); after the edit [W b ψ] is [8 × 14]"));
  EXPECT_THAT(said([](Edit& e) { e.groups[1].gone = Matrix<double>::Identity(3, 1); }),
              HasSubstr("so 0 directions of 3 go; got [3 × 1]"));
}

// Whatever happens to an edit: apply takes it if and only if check_shapes says nothing.
TEST(VerifyShapes, AgreesWithApply) {
  int fits = 0, misfits = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    const auto network = graph_network(seed % 16);
    Dice dice(seed, 33);
    const int id = pick(dice, network.hidden());
    const Index gates = network.space(id).gates();
    Edit edit = grow(network, id, Growth{Sizes(static_cast<std::size_t>(gates), 1), {2}});
    if (dice.coin()) edit = rotate_random(network, id, seed);
    GroupEdit& group = edit.groups[static_cast<std::size_t>(dice.between(0, gates - 1))];
    switch (dice.between(0, 5)) {
      case 0:
        group.size += dice.between(0, 1);
        break;
      case 1:
        group.source = dice.between(0, gates - 1);
        break;
      case 2:
        edit.length = Vector<double>::Ones(dice.between(0, gates + 2));
        break;
      case 3:
        edit.corrections.push_back({static_cast<int>(dice.between(0, 6)),
                                    Matrix<double>::Ones(dice.between(3, 8), dice.between(6, 12))});
        break;
      case 4:
        edit.space = pick(dice, network.hidden());
        break;
      default:
        group.t = Matrix<double>::Identity(group.size, dice.between(group.size, group.size + 1));
    }
    const bool fit = check_shapes(network, edit).empty();
    auto after = network;
    // apply() and Eigen do not look whether a source exists or T has its rows: those are not tried.
    bool applied = true;
    try {
      const auto& groups = network.space(edit.space).groups;
      for (const GroupEdit& g : edit.groups) {
        if (g.source == GroupEdit::kNew) continue;
        if (g.source >= static_cast<Index>(groups.size())) throw InternalError("source");
        if (g.t.size() > 0 && (g.t.rows() != g.size || g.t.cols() != groups[g.source])) {
          throw InternalError("shape of T");
        }
      }
      after.apply(edit);
    } catch (const InternalError&) {
      applied = false;
    }
    ASSERT_EQ(fit, applied) << seed << " " << check_shapes(network, edit);
    (fit ? fits : misfits) += 1;
  }
  EXPECT_GE(fits, 300);
  EXPECT_GE(misfits, 300);
}

}  // namespace
}  // namespace isoform
