// What a rotation in the middle of training does to every optimiser: the first two tables of docs/optimisers.md.
// Fashion-MNIST, 784-64-64-10, in double. Run by bench/rotation, or alone: bench_rotation [STEPS]
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <optional>

#include "isoform/base/error.h"
#include "isoform/data/catalogue.h"
#include "isoform/network/pass.h"
#include "isoform/run/settings.h"
#include "isoform/topology/diagonalise.h"
#include "isoform/train/objective.h"

using namespace isoform;

namespace {

constexpr Index kBatch = 64;
using Edits = std::vector<Edit>;

// A network in training, and an optimiser that watches the same gradients without moving anything.
class Run {
 public:
  Run(const Model<double>& model, const Dataset& data, const OptimiserSettings& settings,
      std::optional<OptimiserSettings> watching = {})
      : model_(model), data_(data), rate_(settings.rate()), optimiser_(settings) {
    if (watching) watcher_.emplace(*watching);
  }
  void steps(int count) {
    for (; count > 0; --count, ++step_) step();
  }
  // Every hidden space; the edits are made for the network as it was before the first.
  void apply(const Edits& edits) {
    for (const Edit& edit : edits) {
      optimiser_.transport(model_.network, edit);
      if (watcher_) watcher_->transport(model_.network, edit);
      model_.network.apply(edit);
    }
  }
  [[nodiscard]] const Network<double>& network() const { return model_.network; }
  [[nodiscard]] const Optimiser<double>& watcher() const { return *watcher_; }

 private:
  void step() {
    const auto order = epoch_order(static_cast<std::uint32_t>(data_.samples()), 0, 1);
    const auto samples = std::span(order).subspan(static_cast<std::size_t>(step_ * kBatch), kBatch);
    pass_.prepare(model_.network, kBatch);
    data_.gather(samples, pass_.input());
    model_.standardise(pass_.input());
    forward(model_.network, *engine_, pass_);
    std::vector<std::uint32_t> labels;
    for (const std::uint32_t i : samples) labels.push_back(data_.labels()[i]);
    View<double> gradient = pass_.output_gradient();
    score_batch<double>(Loss::cross_entropy, pass_.output(), labels, &gradient);
    backward(model_.network, *engine_, pass_);
    const auto parameters = pass_.parameters(model_.network);
    if (watcher_) watcher_->step(parameters, *engine_, 0);
    optimiser_.step(parameters, *engine_, rate_);
  }

