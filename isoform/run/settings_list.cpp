// The list of fields from which flags, files and records are derived.
#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <type_traits>

#include "isoform/base/error.h"
#include "isoform/base/text.h"
#include "isoform/run/settings.h"

namespace isoform {

namespace {

using Json = nlohmann::json;

template <class Number>
Number parse_number(const std::string& name, const std::string& text) {
  Number value{};
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  const bool whole = error == std::errc() && stopped == end && !text.empty();
  if constexpr (std::is_floating_point_v<Number>) {
    if (whole && std::isfinite(value)) return value;
    throw UsageError(fmt::format("{}: needs a number, got '{}'", name, text));
  } else {
    if (whole) return value;
    throw UsageError(fmt::format("{}: needs a whole number{}, got '{}'", name,
                                 std::is_unsigned_v<Number> ? " of 0 or more" : "", text));
  }
}

std::vector<Index> parse_list(const std::string& name, const std::string& text) {
  std::vector<Index> values;
  if (text == "none") return values;
  std::size_t at = 0;
  while (true) {
    const std::size_t comma = text.find(',', at);
    std::string item = text.substr(at, comma - at);
    item.erase(0, item.find_first_not_of(' '));
    item.erase(item.find_last_not_of(' ') + 1);
    values.push_back(parse_number<Index>(name, item));
    if (comma == std::string::npos) return values;
    at = comma + 1;
  }
}

// Names between commas; "\\," is a comma in one.
std::vector<std::string> parse_names(const std::string& text) {
  std::vector<std::string> names;
  if (text.empty() || text == "none") return names;
  names.emplace_back();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == ',') {
      names.back() += text[++i];
    } else if (text[i] == ',') {
      names.emplace_back();
    } else {
      names.back() += text[i];
    }
  }
  return names;
}

bool parse_switch(const std::string& name, const std::string& text) {
  if (text == "true" || text == "on" || text == "yes") return true;
  if (text == "false" || text == "off" || text == "no") return false;
  throw UsageError(fmt::format("{}: needs true or false, got '{}'", name, text));
}

// Builds the list of fields; each call binds one member.
class SettingList {
 public:
  std::vector<Setting> list;

  void section(std::string name) { section_ = std::move(name); }

