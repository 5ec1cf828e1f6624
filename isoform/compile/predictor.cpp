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
Predictor<T>::Predictor(const Network<T>& network) : forms_(network.maps().size()) {
  for (const Space<T>& s : network.spaces()) {
    SpacePlan& plan = spaces_.emplace_back();
    plan.dimension = s.dimension;
    plan.read = !network.outgoing(s.id).empty();
    plan.groups = s.groups;
    plan.radial = s.radial;
    plan.o.resize(s.gates());
    for (Index g = 0; g < s.gates(); ++g) plan.o[g] = s.o(g);
    T beta = 0;
    for (const int id : network.incoming(s.id)) {
      plan_map(network, network.map(id), beta);
      beta = 1;
    }
  }
  share_buffers(network);
}

template <class T>
void Predictor<T>::plan_map(const Network<T>& network, const Map<T>& map, T beta) {
  Step step;
  step.from = static_cast<std::size_t>(map.from);
  step.form = structure_of(network, map.id);
  step.beta = beta;
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
      step.blocks = {{0, 0, map.a}};
      break;
  }
  forms_[static_cast<std::size_t>(map.id)] = step.form;
  spaces_[static_cast<std::size_t>(map.to)].steps.push_back(std::move(step));
}

// A space's buffer is free again when the last space that reads it has been computed.
template <class T>
void Predictor<T>::share_buffers(const Network<T>& network) {
  std::vector<std::size_t> busy_until;  // space, for each buffer
  for (std::size_t id = 0; id < spaces_.size(); ++id) {
    std::size_t last = id == spaces_.size() - 1 ? spaces_.size() : id;
    for (const int map : network.outgoing(static_cast<int>(id))) {
      last = std::max(last, static_cast<std::size_t>(network.map(map).to));
    }
    const auto free = std::find_if(busy_until.begin(), busy_until.end(),
                                   [&](std::size_t until) { return until < id; });
    spaces_[id].buffer = static_cast<std::size_t>(free - busy_until.begin());
    if (free == busy_until.end()) {
      busy_until.push_back(last);
    } else {
      *free = last;
    }
  }
  buffers_.resize(busy_until.size());
}

template <class T>
Index Predictor<T>::height(const SpacePlan& space) const {
  return space.dimension + (space.read ? 1 + space.o.size() : 0);
}

template <class T>
View<T> Predictor<T>::augmented(std::size_t space) {
  const SpacePlan& plan = spaces_[space];
  return Eigen::Map<Matrix<T>>(buffers_[plan.buffer].data(), height(plan), samples_);
}

template <class T>
void Predictor<T>::prepare(Index samples) {
  samples_ = samples;
  const auto claim = [](Vector<T>& buffer, Index size) {
    if (buffer.size() < size) buffer.setZero(size);
  };
  for (const SpacePlan& space : spaces_) {
    claim(buffers_[space.buffer], height(space) * samples);
    claim(kappa_, space.o.size() * samples);
  }
}

template <class T>
void Predictor<T>::run(Engine<T>& engine) {
  for (std::size_t id = 0; id < spaces_.size(); ++id) {
    SpacePlan& space = spaces_[id];
    View<T> all = augmented(id);
    if (space.read) all.row(space.dimension).setOnes();
    if (id == 0) continue;
    View<T> z = all.topRows(space.dimension);
    if (space.steps.empty()) z.setZero();
    for (const Step& step : space.steps) {
      // Without ψ a map does not read the gates.
      const RowBlock<T>& block = step.blocks.front();
      const View<T> read = augmented(step.from).topRows(block.first + block.a.cols());
      switch (step.form) {
        case Structure::dense:
          engine.multiply(Op::none, block.a, Op::none, read, step.beta, z);
          break;
        case Structure::diagonal:
          engine.multiply_diagonal(span_of(step.d), block.a, read, step.beta, z);
          break;
        case Structure::triangle:
          engine.multiply_blocks(step.blocks, read, step.beta, z);
          break;
      }
    }
    if (space.groups.empty()) continue;
    const Index gates = space.o.size();
    engine.gate_forward({space.groups, radial_function<T>(space.radial)}, z,
                        {space.o.data(), static_cast<std::size_t>(gates)}, z, all.bottomRows(gates),
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
