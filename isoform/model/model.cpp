#include "isoform/model/model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "isoform/base/error.h"
#include "isoform/base/text.h"

namespace isoform {

namespace {
constexpr std::array<std::string_view, 4> kLosses = {"cross_entropy", "squared", "binary", "huber"};
}  // namespace

std::string_view loss_name(Loss loss) { return kLosses[static_cast<std::size_t>(loss)]; }

Loss loss_from_name(std::string_view name) {
  const auto found = std::find(kLosses.begin(), kLosses.end(), name);
  if (found != kLosses.end()) return static_cast<Loss>(found - kLosses.begin());
  throw UsageError(
      fmt::format("loss: '{}' is unknown; known are {}", name, fmt::join(kLosses, ", ")));
}

template <class T>
void Model<T>::set_transform(const Vector<double>& new_mean, const Vector<double>& deviation) {
  ISOFORM_ASSERT(new_mean.size() == deviation.size(), "one mean and deviation for each input");
  mean = new_mean.cast<T>();
  scale = deviation.unaryExpr([](double d) { return d < 1e-8 ? 1.0 : 1.0 / d; }).template cast<T>();
}

template <class T>
void Model<T>::standardise(View<T> x) const {
  for (Index j = 0; j < x.cols(); ++j) {
    x.col(j) = (x.col(j) - mean).cwiseProduct(scale);
  }
}

template <class T>
void Model<T>::standardise(View<T> x, int input, Index first) const {
  const RowRange rows = rows_of_input(input);
  const Index begin = rows.begin + first, n = x.rows();
  ISOFORM_ASSERT(first >= 0 && begin + n <= rows.end, "rows of the input");
  for (Index j = 0; j < x.cols(); ++j) {
    x.col(j) = (x.col(j) - mean.segment(begin, n)).cwiseProduct(scale.segment(begin, n));
  }
}

namespace {

// Position of a name in a list of things that have one.
std::size_t find_name(std::string_view name, std::string_view what, const auto& list) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i].name == name) return i;
    names.push_back(list[i].name);
  }
  throw UsageError(fmt::format("{}: '{}' is unknown; the model has {}{}", what, name,
                               names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", ")),
                               did_you_mean(std::string(name), names)));
}

}  // namespace

template <class T>
std::size_t Model<T>::task_index(std::string_view name) const {
  return find_name(name, "task", tasks);
}

template <class T>
std::size_t Model<T>::task_index(std::string_view name, std::string_view what) const {
  return find_name(name, what, tasks);
}

template <class T>
std::size_t Model<T>::input_index(std::string_view name) const {
  return find_name(name, "input", inputs);
}

template <class T>
Route Model<T>::route(std::size_t task) const {
  if (tasks.empty()) return {};
  const std::vector<int> in = network.inputs(), out = network.outputs();
  ISOFORM_ASSERT(out.size() == tasks.size(), "an output space for each task");
  Route route{{}, {out[task]}};
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    const std::vector<std::string>& read = tasks[task].inputs;
    if (read.empty() || std::find(read.begin(), read.end(), inputs[k].name) != read.end()) {
      route.inputs.push_back(in[k]);
    }
  }
  if (inputs.empty()) route.inputs = in;
  return route;
}

template <class T>
RowRange Model<T>::rows_of_input(int space) const {
  Index row = 0;
  for (const int id : network.inputs()) {
    const Index n = network.space(id).dimension;
    if (id == space) return {row, row + n};
    row += n;
  }
  throw InternalError("a space that is an input");
}

template <class T>
void Model<T>::record(const EditRecord& entry) {
  history.push_back(entry);
  if (history.size() > kMaxHistory) history.erase(history.begin());
}

template struct Model<float>;
template struct Model<double>;

}  // namespace isoform
