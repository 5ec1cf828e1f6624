#include "isoform/topology/align.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "isoform/base/error.h"
#include "isoform/topology/align_turns.h"

namespace isoform {

double Alignment::relative() const {
  return norm > 0 ? after / norm : after > 0 ? std::numeric_limits<double>::infinity() : 0;
}

namespace {

constexpr int kMostSweeps = 300;
constexpr double kNoFall = 1e-5;      // of D: a sweep that gains less is the last
constexpr double kRounding = 1e-15;   // of ‖B‖: nothing is left to gain
constexpr double kFoundTruth = 1e-6;  // of ‖B‖: no other start is tried

template <class T>
Network<double> in_double(const Network<T>& network) {
  std::vector<Space<double>> spaces;
  for (const Space<T>& s : network.spaces()) {
    spaces.push_back({s.id, s.name, s.dimension, s.groups, s.radial, s.length_mode,
                      s.length.template cast<double>()});
  }
  std::vector<Map<double>> maps;
  for (const Map<T>& m : network.maps()) {
    maps.push_back({m.id, m.from, m.to, m.psi_mode, m.a.template cast<double>(), m.inputs,
                    m.factors, m.norms});
  }
  return Network<double>(std::move(spaces), std::move(maps));
}

void require_comparable(const Network<double>& a, const Network<double>& b) {
  const std::vector<Index> in_a = a.widths(), in_b = b.widths();
  if (in_a.front() != in_b.front() || in_a.back() != in_b.back()) {
    throw UsageError(fmt::format(
        "align: needs networks with the same inputs and outputs, got {} → {} and {} → {}; a "
        "rotation turns hidden layers only",
        in_a.front(), in_a.back(), in_b.front(), in_b.back()));
  }
  if (a.hidden().size() != b.hidden().size()) {
    throw UsageError(fmt::format(
        "align: needs networks of the same depth, got {} and {} hidden layers; a rotation makes "
        "no layer more or less, compare their outputs instead",
        a.hidden().size(), b.hidden().size()));
  }
  const auto same_ends = [](const Map<double>& x, const Map<double>& y) {
    return x.from == y.from && x.to == y.to && x.factors == y.factors;
  };
  if (a.hidden() != b.hidden() ||
      !std::equal(a.maps().begin(), a.maps().end(), b.maps().begin(), b.maps().end(), same_ends)) {
    throw UsageError(
        "align: needs networks whose maps connect the same layers, and these are of different "
        "architectures: no rotation makes one the other; compare what isoform predict answers");
  }
  for (const Network<double>* network : {&a, &b}) {
    for (const Space<double>& s : network->spaces()) {
      if (!network->is_stream(s.id)) continue;
      throw UsageError(fmt::format(
          "align: needs networks without a stream, as it turns hidden layers only, and '{}' has a "
          "basis of its own that would stay; compare what isoform predict answers",
          s.name));
    }
    if (!network->all_finite()) {
      throw UsageError(
          "align: needs finite numbers, got NaN or infinity; the network has diverged");
    }
  }
}

double squared_difference(const auto& x, const auto& y) {  // one may lack ψ
  if (x.cols() == 0) return y.squaredNorm();
  return y.cols() == 0 ? x.squaredNorm() : (x - y).squaredNorm();
}

// The distances of two networks of one shape, as `after`.
std::vector<MapDistance> distances(const Network<double>& a, const Network<double>& b) {
  std::vector<MapDistance> all;
  for (const Map<double>& m : b.maps()) {
    const Map<double>& other = a.map(m.id);
    double length = 0, norm = m.a.squaredNorm();
    if (b.space(m.to).hidden() && b.incoming(m.to).front() == m.id) {
      const Vector<double> roots = root_lengths(b.space(m.to));
      length = (root_lengths(a.space(m.to)) - roots).norm();
      norm += roots.squaredNorm();
    }
    MapDistance d;
    d.map = m.id;
    d.norm = std::sqrt(norm);
    d.weight = (other.weight() - m.weight()).norm();
    d.bias = (other.bias() - m.bias()).norm();
    d.psi = std::sqrt(squared_difference(other.psi(), m.psi()) +
                      squared_difference(other.chi(), m.chi()));
    d.length = length;
    d.after = std::hypot(std::hypot(d.weight, d.bias), std::hypot(d.psi, d.length));
    all.push_back(d);
  }
  return all;
}

double total(const std::vector<MapDistance>& maps, double MapDistance::*what) {
  double sum = 0;
  for (const MapDistance& map : maps) sum += map.*what * (map.*what);
  return std::sqrt(sum);
}

// The distances that turns leave, measured on the networks themselves: ‖A‖² + ‖B‖² − 2S would lose half of
// the digits.
std::vector<MapDistance> distances(const Turns& turns, Network<double> a, Network<double> b) {
  for (const Edit& edit : turns.edits()) a.apply(edit);
  for (const Edit& edit : turns.padding()) b.apply(edit);
  return distances(a, b);
}

struct Found {
  Turns turns;
  double distance;
  std::vector<double> course;
};

Found descend(Turns turns, const Network<double>& a, const Network<double>& b, double norm) {
  Found best{turns, total(distances(turns, a, b), &MapDistance::after), {}};
  double last = std::numeric_limits<double>::infinity();
  bool settled = true;  // pairs were sought anew in the last sweep
  for (int sweep = 0; sweep < kMostSweeps; ++sweep) {
    settled = sweep == 0 || !turns.pairs_rest();
    turns.sweep();
    const double distance = total(distances(turns, a, b), &MapDistance::after);
    if (sweep > 0 && distance > best.distance) break;  // rounding is all there is
    best.turns = turns;
    best.distance = distance;
    best.course.push_back(distance);
    if (distance <= kRounding * norm) break;
    if (last - distance <= kNoFall * distance) {
      if (settled) break;
      turns.seek_pairs();
    }
    last = distance;
  }
  return best;
}

}  // namespace

template <class T>
Alignment align(const Network<T>& first, const Network<T>& second) {
  const Network<double> a = in_double(first), b = in_double(second);
  require_comparable(a, b);

  const Turns as_they_stand = Turns::in_order(a, b);
  const std::vector<MapDistance> before = distances(as_they_stand, a, b);
  Alignment out;
  out.norm = total(before, &MapDistance::norm);
  out.before = total(before, &MapDistance::after);
  Found best{as_they_stand, out.before, {}};
  if (out.before > kRounding * out.norm && !a.hidden().empty()) {
    Found found = descend(Turns::from_the_input(a, b), a, b, out.norm);
    if (found.distance < best.distance) best = std::move(found);
    if (best.distance > kFoundTruth * out.norm) {
      found = descend(as_they_stand, a, b, out.norm);
      if (found.distance < best.distance) best = std::move(found);
    }
  }
  out.edits = best.turns.edits();
  out.padding = best.turns.padding();
  out.padded = best.turns.padded();
  out.course = std::move(best.course);
  out.sweeps = static_cast<int>(out.course.size());
  out.maps = distances(best.turns, a, b);
  for (MapDistance& map : out.maps) {
    map.before = before[static_cast<std::size_t>(map.map)].after;
  }
  out.after = total(out.maps, &MapDistance::after);
  return out;
}

template Alignment align(const Network<float>&, const Network<float>&);
template Alignment align(const Network<double>&, const Network<double>&);

}  // namespace isoform
