// What a predictor does with a batch; predictor.cpp plans it.
#include <algorithm>

#include "isoform/base/error.h"
#include "isoform/compile/predictor.h"

namespace isoform {

namespace {

template <class T>
std::span<const T> span_of(const Vector<T>& v) {
  return {v.data(), static_cast<std::size_t>(v.size())};
}

}  // namespace

template <class T>
Index Predictor<T>::height(const SpacePlan& space) const {
  return space.dimension + (space.read || !space.groups.empty() ? 1 + space.features : 0);
}

template <class T>
View<T> Predictor<T>::augmented(std::size_t space) {
  const SpacePlan& plan = (*spaces_)[space];
  return Eigen::Map<Matrix<T>>(buffers_[plan.buffer].data(), height(plan), samples_);
}

template <class T>
View<T> Predictor<T>::z(std::size_t space) {
  const SpacePlan& plan = (*spaces_)[space];
  if (plan.output) return outputs_.middleRows(plan.row, plan.dimension).leftCols(samples_);
  return augmented(space).topRows(plan.dimension);
}

template <class T>
View<T> Predictor<T>::input(std::size_t k) {
  return augmented(inputs_.at(k).space).topRows((*spaces_)[inputs_[k].space].dimension);
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
  for (const SpacePlan& space : *spaces_) {
    if (!space.output) claim(buffers_[space.buffer], height(space) * samples);
    claim(kappa_, space.o.size() * samples);
  }
  if (outputs_.cols() < samples) outputs_.setZero(outputs_.rows(), samples);
  if (parts_.cols() < samples) parts_.setZero(parts_.rows(), samples);
  if (products_.cols() < samples) products_.setOnes(products_.rows(), samples);
  if (ones_.cols() < samples) ones_.setOnes(1, samples);
}

template <class T>
void Predictor<T>::multiply(const Step& step, View<T> z, Engine<T>& engine) {
  const RowBlock<T>& block = step.blocks.front();
  const T beta = step.beta;
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
void Predictor<T>::run_stack(std::size_t space, Engine<T>& engine) {
  const Stack& stack = (*spaces_)[space].stack;
  const auto& blocks = samples_ == 1 ? stack.narrow : stack.blocks;
  if (!blocks.empty()) {
    engine.multiply_blocks(blocks, augmented(space), T(0), parts_.leftCols(samples_));
  }
  for (const auto& [row, d] : stack.diagonals) {
    const Index n = std::min(d.size(), (*spaces_)[space].dimension);
    auto part = parts_.block(row, 0, d.size(), samples_);
    part.topRows(n) = d.head(n).asDiagonal() * augmented(space).topRows(n);
    part.bottomRows(d.size() - n).setZero();
  }
}

template <class T>
void Predictor<T>::add_terms(const SpacePlan& space, View<T> z, Engine<T>& engine) {
  T beta = space.steps.empty() && !space.goes_on ? 0 : 1;
  for (const Constants& constants : space.constants) {
    const Index first = (*spaces_)[constants.gate].first_product;
    engine.multiply(Op::none, constants.c, Op::none,
                    products_.block(first, 0, constants.c.cols(), samples_), beta, z);
    beta = 1;
  }
  if (beta == T(0)) z.setZero();
  for (const Term& term : space.terms) {
    for (Index j = 0; j < samples_; ++j) {
      z.col(j) += products_(term.product, j) * parts_.col(j).segment(term.row, z.rows());
    }
  }
}

template <class T>
void Predictor<T>::multiply_gates(std::size_t space) {
  const SpacePlan& plan = (*spaces_)[space];
  const View<T> all = augmented(space);
  for (Index j = 0; j < samples_; ++j) {
    const T s = all(plan.dimension + 1, j);
    for (std::size_t i = 1; i < plan.products.size(); ++i) {
      products_(plan.first_product + static_cast<Index>(i), j) =
          products_(plan.products[i].parent, j) * s;
    }
  }
}

template <class T>
void Predictor<T>::run(Engine<T>& engine) {
  for (std::size_t at = 0; at < spaces_->size(); ++at) {
    const SpacePlan& space = (*spaces_)[at];
    if (!space.output && height(space) > space.dimension) {
      augmented(at).row(space.dimension).setOnes();
    }
    if (!space.given) compute(at, engine);
    run_stack(at, engine);
    if (!space.products.empty()) multiply_gates(at);
  }
}

template <class T>
void Predictor<T>::compute(std::size_t at, Engine<T>& engine) {
  const SpacePlan& space = (*spaces_)[at];
  for (const Step& step : space.steps) multiply(step, z(at), engine);
  if (!space.constants.empty() || !space.terms.empty()) {
    add_terms(space, z(at), engine);
  } else if (space.steps.empty() && !space.goes_on) {
    z(at).setZero();
  }
  if (space.groups.empty()) return;
  const Index gates = space.o.size();
  const View<T> s = augmented(at).middleRows(space.dimension + 1, gates);
  engine.gate_forward({space.groups, radial_function<T>(space.radial)}, z(at),
                      {space.o.data(), static_cast<std::size_t>(gates)}, z(at), s,
                      Eigen::Map<Matrix<T>>(kappa_.data(), gates, samples_));
  if (space.features > gates) {
    augmented(at).bottomRows(gates) = (s.array().inverse() - T(1)).matrix();
  }
}

template <class T>
Index Predictor<T>::numbers() const {
  Index count = 0;
  for (const SpacePlan& space : *spaces_) {
    for (const Step& step : space.steps) {
      count += step.d.size();
      for (const RowBlock<T>& block : step.blocks) count += block.a.size();
    }
    for (const RowBlock<T>& block : samples_ == 1 ? space.stack.narrow : space.stack.blocks) {
      count += block.a.size();
    }
    for (const auto& [row, d] : space.stack.diagonals) count += d.size();
    for (const Constants& constants : space.constants) count += constants.c.size();
  }
  return count;
}

#define ISOFORM_FOR_SCALAR(T)                                  \
  template Index Predictor<T>::height(const SpacePlan&) const; \
  template View<T> Predictor<T>::input(std::size_t);           \
  template void Predictor<T>::set_input(ConstView<T>);         \
  template void Predictor<T>::prepare(Index);                  \
  template void Predictor<T>::run(Engine<T>&);                 \
  template Index Predictor<T>::numbers() const;
ISOFORM_FOR_SCALAR(float)
ISOFORM_FOR_SCALAR(double)
#undef ISOFORM_FOR_SCALAR

}  // namespace isoform
