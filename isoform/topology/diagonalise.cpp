#include "isoform/topology/diagonalise.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>

#include "isoform/base/error.h"
#include "isoform/base/random.h"
#include "isoform/network/initialise.h"

namespace isoform {

template <class T>
void require_hidden(const Network<T>& network, int space, const char* what) {
  if (network.has_space(space) && network.space(space).hidden()) return;
  if (network.hidden().empty()) {
    throw UsageError(fmt::format("{}: this network has no hidden layer to edit", what));
  }
  const std::vector<int> all = network.hidden();
  const bool in_a_row = all.back() - all.front() + 1 == static_cast<int>(all.size());
  throw UsageError(fmt::format("{}: layer {} is out of range; hidden layers are {}", what, space,
                               in_a_row ? fmt::format("{} to {}", all.front(), all.back())
                                        : fmt::format("{}", fmt::join(all, ", "))));
}

template <class T>
void require_inner(const Network<T>& network, int space, const char* what) {
  const bool inner = network.has_space(space) && !network.is_given(space) &&
                     (network.space(space).hidden() || !network.outgoing(space).empty());
  if (!inner) require_hidden(network, space, what);
}

template <class T>
void require_no_factors(const Network<T>& network, const char* what) {
  if (!network.has_factors()) return;
  throw UsageError(
      fmt::format("{}: needs a network of plain layers, but gates multiply maps in this one (a "
                  "generalised perceptron)",
                  what));
}

namespace {

Edit rotation(int space, const std::vector<Index>& groups, std::string why) {
  Edit edit = identity_edit(space, groups);
  edit.record.kind = EditKind::rotate;
  edit.record.why = std::move(why);
  return edit;
}

// Calls use(part, first coordinate, size) for every part that is not frozen.
template <class T, class Function>
void each_open_part(const Space<T>& space, const Function& use) {
  const std::vector<Index> parts = space.parts();
  Index first = 0;
  for (std::size_t i = 0; i < parts.size(); first += parts[i++]) {
    const auto part = static_cast<Index>(i);
    if (!space.is_frozen(part)) use(part, first, parts[i]);
  }
}

}  // namespace

template <class T>
Edit rotate_left(const Network<T>& network, int space) {
  require_inner(network, space, "rotate");
  const Space<T>& s = network.space(space);
  Edit edit = rotation(space, s.parts(), "left: incoming connections ordered by singular value");
  const Matrix<double> incoming = incoming_matrix(network, space);
  each_open_part(s, [&](Index part, Index first, Index size) {
    edit.groups[part].t = left_svd(incoming.middleRows(first, size)).u.transpose();
  });
  return edit;
}

template <class T>
Edit rotate_right(const Network<T>& network, int space) {
  require_inner(network, space, "rotate");
  const Space<T>& s = network.space(space);
  Edit edit = rotation(space, s.parts(), "right: outgoing connections ordered by singular value");
  const Matrix<double> outgoing = outgoing_matrix(network, space);
  each_open_part(s, [&](Index part, Index first, Index size) {
    const Matrix<double> columns = outgoing.middleCols(first, size);
    edit.groups[part].t = left_svd(columns.transpose()).u.transpose();
  });
  return edit;
}

template <class T>
std::pair<Edit, Edit> rotate_full(const Network<T>& network, int map) {
  if (!network.has_map(map)) {
    throw UsageError(fmt::format("rotate: map {} is out of range; maps are 1 to {}", map + 1,
                                 network.maps().size()));
  }
  const Map<T>& m = network.map(map);
  const Space<T>& from = network.space(m.from);
  const Space<T>& to = network.space(m.to);
  if (!from.hidden() && !network.is_given(from.id)) {
    throw UsageError(fmt::format(
        "rotate: map {} cannot be fully diagonalised, because '{}', which it reads, has "
        "no gates; rotate its two sides one by one (left, right)",
        map + 1, from.name));
  }
  if (!from.hidden() || !to.hidden()) {
    throw UsageError(fmt::format(
        "rotate: map {} cannot be fully diagonalised, because the basis of the {} is fixed by the "
        "task; rotate the hidden side alone (left or right)",
        map + 1, from.hidden() ? to.name : from.name));
  }
  const Matrix<double> w = m.weight().template cast<double>();
  const auto block = [&](Index g, Index h) {
    return w.block(to.begin(g), from.begin(h), to.groups[g], from.groups[h]);
  };
  struct Pair {
    double weight;
    Index g, h;
  };
  std::vector<Pair> pairs;
  for (Index g = 0; g < to.gates(); ++g) {
    for (Index h = 0; h < from.gates(); ++h) pairs.push_back({block(g, h).squaredNorm(), g, h});
  }
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const Pair& a, const Pair& b) { return a.weight > b.weight; });
  Edit read = rotation(m.from, from.groups, fmt::format("full: right factor of map {}", map + 1));
  Edit write = rotation(m.to, to.groups, fmt::format("full: left factor of map {}", map + 1));
  for (const Pair& pair : pairs) {
    if (write.groups[pair.g].t.size() != 0 || read.groups[pair.h].t.size() != 0) continue;
    if (to.is_frozen(pair.g) || from.is_frozen(pair.h)) continue;
    const FullSvd svd = full_svd(block(pair.g, pair.h));
    write.groups[pair.g].t = svd.u.transpose();
    read.groups[pair.h].t = svd.v.transpose();
  }
  return {std::move(read), std::move(write)};
}

template <class T>
Edit rotate_random(const Network<T>& network, int space, std::uint64_t seed) {
  require_inner(network, space, "rotate");
  const Space<T>& s = network.space(space);
  Edit edit = rotation(space, s.parts(), "random");
  each_open_part(s, [&](Index part, Index, Index size) {
    const Random random(seed, Purpose::rotation, static_cast<std::uint64_t>(part),
                        static_cast<std::uint64_t>(space));
    edit.groups[part].t = orthogonal_matrix(size, size, random);
  });
  return edit;
}

template <class T>
std::vector<Vector<double>> group_spectra(const Network<T>& network, int space) {
  const Space<T>& s = network.space(space);
  const Matrix<double> incoming = incoming_matrix(network, space);
  std::vector<Vector<double>> spectra;
  for (Index g = 0; g < s.gates(); ++g) {
    const Vector<double> values = singular_values(incoming.middleRows(s.begin(g), s.groups[g]));
    Vector<double> padded = Vector<double>::Zero(s.groups[g]);
    padded.head(values.size()) = values;
    spectra.push_back(std::move(padded));
  }
  return spectra;
}

template <class T>
Vector<double> spectrum(const Network<T>& network, int space) {
  Vector<double> all(network.space(space).dimension);
  Index at = 0;
  for (const Vector<double>& values : group_spectra(network, space)) {
    all.segment(at, values.size()) = values;
    at += values.size();
  }
  std::sort(all.begin(), all.end(), std::greater<>());
  return all;
}

#define ISOFORM_FOR_SCALAR(T)                                                 \
  template void require_inner(const Network<T>&, int, const char*);           \
  template void require_hidden(const Network<T>&, int, const char*);          \
  template void require_no_factors(const Network<T>&, const char*);           \
  template Edit rotate_left(const Network<T>&, int);                          \
  template Edit rotate_right(const Network<T>&, int);                         \
  template std::pair<Edit, Edit> rotate_full(const Network<T>&, int);         \
  template Edit rotate_random(const Network<T>&, int, std::uint64_t);         \
  template std::vector<Vector<double>> group_spectra(const Network<T>&, int); \
  template Vector<double> spectrum(const Network<T>&, int);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
