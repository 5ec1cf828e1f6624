// Which form every map takes: arithmetic on shapes.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <tuple>

#include "isoform/base/error.h"
#include "isoform/topology/shrink.h"
#include "isoform/topology/sparsify.h"

namespace isoform {

namespace {

constexpr std::array<std::string_view, 3> kMethods = {"best", "alternating", "chain"};

using Groups = std::vector<std::vector<Index>>;

std::vector<Index> widths_of(const SparseShape& shape, const Groups& groups) {
  std::vector<Index> widths = shape.widths;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    widths[i + 1] = std::accumulate(groups[i].begin(), groups[i].end(), Index{0});
  }
  return widths;
}

Index weights_of(const std::vector<Index>& widths) {
  Index count = 0;
  for (std::size_t l = 1; l < widths.size(); ++l) count += widths[l] * widths[l - 1];
  return count;
}

// First to last, since every cut takes columns from the next map.
Groups reduced_groups(const SparseShape& shape) {
  Groups groups = shape.groups;
  Index inputs = shape.widths.front();
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const Index columns = inputs + shape.gates[i] + (shape.folds[i] ? 0 : 1);
    for (Index& size : groups[i]) size = std::min(size, columns);
    inputs = std::accumulate(groups[i].begin(), groups[i].end(), Index{0});
  }
  return groups;
}

Index gauge_dimension(const Groups& groups) {
  Index dimension = 0;
  for (const auto& sizes : groups) {
    for (const Index n : sizes) dimension += n * (n - 1) / 2;
  }
  return dimension;
}

// Why map l (from 1) cannot be made diagonal; empty if it can.
std::string obstacle(const Groups& groups, int map) {
  const int last = static_cast<int>(groups.size()) + 1;
  if (map < 1 || map > last) {
    return fmt::format("map {} is out of range; maps are 1 to {}", map, last);
  }
  if (map == 1 || map == last) {
    return fmt::format(
        "map {} cannot be made diagonal, because the basis of the {} is fixed by the task; {}", map,
        map == 1 ? "input" : "output",
        last > 2 ? fmt::format("maps 2 to {} can", last - 1)
                 : std::string("with one hidden layer no map can, but a triangle can be had"));
  }
  for (const int space : {map - 1, map}) {
    const std::size_t count = groups[static_cast<std::size_t>(space) - 1].size();
    if (count > 1) {
      return fmt::format(
          "map {} cannot be made diagonal, because hidden layer {} has {} groups and a rotation "
          "must not mix groups; triangles inside groups can be had (method best or chain)",
          map, space, count);
    }
  }
  return {};
}

void require_diagonal(const Groups& groups, const std::vector<int>& maps) {
  for (const int map : maps) {
    const std::string why = obstacle(groups, map);
    if (!why.empty()) throw UsageError("sparsify: " + why);
  }
  std::vector<int> sorted = maps;
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t i = 1; i < sorted.size(); ++i) {
    if (sorted[i] == sorted[i - 1]) {
      throw UsageError(fmt::format("sparsify: map {} is named twice", sorted[i]));
    }
    if (sorted[i] == sorted[i - 1] + 1) {
      throw UsageError(
          fmt::format("sparsify: maps {} and {} cannot both be made diagonal, because both would "
                      "need the one rotation of hidden layer {}; ask for one of them",
                      sorted[i - 1], sorted[i], sorted[i - 1]));
    }
  }
}

std::vector<int> alternating_maps(const Groups& groups) {
  if (groups.size() < 2) {
    throw UsageError(
        "sparsify: the alternating method needs two hidden layers or more, since it makes maps "
        "between hidden layers diagonal; method best or chain works with one");
  }
  std::vector<int> maps;
  for (int map = 2; map <= static_cast<int>(groups.size()); map += 2) maps.push_back(map);
  return maps;
}

// What is removed, and how many of the removed multiply-adds are those of diagonal maps.
struct Gain {
  Index zeros = 0, in_diagonals = 0;
  auto operator<=>(const Gain&) const = default;  // NOLINT(modernize-use-nullptr)
};

// The diagonal maps among those allowed that remove most together with triangles at all other spaces: a
// maximum-weight independent set on a path. Ties go to more work in diagonals, then to earlier maps.
std::vector<int> best_maps(const Groups& groups, const std::vector<Index>& widths) {
  const std::size_t spaces = groups.size();
  std::vector<Gain> best(spaces + 1);  // of spaces 1 … l
  std::vector<bool> diagonal(spaces + 1, false);
  for (std::size_t l = 1; l <= spaces; ++l) {
    const Index size = widths[l] * widths[l - 1];
    best[l] = best[l - 1];
    best[l].zeros += size - stored_weights(Structure::triangle, groups[l - 1], widths[l - 1]);
    if (!obstacle(groups, static_cast<int>(l)).empty()) continue;
    const Index zeros = size - stored_weights(Structure::diagonal, groups[l - 1], widths[l - 1]);
    const Gain other{best[l - 2].zeros + zeros, best[l - 2].in_diagonals + size};
    diagonal[l] = other > best[l];
    if (diagonal[l]) best[l] = other;
  }
  std::vector<int> maps;
  for (std::size_t l = spaces; l >= 1 && l <= spaces; l -= diagonal[l] ? 2 : 1) {
    if (diagonal[l]) maps.push_back(static_cast<int>(l));
  }
  return maps;
}

}  // namespace

