// What an undoing says of itself, and what cannot be undone.
#include <gmock/gmock.h>

#include "isoform/base/error.h"
#include "isoform/topology/diagonalise.h"
#include "isoform/topology/grow.h"
#include "isoform/topology/importance.h"
#include "isoform/topology/shrink.h"
#include "isoform/topology/undo.h"
#include "tests/support/networks.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::HasSubstr;
using Sizes = std::vector<Index>;

TEST(UndoRecord, SaysWhatItUndoes) {
  const auto network = graph_network(1);
  const Edit grown = undo(network, grow(network, 1, Growth{{2, 0}, {}}));
  EXPECT_EQ(grown.record.kind, EditKind::reduce);
  EXPECT_EQ(grown.record.why, "undo of append");
  EXPECT_EQ(grown.record.removed, 2);
  EXPECT_EQ(grown.record.before, 9);
  EXPECT_EQ(grown.record.after, 7);
  EXPECT_TRUE(grown.corrections.empty()) << "only new neurons had any";
  EXPECT_EQ(undo(network, grow(network, 1, Growth{{0, 0}, {3}})).record.kind,
            EditKind::remove_group);
  EXPECT_EQ(undo(network, rotate_left(network, 1)).record.kind, EditKind::rotate);
}

template <class Call>
std::string refusal(const Call& call) {
  try {
    call();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "(accepted)";
}

TEST(UndoRefuses, WhatWasDroppedAndNamesIt) {
  const auto network = graph_network(2);  // space 2 has the groups {3, 1, 4}
  const auto dropped = [&](const Edit& edit) {
    auto after = network;
    after.apply(edit);  // all are edits that can be applied
    return refusal([&] { undo(network, edit); });
  };
  EXPECT_EQ(
      dropped(keep(network, 2, Sizes{0, 2, 3, 4, 6})),
      "undo: the edit dropped neuron 1 of space 2 (group 0); only a saved copy of the network "
      "brings that back");
  EXPECT_THAT(dropped(keep(network, 2, Sizes{0, 1, 2, 3, 4, 6})),
              HasSubstr("dropped neurons 5, 7 of space 2 (group 2)"));
  EXPECT_THAT(dropped(keep(network, 2, Sizes{0, 1, 2, 4, 5, 6, 7})),
              HasSubstr("dropped neuron 3 of space 2 (group 1, whole)"));
  EXPECT_THAT(dropped(remove_groups(network, 2, Sizes{2})),
              HasSubstr("dropped neurons 4 to 7 of space 2 (group 2, whole)"));
  const auto scores = score_by_singular_value(network, 2);
  EXPECT_THAT(dropped(reduce(network, 2, scores, {3, 1, 2})),
              HasSubstr("dropped 2 directions that neurons 4 to 7 shared of space 2 (group 2)"));
  EXPECT_THAT(dropped(reduce(network, 2, scores, {3, 1, 2})), HasSubstr("a saved copy"));
}

TEST(UndoRefuses, WhatIsNoEditOfThisNetworkOrNoIsometry) {
  const auto network = graph_network(2);
  Edit edit = grow(network, 2, Growth{{1, 0, 0}, {}});
  auto after = network;
  after.apply(edit);
  EXPECT_THAT(refusal([&] { undo(after, edit); }), HasSubstr("as it was before"));
  edit = identity_edit(2, network.space(2).groups);
  edit.groups[0].t = 2 * Matrix<double>::Identity(3, 3);
  EXPECT_THAT(refusal([&] { undo(network, edit); }), HasSubstr("no isometry, off by 3.0e+00"));
  edit = identity_edit(2, network.space(2).groups);
  Matrix<double> first = Matrix<double>::Identity(2, 3);
  edit.groups[0] = {0, 2, first};
  edit.groups.insert(edit.groups.begin() + 1, {0, 1, Matrix<double>::Identity(3, 3).bottomRows(1)});
  EXPECT_THAT(refusal([&] { undo(network, edit); }), HasSubstr("groups 0 and 1 of group 0"));
}

}  // namespace
}  // namespace isoform
