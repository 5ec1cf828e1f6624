#include "isoform/network/structure.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "isoform/base/error.h"

namespace isoform {

namespace {

constexpr std::array<std::string_view, 3> kNames = {"dense", "diagonal", "triangle"};

// Every form keeps one run of columns in each row: calls use(row, first, end) for the rows in order, with
// first = end where a row keeps nothing.
template <class Function>
void each_row(Structure structure, const std::vector<Index>& groups, Index columns,
              const Function& use) {
  Index row = 0;
  for (const Index size : groups) {
    for (Index local = 0; local < size; ++local, ++row) {
      switch (structure) {
        case Structure::dense:
          use(row, Index{0}, columns);
          break;
        case Structure::diagonal:
          use(row, std::min(row, columns), std::min(row + 1, columns));
          break;
        case Structure::triangle:
          use(row, std::min(local, columns), columns);
          break;
      }
    }
  }
}

template <class T>
bool fits(const Map<T>& m, const std::vector<Index>& groups, Structure structure) {
  bool zero = true;
  each_row(structure, groups, m.inputs, [&](Index row, Index first, Index end) {
    for (Index j = 0; zero && j < first; ++j) zero = m.a(row, j) == T(0);
    for (Index j = end; zero && j < m.inputs; ++j) zero = m.a(row, j) == T(0);
  });
  return zero;
}

}  // namespace

std::string_view structure_name(Structure structure) {
  return kNames[static_cast<std::size_t>(structure)];
}

Structure structure_from_name(std::string_view name) {
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) {
    throw UsageError(
        fmt::format("structure: '{}' is unknown; known are {}", name, fmt::join(kNames, ", ")));
  }
  return static_cast<Structure>(found - kNames.begin());
}

template <class T>
std::vector<Index> row_groups(const Network<T>& network, int map) {
  const Space<T>& to = network.space(network.map(map).to);
  return to.hidden() ? to.groups : std::vector<Index>{to.dimension};
}

Index stored_weights(Structure structure, const std::vector<Index>& groups, Index columns) {
  const Index rows = std::accumulate(groups.begin(), groups.end(), Index{0});
  if (structure == Structure::dense) return rows * columns;
  if (structure == Structure::diagonal) return std::min(rows, columns);
  Index count = 0;
  for (const Index size : groups) {
    const Index kept = std::min(size, columns);  // rows that keep something
    count += kept * columns - kept * (kept - 1) / 2;
  }
  return count;
}

template <class T>
Structure structure_of(const Network<T>& network, int map) {
  const std::vector<Index> groups = row_groups(network, map);
  Structure best = Structure::dense;
  Index fewest = network.map(map).weight().size();
  // In this order, so that a weight which is both (one column) is called diagonal.
  for (const Structure form : {Structure::diagonal, Structure::triangle}) {
    const Index count = stored_weights(form, groups, network.map(map).inputs);
    if (count >= fewest || !fits(network.map(map), groups, form)) continue;
    best = form;
    fewest = count;
  }
  return best;
}

template <class T>
Vector<T> packed_weight(const Network<T>& network, int map, Structure structure) {
  const Map<T>& m = network.map(map);
  const std::vector<Index> groups = row_groups(network, map);
  Vector<T> numbers(stored_weights(structure, groups, m.inputs));
  Index at = 0;
  each_row(structure, groups, m.inputs, [&](Index row, Index first, Index end) {
    for (Index j = first; j < end; ++j) numbers[at++] = m.a(row, j);
  });
  return numbers;
}

template <class T>
Matrix<T> unpacked_weight(const Vector<T>& numbers, Structure structure,
                          const std::vector<Index>& groups, Index columns) {
  ISOFORM_ASSERT(numbers.size() == stored_weights(structure, groups, columns),
                 "numbers of a packed weight");
  const Index rows = std::accumulate(groups.begin(), groups.end(), Index{0});
  Matrix<T> weight = Matrix<T>::Zero(rows, columns);
  Index at = 0;
  each_row(structure, groups, columns, [&](Index row, Index first, Index end) {
    for (Index j = first; j < end; ++j) weight(row, j) = numbers[at++];
  });
  return weight;
}

template <class T>
T impose_structure(Network<T>& network, int map, Structure structure) {
  Map<T>& m = network.map(map);
  T largest = 0;
  const auto clear = [&](T& value) {
    const T size = std::abs(value);
    if (!(size <= largest) && !std::isnan(largest)) largest = size;  // a NaN is reported
    value = T(0);
  };
  each_row(structure, row_groups(network, map), m.inputs, [&](Index row, Index first, Index end) {
    for (Index j = 0; j < first; ++j) clear(m.a(row, j));
    for (Index j = end; j < m.inputs; ++j) clear(m.a(row, j));
  });
  return largest;
}

#define ISOFORM_FOR_SCALAR(T)                                                                \
  template std::vector<Index> row_groups(const Network<T>&, int);                            \
  template Structure structure_of(const Network<T>&, int);                                   \
  template Vector<T> packed_weight(const Network<T>&, int, Structure);                       \
  template Matrix<T> unpacked_weight(const Vector<T>&, Structure, const std::vector<Index>&, \
                                     Index);                                                 \
  template T impose_structure(Network<T>&, int, Structure);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
