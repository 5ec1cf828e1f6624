#include "isoform/serve/learner.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "isoform/base/random.h"
#include "isoform/base/text.h"
#include "isoform/io/json.h"
#include "isoform/model/blocks.h"
#include "isoform/serve/http.h"
#include "isoform/train/objective.h"

namespace isoform {

namespace {

using nlohmann::json;
using Example = Examples::Example;

constexpr Index kJudgeBatch = 256;

// Thrown by what makes a version: there shall be none.
struct NotBetter {};

std::string text_of(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

// The samples of a list as a batch of a task: standardised inputs, and what is wanted.
struct Batch {
  Matrix<float> x;
  Wanted<float> wanted;
  Batch(const Version& version, std::size_t task, const std::vector<const Example*>& examples)
      : x(version.tasks[task].features, std::ssize(examples)) {
    Index j = 0;
    for (const Example* example : examples) {
      x.col(j) = Eigen::Map<const Vector<float>>(example->x.data(), x.rows());
      wanted.labels.push_back(example->label);
      ++j;
    }
    if (!examples.empty() && !examples.front()->target.empty()) {
      wanted.targets.resize(std::ssize(examples.front()->target), x.cols());
      for (j = 0; j < x.cols(); ++j) {
        wanted.targets.col(j) = Eigen::Map<const Vector<float>>(
            examples[static_cast<std::size_t>(j)]->target.data(), wanted.targets.rows());
      }
    }
    standardise(version, task, x);
  }
};

// The copy that learns.
class Student {
 public:
  Student(const Version& version, std::size_t task)
      : version_(version),
        task_(task),
        model(version.model),
        engine_(create_engine<float>({"cpu", 1})) {
    route_ = model.route(task);
  }

  double loss(const std::vector<Example>& examples) {
    double sum = 0, weight = 0;
    for (std::size_t first = 0; first < examples.size(); first += kJudgeBatch) {
      std::vector<const Example*> some;
      for (std::size_t i = first; i < std::min(first + kJudgeBatch, examples.size()); ++i)
        some.push_back(&examples[i]);
      const Batch batch(version_, task_, some);
      forward_of(batch);
      const BatchScore score = score_batch<float>(
          model.tasks[task_].loss, pass_.z(route_.outputs.front()), batch.wanted, nullptr);
      sum += score.loss;
      weight += score.weight;
    }
    return sum / weight;
  }

  void step(const std::vector<const Example*>& examples, Optimiser<float>& optimiser, double rate) {
    const Batch batch(version_, task_, examples);
    forward_of(batch);
    const int output = route_.outputs.front();
    pass_.output_gradient().setZero();
    View<float> gradient = pass_.delta(output);
    score_batch<float>(model.tasks[task_].loss, pass_.z(output), batch.wanted, &gradient);
    backward_and_step(model.network, *engine_, pass_, Gradients::replace, optimiser, rate);
  }

 private:
  void forward_of(const Batch& batch) {
    pass_.prepare(model.network, batch.x.cols(), route_);
    Index row = 0;
    for (const int id : version_.tasks[task_].inputs) {
      View<float> to = pass_.input(id);
      to = batch.x.middleRows(row, to.rows());
      row += to.rows();
    }
    forward(model.network, *engine_, pass_);
  }

  const Version& version_;
  std::size_t task_;

 public:
  Model<float> model;

 private:
  std::unique_ptr<Engine<float>> engine_;
  Route route_;
  Pass<float> pass_;
};

}  // namespace

void LearnerSettings::validate() const {
  const auto need = [](bool holds, const char* what) {
    if (!holds) throw UsageError(what);
  };
  need(rate > 0 && std::isfinite(rate), "learn rate: needs a number above 0");
  need(every >= 2, "learn every: needs 2 or more, as each n-th sample is kept to judge by");
  need(judged >= 1 && replayed >= 1 && batch >= 1 && passes >= 1,
       "learn: needs room for 1 sample or more everywhere");
  need(tolerance >= 0 && std::isfinite(tolerance), "learn tolerance: needs 0 or more");
}

void Examples::add(Example example) {
  if (all_.size() >= most_) {
    std::uint32_t largest = all_.front().label;
    std::size_t count = 0;
    for (const auto& [label, own] : of_class_) {
      if (own > count) {
        largest = label;
        count = own;
      }
    }
    std::size_t which = Random(0, Purpose::replay).below(count, added_);
    for (std::size_t i = 0;; ++i) {
      if (all_[i].label != largest || which-- > 0) continue;
      all_[i] = std::move(all_.back());
      all_.pop_back();
      break;
    }
    --of_class_[largest];
  }
  ++added_;
  ++of_class_[example.label];
  all_.push_back(std::move(example));
}

void Examples::clear() {
  all_.clear();
  of_class_.clear();
}

void Examples::keep_below(std::size_t labels) {
  std::erase_if(all_, [&](const Example& one) { return one.label >= labels; });
  std::erase_if(of_class_, [&](const auto& one) { return one.first >= labels; });
}

Learner::Learner(const LearnerSettings& settings)
    : settings_(settings), judged_(settings.judged), replayed_(settings.replayed) {
  settings.validate();
}

Learner::Wish Learner::read(const Version& version, std::size_t task, const Matrix<float>& x,
                            const json& labels, bool append) const {
  if (!labels.is_array() || std::ssize(labels) != x.cols()) {
    throw HttpError(422,
                    fmt::format("labels: needs one for each of the {} samples, got {}", x.cols(),
                                labels.is_array() ? std::to_string(labels.size()) : "no list"));
  }
  const AnswerKind kind = answer_kind(version, task);
  std::vector<std::string> names = version.model.tasks[task].outputs;
  const auto known = names.size();
  std::map<std::string, std::uint32_t> at;
  for (const std::string& name : names) at.emplace(name, static_cast<std::uint32_t>(at.size()));
  Wish wish;
  for (Index j = 0; j < x.cols(); ++j) {
    const json& label = labels[static_cast<std::size_t>(j)];
    Example example{{x.col(j).begin(), x.col(j).end()}, {}, 0};
    const auto unknown = [&](const std::string& text) {
      return HttpError(422, fmt::format("labels[{}]: {} is none of the model's {}{}", j,
                                        in_quotes(text), known, did_you_mean(text, names)));
    };
    if (kind == AnswerKind::classes) {
      if (!label.is_string() && !label.is_number_integer())
        throw HttpError(422, fmt::format("labels[{}]: needs the name of a class", j));
      const std::string text = text_of(label);
      auto found = at.find(text);
      if (found == at.end()) {
        if (!append) throw unknown(text);
        found = at.emplace(text, static_cast<std::uint32_t>(names.size())).first;
        names.push_back(text);
        wish.classes.push_back(text);
      }
      example.label = found->second;
    } else if (kind == AnswerKind::labels) {
      if (!label.is_array())
        throw HttpError(422, fmt::format("labels[{}]: needs a list of names", j));
      example.target.assign(known, 0);
      for (const json& one : label) {
        const auto found = at.find(text_of(one));
        if (found == at.end()) throw unknown(text_of(one));
        example.target[found->second] = 1;
      }
    } else {
      const json list = label.is_array() ? label : json::array({label});
      if (list.size() != known)
        throw HttpError(422,
                        fmt::format("labels[{}]: needs {} numbers, got {}", j, known, list.size()));
      for (std::size_t k = 0; k < list.size(); ++k) {
        const double value = list[k].is_number() ? list[k].get<double>() : std::nan("");
        if (!std::isfinite(value))
          throw HttpError(422, fmt::format("labels[{}]: needs finite numbers", j));
        const auto& schema = version.model.schema;
        example.target.push_back(
            static_cast<float>(schema ? (value - schema->mean[k]) / schema->scale[k] : value));
        if (!std::isfinite(example.target.back()))
          throw HttpError(422, fmt::format("labels[{}]: {} is too large", j, value));
      }
    }
    const bool judge =
        (seen_ + static_cast<std::uint64_t>(j)) % static_cast<std::uint64_t>(settings_.every) ==
        static_cast<std::uint64_t>(settings_.every - 1);
    (judge ? wish.judge : wish.train).push_back(std::move(example));
  }
  return wish;
}

void Learner::fit_to(const Version& version, std::size_t task) {
  const std::vector<std::string>& now = version.model.tasks[task].outputs;
  const bool numbers = answer_kind(version, task) != AnswerKind::classes;
  const bool same_outputs = !numbers || classes_.empty() || now == classes_;
  if (task_ != version.tasks[task].name || features_ != version.tasks[task].features ||
      !same_outputs) {
    judged_.clear();
    replayed_.clear();
    optimiser_.reset();
  } else if (!numbers) {
    const auto ends = std::mismatch(now.begin(), now.end(), classes_.begin(), classes_.end());
    const auto same = static_cast<std::size_t>(ends.first - now.begin());
    judged_.keep_below(same);
    replayed_.keep_below(same);
  }
  task_ = version.tasks[task].name;
  features_ = version.tasks[task].features;
  classes_ = now;
}

void Learner::remember(const Version& version, std::size_t task,
                       const std::vector<Example>& known) {
  const std::scoped_lock lock(mutex_);
  fit_to(version, task);
  for (std::size_t i = 0; i < known.size(); ++i) {
    const bool judge = i % static_cast<std::size_t>(settings_.every) ==
                       static_cast<std::size_t>(settings_.every - 1);
    (judge ? judged_ : replayed_).add(known[i]);
  }
}

json Learner::learn(LiveModel& live, const std::string& task_name, const Matrix<float>& x,
                    const json& labels, bool append) {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock.owns_lock())
    throw HttpError(409, "the model is learning; ask again when that is done",
                    {{"Retry-After", "1"}});
  json told = {{"published", false}, {"learned", 0}, {"appended", json::array()}};
  try {
    const VersionPtr made = live.change("learn", [&](const Version& version) -> Model<float> {
      const std::size_t task = version.task_index(task_name);
      const std::string& name = version.tasks[task].name;
      if (x.rows() != version.tasks[task].features)
        throw HttpError(409, "the model was replaced by one that reads other inputs; ask again");
      fit_to(version, task);
      Wish wish = read(version, task, x, labels, append);
      Student student(version, task);
      Optimiser<float> optimiser = optimiser_ && version_ == version.number
                                       ? *optimiser_
                                       : Optimiser<float>(OptimiserSettings{
                                             .learning_rate = settings_.rate, .weight_decay = 0});
      if (!wish.classes.empty()) {
        append_outputs(student.model, name, wish.classes,
                       [&](const Edit& edit) { optimiser.transport(student.model.network, edit); });
      }
      // One such sample kept to judge by would decide for ever, either way.
      for (const std::vector<Example>* part : {&wish.train, &wish.judge}) {
        if (!part->empty() && !std::isfinite(student.loss(*part)))
          throw HttpError(422,
                          "the loss of a sample is not a number: its values are too large for this "
                          "model; nothing of the request was learned or kept");
      }
      seen_ += static_cast<std::uint64_t>(x.cols());
      classes_ = student.model.tasks[task].outputs;
      for (Example& example : wish.judge) judged_.add(std::move(example));
      const bool judges = !judged_.all().empty();
      const double before = judges ? student.loss(judged_.all()) : 0;
      const auto batch = static_cast<std::size_t>(settings_.batch);
      for (int pass = 0; pass < settings_.passes; ++pass) {
        for (std::size_t first = 0; first < wish.train.size(); first += batch) {
          std::vector<const Example*> some;
          for (std::size_t i = first; i < std::min(first + batch, wish.train.size()); ++i)
            some.push_back(&wish.train[i]);
          const std::size_t fresh = some.size(), old = replayed_.all().size();
          const Random random(1, Purpose::replay, 0, ++steps_);
          for (std::size_t i = 0; i < fresh && old > 0; ++i)
            some.push_back(&replayed_.all()[random.below(old, i)]);
          student.step(some, optimiser, settings_.rate);
        }
      }
      const double after = judges ? student.loss(judged_.all()) : 0;
      told["learned"] = wish.train.size();
      told["judged_on"] = judged_.all().size();
      if (judges && std::isfinite(before)) told["loss_before"] = before;
      if (!judges) told["why"] = "nothing is kept to judge by yet; published as it is";
      if (judges && std::isfinite(after)) told["loss_after"] = after;
      // A model put in the place of another may not be finite on what is kept; one that is, is better.
      const bool worse = judges && !(after <= before * (1 + settings_.tolerance)) &&
                         !(std::isfinite(after) && !std::isfinite(before));
      if (worse || !student.model.network.all_finite()) throw NotBetter{};
      for (Example& example : wish.train) replayed_.add(std::move(example));
      told["appended"] = wish.classes;
      optimiser_ = std::move(optimiser);
      return std::move(student.model);
    });
    version_ = made->number;
    told["published"] = true;
    told["version"] = made->number;
  } catch (const NotBetter&) {
    told["version"] = live.current()->number;
    told["why"] =
        "the loss on samples that it did not train on grew; the version before goes on, and the "
        "samples were not kept to train on";
  }
  return told;
}

}  // namespace isoform
