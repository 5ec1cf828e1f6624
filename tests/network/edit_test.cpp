#include "isoform/network/edit.h"

#include <gtest/gtest.h>

#include "isoform/base/error.h"
#include "isoform/topology/diagonalise.h"
#include "isoform/topology/grow.h"
#include "tests/support/networks.h"
#include "tests/support/truth.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using Sizes = std::vector<Index>;

// Three groups before; after: the third without change, a new one, the first grown by a neuron and turned.
Edit mixed_edit() {
  Edit edit;
  edit.space = 1;
  Matrix<double> t = Matrix<double>::Zero(3, 2);
  t << 0.6, 0.8, -0.8, 0.6, 0, 0;
  edit.groups = {{2, 2, {}}, {GroupEdit::kNew, 2, {}}, {0, 3, t}};
  return edit;
}
const Sizes kBefore = {2, 4, 2};

TEST(TransportRows, MovesGroupsAndFillsNewRows) {
  Dice dice(1);
  const auto m = dice.normals(8, 3);
  const auto out = transport_rows(mixed_edit(), kBefore, m, Transport::linear, 9);
  ASSERT_EQ(out.rows(), 7);
  EXPECT_EQ(out.topRows(2), m.bottomRows(2));
  EXPECT_TRUE((out.middleRows(2, 2).array() == 9).all());
  EXPECT_LE((out.row(4) - (0.6 * m.row(0) + 0.8 * m.row(1))).norm(), 1e-15);
  EXPECT_LE((out.row(5) - (-0.8 * m.row(0) + 0.6 * m.row(1))).norm(), 1e-15);
  EXPECT_TRUE((out.row(6).array() == 9).all());
  EXPECT_EQ(transport_columns<double>(mixed_edit(), kBefore, m.transpose(), Transport::linear, 9),
            out.transpose());
}

TEST(TransportRows, SecondMomentsGoBySquares) {
  Dice dice(2);
  const Matrix<double> v = dice.normals(8, 3).cwiseAbs2();
  const auto out = transport_rows(mixed_edit(), kBefore, v, Transport::squared, 0.5);
  EXPECT_LE((out.row(4) - (0.36 * v.row(0) + 0.64 * v.row(1))).norm(), 1e-15);
  EXPECT_LE((out.row(5) - (0.64 * v.row(0) + 0.36 * v.row(1))).norm(), 1e-15);
  EXPECT_TRUE((out.row(6).array() == 0.5).all());
  EXPECT_NEAR(out.middleRows(4, 2).sum(), v.topRows(2).sum(), 1e-14) << "sums are kept";
}

// Directions that go, given as such: T is the rest of a rotation, whichever way it is asked for.
TEST(Isometry, OfDirectionsThatGo) {
  Dice dice(3);
  for (const auto& [n, few] : {std::pair<Index, Index>{1, 1}, {5, 1}, {9, 3}, {40, 2}, {40, 12}}) {
    if (few == n) continue;
    const Matrix<double> gone = orthonormal(dice, n, few);
    const GroupEdit group{0, n - few, {}, gone};
    EXPECT_FALSE(group.copies());
    const Matrix<double> t = group.matrix(n);
    ASSERT_EQ(t.rows(), n - few);
    EXPECT_LE((t * t.transpose() - Matrix<double>::Identity(n - few, n - few)).norm(),
              1e-14 * double(n));
    EXPECT_LE((t * gone).norm(), 1e-14 * double(n));
    const Matrix<double> m = dice.normals(n, 7);
    Isometry<double> isometry(group, n);
    EXPECT_LE((isometry.times(m) - t * m).norm(), 1e-13 * double(n));
    for (const char* call : {"the first", "one more"}) {
      EXPECT_LE((isometry.squared_times(m) - t.cwiseAbs2() * m).norm(), 1e-13 * double(n)) << call;
    }
    Isometry<float> single(group, n);
    const Matrix<float> of_m = m.cast<float>();
    EXPECT_LE((single.times(of_m).cast<double>() - t * m).norm(), 1e-5 * double(n));
    EXPECT_LE((single.squared_times(of_m).cast<double>() - t.cwiseAbs2() * m).norm(),
              1e-5 * double(n));
    EXPECT_EQ(isometry.is_new(), std::vector<char>(static_cast<std::size_t>(n - few), 0));
  }
}

// A neuron that goes as it stands leaves the others exactly as they are.
TEST(Isometry, OfNeuronsThatGo) {
  Matrix<double> gone = Matrix<double>::Zero(6, 2);
  gone(1, 0) = gone(4, 1) = 1;
  const Matrix<double> t = GroupEdit{0, 4, {}, gone}.matrix(6);
  EXPECT_TRUE(((t.array() == 0) || (t.array().abs() == 1)).all()) << t;
  EXPECT_TRUE(t.col(1).isZero(0) && t.col(4).isZero(0));
}

