#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

#include "isoform/base/error.h"
#include "isoform/base/random.h"
#include "isoform/cli/task.h"
#include "isoform/compile/predictor.h"
#include "isoform/io/model_file.h"
#include "isoform/model/tasks.h"
#include "isoform/monitor/format.h"
#include "isoform/network/initialise.h"
#include "isoform/train/evaluate.h"

namespace isoform::cli {

namespace {

constexpr Index kRandomInputs = 256;

Matrix<float> random_rows(Index rows, Index samples, int id) {
  return normal_matrix(rows, samples, Random(0, Purpose::test, 0, static_cast<std::uint64_t>(id)))
      .cast<float>();
}

// What a task answers for all inputs one below the other.
Matrix<float> answers(const Model<float>& model, std::size_t task, const Matrix<float>& x,
                      Engine<float>& engine) {
  constexpr Index kBatch = 512;
  const Route route = model.route(task);
  Predictor<float> predictor(model.network, route);
  Matrix<float> y(model.network.space(route.outputs.front()).dimension, x.cols());
  for (Index first = 0; first < x.cols(); first += kBatch) {
    const Index count = std::min(kBatch, x.cols() - first);
    predictor.prepare(count);
    predictor.set_input(x.middleCols(first, count));
    predictor.run(engine);
    y.middleCols(first, count) = predictor.output();
  }
  return y;
}

// Rows of the outputs of a task before and after that are the same outputs.
std::pair<std::vector<Index>, std::vector<Index>> common_rows(const Task& before,
                                                              const Task& after) {
  const bool renamed = before.outputs.size() == after.outputs.size();
  std::vector<Index> old_rows, new_rows;
  for (std::size_t i = 0; i < before.outputs.size(); ++i) {
    const auto found = std::find(after.outputs.begin(), after.outputs.end(), before.outputs[i]);
    if (!renamed && found == after.outputs.end()) continue;
    old_rows.push_back(static_cast<Index>(i));
    new_rows.push_back(renamed ? static_cast<Index>(i) : found - after.outputs.begin());
  }
  return {old_rows, new_rows};
}

std::string only(const std::string& name, const char* flag, const auto& list) {
  if (!name.empty() || list.size() == 1) return name.empty() ? list.front().name : name;
  std::vector<std::string> names;
  for (const auto& item : list) names.push_back(item.name);
  throw UsageError(
      fmt::format("{}: the model has {}; say which one", flag, fmt::join(names, ", ")));
}

}  // namespace

void TaskOptions::add_to(CLI::App& app, bool measured) {
  app.add_option("in", in, "model file")->required()->type_name("IN");
  app.add_option("out", out, "changed model file; may be IN")->required()->type_name("OUT");
  if (measured) {
    app.add_option("--data", data.data,
                   "data on whose test part the change is measured [random inputs]")
        ->type_name("SET");
    app.add_option("--data-dir", data.data_dir, "folder where known sets are looked for")
        ->type_name("DIR");
    app.add_option("--data-task", data.task, "task that the data are for [the one of that name]")
        ->type_name("NAME");
  }
  app.add_option("--threads", data.threads, "threads; 0: all cores")->type_name("COUNT");
  app.add_flag("--json", json, "print as JSON");
}

TaskEdit::TaskEdit(TaskOptions options) : options_(std::move(options)) {
  require_writable(options_.out);
  before_ = load_model<float>(options_.in);
  name_parts(before_, before_.tasks.empty() ? "task" : before_.tasks.front().name);
  after_ = before_;
  if (options_.data.given()) {
    data_ = options_.data.load(before_);
    try {
      data_task_ = task_for(before_, *data_, options_.data.task);
    } catch (const UsageError&) {
      static_cast<void>(only(options_.data.task, "--data-task", before_.tasks));
      throw;
    }
    require_fitting(before_, *data_, false, data_task_);
  }
  // Inputs that the data do not bring are random, so that tasks which read them are measured too.
  const Index samples = data_ ? data_->samples() : kRandomInputs;
  x_.resize(before_.network.widths().front(), samples);
  Index row = 0;
  for (const int id : before_.network.inputs()) {
    const Index n = before_.network.space(id).dimension;
    x_.middleRows(row, n) = random_rows(n, samples, id);
    row += n;
  }
  measured_on_ = fmt::format("{} random inputs", kRandomInputs);
  if (!data_) return;
  measured_on_ = fmt::format("{} samples of {}", format_count(samples), data_->name());
  std::vector<std::uint32_t> all(static_cast<std::size_t>(samples));
  std::iota(all.begin(), all.end(), 0U);
  const Matrix<float> stacked = stacked_samples<float>(before_, data_task_, *data_, all);
  for (const int id : before_.route(data_task_).inputs) {
    const RowRange rows = before_.rows_of_input(id);
    const Index n = rows.end - rows.begin;
    x_.middleRows(rows.begin, n) = stacked.middleRows(rows.begin, n);
  }
}

std::string TaskEdit::task_or_only(const std::string& name) const {
  return only(name, "--task", before_.tasks);
}

std::string TaskEdit::input_or_only(const std::string& name, const char* flag) const {
  return only(name, flag, before_.inputs);
}

// The same samples for the inputs that there are now; what is new brings random values.
Matrix<float> TaskEdit::carried_inputs() const {
  Matrix<float> x(after_.network.widths().front(), x_.cols());
  Index row = 0;
  for (const int id : after_.network.inputs()) {
    const Index n = after_.network.space(id).dimension;
    auto rows = x.middleRows(row, n);
    row += n;
    rows = random_rows(n, x.cols(), id + 1000);
    if (!before_.network.has_space(id)) continue;
    const RowRange old = before_.rows_of_input(id);
    const auto kept = kept_.find(id);
    for (Index i = 0; i < n; ++i) {
      const Index from = kept == kept_.end() ? i : kept->second[static_cast<std::size_t>(i)];
      if (from < old.end - old.begin) rows.row(i) = x_.row(old.begin + from);
    }
  }
  return x;
}

std::vector<std::pair<std::string, Change>> TaskEdit::changes() {
  const Matrix<float> x = carried_inputs();
  const auto engine = create_engine<float>({"cpu", options_.data.threads});
  const std::vector<int> old_heads = before_.network.outputs(), heads = after_.network.outputs();
  std::vector<std::pair<std::string, Change>> all;
  for (std::size_t i = 0; i < heads.size(); ++i) {
    const auto found = std::find(old_heads.begin(), old_heads.end(), heads[i]);
    if (found == old_heads.end()) continue;
    const auto was = static_cast<std::size_t>(found - old_heads.begin());
    const Matrix<float> y = answers(before_, was, x_, *engine);
    const Matrix<float> now = answers(after_, i, x, *engine);
    if (data_ && was == data_task_) {
      accuracy_before_ = accuracy(y);
      accuracy_after_ = accuracy(now);
    }
    const auto [old_rows, rows] = common_rows(before_.tasks[was], after_.tasks[i]);
    all.emplace_back(after_.tasks[i].name,
                     measure_change(y(old_rows, Eigen::all), now(rows, Eigen::all)));
  }
  return all;
}

double TaskEdit::accuracy(const Matrix<float>& outputs) const {
  Index correct = 0;
  for (Index j = 0; j < outputs.cols(); ++j) {
    Index best = 0;
    outputs.col(j).maxCoeff(&best);
    correct += best == static_cast<Index>(data_->labels()[j]) ? 1 : 0;
  }
  return static_cast<double>(correct) / static_cast<double>(std::max<Index>(1, outputs.cols()));
}

void TaskEdit::finish(bool accuracy) {
  const auto measured = changes();
  save_model(after_, options_.out);
  const std::vector<Index> widths_before = before_.network.widths(),
                           widths = after_.network.widths();
  const Index parameters_before = before_.network.parameter_count(),
              parameters = after_.network.parameter_count();
  if (options_.json) {
    json_["model"] = options_.out;
    json_["widths_before"] = widths_before;
    json_["widths"] = widths;
    json_["parameters_before"] = parameters_before;
    json_["parameters"] = parameters;
    json_["measured_on"] = measured_on_;
    json_["relative_change"] = nlohmann::json::object();
    for (const auto& [task, change] : measured) json_["relative_change"][task] = change.json();
    if (accuracy && data_ && !data_->has_targets()) {
      json_["accuracy_before"] = accuracy_before_;
      json_["accuracy"] = accuracy_after_;
    }
    return print_json(json_);
  }
  if (widths != widths_before) {
    say("widths",
        fmt::format("{} → {}", format_widths({widths_before.begin(), widths_before.end()}),
                    format_widths({widths.begin(), widths.end()})));
  }
  say("parameters",
      parameters == parameters_before
          ? format_count(parameters)
          : fmt::format("{} → {}", format_count(parameters_before), format_count(parameters)));
  std::vector<std::string> same;
  for (const auto& [task, change] : measured) {
    if (change.largest_absolute == 0) {
      same.push_back(task);
    } else {
      say("change", fmt::format("{}: {}, on {}", task, change.text(), measured_on_));
    }
  }
  if (!same.empty()) {
    say("unchanged",
        fmt::format("{}: the logits to the last bit, on {}", fmt::join(same, ", "), measured_on_));
  }
  if (accuracy && data_ && !data_->has_targets()) {
    say("accuracy",
        fmt::format("{:.2f} % → {:.2f} %", 100 * accuracy_before_, 100 * accuracy_after_));
  }
  say("model", options_.out);
  for (const auto& [label, words] : lines_) {
    print_line(fmt::format("{} {}", pad_right(label, 11), words));
  }
}

}  // namespace isoform::cli
