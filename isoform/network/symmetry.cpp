#include "isoform/network/symmetry.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "isoform/base/error.h"
#include "isoform/base/random.h"
#include "isoform/network/initialise.h"

namespace isoform {

namespace {

constexpr double kZero = 1e-10;  // entries of an acting element that count as nothing
// Ids of Purpose::rotation are spaces; those of prescriptions lie beyond.
constexpr std::uint64_t kElementIds = std::uint64_t{1} << 32;

char letter(SymmetryKind kind) {
  switch (kind) {
    case SymmetryKind::permutation:
      return 'S';
    case SymmetryKind::signed_permutation:
      return 'B';
    case SymmetryKind::orthogonal:
      return 'O';
  }
  throw InternalError("symmetry kind without a letter");
}

bool orthogonal_kind(const SymmetryFactor& factor) {
  return factor.kind == SymmetryKind::orthogonal;
}

double order_of(const SymmetryFactor& factor) {
  if (orthogonal_kind(factor)) {
    return factor.size == 1 ? 2 : std::numeric_limits<double>::infinity();
  }
  double order = 1;
  for (Index i = 2; i <= factor.size; ++i) order *= static_cast<double>(i);
  if (factor.kind == SymmetryKind::permutation) return order;
  return order * std::exp2(static_cast<double>(factor.size));
}

Matrix<double> sample_factor(const SymmetryFactor& factor, std::uint64_t position,
                             std::uint64_t seed, std::uint32_t index) {
  const Random random(seed, Purpose::rotation, index, kElementIds + position);
  const Index n = factor.size;
  if (orthogonal_kind(factor)) return orthogonal_matrix(n, n, random);
  const auto order = random.permutation(static_cast<std::uint32_t>(n));
  Matrix<double> r = Matrix<double>::Zero(n, n);
  for (Index i = 0; i < n; ++i) {
    const bool flip = factor.kind == SymmetryKind::signed_permutation &&
                      random.below(2, static_cast<std::uint64_t>(n + 1 + i)) == 1;
    r(i, static_cast<Index>(order[static_cast<std::size_t>(i)])) = flip ? -1 : 1;
  }
  return r;
}

// Takes its digits off the index: which column each row reads, counted among those left, then signs.
Matrix<double> factor_element(const SymmetryFactor& factor, std::uint64_t& index) {
  const auto digit = [&](Index base) {
    const auto b = static_cast<std::uint64_t>(base);
    const auto value = static_cast<Index>(index % b);
    index /= b;
    return value;
  };
  const Index n = factor.size;
  std::vector<Index> left(static_cast<std::size_t>(n));
  std::iota(left.begin(), left.end(), Index{0});
  Matrix<double> r = Matrix<double>::Zero(n, n);
  for (Index i = 0; i < n; ++i) {
    const auto pick = left.begin() + digit(n - i);
    r(i, *pick) = 1;
    left.erase(pick);
  }
  for (Index i = 0; i < n && factor.kind != SymmetryKind::permutation; ++i) {
    if (digit(2) == 1) r.row(i) *= -1;
  }
  return r;
}

bool factor_contains(const SymmetryFactor& factor, const Matrix<double>& r, double tolerance) {
  const Index n = factor.size;
  if (orthogonal_kind(factor)) {
    return (r * r.transpose() - Matrix<double>::Identity(n, n)).cwiseAbs().maxCoeff() <= tolerance;
  }
  const Matrix<double> nearest = r.array().round();
  if (!((r - nearest).cwiseAbs().maxCoeff() <= tolerance)) return false;
  if (factor.kind == SymmetryKind::permutation && nearest.minCoeff() < 0) return false;
  const Matrix<double> ones = nearest.cwiseAbs();
  return (ones.rowwise().sum().array() == 1).all() && (ones.colwise().sum().array() == 1).all();
}

template <class T>
void require_gates(const Space<T>& space, const char* what) {
  if (space.hidden()) return;
  throw UsageError(fmt::format(
      "{}: space {} ({}) has no gates, and its basis is fixed by the task; choose a hidden space",
      what, space.id, space.name));
}

}  // namespace

Symmetry::Symmetry(std::vector<SymmetryFactor> factors) : factors_(std::move(factors)) {
  if (factors_.empty()) throw UsageError("symmetry: a product needs at least one factor, got none");
  for (const SymmetryFactor& f : factors_) {
    if (f.size >= 1 && f.size <= std::numeric_limits<std::int32_t>::max()) continue;
    throw UsageError(
        fmt::format("symmetry: {}({}) needs a size of at least 1", letter(f.kind), f.size));
  }
}

Symmetry Symmetry::permutation(Index n) { return Symmetry({{SymmetryKind::permutation, n}}); }
Symmetry Symmetry::signed_permutation(Index n) {
  return Symmetry({{SymmetryKind::signed_permutation, n}});
}
Symmetry Symmetry::orthogonal(Index n) { return Symmetry({{SymmetryKind::orthogonal, n}}); }

Symmetry Symmetry::orthogonal_product(const std::vector<Index>& sizes) {
  std::vector<SymmetryFactor> factors;
  for (const Index size : sizes) factors.push_back({SymmetryKind::orthogonal, size});
  return Symmetry(std::move(factors));
}

Symmetry Symmetry::product(const std::vector<Symmetry>& parts) {
  std::vector<SymmetryFactor> factors;
  for (const Symmetry& part : parts) {
    factors.insert(factors.end(), part.factors_.begin(), part.factors_.end());
  }
  return Symmetry(std::move(factors));
}

Index Symmetry::dimension() const {
  Index sum = 0;
  for (const SymmetryFactor& f : factors_) sum += f.size;
  return sum;
}

std::string Symmetry::name() const {
  std::vector<std::string> words;
  for (auto at = factors_.begin(); at != factors_.end();) {
    const auto end = std::find_if(at, factors_.end(), [&](const auto& f) { return f != *at; });
    const std::string word = fmt::format("{}({})", letter(at->kind), at->size);
    if (end - at > 3) {
      words.push_back(fmt::format("{}^{}", word, end - at));
    } else {
      words.insert(words.end(), static_cast<std::size_t>(end - at), word);
    }
    at = end;
  }
  return fmt::format("{}", fmt::join(words, "×"));
}

double Symmetry::order() const {
  double product = 1;
  for (const SymmetryFactor& f : factors_) product *= order_of(f);
  return product;
}

Matrix<double> Symmetry::sample(std::uint64_t seed, std::uint32_t index) const {
  Matrix<double> r = Matrix<double>::Zero(dimension(), dimension());
  Index at = 0;
  for (std::size_t k = 0; k < factors_.size(); ++k) {
    const Index n = factors_[k].size;
    r.block(at, at, n, n) = sample_factor(factors_[k], k, seed, index);
    at += n;
  }
  return r;
}

Matrix<double> Symmetry::element(std::uint64_t index) const {
  if (!(static_cast<double>(index) < order()) || std::isinf(order())) {
    throw UsageError(
        fmt::format("symmetry: {} has {} elements, numbered from 0; element {} is asked for{}",
                    name(), order(), index, std::isinf(order()) ? "; use sample" : ""));
  }
  Matrix<double> r = Matrix<double>::Zero(dimension(), dimension());
  Index at = 0;
  for (const SymmetryFactor& f : factors_) {
    r.block(at, at, f.size, f.size) = factor_element(f, index);
    at += f.size;
  }
  return r;
}

bool Symmetry::contains(const Matrix<double>& r, double tolerance) const {
  if (r.rows() != dimension() || r.cols() != dimension() || !r.allFinite()) return false;
  Matrix<double> outside = r;
  Index at = 0;
  for (const SymmetryFactor& f : factors_) {
    if (!factor_contains(f, r.block(at, at, f.size, f.size), tolerance)) return false;
    outside.block(at, at, f.size, f.size).setZero();
    at += f.size;
  }
  return outside.cwiseAbs().maxCoeff() <= tolerance;
}

template <class T>
Symmetry symmetry_of(const Space<T>& space) {
  require_gates(space, "symmetry");
  return Symmetry::orthogonal_product(space.groups);
}

template <class T>
Edit act(const Network<T>& network, int space, const Matrix<double>& element) {
  if (!network.has_space(space)) {
    throw UsageError(fmt::format("act: space {} is out of range; spaces are 0 to {}", space,
                                 network.space_ids() - 1));
  }
  const Space<T>& s = network.space(space);
  require_gates(s, "act");
  const Index n = s.dimension;
  if (element.rows() != n || element.cols() != n) {
    throw UsageError(fmt::format("act: space {} needs an element [{} × {}], got [{} × {}]", space,
                                 n, n, element.rows(), element.cols()));
  }
  if (!Symmetry::orthogonal(n).contains(element, kZero)) {
    throw UsageError(fmt::format(
        "act: the element for space {} needs to be orthogonal, R Rᵀ = I within {}; take a sample "
        "of its prescription {}",
        space, kZero, symmetry_of(s).name()));
  }
  // Which group a row reads.
  std::vector<Index> source(static_cast<std::size_t>(n), GroupEdit::kNew);
  for (Index g = 0; g < s.gates(); ++g) {
    const auto columns = element.middleCols(s.begin(g), s.groups[g]);
    for (Index i = 0; i < n; ++i) {
      if (columns.row(i).cwiseAbs().maxCoeff() <= kZero) continue;
      if (source[i] != GroupEdit::kNew) {
        throw UsageError(fmt::format(
            "act: row {} of the element mixes groups {} and {} of space {}, whose gates differ and "
            "do not commute with it; needed is an element of {}, or one that moves whole groups",
            i, source[i], g, space, symmetry_of(s).name()));
      }
      source[i] = g;
    }
  }
  Edit edit = identity_edit(space, s.groups);
  edit.record.kind = EditKind::rotate;
  edit.groups.clear();
  bool moved = false;
  for (Index at = 0; at < n; at += edit.groups.back().size) {
    const Index g = source[at], size = s.groups[g];
    // As R is orthogonal, as many rows read a group as it has neurons.
    const Index together =
        std::find_if(source.begin() + at, source.end(), [&](Index other) { return other != g; }) -
        source.begin() - at;
    if (together < size) {
      throw UsageError(fmt::format(
          "act: the rows of the element that read group {} of space {} are not next to each other; "
          "a group has one gate and moves as a whole",
          g, space));
    }
    moved = moved || g != static_cast<Index>(edit.groups.size());
    const Matrix<double> t = element.block(at, s.begin(g), size, size);
    // Left empty, numbers are copied bit for bit.
    const bool identity = t == Matrix<double>::Identity(size, size);
    edit.groups.push_back({g, size, identity ? Matrix<double>() : t});
  }
  edit.record.why = fmt::format("symmetry: an element of {}{}", symmetry_of(s).name(),
                                moved ? " and an exchange of groups" : "");
  return edit;
}

#define ISOFORM_FOR_SCALAR(T)                     \
  template Symmetry symmetry_of(const Space<T>&); \
  template Edit act(const Network<T>&, int, const Matrix<double>&);
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