// Neurons that are only joined by others are copied, not multiplied: the bits stay, in every scalar.
TEST(TransportRows, CopiesWhatOnlyGrows) {
  Edit edit;
  edit.space = 1;
  edit.groups = {{0, 3, {}, {}, 1}, {1, 4}, {2, 5, {}, {}, 3}};
  Dice dice(4);
  const Matrix<float> m = dice.normals(8, 3).cast<float>();
  const Matrix<float> out = transport_rows(edit, kBefore, m, Transport::squared, 0.25);
  ASSERT_EQ(out.rows(), 12);
  EXPECT_EQ(out.topRows(2), m.topRows(2));
  EXPECT_EQ(out.middleRows(3, 4), m.middleRows(2, 4));
  EXPECT_EQ(out.middleRows(7, 2), m.bottomRows(2));
  for (const Index i : {2, 9, 10, 11}) EXPECT_TRUE((out.row(i).array() == 0.25F).all());
  EXPECT_EQ(transport_columns<float>(edit, kBefore, m.transpose(), Transport::squared, 0.25),
            out.transpose());
}

TEST(TransportGates, KeepsAddsAndDropsColumns) {
  Matrix<double> m(2, 3);
  m << 1, 2, 3, 4, 5, 6;
  Matrix<double> expected(2, 3);
  expected << 3, 7, 1, 6, 7, 4;
  EXPECT_EQ(transport_gates(mixed_edit(), m, 7), expected);
}

TEST(Apply, DoesWhatTheMatricesSay) {
  auto network = graph_network(6);
  const int id = 2;  // groups 3, 1, 4; read by map 3, written by maps 1 and 2
  Edit edit = rotate_random(network, id, 3);
  Matrix<double> t = Matrix<double>::Zero(8, 8);
  Index at = 0;
  for (const GroupEdit& group : edit.groups) {
    t.block(at, at, group.size, group.size) = group.t;
    at += group.size;
  }
  EXPECT_LE((t * t.transpose() - Matrix<double>::Identity(8, 8)).norm(), 1e-14);
  const auto before = network;
  network.apply(edit);
  for (const int m : {1, 2}) {
    EXPECT_LE((network.map(m).a - t * before.map(m).a).norm(), 1e-14);
  }
  EXPECT_LE((network.map(3).weight() - before.map(3).weight() * t.transpose()).norm(), 1e-14);
  EXPECT_EQ(network.map(3).bias(), before.map(3).bias());
  EXPECT_EQ(network.map(3).psi(), before.map(3).psi());
  EXPECT_EQ(network.space(2).length, before.space(2).length);
  for (const int m : {0, 4, 5, 6}) EXPECT_EQ(network.map(m).a, before.map(m).a);
}

TEST(Apply, LeavesTheNetworkAloneWhenAnEditDoesNotFit) {
  auto network = graph_network(7);
  const auto before = network;
  const auto expect_refused = [&](const Edit& edit) {
    EXPECT_THROW(network.apply(edit), InternalError);
    for (const auto& m : before.maps()) EXPECT_EQ(network.map(m.id).a, m.a);
    for (const auto& s : before.spaces()) {
      EXPECT_EQ(network.space(s.id).groups, s.groups);
      EXPECT_EQ(network.space(s.id).length, s.length);
    }
  };
  Edit edit = grow(network, 2, {{1, 0, 0}, {2}});
  Edit wrong = edit;
  wrong.space = 0;
  expect_refused(wrong);
  wrong = edit;
  wrong.corrections.front().column += 30;
  expect_refused(wrong);
  wrong = edit;
  wrong.length = Vector<double>::Zero(9);
  expect_refused(wrong);
  wrong = edit;
  wrong.groups[1].size += 1;
  expect_refused(wrong);
  wrong = edit;
  wrong.groups.clear();
  expect_refused(wrong);
  network.apply(edit);
  EXPECT_EQ(network.space(2).groups, (Sizes{4, 1, 4, 2}));
}

TEST(Apply, ChangesLengthsInEveryMode) {
  for (const LengthMode mode :
       {LengthMode::none, LengthMode::constant, LengthMode::trainable, LengthMode::log}) {
    auto network = graph_network(9, Radial::tanh, mode);
    const auto before = network.space(1);
    Edit edit = identity_edit(1, before.groups);
    edit.length = Vector<double>{{0.5, 0.0}};
    network.apply(edit);
    if (mode == LengthMode::none) {
      EXPECT_EQ(network.space(1).o(0), 0);
    } else {
      EXPECT_NEAR(network.space(1).o(0), before.o(0) + 0.5, 1e-14);
      EXPECT_EQ(network.space(1).length[1], before.length[1])
          << "bit for bit where nothing is added";
    }
    EXPECT_EQ(network.space(1).length[0] < 0, before.length[0] < 0 && mode != LengthMode::log)
        << "β keeps its sign";
  }
}

TEST(Apply, ARotationAndItsTransposeUndoEachOther) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const auto network = random_network(seed);
    for (const int id : network.hidden()) {
      Edit edit = rotate_random(network, id, seed);
      auto there_and_back = network;
      there_and_back.apply(edit);
      for (GroupEdit& group : edit.groups) group.t.transposeInPlace();
      there_and_back.apply(edit);
      for (const auto& m : network.maps()) {
        EXPECT_LE(relative(there_and_back.map(m.id).a, m.a), 1e-14) << describe(network, seed);
      }
    }
  }
}

TEST(EditKind, HasNames) {
  EXPECT_EQ(edit_kind_name(EditKind::rotate), "rotate");
  EXPECT_EQ(edit_kind_name(EditKind::remove_group), "remove_group");
}

}  // namespace
}  // namespace isoform