std::string_view sparse_method_name(SparseMethod method) {
  return kMethods[static_cast<std::size_t>(method)];
}

SparseMethod sparse_method_from_name(std::string_view name) {
  const auto found = std::find(kMethods.begin(), kMethods.end(), name);
  if (found == kMethods.end()) {
    throw UsageError(
        fmt::format("method: '{}' is unknown; known are {}", name, fmt::join(kMethods, ", ")));
  }
  return static_cast<SparseMethod>(found - kMethods.begin());
}

template <class T>
SparseShape sparse_shape(const Network<T>& network) {
  const std::size_t count = network.spaces().size();
  bool chain = network.maps().size() + 1 == count;
  for (const Map<T>& m : network.maps()) chain = chain && m.from == m.id && m.to == m.id + 1;
  if (network.has_factors()) {
    throw UsageError(
        "sparsify: needs a plain chain of layers, but gates multiply maps here: it is a "
        "perceptron, "
        "whose gates isoform convert stores as triangles; --truncate makes them narrower");
  }
  if (!chain) {
    throw UsageError(
        fmt::format("sparsify: needs a plain chain of layers, but this network has {} spaces and "
                    "{} maps that skip or join; a space that several maps read has one rotation "
                    "for all of them",
                    count, network.maps().size()));
  }
  if (network.hidden().empty()) {
    throw UsageError(
        "sparsify: this network has no hidden layer, so no basis is free to choose; nothing can be "
        "removed exactly");
  }
  SparseShape shape{network.widths(), {}, {}, {}};
  for (const int id : network.hidden()) {
    shape.groups.push_back(network.space(id).groups);
    shape.folds.push_back(carries_fold(network, id));
  }
  for (const Map<T>& m : network.maps()) shape.gates.push_back(m.features().cols());
  return shape;
}

template SparseShape sparse_shape(const Network<float>&);
template SparseShape sparse_shape(const Network<double>&);

Index SparsePlan::kept_of(int map) const {
  const auto l = static_cast<std::size_t>(map);
  const std::vector<Index> whole = {widths[l + 1]};
  return stored_weights(forms[l], l < groups.size() ? groups[l] : whole, widths[l]);
}

SparsePlan plan_sparsity(const SparseShape& shape, const SparseSettings& settings) {
  const std::size_t maps = shape.widths.size() - 1;
  ISOFORM_ASSERT(maps >= 2 && shape.groups.size() + 1 == maps && shape.gates.size() == maps &&
                     shape.folds.size() + 1 == maps && shape.gates.front() == 0,
                 "a shape with hidden spaces");
  if (!settings.diagonal.empty() && settings.method != SparseMethod::best) {
    throw UsageError(fmt::format(
        "sparsify: method {} chooses its diagonal maps itself; name maps with method best only",
        sparse_method_name(settings.method)));
  }
  const Groups reduced = reduced_groups(shape);
  const std::vector<Index> reduced_widths = widths_of(shape, reduced);
  const bool alternating = settings.method == SparseMethod::alternating;

  SparsePlan plan;
  plan.before = shape;
  plan.weights = weights_of(shape.widths);
  plan.ceiling = plan.weights - weights_of(reduced_widths) + gauge_dimension(reduced);
  plan.groups = alternating ? shape.groups : reduced;
  plan.widths = widths_of(shape, plan.groups);
  std::vector<int> diagonal = settings.diagonal;
  if (alternating) diagonal = alternating_maps(plan.groups);
  require_diagonal(plan.groups, diagonal);
  if (settings.method == SparseMethod::best && diagonal.empty()) {
    diagonal = best_maps(plan.groups, plan.widths);
  }

  plan.forms.assign(maps, alternating ? Structure::dense : Structure::triangle);
  plan.forms.back() = Structure::dense;
  for (const int map : diagonal) {
    const auto l = static_cast<std::size_t>(map) - 1;
    plan.forms[l] = Structure::diagonal;
    if (plan.forms[l - 1] == Structure::triangle) plan.forms[l - 1] = Structure::dense;
  }
  for (std::size_t l = 0; l < maps; ++l) {
    const Index size = plan.widths[l + 1] * plan.widths[l];
    if (plan.kept_of(static_cast<int>(l)) == size) plan.forms[l] = Structure::dense;
    plan.kept += plan.kept_of(static_cast<int>(l));
  }
  return plan;
}

}  // namespace isoform
