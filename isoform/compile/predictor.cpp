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

// The same for a single sample, a cache line high: there what is read decides.
constexpr Index kVectorRows = 16;

// A triangle in blocks of rows: the groups cut, each last block taking the remainder; neighbours that begin at
// the same column are one. The first `inputs` columns are those with zeros.
template <class T>
std::vector<RowBlock<T>> triangle_blocks(ConstView<T> a, Index inputs,
                                         const std::vector<Index>& groups, Index height) {
  std::vector<std::pair<Index, Index>> stairs;  // first row and column
  Index begin = 0;
  for (const Index size : groups) {
    const Index count = std::max<Index>(1, size / height);
    for (Index i = 0; i < count; ++i) {
      const Index first = std::min(i * height, inputs);
      if (stairs.empty() || stairs.back().second != first) {
        stairs.emplace_back(begin + i * height, first);
      }
    }
    begin += size;
  }
  std::vector<RowBlock<T>> blocks;
  for (std::size_t i = 0; i < stairs.size(); ++i) {
    const auto [row, first] = stairs[i];
    const Index end = i + 1 < stairs.size() ? stairs[i + 1].first : a.rows();
    blocks.push_back({row, first, a.block(row, first, end - row, a.cols() - first)});
  }
  return blocks;
}

}  // namespace

template <class T>
Predictor<T>::Predictor(const Network<T>& network, const Route& route)
    : spaces_(std::make_shared<std::vector<SpacePlan>>()),
      position_(network.stage_ids()),
      forms_(network.map_ids()) {
  const std::vector<int> inputs = network.inputs(), outputs = network.outputs();
  const auto in = [](const std::vector<int>& list, int id) {
    return std::find(list.begin(), list.end(), id) != list.end();
  };
  Index rows = 0;
  for (const Stage& stage : network.stages()) {
    const Space<T>& s = network.space(stage.space);
    const bool input = in(inputs, s.id), output = in(outputs, s.id);
    const Index row = input_rows_;
    if (input) input_rows_ += s.dimension;
    const std::vector<int>& wanted = input ? route.inputs : route.outputs;
    if ((input || output) && !wanted.empty() && !in(wanted, s.id)) {
      position_[stage.id] = kAbsent;
      continue;
    }
    position_[stage.id] = spaces_->size();
    if (input) inputs_.push_back({spaces_->size(), row});
    SpacePlan& plan = spaces_->emplace_back();
    plan.dimension = s.dimension;
    plan.goes_on = stage.before >= 0;
    plan.root = plan.goes_on ? (*spaces_)[position_[stage.before]].root : spaces_->size() - 1;
    plan.given = network.is_given(s.id);
    plan.output = output;
    if (output) {
      plan.row = rows;
      rows += s.dimension;
    }
    plan.read = !network.outgoing(s.id).empty();
    plan.features = network.features(s.id);
    plan.groups = s.groups;
    plan.radial = s.radial;
    plan.o.resize(s.gates());
    for (Index g = 0; g < s.gates(); ++g) plan.o[g] = s.o(g);
  }
  list_products(network);
  for (SpacePlan& plan : *spaces_) {
    const auto at = static_cast<std::size_t>(&plan - spaces_->data());
    const auto id = std::find(position_.begin(), position_.end(), at) - position_.begin();
    T beta = plan.goes_on ? 1 : 0;
    for (const Map<T>& map : network.maps()) {
      if (network.writes(map.id) != id) continue;
      if (position_[network.reads(map.id)] == kAbsent && !network.carries_bias(map.id)) continue;
      if (!map.factors.empty()) {
        plan_term(network, map, plan);
      } else {
        plan_map(network, map, beta, plan);
        beta = 1;
      }
    }
  }
  merge_blocks();
  outputs_.resize(rows, 0);
  share_buffers();
}

namespace {

// As they are computed, in whichever order a map names them.
std::vector<int> in_order(std::vector<int> factors, const std::vector<std::size_t>& position) {
  std::sort(factors.begin(), factors.end(), [&](int a, int b) {
    return position[static_cast<std::size_t>(a)] < position[static_cast<std::size_t>(b)];
  });
  return factors;
}

}  // namespace

// All products of gates that multiply a map, and what they are made of.
template <class T>
void Predictor<T>::list_products(const Network<T>& network) {
  for (const Map<T>& map : network.maps()) {
    if (position_[map.to] == kAbsent) continue;
    for (auto factors = in_order(map.factors, position_); !factors.empty(); factors.pop_back()) {
      std::vector<Product>& list = (*spaces_)[position_[factors.back()]].products;
      if (list.empty()) list.emplace_back();  // 1
      const bool known = std::any_of(list.begin(), list.end(), [&](const Product& product) {
        return product.factors == factors;
      });
      if (!known) list.push_back({factors, 0});
    }
  }
  Index rows = 0;
  for (SpacePlan& plan : *spaces_) {
    plan.first_product = rows;
    rows += static_cast<Index>(plan.products.size());
  }
  for (SpacePlan& plan : *spaces_) {
    for (Product& product : plan.products) {
      product.parent = plan.first_product;  // 1
      if (product.factors.size() < 2) continue;
      product.parent = product_of({product.factors.begin(), product.factors.end() - 1});
    }
  }
  products_.resize(rows, 0);
}

template <class T>
Index Predictor<T>::product_of(const std::vector<int>& factors) const {
  const SpacePlan& plan = (*spaces_)[position_[factors.back()]];
  const auto at = std::find_if(plan.products.begin(), plan.products.end(),
                               [&](const Product& product) { return product.factors == factors; });
  ISOFORM_ASSERT(at != plan.products.end(), "a product that is known");
  return plan.first_product + (at - plan.products.begin());
}

