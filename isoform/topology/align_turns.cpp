#include "isoform/topology/align_turns.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "isoform/base/error.h"
#include "isoform/linalg/decompose.h"
#include "isoform/topology/assignment.h"

namespace isoform {

namespace {

constexpr int kQuiet = 2;  // a pairing found so often in a row is kept for a while
// Singular values of M that settle a direction, relative to the largest. They are squares, so to speak, of those of
// the maps; an error of ε in the maps is one of ε/share in the direction.
constexpr double kShares[] = {1e-2, 1e-5, 1e-9, 1e-12};

double nuclear_norm(const Matrix<double>& m) {
  return m.size() == 1 ? std::abs(m(0, 0)) : singular_values(m).sum();
}

Matrix<double> leading(const FullSvd& svd, Index rank) {
  return svd.u.leftCols(rank) * svd.v.leftCols(rank).transpose();
}

// A square matrix of orthonormal columns, or more rows than columns: t itself. Else with rows below that
// span what t leaves out, so that Tᵀ T = 1.
Matrix<double> completed(const Matrix<double>& t) {
  if (t.rows() >= t.cols()) return t;
  Matrix<double> out(t.cols(), t.cols());
  out.topRows(t.rows()) = t;
  out.bottomRows(t.cols() - t.rows()) = full_svd(t).v.rightCols(t.cols() - t.rows()).transpose();
  return out;
}

// gates += [ψ χ]_Bᵀ [ψ χ]_A, what both have of it. `turned`: A's, in the basis of the rows of B.
template <class Features>
void add_gates(const Map<double>& of_b, const Map<double>& of_a, const Features& turned,
               Matrix<double>& gates) {
  const Index in_b = of_b.gates(), in_a = of_a.gates();
  const Index blocks = in_b > 0 && in_a > 0 ? of_b.norms && of_a.norms ? 2 : 1 : 0;
  for (Index i = 0; i < blocks; ++i) {
    gates.noalias() +=
        of_b.features().middleCols(i * in_b, in_b).transpose() * turned.middleCols(i * in_a, in_a);
  }
}

}  // namespace

Vector<double> root_lengths(const Space<double>& space) {
  Vector<double> roots(space.gates());
  for (Index g = 0; g < space.gates(); ++g) roots[g] = std::sqrt(std::max(0.0, space.o(g)));
  return roots;
}

Turns::Turns(const Network<double>& a, const Network<double>& b)
    : a_(&a), b_(&b), spaces_(b.space_ids()) {
  for (const int id : b.hidden()) {
    OfSpace& space = spaces_[id];
    std::vector<Index> of_a = a.space(id).groups, of_b = b.space(id).groups;
    std::sort(of_a.begin(), of_a.end());
    std::sort(of_b.begin(), of_b.end());
    space.equal_sizes = of_a == of_b;
    space.fixed = Matrix<double>::Zero(b.space(id).dimension, a.space(id).dimension);
    space.fixed_gates = root_lengths(b.space(id)) * root_lengths(a.space(id)).transpose();
    for (const int m : b.incoming(id)) {
      if (b.space(b.map(m).from).hidden()) continue;
      space.fixed.noalias() += b.map(m).a * a.map(m).a.transpose();
    }
    for (const int m : b.outgoing(id)) {
      if (b.space(b.map(m).to).hidden()) continue;
      space.fixed.noalias() += b.map(m).weight().transpose() * a.map(m).weight();
      add_gates(b.map(m), a.map(m), a.map(m).features(), space.fixed_gates);
    }
  }
}

Turns Turns::in_order(const Network<double>& a, const Network<double>& b) {
  Turns turns(a, b);
  for (const int id : b.hidden()) {
    OfSpace& space = turns.spaces_[id];
    const std::vector<Index>&of_a = a.space(id).groups, &of_b = b.space(id).groups;
    std::vector<bool> taken(of_a.size(), false);
    for (std::size_t i = 0; i < of_b.size(); ++i) {
      std::size_t j = i;
      if (space.equal_sizes) {
        for (j = 0; taken[j] || of_a[j] != of_b[i];) ++j;
      }
      if (j >= of_a.size()) break;
      taken[j] = true;
      space.pairs.push_back({static_cast<Index>(j), static_cast<Index>(i),
                             Matrix<double>::Identity(of_b[i], of_a[j]), std::min(of_b[i], of_a[j]),
                             true});
    }
  }
  return turns;
}

// A's map with its columns in B's basis: as wide as B's.
Matrix<double> Turns::columns_turned(const Map<double>& of_a) const {
  const Map<double>& of_b = b_->map(of_a.id);
  const Space<double>&from_a = a_->space(of_a.from), &from_b = b_->space(of_a.from);
  Matrix<double> out = Matrix<double>::Zero(of_a.a.rows(), of_b.a.cols());
  out.col(of_b.inputs) = of_a.bias();
  const bool psi = of_a.gates() > 0 && of_b.gates() > 0, norms = of_a.norms && of_b.norms;
  for (const Pair& pair : spaces_[of_a.from].pairs) {
    out.middleCols(from_b.begin(pair.b), pair.t.rows()).noalias() =
        of_a.a.middleCols(from_a.begin(pair.a), pair.t.cols()) * pair.t.transpose();
    if (!pair.known) continue;
    const Index column = of_b.inputs + 1 + pair.b;
    if (psi) out.col(column) = of_a.psi().col(pair.a);
    if (norms) out.col(column + of_b.gates()) = of_a.chi().col(pair.a);
  }
  return out;
}

// A's map with its rows in B's basis: as high as B's.
Matrix<double> Turns::rows_turned(const Map<double>& of_a) const {
  const Space<double>&to_a = a_->space(of_a.to), &to_b = b_->space(of_a.to);
  Matrix<double> out = Matrix<double>::Zero(to_b.dimension, of_a.a.cols());
  for (const Pair& pair : spaces_[of_a.to].pairs) {
    out.middleRows(to_b.begin(pair.b), pair.t.rows()).noalias() =
        pair.t * of_a.a.middleRows(to_a.begin(pair.a), pair.t.cols());
  }
  return out;
}

// M = B Aᵀ of incoming rows + Bᵀ A of outgoing columns, and the same for the gates. While the pairs rest, only their
// blocks are right.
void Turns::collect(int id, Matrix<double>& m, Matrix<double>& gates) const {
  const OfSpace& space = spaces_[id];
  const Space<double>&of_a = a_->space(id), &of_b = b_->space(id);
  const bool rest = space.quiet >= kQuiet;
  m = space.fixed;
  gates = space.fixed_gates;
  const auto add = [&](const auto& left, const auto& right) {  // left [n_B × k], right [n_A × k]
    if (!rest) {
      m.noalias() += left * right.transpose();
      return;
    }
    for (const Pair& pair : space.pairs) {
      const Index rows = of_b.begin(pair.b), cols = of_a.begin(pair.a);
      m.block(rows, cols, pair.t.rows(), pair.t.cols()).noalias() +=
          left.middleRows(rows, pair.t.rows()) * right.middleRows(cols, pair.t.cols()).transpose();
    }
  };
  for (const int i : b_->incoming(id)) {
    if (b_->space(b_->map(i).from).hidden()) add(b_->map(i).a, columns_turned(a_->map(i)));
  }
  for (const int i : b_->outgoing(id)) {
    if (!b_->space(b_->map(i).to).hidden()) continue;
    const Map<double>&map_a = a_->map(i), &map_b = b_->map(i);
    const Matrix<double> turned = rows_turned(map_a);
    add(map_b.weight().transpose(), turned.leftCols(map_a.inputs).transpose());
    add_gates(map_b, map_a, turned.rightCols(map_a.features().cols()), gates);
  }
}

void Turns::pair_up(int id, const Matrix<double>& m, const Matrix<double>& gates) {
  OfSpace& space = spaces_[id];
  const Space<double>&of_a = a_->space(id), &of_b = b_->space(id);
  Matrix<double> fit(of_b.gates(), of_a.gates());
  double most = 0;
  for (Index g = 0; g < of_b.gates(); ++g) {
    for (Index h = 0; h < of_a.gates(); ++h) {
      if (space.equal_sizes && of_b.groups[g] != of_a.groups[h]) continue;
      fit(g, h) = gates(g, h) + nuclear_norm(m.block(of_b.begin(g), of_a.begin(h), of_b.groups[g],
                                                     of_a.groups[h]));
      most = std::max(most, std::abs(fit(g, h)));
    }
  }
  // Worse than any pairing of equals can be good.
  const double forbidden = -4 * (most + 1) * static_cast<double>(of_b.gates());
  for (Index g = 0; space.equal_sizes && g < of_b.gates(); ++g) {
    for (Index h = 0; h < of_a.gates(); ++h) {
      if (of_b.groups[g] != of_a.groups[h]) fit(g, h) = forbidden;
    }
  }
  const std::vector<Index> partner = best_assignment(fit);
  std::vector<Pair> pairs;
  bool same = true;
  for (Index g = 0; g < of_b.gates(); ++g) {
    if (partner[g] < 0) continue;
    Pair pair;
    pair.a = partner[g];
    pair.b = g;
    const std::size_t at = pairs.size();
    same = same && at < space.pairs.size() && space.pairs[at].a == pair.a &&
           space.pairs[at].b == pair.b;
    pairs.push_back(std::move(pair));
  }
  space.quiet = same ? space.quiet + 1 : 0;
  space.pairs = std::move(pairs);
}

// The best turn of one space. share > 0: only in directions whose singular value has that share of the largest.
void Turns::turn(int id, double share) {
  OfSpace& space = spaces_[id];
  const Space<double>&of_a = a_->space(id), &of_b = b_->space(id);
  Matrix<double> m, gates;
  collect(id, m, gates);
  if (space.quiet < kQuiet) pair_up(id, m, gates);
  std::vector<FullSvd> svds;
  double largest = 0, best_fit = 0;
  for (const Pair& pair : space.pairs) {
    svds.push_back(full_svd(
        m.block(of_b.begin(pair.b), of_a.begin(pair.a), of_b.groups[pair.b], of_a.groups[pair.a])));
    largest = std::max(largest, svds.back().sigma[0]);
    best_fit = std::max(best_fit, svds.back().sigma.sum() + gates(pair.b, pair.a));
  }
  for (std::size_t i = 0; i < svds.size(); ++i) {
    Pair& pair = space.pairs[i];
    const Vector<double>& sigma = svds[i].sigma;
    pair.rank = sigma.size();
    if (share > 0) {
      while (pair.rank > 0 && sigma[pair.rank - 1] <= share * largest) --pair.rank;
    }
    pair.known = share == 0 || sigma.sum() + gates(pair.b, pair.a) > share * best_fit;
    pair.t = leading(svds[i], pair.rank);
  }
}

void Turns::to_and_fro(double share) {
  const std::vector<int> hidden = b_->hidden();
  for (const int id : hidden) turn(id, share);
  for (std::size_t i = hidden.size(); i-- > 1;) turn(hidden[i - 1], share);
}

void Turns::sweep() { to_and_fro(0); }

bool Turns::pairs_rest() const {
  const std::vector<int> hidden = b_->hidden();
  return std::all_of(hidden.begin(), hidden.end(),
                     [&](int id) { return spaces_[id].quiet >= kQuiet; });
}

void Turns::seek_pairs() {
  for (OfSpace& space : spaces_) space.quiet = 0;
}

void Turns::spread(double share) {
  seek_pairs();
  const int most = 2 * static_cast<int>(b_->hidden().size()) + 4;
  Index settled = -1;
  for (int i = 0; i < most; ++i) {
    to_and_fro(share);
    Index now = 0;
    for (const OfSpace& space : spaces_) {
      for (const Pair& pair : space.pairs) now += pair.rank;
    }
    if (now <= settled) break;
    settled = now;
  }
}

Turns Turns::from_the_input(const Network<double>& a, const Network<double>& b) {
  Turns turns(a, b);
  for (const double share : kShares) turns.spread(share);
  turns.seek_pairs();
  turns.sweep();
  turns.seek_pairs();
  return turns;
}

bool Turns::padded() const {
  const std::vector<int> hidden = b_->hidden();
  return !std::all_of(hidden.begin(), hidden.end(),
                      [&](int id) { return spaces_[id].equal_sizes; });
}

std::vector<Edit> Turns::edits() const {
  std::vector<Edit> all;
  for (const int id : b_->hidden()) {
    const Space<double>&of_a = a_->space(id), &of_b = b_->space(id);
    Edit edit;
    edit.space = id;
    for (const Index size : of_b.groups) edit.groups.push_back({GroupEdit::kNew, size, {}});
    std::vector<bool> taken(of_a.groups.size(), false);
    for (const Pair& pair : spaces_[id].pairs) {
      taken[pair.a] = true;
      Matrix<double> t = completed(pair.t);
      const Index size = t.rows();
      edit.groups[pair.b] = {pair.a, size, std::move(t)};
    }
    for (Index h = 0; h < of_a.gates(); ++h) {
      if (!taken[h]) edit.groups.push_back({h, of_a.groups[h], {}});
    }
    edit.record.space = id;
    edit.record.before = of_a.dimension;
    edit.record.after = edit.dimension();
    edit.record.born = edit.record.after - edit.record.before;
    edit.record.kind = edit.record.born > 0 ? EditKind::append : EditKind::rotate;
    edit.record.why = "turned into the basis of another network";
    all.push_back(std::move(edit));
  }
  return all;
}

std::vector<Edit> Turns::padding() const {
  std::vector<Edit> all;
  for (const int id : b_->hidden()) {
    const Space<double>&of_a = a_->space(id), &of_b = b_->space(id);
    Edit edit = identity_edit(id, of_b.groups);
    std::vector<bool> taken(of_a.groups.size(), false);
    for (const Pair& pair : spaces_[id].pairs) {
      taken[pair.a] = true;
      const Index size = of_a.groups[pair.a], had = of_b.groups[pair.b];
      if (size > had) edit.groups[pair.b] = {pair.b, size, Matrix<double>::Identity(size, had)};
    }
    for (Index h = 0; h < of_a.gates(); ++h) {
      if (!taken[h]) edit.groups.push_back({GroupEdit::kNew, of_a.groups[h], {}});
    }
    edit.record.after = edit.dimension();
    edit.record.born = edit.record.after - edit.record.before;
    edit.record.kind = EditKind::append;
    edit.record.why = "filled up to the shape of another network";
    if (edit.record.born > 0) all.push_back(std::move(edit));
  }
  return all;
}

}  // namespace isoform