  Model<double> model_;
  const Dataset& data_;
  double rate_;
  int step_ = 0;
  Optimiser<double> optimiser_;
  std::optional<Optimiser<double>> watcher_;
  Pass<double> pass_;
  std::unique_ptr<Engine<double>> engine_ = create_engine<double>({.threads = 1});
};

Edits random_turns(const Network<double>& network) {
  Edits edits;
  for (const int id : network.hidden()) edits.push_back(rotate_random(network, id, 7));
  return edits;
}

Edits singular_turns(Network<double> network) {
  Edits edits;
  for (const int id : network.hidden()) {
    edits.push_back(rotate_left(network, id));
    network.apply(edits.back());
  }
  return edits;
}

double distance(const Network<double>& a, const Network<double>& b) {
  double squares = 0, scale = 0;
  for (const Map<double>& m : a.maps()) {
    squares += (m.a - b.map(m.id).a).squaredNorm();
    scale += m.a.squaredNorm();
  }
  return std::sqrt(squares / scale);
}

// Rotated after `steps` of 2·steps, against rotated at the end. Relative to all parameters.
double drift(const Model<double>& model, const Dataset& data, const OptimiserSettings& settings,
             int steps) {
  Run midway(model, data, settings), at_the_end(model, data, settings);
  midway.steps(steps);
  const Edits edits = singular_turns(midway.network());
  midway.apply(edits);
  midway.steps(steps);
  at_the_end.steps(2 * steps);
  at_the_end.apply(edits);
  return distance(at_the_end.network(), midway.network());
}

// Of weights between hidden spaces and into the first: how v and Adam's direction m/√v compare with those of an Adam
// that has lived in the new basis all along. Returns the correlation of log v, the mean |log| error of v, and the
// relative error of the direction.
struct Likeness {
  double correlation, log_error, direction;
};
Likeness likeness(const Optimiser<double>& carried, const Optimiser<double>& truth,
                  const Network<double>& network, bool constant) {
  Vector<double> logs, truths;
  double wrong = 0, all = 0;
  for (const Map<double>& m : network.maps()) {
    const auto* a = carried.state({Role::weight, m.id});
    const auto* b = truth.state({Role::weight, m.id});
    const Matrix<double> level =
        Matrix<double>::Constant(a->second.rows(), a->second.cols(), a->second.mean());
    const Matrix<double>& v = constant ? level : a->second;
    // Pixels that are always dark have neither gradients nor a direction.
    std::vector<Index> live;
    const double floor = 1e-12 * b->second.mean();
    for (Index i = 0; i < v.size(); ++i) {
      if (b->second(i) > floor && v(i) > floor) live.push_back(i);
    }
    const auto log_of = [&](const Matrix<double>& x) -> Vector<double> {
      return x.reshaped()(live).array().log().matrix();
    };
    const Index old = logs.size(), more = static_cast<Index>(live.size());
    logs.conservativeResize(old + more);
    truths.conservativeResize(old + more);
    // Each tensor about its mean: that one is larger than another is no merit.
    logs.tail(more) = log_of(v);
    truths.tail(more) = log_of(b->second);
    logs.tail(more).array() -= truths.tail(more).mean();
    truths.tail(more).array() -= truths.tail(more).mean();
    const Vector<double> u =
        a->first.reshaped()(live).cwiseQuotient(v.reshaped()(live).cwiseSqrt());
    const Vector<double> w =
        b->first.reshaped()(live).cwiseQuotient(b->second.reshaped()(live).cwiseSqrt());
    wrong += (u - w).squaredNorm();
    all += w.squaredNorm();
  }
  const double error = (logs - truths).cwiseAbs().mean();
  const Vector<double> x = logs.array() - logs.mean(), y = truths.array() - truths.mean();
  return {constant ? 0 : x.dot(y) / (x.norm() * y.norm()), error, std::sqrt(wrong / all)};
}

Model<double> fresh(const Dataset& data, Index group_size) {
  RunSettings settings;
  settings.data = "fashion-mnist";
  settings.hidden = {64, 64};
  settings.network.group_size = group_size;
  settings.finish();
  return create_model<double>(settings, data);
}

void compare(int steps) {
  const Dataset data = load("fashion-mnist", Split::train);
  fmt::print("Drift of the parameters, relative, {} steps after a rotation at step {}\n\n", steps,
             steps);
  fmt::print("| optimiser | groups of 8 | whole layers |\n|---|---|---|\n");
  const auto row = [&](std::string_view name, const OptimiserSettings& settings) {
    fmt::print("| `{}` | {:.1e} | {:.1e} |\n", name, drift(fresh(data, 8), data, settings, steps),
               drift(fresh(data, 0), data, settings, steps));
    std::fflush(stdout);
  };
  for (const Method method :
       {Method::sgd, Method::momentum, Method::nesterov, Method::novograd, Method::muon}) {
    row(method_name(method), {.method = method});
  }
  for (const Method method : {Method::adam, Method::adamw}) {
    for (const SecondMoment rule : {SecondMoment::factored, SecondMoment::squared}) {
      row(fmt::format("{}, {}", method_name(method), second_moment_name(rule)),
          {.method = method, .second_moment = rule});
    }
  }
  // The path itself is a covariant optimiser's, so that both networks have the same gradients but for the basis.
  fmt::print(
      "\nv of all weights after {} steps and a rotation, against that of the new basis: "
      "correlation of log v, mean |log| error, error of m/√v\n\n",
      2 * steps);
  fmt::print("| rotation | groups | factored | squared | one constant |\n|---|---|---|---|---|\n");
  const OptimiserSettings path{.method = Method::momentum};
  for (const bool singular : {false, true}) {
    for (const Index group_size : {8, 0}) {
      const Model<double> model = fresh(data, group_size);
      std::string cells;
      for (const SecondMoment rule : {SecondMoment::factored, SecondMoment::squared}) {
        const OptimiserSettings watching{
            .method = Method::adam, .weight_decay = 0, .second_moment = rule};
        Run turned(model, data, path, watching), truth(model, data, path, watching);
        turned.steps(2 * steps);
        const Edits edits =
            singular ? singular_turns(turned.network()) : random_turns(turned.network());
        turned.apply(edits);
        truth.apply(edits);
        truth.steps(2 * steps);
        const auto cell = [&](bool constant) {
          const Likeness l =
              likeness(turned.watcher(), truth.watcher(), turned.network(), constant);
          cells +=
              fmt::format(" {:.2f}, {:.2f}, {:.2f} |", l.correlation, l.log_error, l.direction);
        };
        cell(false);
        if (rule == SecondMoment::squared) cell(true);
      }
      fmt::print("| {} | {} |{}\n", singular ? "singular vectors" : "random",
                 group_size == 8 ? "of 8" : "whole layers", cells);
      std::fflush(stdout);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    compare(argc > 1 ? std::atoi(argv[1]) : 200);
    return 0;
  } catch (const Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