  template <class Number>
  void number(const std::string& name, Number& value, std::string help) {
    add(
        name, std::is_floating_point_v<Number> ? "NUMBER" : "COUNT", std::move(help),
        [name, &value](const std::string& text) { value = parse_number<Number>(name, text); },
        [&value] { return Json(value); });
  }
  void optional(const std::string& name, std::optional<double>& value, std::string help) {
    add(
        name, "NUMBER", std::move(help),
        [name, &value](const std::string& text) {
          if (text == "auto") {
            value.reset();
            return;
          }
          try {
            value = parse_number<double>(name, text);
          } catch (const UsageError&) {
            throw UsageError(fmt::format("{}: needs a number or auto, got '{}'", name, text));
          }
        },
        [&value] { return value ? Json(*value) : Json("auto"); });
  }
  // 0 stands for auto.
  template <class Number>
  void automatic(const std::string& name, Number& value, std::string help) {
    add(
        name, "COUNT", std::move(help),
        [name, &value](const std::string& text) {
          value = text == "auto" ? Number{0} : parse_number<Number>(name, text);
          if (text != "auto" && value < 1) {
            throw UsageError(fmt::format("{}: needs 1 or more, or auto, got {}", name, text));
          }
        },
        [&value] { return value == 0 ? Json("auto") : Json(value); });
  }
  void names(const std::string& name, std::vector<std::string>& value, std::string help) {
    add(
        name, "A,B,…", std::move(help),
        [&value](const std::string& text) { value = parse_names(text); },
        [&value] { return Json(value); });
  }
  // What may be left to be found: "auto".
  template <class Value, class Parse, class Print>
  void found(const std::string& name, std::optional<Value>& value, std::string type, Parse parse,
             Print print, std::string help) {
    add(
        name, std::move(type), std::move(help),
        [&value, parse](const std::string& text) {
          value = text == "auto" ? std::optional<Value>() : std::optional<Value>(parse(text));
        },
        [&value, print] { return value ? Json(print(*value)) : Json("auto"); });
  }
  // true or false, or left to be found.
  void maybe(const std::string& name, std::optional<bool>& value, std::string help) {
    found(
        name, value, "BOOL|auto",
        [name](const std::string& text) {
          try {
            return parse_switch(name, text);
          } catch (const UsageError&) {
            throw UsageError(fmt::format("{}: needs on, off or auto, got '{}'", name, text));
          }
        },
        [](bool on) { return on; }, std::move(help));
  }
  void text(const std::string& name, std::string& value, std::string type, std::string help) {
    add(
        name, std::move(type), std::move(help), [&value](const std::string& t) { value = t; },
        [&value] { return Json(value); });
  }
  void list_of(const std::string& name, std::vector<Index>& value, std::string help) {
    add(
        name, "N,N,…", std::move(help),
        [name, &value](const std::string& t) { value = parse_list(name, t); },
        [&value] { return Json(value); });
  }
  void toggle(const std::string& name, bool& value, std::string help) {
    add(
        name, "BOOL", std::move(help),
        [name, &value](const std::string& t) { value = parse_switch(name, t); },
        [&value] { return Json(value); });
  }
  template <class Enum>
  void choice(const std::string& name, Enum& value, Enum (*parse)(std::string_view),
              std::string_view (*print)(Enum), std::string help) {
    add(
        name, "NAME", std::move(help),
        [name, &value, parse](const std::string& t) { value = parse(t); },
        [&value, print] { return Json(std::string(print(value))); });
    list.back().choices = [parse] {
      return known_names([parse](const std::string& t) { parse(t); });
    };
  }

 private:
  void add(const std::string& name, std::string type, std::string help,
           std::function<void(const std::string&)> set, std::function<Json()> get) {
    list.push_back(
        {name, section_, std::move(type), std::move(help), std::move(set), std::move(get), {}});
  }
  std::string section_;
};

std::string_view outgoing_name(Outgoing outgoing) {
  return outgoing == Outgoing::random ? "random" : "gradient";
}
Outgoing outgoing_from_name(std::string_view name) {
  if (name == "random") return Outgoing::random;
  if (name == "gradient") return Outgoing::gradient;
  throw UsageError(fmt::format("outgoing: '{}' is unknown; known are random, gradient", name));
}

}  // namespace