template <class T>
Matrix<T>& Predictor<T>::constants_of(SpacePlan& plan, std::size_t gate) {
  for (Constants& constants : plan.constants) {
    if (constants.gate == gate) return constants.c;
  }
  const auto products = static_cast<Index>((*spaces_)[gate].products.size());
  return plan.constants.emplace_back(Constants{gate, Matrix<T>::Zero(plan.dimension, products)}).c;
}

// π (W h + b): W goes to the stack of its source, b to the constants; with ψ all of it to the stack.
template <class T>
void Predictor<T>::plan_term(const Network<T>& network, const Map<T>& map, SpacePlan& plan) {
  const std::vector<int> factors = in_order(map.factors, position_);
  const std::size_t last = position_[factors.back()];
  const Index product = product_of(factors);
  const bool whole = map.psi().cols() > 0;
  if (!whole) {
    constants_of(plan, last).col(product - (*spaces_)[last].first_product) += map.bias();
  }
  const std::size_t from = position_[network.reads(map.id)];
  if (from == kAbsent || map.a.cols() == 1) return;
  const Index row = parts_.rows();
  parts_.resize(row + map.a.rows(), 0);
  plan.terms.push_back({row, product});
  Stack& stack = (*spaces_)[from].stack;
  const auto push = [row](std::vector<RowBlock<T>>& list, std::vector<RowBlock<T>> blocks) {
    for (RowBlock<T>& block : blocks) {
      block.row += row;
      list.push_back(std::move(block));
    }
  };
  Structure& form = forms_[static_cast<std::size_t>(map.id)];
  form = whole ? Structure::dense : structure_of(network, map.id);
  const ConstView<T> a = map.a.leftCols(whole ? map.a.cols() : map.inputs);
  if (form == Structure::diagonal) {
    stack.diagonals.emplace_back(row, Vector<T>::Zero(map.a.rows()));
    Vector<T>& d = stack.diagonals.back().second;
    for (Index i = 0; i < std::min(d.size(), map.inputs); ++i) d[i] = map.a(i, i);
  } else if (form == Structure::triangle) {
    const std::vector<Index> groups = row_groups(network, map.id);
    push(stack.blocks, triangle_blocks<T>(a, map.inputs, groups, kBlockRows));
    push(stack.narrow, triangle_blocks<T>(a, map.inputs, groups, kVectorRows));
  } else {
    push(stack.blocks, {{0, 0, a}});
    push(stack.narrow, {{0, 0, a}});
  }
}

// Neighbours in a stack that begin at one column are one product.
template <class T>
void Predictor<T>::merge_blocks() {
  for (SpacePlan& plan : *spaces_) {
    for (auto* list : {&plan.stack.blocks, &plan.stack.narrow}) {
      std::vector<RowBlock<T>> merged;
      for (RowBlock<T>& block : *list) {
        if (!merged.empty() && merged.back().first == block.first &&
            merged.back().a.cols() == block.a.cols() &&
            merged.back().row + merged.back().a.rows() == block.row) {
          Matrix<T>& a = merged.back().a;
          const Index rows = a.rows();
          a.conservativeResize(rows + block.a.rows(), Eigen::NoChange);
          a.bottomRows(block.a.rows()) = block.a;
        } else {
          merged.push_back(std::move(block));
        }
      }
      *list = std::move(merged);
    }
  }
}

template <class T>
void Predictor<T>::plan_map(const Network<T>& network, const Map<T>& map, T beta, SpacePlan& plan) {
  Step step;
  step.from = position_[network.reads(map.id)];
  step.constant = step.from == kAbsent;
  step.beta = beta;
  step.form = step.constant ? Structure::dense : structure_of(network, map.id);
  switch (step.form) {
    case Structure::diagonal:
      step.d = packed_weight(network, map.id, step.form);
      step.blocks = {{0, map.inputs, map.a.rightCols(map.a.cols() - map.inputs)}};
      break;
    case Structure::triangle:
      step.blocks = triangle_blocks<T>(map.a, map.inputs, row_groups(network, map.id), kBlockRows);
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

// A space's buffer is free again when the last space that reads it has been computed; stacks and products of gates
// are computed with their space.
template <class T>
void Predictor<T>::share_buffers() {
  std::vector<std::size_t> last(spaces_->size());
  for (std::size_t at = 0; at < spaces_->size(); ++at) {
    const auto until = [&](std::size_t space) {
      std::size_t& end = last[(*spaces_)[space].root];
      end = std::max(end, at);
    };
    until(at);
    for (const Step& step : (*spaces_)[at].steps) {
      if (!step.constant) until(step.from);
    }
  }
  // Inputs are all written before the first space is computed.
  std::vector<std::size_t> busy_until;  // space, for each buffer
  for (std::size_t at = 0; at < spaces_->size(); ++at) {
    if ((*spaces_)[at].output) continue;
    if ((*spaces_)[at].goes_on) {
      (*spaces_)[at].buffer = (*spaces_)[(*spaces_)[at].root].buffer;
      continue;
    }
    auto free = busy_until.end();
    if (!(*spaces_)[at].given) {
      free = std::find_if(busy_until.begin(), busy_until.end(),
                          [&](std::size_t until) { return until < at; });
    }
    (*spaces_)[at].buffer = static_cast<std::size_t>(free - busy_until.begin());
    if (free == busy_until.end()) {
      busy_until.push_back(last[at]);
    } else {
      *free = last[at];
    }
  }
  buffers_.resize(busy_until.size());
}

template class Predictor<float>;
template class Predictor<double>;

}  // namespace isoform
