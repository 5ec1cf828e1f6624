#include "isoform/compile/predictor.h"

#include <algorithm>
#include <utility>

#include "isoform/base/error.h"

namespace isoform {

namespace {

// Rows of a triangle that get a product of their own, a multiple of the rows that products work on at once (16).
// Of 24, 32, 48, 64, 96, 128 it was the fastest for batches of 64 and of 512 on one thread: 512 × 512 in one
// group ran 1.7 and 1.9 times as fast as dense, in groups of 128 1.0 and 1.1 times; groups of 100 lost.
constexpr Index kBlockRows = 64;

constexpr std::size_t kAbsent = static_cast<std::size_t>(-1);

// A triangle in blocks of rows: the groups cut, each last block taking the remainder; neighbours that begin at
// the same column are one.
template <class T>
std::vector<RowBlock<T>> triangle_blocks(const Map<T>& map, const std::vector<Index>& groups) {
  std::vector<std::pair<Index, Index>> stairs;  // first row and column
  Index begin = 0;
  for (const Index size : groups) {
    const Index count = std::max<Index>(1, size / kBlockRows);
    for (Index i = 0; i < count; ++i) {
      const Index first = std::min(i * kBlockRows, map.inputs);
      if (stairs.empty() || stairs.back().second != first) {
        stairs.emplace_back(begin + i * kBlockRows, first);
      }
    }
    begin += size;
  }
  std::vector<RowBlock<T>> blocks;
  for (std::size_t i = 0; i < stairs.size(); ++i) {
    const auto [row, first] = stairs[i];
    const Index end = i + 1 < stairs.size() ? stairs[i + 1].first : map.a.rows();
    blocks.push_back({row, first, map.a.block(row, first, end - row, map.a.cols() - first)});
  }
  return blocks;
}

template <class T>
std::span<const T> span_of(const Vector<T>& v) {
  return {v.data(), static_cast<std::size_t>(v.size())};
}

}  // namespace

template <class T>
Predictor<T>::Predictor(const Network<T>& network, const Route& route)
    : position_(network.space_ids()), forms_(network.map_ids()) {
  const std::vector<int> inputs = network.inputs(), outputs = network.outputs();
  const auto in = [](const std::vector<int>& list, int id) {
    return std::find(list.begin(), list.end(), id) != list.end();
  };
  Index rows = 0;
  for (const Space<T>& s : network.spaces()) {
    const bool input = in(inputs, s.id), output = in(outputs, s.id);
    const Index row = input_rows_;
    if (input) input_rows_ += s.dimension;
    const std::vector<int>& wanted = input ? route.inputs : route.outputs;
    if ((input || output) && !wanted.empty() && !in(wanted, s.id)) {
      position_[s.id] = kAbsent;
      continue;
    }
    position_[s.id] = spaces_.size();
    if (input) inputs_.push_back({spaces_.size(), row});
    SpacePlan& plan = spaces_.emplace_back();
    plan.dimension = s.dimension;
    plan.given = network.is_given(s.id);
    plan.output = output;
    if (output) {
      plan.row = rows;
      rows += s.dimension;
    }
    plan.read = !network.outgoing(s.id).empty();
    plan.groups = s.groups;
    plan.radial = s.radial;
    plan.o.resize(s.gates());
    for (Index g = 0; g < s.gates(); ++g) plan.o[g] = s.o(g);
    T beta = 0;
    for (const int id : network.incoming(s.id)) {
      const Map<T>& map = network.map(id);
      if (position_[map.from] == kAbsent && !network.carries_bias(id)) continue;
      plan_map(network, map, beta, plan);
      beta = 1;
    }
  }
  outputs_.resize(rows, 0);
  share_buffers();
}

template <class T>
void Predictor<T>::plan_map(const Network<T>& network, const Map<T>& map, T beta, SpacePlan& plan) {
  Step step;
  step.from = position_[map.from];
  step.constant = step.from == kAbsent;
  step.beta = beta;
  for (const int gate : map.factors) step.factors.push_back(position_[gate]);
  if (!step.factors.empty()) part_rows_ = std::max(part_rows_, map.a.rows());
  step.form = step.constant ? Structure::dense : structure_of(network, map.id);
  switch (step.form) {
    case Structure::diagonal:
      step.d = packed_weight(network, map.id, step.form);
      step.blocks = {{0, map.inputs, map.a.rightCols(map.a.cols() - map.inputs)}};
      break;
    case Structure::triangle:
      step.blocks = triangle_blocks(map, row_groups(network, map.id));
      if (step.blocks.size() == 1) step.form = Structure::dense;
      break;
    case Structure::dense:
      if (step.constant) {
        step.blocks = {{0, 0, map.a.col(map.inputs)}};
      } else {
        step.blocks = {{0, 0, map.a}};
      }
      break;
  }
  forms_[static_cast<std::size_t>(map.id)] = step.form;
  plan.steps.push_back(std::move(step));
}

// A space's buffer is free again when the last space that reads it or its gates has been computed.
template <class T>
void Predictor<T>::share_buffers() {
  std::vector<std::size_t> last(spaces_.size());
  for (std::size_t at = 0; at < spaces_.size(); ++at) {
    last[at] = std::max(last[at], at);
    for (const Step& step : spaces_[at].steps) {
      if (!step.constant) last[step.from] = std::max(last[step.from], at);
      for (const std::size_t gate : step.factors) last[gate] = std::max(last[gate], at);
    }
  }
  // Inputs are all written before the first space is computed.
  std::vector<std::size_t> busy_until;  // space, for each buffer
  for (std::size_t at = 0; at < spaces_.size(); ++at) {
    if (spaces_[at].output) continue;
    auto free = busy_until.end();
    if (!spaces_[at].given) {
      free = std::find_if(busy_until.begin(), busy_until.end(),
                          [&](std::size_t until) { return until < at; });
    }
    spaces_[at].buffer = static_cast<std::size_t>(free - busy_until.begin());
    if (free == busy_until.end()) {
      busy_until.push_back(last[at]);
    } else {
      *free = last[at];
    }
  }
  buffers_.resize(busy_until.size());
}

template <class T>
Index Predictor<T>::height(const SpacePlan& space) const {
  return space.dimension + (space.read || !space.groups.empty() ? 1 + space.o.size() : 0);
}

template <class T>
View<T> Predictor<T>::augmented(std::size_t space) {
  const SpacePlan& plan = spaces_[space];
  return Eigen::Map<Matrix<T>>(buffers_[plan.buffer].data(), height(plan), samples_);
}

template <class T>
View<T> Predictor<T>::z(std::size_t space) {
  const SpacePlan& plan = spaces_[space];
  if (plan.output) return outputs_.middleRows(plan.row, plan.dimension).leftCols(samples_);
  return augmented(space).topRows(plan.dimension);
}

template <class T>
View<T> Predictor<T>::input(std::size_t k) {
  return augmented(inputs_.at(k).space).topRows(spaces_[inputs_[k].space].dimension);
}

template <class T>
void Predictor<T>::set_input(ConstView<T> x) {
  ISOFORM_ASSERT(x.rows() == input_rows_ && x.cols() == samples_, "all inputs one below the other");
  for (std::size_t k = 0; k < inputs_.size(); ++k) {
    View<T> to = input(k);
    to = x.middleRows(inputs_[k].row, to.rows());
  }
}

template <class T>
void Predictor<T>::prepare(Index samples) {
  samples_ = samples;
  const auto claim = [](Vector<T>& buffer, Index size) {
    if (buffer.size() < size) buffer.setZero(size);
  };
  for (const SpacePlan& space : spaces_) {
    if (!space.output) claim(buffers_[space.buffer], height(space) * samples);
    claim(kappa_, space.o.size() * samples);
  }
  if (outputs_.cols() < samples) outputs_.setZero(outputs_.rows(), samples);
  if (part_.cols() < samples) part_.setZero(part_rows_, samples);
  if (ones_.cols() < samples) ones_.setOnes(1, samples);
}

template <class T>
void Predictor<T>::multiply(const Step& step, T beta, View<T> z, Engine<T>& engine) {
  const RowBlock<T>& block = step.blocks.front();
  if (step.constant) {
    engine.multiply(Op::none, block.a, Op::none, ones_.leftCols(samples_), beta, z);
    return;
  }
  // Without ψ a map does not read the gates.
  const View<T> read = augmented(step.from).topRows(block.first + block.a.cols());
  switch (step.form) {
    case Structure::dense:
      engine.multiply(Op::none, block.a, Op::none, read, beta, z);
      break;
    case Structure::diagonal:
      engine.multiply_diagonal(span_of(step.d), block.a, read, beta, z);
      break;
    case Structure::triangle:
      engine.multiply_blocks(step.blocks, read, beta, z);
      break;
  }
}

template <class T>
void Predictor<T>::multiply_gated(const Step& step, View<T> z, Engine<T>& engine) {
  View<T> part = part_.topRows(z.rows()).leftCols(samples_);
  multiply(step, T(0), part, engine);
  for (Index j = 0; j < samples_; ++j) {
    T product = 1;
    for (const std::size_t gate : step.factors) {
      const SpacePlan& plan = spaces_[gate];
      product *= augmented(gate)(plan.dimension + 1, j);
    }
    if (step.beta == T(0)) {
      z.col(j) = product * part.col(j);
    } else {
      z.col(j) += product * part.col(j);
    }
  }
}

template <class T>
void Predictor<T>::run(Engine<T>& engine) {
  for (std::size_t at = 0; at < spaces_.size(); ++at) {
    SpacePlan& space = spaces_[at];
    if (!space.output && height(space) > space.dimension) {
      augmented(at).row(space.dimension).setOnes();
    }
    if (space.given) continue;
    if (space.steps.empty()) z(at).setZero();
    for (const Step& step : space.steps) {
      if (step.factors.empty()) {
        multiply(step, step.beta, z(at), engine);
      } else {
        multiply_gated(step, z(at), engine);
      }
    }
    if (space.groups.empty()) continue;
    const Index gates = space.o.size();
    engine.gate_forward({space.groups, radial_function<T>(space.radial)}, z(at),
                        {space.o.data(), static_cast<std::size_t>(gates)}, z(at),
                        augmented(at).bottomRows(gates),
                        Eigen::Map<Matrix<T>>(kappa_.data(), gates, samples_));
  }
}

template <class T>
Index Predictor<T>::numbers() const {
  Index count = 0;
  for (const SpacePlan& space : spaces_) {
    for (const Step& step : space.steps) {
      count += step.d.size();
      for (const RowBlock<T>& block : step.blocks) count += block.a.size();
    }
  }
  return count;
}

template class Predictor<float>;
template class Predictor<double>;

}  // namespace isoform