std::vector<Setting> list_settings(RunSettings& s) {
  SettingList f;
  f.section("data");
  f.text(
      "data", s.data, "SET",
      "known set (isoform data list), table (.csv, .tsv), folder of IDX files or of pictures in a "
      "folder for each class, or arrays (.npz, .npy)");
  f.text("data-dir", s.data_dir, "DIR", "folder where known sets are looked for");
  f.number("validation", s.validation, "share of the training set kept for choices; 0: none");

  f.choice("scaling", s.training.scaling, scaling_from_name, scaling_name,
           "inputs are divided by their deviation: each feature by its own, or all together; auto: "
           "pictures, and tables of one unit, together");

  f.section("table");
  TableSettings& table = s.table;
  f.names("target", table.columns.targets,
          "column of a table that the model answers; several: labels (0 and 1), or numbers");
  const auto kind = [](const std::string& name) {
    try {
      return target_kind_from_name(name);
    } catch (const UsageError&) {
      throw UsageError(fmt::format(
          "target-kind: '{}' is unknown; known are auto, classes, labels, numbers", name));
    }
  };
  f.found(
      "target-kind", table.columns.target_kind, "NAME", kind,
      [](TargetKind found) { return std::string(target_kind_name(found)); },
      "what the target is: classes, labels, numbers; auto: as its values look");
  f.list.back().choices = [kind] {
    return known_names([kind](const std::string& name) { (void)kind(name); });
  };
  f.names("categories", table.columns.categories,
          "columns that are categories, whatever they look like");
  f.names("numbers", table.columns.numbers, "columns that are numbers");
  f.names("ignore", table.columns.ignored, "columns that are not read");
  f.text("weights", table.columns.weights, "COLUMN", "column of sample weights");
  f.choice("class-weights", table.class_weights, class_weights_from_name, class_weights_name,
           "none, or balanced: rare classes count as much as frequent ones");
  f.found("delimiter", table.columns.csv.delimiter, "CHAR", delimiter_from_name, delimiter_name,
          "between fields: , ; | tab; auto: what fits the first rows");
  f.found("decimal", table.columns.csv.decimal, "NAME", decimal_from_name, decimal_name,
          "what parts whole digits from others: point, comma; auto: as the first rows show");
  f.list.back().choices = [] {
    return known_names([](const std::string& name) { (void)decimal_from_name(name); });
  };
  f.maybe("header", table.columns.csv.header,
          "the first line names the columns; auto: unless it holds numbers");
  f.text(
      "test", table.test, "SHARE|FILE",
      "rows that are used for no choice and measure the model: a share, or a table of their own");
  f.number("folds", table.folds,
           "cross-validation in so many parts before the model is made of all rows; 0: none");
  f.number(
      "in-memory", table.in_memory,
      "MiB of values held in memory, beyond which they lie in a temporary file ($TMPDIR); 0: half "
      "of what the machine has");
  f.number("memory", table.memory,
           "rows kept beside the model, so that it can learn further without its table; 0: none");

  f.section("network");
  f.choice("architecture", s.architecture, architecture_from_name, architecture_name,
           "chain, skips (later layers read the input too), perceptron, general (perceptrons: one "
           "gate a layer, group-size has no say), residual (layers read one stream and add to it)");
  f.list_of("hidden", s.hidden, "widths of the hidden layers; none: a linear model");
  f.number("stream", s.stream,
           "width of a residual network's stream; 0: that of the first hidden layer");
  f.number("group-size", s.network.group_size, "neurons in a group; 0: one group, the whole layer");
  f.choice("radial", s.network.radial, radial_from_name, radial_name,
           "radial profile: tanh, asinh, algebraic, log, softsign");
  f.choice("length", s.network.length, length_mode_from_name, length_mode_name,
           "intrinsic length o: none, constant, trainable, log");
  f.choice("psi", s.network.psi, psi_mode_from_name, psi_mode_name,
           "linear correction: none, constant, trainable, decay, expectation");
  f.maybe(
      "norms", s.norms,
      "layers also read 1/s - 1 of every group below, which grows with its length; auto: where "
      "networks explore (--policy tolerance) and have a psi that is trained or constant, but for "
      "tables");
  f.choice("initialiser", s.network.initialiser, initialiser_from_name, initialiser_name,
           "initial weights: orthogonal, xavier, kaiming");

  f.section("training");
  TrainSettings& t = s.training;
  f.automatic("epochs", t.epochs,
              "passes over the training data; auto: 30, of tables about 3,000 steps");
  f.automatic("batch-size", t.batch_size, "samples in a step; auto: 128, of tables 16 to 128");
  f.choice(
      "loss", s.loss, loss_from_name, loss_name,
      "loss: cross_entropy, squared, binary (labels), huber (numbers with outliers); tables of "
      "labels and numbers have binary and squared unless it is said");
  f.choice("optimiser", t.optimiser.method, method_from_name, method_name,
           "optimiser: sgd, momentum, nesterov, adam, adamw, novograd, muon");
  f.optional("learning-rate", t.optimiser.learning_rate,
             "learning rate; auto: the optimiser's own");
  f.number("momentum", t.optimiser.momentum, "momentum of momentum, nesterov and muon");
  f.number("beta1", t.optimiser.beta1, "decay of the first moment of adam, adamw and novograd");
  f.number("beta2", t.optimiser.beta2, "decay of the second moment of adam, adamw and novograd");
  f.number("epsilon", t.optimiser.epsilon, "added to the root of the second moment");
  f.choice("second-moment", t.optimiser.second_moment, second_moment_from_name, second_moment_name,
           "how adam's second moment follows a turn: factored, squared (the published rule)");
  f.number("weight-decay", t.optimiser.weight_decay, "weight decay on every parameter");
  f.choice("schedule", t.schedule.kind, schedule_from_name, schedule_name,
           "learning rate over time: constant, cosine, linear, step");
  f.number("final-factor", t.schedule.final_factor, "share of the rate where a schedule ends");
  f.number("warm-up", t.schedule.warm_up, "first share of training in which the rate rises");
  f.number("restart", t.schedule.restart,
           "share of the rate where a schedule begins again after tasks have changed");
  f.number("patience", t.patience,
           "epochs without a lower validation loss that end a run early, with the best model kept; "
           "0: never; they count once widths have settled");
  f.number("clip-norm", t.clip_norm, "largest joint norm of the gradient; 0: no clipping");
  f.optional(
      "dropout", s.dropout,
      "share of the hidden groups left out in each step and sample; auto: 0.2 where the policy "
      "tolerance adapts the widths, else 0");
  f.optional("input-dropout", s.input_dropout, "the same for features; auto: 0.1, or 0 likewise");
  f.optional("label-smoothing", s.label_smoothing,
             "share of the target that goes to all classes alike; auto: 0.05, or 0 likewise");
  f.number("seed", t.seed, "seed of every random number");
  f.number("threads", s.engine.threads, "threads; 0: all cores (results do not depend on it)");
  f.text("engine", s.engine.name, "NAME",
         "engine: cpu, bfloat16 (factors rounded, sums not), reference");

  f.section("adaptation");
  AdaptSettings& a = t.adapt;
  f.toggle("adapt", a.enabled, "let the network grow and shrink while it learns");
  f.choice(
      "policy", a.policy.rule, policy_rule_from_name, policy_rule_name,
      "how widths are found: tolerance (explore, then give back), effect, paper (a buffer of idle "
      "neurons, judged by share of effect or by singular value)");
  f.number("tolerance", a.policy.tolerance,
           "mean change of the outputs that giving back may make, as a share of their length");
  f.number("threshold", a.policy.threshold,
           "score at or below which a neuron is idle (scaffold); -1: the policy's own");
  f.number("buffer", a.policy.buffer, "scaffold neurons kept in each hidden layer");
  f.number("adaptations-per-epoch", a.per_epoch, "how often the network adapts");
  f.number("statistics-batches", a.statistics_batches, "batches observed before an adaptation");
  f.number("cool-down", a.policy.cool_down, "adaptations a layer rests after it has grown");
  f.number("settle", a.settle,
           "last share of training, in which the shape is fixed; -1: tolerance 0.5, others 0.25");
  f.number("min-width", a.policy.min_width, "no layer is shrunk below");
  f.number("max-width", a.policy.max_width, "no layer is grown beyond");
  f.number("parameter-budget", a.policy.parameter_budget,
           "no growth beyond; 0: tolerance 28 a training sample, 1,500,000 at most, of tables "
           "500,000; others none");
  f.number("multiply-adds", s.multiply_adds, "the same in multiply–adds of one answer; 0: none");
  f.number("latency", s.latency,
           "the same in microseconds of one answer, measured here before training; 0: none");
  f.choice("outgoing", a.policy.outgoing, outgoing_from_name, outgoing_name,
           "first outgoing weights of new neurons: random, gradient");
  return f.list;
}

}  // namespace isoform
