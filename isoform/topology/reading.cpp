#include "isoform/topology/reading.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "isoform/base/error.h"
#include "isoform/linalg/decompose.h"
#include "isoform/network/moments.h"
#include "isoform/topology/diagonalise.h"
#include "isoform/topology/metric.h"
#include "isoform/topology/policy.h"

namespace isoform {

namespace {

constexpr std::array<std::string_view, 4> kBases = {"singular", "covariance", "effect", "task"};

// An outgoing column counts as none below this share of the longest: what rounding to float32 leaves.
constexpr double kNoColumn = 1e-6;

// The rows of m live on the space: the same rows in the basis of its scores.
template <class T>
Matrix<double> turned_rows(const Space<T>& s, const std::vector<GroupScores>& scores,
                           Matrix<double> m) {
  for (Index g = 0; g < s.gates(); ++g) {
    m.middleRows(s.begin(g), s.groups[g]) =
        (scores[g].basis * m.middleRows(s.begin(g), s.groups[g])).eval();
  }
  return m;
}

// Outgoing columns orthogonal, longest first; the stand-in is the bias, or with data the mean.
template <class T>
std::vector<GroupScores> score_by_task(const Network<T>& network, int space,
                                       const std::vector<GroupMoments>& moments) {
  const Space<T>& s = network.space(space);
  const Edit edit = rotate_right(network, space);
  const Matrix<double> outgoing = outgoing_matrix(network, space);
  const Vector<double> bias = incoming_bias(network, space);
  std::vector<GroupScores> all;
  for (Index g = 0; g < s.gates(); ++g) {
    const Index n = s.groups[g];
    GroupScores scores;
    scores.basis = edit.groups[g].t;
    scores.score = (outgoing.middleCols(s.begin(g), n) * scores.basis.transpose())
                       .colwise()
                       .norm()
                       .transpose();
    scores.constant = scores.basis * bias.segment(s.begin(g), n);
    scores.spread = Vector<double>::Zero(n);
    if (!moments.empty()) {
      scores.constant = scores.basis * moments[g].mean;
      scores.spread =
          (scores.basis * moments[g].covariance * scores.basis.transpose()).diagonal().cwiseMax(0);
    }
    scores.counted = n;
    all.push_back(std::move(scores));
  }
  return all;
}

// Directions that no next map reads: beyond the rank of the outgoing columns of each group.
template <class T>
Index count_gate_only(const Network<T>& network, int space) {
  const Space<T>& s = network.space(space);
  const Matrix<double> outgoing = outgoing_matrix(network, space);
  Index count = 0;
  for (Index g = 0; g < s.gates(); ++g) {
    const Vector<double> values = singular_values(outgoing.middleCols(s.begin(g), s.groups[g]));
    const double least = values.size() == 0 ? 0 : kNoColumn * values[0];
    count += s.groups[g] - (values.array() > least).count();
  }
  return count;
}

// The terms of one row, largest first.
std::vector<Term> largest_terms(std::vector<Term> terms) {
  const std::size_t count = std::min(kTerms, terms.size());
  std::partial_sort(terms.begin(), terms.begin() + static_cast<std::ptrdiff_t>(count), terms.end(),
                    [](const Term& a, const Term& b) {
                      return std::pair(-std::abs(a.weight), a.number) <
                             std::pair(-std::abs(b.weight), b.number);
                    });
  terms.resize(count);
  return terms;
}

}  // namespace

std::string_view basis_name(Basis basis) { return kBases[static_cast<std::size_t>(basis)]; }

Basis basis_from_name(std::string_view name) {
  const auto* found = std::find(kBases.begin(), kBases.end(), name);
  if (found == kBases.end()) {
    throw UsageError(
        fmt::format("basis: '{}' is unknown; known are {}", name, fmt::join(kBases, ", ")));
  }
  return static_cast<Basis>(found - kBases.begin());
}

bool needs_data(Basis basis) { return basis == Basis::covariance || basis == Basis::effect; }

double effective_rank(const Vector<double>& values) {
  const double total = values.squaredNorm();
  if (total == 0) return 0;
  double entropy = 0;
  for (const double value : values) {
    const double share = value * value / total;
    if (share > 0) entropy -= share * std::log(share);
  }
  return std::exp(entropy);
}

template <class T>
Reader<T>::Reader(const Network<T>& network, Engine<T>& engine, Matrix<T> x)
    : network_(network), engine_(engine), x_(std::move(x)), statistics_(network) {
  each_batch(network_, engine_, ConstView<T>(x_),
             [&](Index, Pass<T>& pass) { statistics_.gather(network_, pass); });
}

template <class T>
std::vector<Basis> Reader<T>::bases() const {
  if (samples() == 0) return {Basis::singular, Basis::task};
  return {Basis::singular, Basis::covariance, Basis::effect, Basis::task};
}

template <class T>
std::vector<GroupScores> Reader<T>::scores(int space, Basis basis) const {
  require_hidden(network_, space, "reading");
  if (needs_data(basis) && samples() == 0) {
    throw UsageError(fmt::format("basis: {} looks at data; give samples, or take singular or task",
                                 basis_name(basis)));
  }
  const auto moments = [&] {
    return group_moments<T>(network_, space, engine_, x_, Weighting::none);
  };
  switch (basis) {
    case Basis::singular:
      return score_by_singular_value(network_, space);
    case Basis::covariance:
      return score_in_metric(network_, space, Metric::covariance, moments());
    case Basis::effect:
      return score_by_effect(network_, space, statistics_);
    case Basis::task:
      return score_by_task(network_, space,
                           samples() > 0 ? moments() : std::vector<GroupMoments>());
  }
  throw InternalError("a basis without scores");
}

template <class T>
typename Reader<T>::AllScores Reader<T>::all_scores(Basis basis) const {
  AllScores all(network_.space_ids());
  for (const int id : network_.hidden()) all[id] = scores(id, basis);
  return all;
}

template <class T>
Network<T> Reader<T>::in_basis(Basis basis) const {
  Network<T> turned = network_;
  // A turn of one space turns neither the basis of another nor what orders it, so all come from one network.
  for (const int id : network_.hidden()) {
    Edit edit = identity_edit(id, network_.space(id).groups);
    edit.record.kind = EditKind::rotate;
    edit.record.why = fmt::format("to the basis {}", basis_name(basis));
    const auto all = scores(id, basis);
    for (std::size_t g = 0; g < all.size(); ++g) edit.groups[g].t = all[g].basis;
    turned.apply(edit);
  }
  return turned;
}

template <class T>
std::vector<LayerReading> Reader<T>::read(Basis basis) const {
  const AllScores all = all_scores(basis);
  std::vector<LayerReading> layers;
  for (const int id : network_.hidden()) layers.push_back(read_space(id, basis, all[id]));
  read_terms(all, layers);
  return layers;
}

template <class T>
LayerReading Reader<T>::read_space(int space, Basis basis,
                                   const std::vector<GroupScores>& scores) const {
  const Space<T>& s = network_.space(space);
  LayerReading layer;
  layer.space = space;
  layer.singular_values = spectrum(network_, space);
  layer.effective_rank = effective_rank(layer.singular_values);
  layer.gate_only = count_gate_only(network_, space);
  const double idle = PolicySettings{.rule = PolicyRule::paper}.idle_score();
  layer.paper = {idle, count_at_most(score_by_paper(network_, space), idle)};
  if (samples() > 0) {
    const double least = PolicySettings{.rule = PolicyRule::effect}.idle_score();
    layer.effect = {least, count_at_most(score_by_effect(network_, space, statistics_), least)};
  }
  for (Index g = 0; g < s.gates(); ++g) {
    layer.mean_o += static_cast<double>(s.o(g)) / static_cast<double>(s.gates());
  }
  for (const int m : network_.outgoing(space)) {
    layer.psi_norm =
        std::hypot(layer.psi_norm, network_.map(m).psi().template cast<double>().norm());
    layer.chi_norm =
        std::hypot(layer.chi_norm, network_.map(m).chi().template cast<double>().norm());
  }

  const Matrix<double> rows = turned_rows(s, scores, incoming_matrix(network_, space));
  const Matrix<double> columns =
      turned_rows(s, scores, outgoing_matrix(network_, space).transpose());
  const Vector<double> bias = turned_rows(s, scores, incoming_bias(network_, space));
  const auto bounds = neuron_bounds(network_, space, scores);
  for (Index g = 0; g < s.gates(); ++g) {
    for (Index i = 0; i < s.groups[g]; ++i) {
      const Index at = s.begin(g) + i;
      Connection c;
      c.group = g;
      c.place = i;
      c.strength = scores[g].score[i];
      c.incoming = rows.row(at).norm();
      c.outgoing = columns.row(at).norm();
      c.bias = bias[at];
      c.stand_in = scores[g].constant[i];
      c.bound = s.dimension > 1 ? bounds[g][i] : Bound{0, "a layer keeps at least one neuron"};
      c.direction = scores[g].basis.row(i).transpose();
      layer.connections.push_back(std::move(c));
    }
  }
  if (samples() > 0) {
    read_shares(scores, layer);
    bound_on_samples(scores, layer);
  }
  std::stable_sort(
      layer.connections.begin(), layer.connections.end(),
      [](const Connection& a, const Connection& b) { return a.strength > b.strength; });
  Vector<double> strengths(s.dimension);
  for (Index i = 0; i < s.dimension; ++i) strengths[i] = layer.connections[i].strength;
  // A share is a square already.
  if (basis == Basis::effect) strengths = strengths.cwiseSqrt().eval();
  layer.strength_rank = effective_rank(strengths);
  return layer;
}

template <class T>
void Reader<T>::read_terms(const AllScores& scores, std::vector<LayerReading>& layers) const {
  // Where each direction of each space came to stand in its order.
  std::vector<std::vector<Index>> numbers(network_.space_ids());
  for (const LayerReading& layer : layers) {
    const Space<T>& s = network_.space(layer.space);
    numbers[layer.space].resize(static_cast<std::size_t>(s.dimension));
    for (std::size_t i = 0; i < layer.connections.size(); ++i) {
      const Connection& c = layer.connections[i];
      numbers[layer.space][s.begin(c.group) + c.place] = static_cast<Index>(i);
    }
  }
  const auto number = [&](int space, Index at) {
    return numbers[space].empty() ? at : numbers[space][at];
  };
  // Every map in the bases of both its ends.
  std::vector<Matrix<double>> turned;
  for (const Map<T>& m : network_.maps()) {
    Matrix<double> w = m.weight().template cast<double>();
    if (network_.space(m.to).hidden()) w = turned_rows(network_.space(m.to), scores[m.to], w);
    if (network_.space(m.from).hidden()) {
      w = turned_rows(network_.space(m.from), scores[m.from], w.transpose()).transpose().eval();
    }
    turned.push_back(std::move(w));
  }
  for (LayerReading& layer : layers) {
    const Space<T>& s = network_.space(layer.space);
    for (Connection& c : layer.connections) {
      const Index at = s.begin(c.group) + c.place;
      std::vector<Term> hears, feeds;
      for (const int id : network_.incoming(layer.space)) {
        const Map<T>& m = network_.map(id);
        for (Index j = 0; j < m.inputs; ++j)
          hears.push_back({m.from, number(m.from, j), turned[id](at, j)});
      }
      for (const int id : network_.outgoing(layer.space)) {
        const Map<T>& m = network_.map(id);
        for (Index j = 0; j < m.a.rows(); ++j)
          feeds.push_back({m.to, number(m.to, j), turned[id](j, at)});
      }
      c.hears = largest_terms(std::move(hears));
      c.feeds = largest_terms(std::move(feeds));
    }
  }
}

#define ISOFORM_FOR_SCALAR(T) template class Reader<T>;
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
