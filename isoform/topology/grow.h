// Neurogenesis: new neurons that leave the function exactly as it was. docs/mathematics.md 3 and 9.
//
// Inside a group a new neuron has a zero incoming row, bias and ψ entry and any outgoing column: its
// pre-activation is 0, so it changes neither the norm nor the output, yet its incoming row receives a
// gradient at once. A whole new group starts in one of two ways, GroupStart.
#pragma once

#include <cstdint>
#include <vector>

#include "isoform/network/network.h"
#include "isoform/network/statistics.h"

namespace isoform {

/// Scale of a new outgoing entry, as published: N(0, 0.01²), or a column of that expected length.
inline constexpr double kOutgoingScale = 0.01;
/// No space grows beyond this.
inline constexpr Index kMaxWidth = 65536;

/// Where `count` new neurons of a space go.
struct Growth {
  std::vector<Index> into;        // for each group there is: neurons to append to it
  std::vector<Index> new_groups;  // sizes of new groups, after the existing ones
  [[nodiscard]] Index neurons() const;
};

/// Fills groups that are below group_size in order, then opens new ones; group_size 0: the one group of the
/// layer takes all. fill_groups({8, 5}, 6, 8) = into {0, 3}, new groups {3}.
/// Frozen groups (marks as in Space::frozen) take none; if all are, the whole layer's one group is joined by another.
Growth fill_groups(const std::vector<Index>& groups, Index count, Index group_size,
                   const std::vector<char>& frozen = {});

/// The same for a space of a network; one whose gate multiplies maps stays one group, whatever the group_size.
template <class T>
Growth fill_groups(const Network<T>& network, int space, Index count, Index group_size);

/// False where new neurons would be heard by nobody, for ever: all that reads the space is frozen.
template <class T>
bool can_learn(const Network<T>& network, int space);

/// How new neurons point. `gradient`: where their first gradient is largest, on the batch of the probe (3.4). Neurons
/// appended to a group have their outgoing columns along the top left singular vectors of M = Σ s δ (h; 1; s)ᵀ; new groups
/// that begin unheard have their incoming rows along the top right ones of Σ δ hᵀ. Beyond its rank, random.
enum class Outgoing { random, gradient };

/// How a whole new group starts. Its ψ column is 0 in both.
enum class GroupStart {
  rows,  // random incoming rows, zero outgoing columns: nobody hears it, its columns learn at once
  columns,  // zero incoming rows, outgoing columns as in a group: z = 0, its rows learn at once
};

struct GrowSettings {
  Outgoing outgoing = Outgoing::random;
  GroupStart group_start = GroupStart::rows;
  Index group_size = 8;                    // where only a count is given
  const Statistics* statistics = nullptr;  // the probe, for Outgoing::gradient
  std::uint64_t seed = 0;
  std::int64_t step = 0;  // keys the random numbers
};

/// One edit for all new neurons of a space. No decomposition, but for Outgoing::gradient. What is frozen does not hear
/// them. In a space that nobody reads (Network::is_gate) a neuron is heard through the norm alone and would never
/// learn from 0; there o is the ghost neuron (docs/mathematics.md 1.5), and new neurons take shares of its bias:
/// b² each, o loses as much, t stays. Without o (mode none, or 0) they start at 0 and sleep.
/// Throws UsageError beyond kMaxWidth, for a layer out of range, for fewer than one neuron, into a frozen group, or
/// for a second group of a space whose gate multiplies maps.
template <class T>
Edit grow(const Network<T>& network, int space, const Growth& growth,
          const GrowSettings& settings = {});
/// The same for a count, placed by fill_groups.
template <class T>
Edit grow(const Network<T>& network, int space, Index count, const GrowSettings& settings = {});

}  // namespace isoform
