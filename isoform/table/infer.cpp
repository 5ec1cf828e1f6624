#include "isoform/table/infer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <unordered_map>

#include "isoform/base/error.h"
#include "isoform/base/text.h"
#include "isoform/table/column_scan.h"

namespace isoform {

namespace {

constexpr std::size_t kMostClasses = 10'000;
constexpr std::size_t kMostFeatures = 65'536;

class Inference {
 public:
  Inference(const CsvFile& file, const TableOptions& options)
      : file_(file), options_(options), scans_(file.columns().size()) {
    for (std::size_t c = 0; c < file.columns().size(); ++c) in_file_[file.columns()[c]] = c;
    if (options.targets.empty()) {
      throw UsageError(fmt::format(
          "target: needs the column of '{}' that the model shall answer; columns are {}",
          file.name(), some(file.columns())));
    }
    for (const std::string& name : options.targets) {
      const std::size_t at = position("target", name);
      if (!targets_.insert(at).second) {
        throw UsageError(fmt::format("target: column '{}' is named twice", name));
      }
    }
    said("categories", options.categories, ColumnKind::category);
    said("numbers", options.numbers, ColumnKind::number);
    said("ignore", options.ignored, ColumnKind::ignored);
    if (!options.weights.empty()) {
      weights_ = position("weights", options.weights);
      if (targets_.contains(*weights_)) {
        throw UsageError(
            fmt::format("weights: column '{}' is the target too; name another", options.weights));
      }
    }
  }

  TableFacts run() {
    const char point = file_.format().decimal_point;
    facts_.decimal_point = point;
    for (const std::size_t t : targets_) scans_[t].all = options_.robust;
    file_.read([&](const CsvFile::Record& record) {
      for (const std::size_t t : targets_) {
        if (!is_missing(record.fields[t])) continue;
        ++facts_.without_target;
        return;
      }
      ++facts_.rows;
      for (std::size_t c = 0; c < scans_.size(); ++c) {
        const bool target = targets_.contains(c);
        const auto kind = said_.find(c);
        if (kind != said_.end() && kind->second == ColumnKind::ignored) continue;
        const bool category = kind != said_.end() && kind->second == ColumnKind::category;
        const std::size_t keep = target || category ? kMostClasses : 0;
        scans_[c].add(record.fields[c], record.line, point, keep);
      }
    });
    if (facts_.rows == 0) {
      throw FormatError(fmt::format(
          "{}: has no rows{}; needs some to learn from", file_.name(),
          facts_.without_target > 0 ? " whose target is known" : " after the line of names"));
    }
    find_target();
    for (std::size_t c = 0; c < scans_.size(); ++c) {
      if (targets_.contains(c) || c == weights_) continue;
      facts_.schema.columns.push_back(column(c));
      warn_of_lost_digits(c);
      facts_.missing.push_back(scans_[c].missing);
    }
    check_features();
    return std::move(facts_);
  }

 private:
  static std::string some(const std::vector<std::string>& names) {
    constexpr std::size_t kShown = 12;
    const std::size_t shown = std::min(names.size(), kShown);
    std::string text = fmt::format(
        "{}", fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
    if (shown < names.size()) text += fmt::format(" and {} more", names.size() - shown);
    return text;
  }

  std::size_t position(std::string_view flag, const std::string& name) const {
    const auto& columns = file_.columns();
    if (const auto found = in_file_.find(name); found != in_file_.end()) return found->second;
    throw UsageError(fmt::format("{}: '{}' has no column '{}'{}; columns are {}{}", flag,
                                 file_.name(), name, did_you_mean(name, columns), some(columns),
                                 file_.header_hint()));
  }

  void said(std::string_view flag, const std::vector<std::string>& names, ColumnKind kind) {
    for (const std::string& name : names) {
      const std::size_t at = position(flag, name);
      if (targets_.contains(at)) {
        throw UsageError(fmt::format(
            "{}: column '{}' is the target; its kind is said by --target-kind", flag, name));
      }
      if (!said_.emplace(at, kind).second && said_.at(at) != kind) {
        throw UsageError(fmt::format("{}: column '{}' is said to be two things", flag, name));
      }
    }
  }

  // Almost all numbers, and then a text: rather a slip than a category.
  [[noreturn]] void fail_text(std::size_t c, std::string_view mend) const {
    const ColumnScan& scan = scans_[c];
    throw FormatError(fmt::format(
        "{} has numbers in {} of {} rows, but '{}' here; mend it, leave it empty where it is not "
        "known, or {}",
        file_.place(scan.text_line, c), scan.numbers, scan.known(), scan.text, mend));
  }

  Column column(std::size_t c) const {
    const ColumnScan& scan = scans_[c];
    Column column{file_.columns()[c]};
    const auto kind = said_.find(c);
    column.has_missing = scan.missing > 0;
    if (scan.numbers > 0 && scan.infinite_line > 0) {
      throw FormatError(
          fmt::format("{} holds an infinite number; give a finite one, leave it empty where it is "
                      "not known, or "
                      "leave the column out (--ignore)",
                      file_.place(scan.infinite_line, c)));
    }
    if (kind != said_.end()) {
      column.kind = kind->second;
      if (column.kind == ColumnKind::ignored) column.why = "as said";
      if (column.kind == ColumnKind::number && scan.texts > 0) {
        fail_text(c, "take it for categories (--categories)");
      }
      if (column.kind == ColumnKind::category && scan.many) {
        throw UsageError(fmt::format("categories: column '{}' has more than {} different values",
                                     column.name, kMostClasses));
      }
    } else if (column.why = reason_to_ignore(scan); !column.why.empty()) {
      column.kind = ColumnKind::ignored;
    } else if (scan.texts == 0) {
      column.kind = ColumnKind::number;
    } else {
      if (is_slip(scan)) fail_text(c, "leave the column out (--ignore)");
      column.kind = ColumnKind::category;
    }
    if (column.kind == ColumnKind::number) column.fill = scan.mean;
    if (column.kind == ColumnKind::category) column.categories = scan.sorted();
    if (column.kind == ColumnKind::ignored) column.has_missing = false;
    return column;
  }

  // Features are 32-bit numbers.
  void warn_of_lost_digits(std::size_t c) {
    const ColumnScan& scan = scans_[c];
    if (facts_.schema.columns.back().kind != ColumnKind::number || scan.numbers < 2) return;
    if (scan.deviation() >= 1e-5 * std::abs(scan.mean)) return;
    facts_.warnings.push_back(fmt::format(
        "column '{}': its numbers deviate by {:.2g} from {:.6g}, and 7 digits are read of "
        "each; take their "
        "common part away in the table",
        file_.columns()[c], scan.deviation(), scan.mean));
  }

  // A text among so many different numbers that these are no categories.
  static bool is_slip(const ColumnScan& scan) {
    return scan.texts > 0 && scan.mostly_numbers() &&
           (scan.many || 2 * scan.values.size() > scan.known());
  }

  static std::string reason_to_ignore(const ColumnScan& scan) {
    if (scan.known() == 0) return "empty";
    if (scan.constant() && scan.missing == 0) return "the same in every row";
    if (scan.texts == 0) {
      return scan.counts && scan.numbers > 20 ? "it counts the rows" : "";
    }
    if (is_slip(scan)) return "";
    if (scan.many) {
      return scan.text.find_first_of("0123456789") == std::string::npos
                 ? "text with too many different values"
                 : fmt::format("text with too many different values, '{}' the first", scan.text);
    }
    if (2 * scan.values.size() > scan.known()) {
      return fmt::format("text with {} different values in {} rows", scan.values.size(),
                         scan.known());
    }
    return "";
  }

  void find_target() {
    Schema& schema = facts_.schema;
    schema.targets = options_.targets;
    std::vector<std::size_t> at;
    for (const std::string& name : options_.targets) at.push_back(position("target", name));
    const ColumnScan& first = scans_[at.front()];
    const auto all = [&](auto holds) {
      return std::all_of(at.begin(), at.end(), [&](std::size_t c) { return holds(scans_[c]); });
    };
    const bool numbers = all([](const ColumnScan& s) { return s.texts == 0; });
    const bool flags =
        numbers && all([](const ColumnScan& s) { return s.whole && s.least >= 0 && s.most <= 1; });
    if (options_.target_kind) {
      schema.target = *options_.target_kind;
    } else if (at.size() > 1) {
      schema.target = flags ? TargetKind::labels : TargetKind::numbers;
    } else {
      const bool counted = first.texts == 0 && first.whole && !first.many &&
                           first.values.size() <= kMostNumberedClasses;
      const bool slip =
          first.mostly_numbers() && (first.many || first.values.size() > kMostNumberedClasses);
      const bool text = first.texts > 0 && !slip;
      schema.target = counted || text ? TargetKind::classes : TargetKind::numbers;
    }
    if (schema.target == TargetKind::classes) return classes(at);
    if (schema.target == TargetKind::labels && !flags) {
      throw UsageError(fmt::format("target: labels are columns of 0 and 1; {} has other values",
                                   fmt::join(options_.targets, ", ")));
    }
    facts_.classes = schema.targets;
    for (const std::size_t c : at) {
      const ColumnScan& scan = scans_[c];
      if (scan.texts > 0)
        fail_text(c, "name another target, or take it for classes (--target-kind)");
      if (scan.least == scan.most && !options_.partial) fail_one_value(c);
      if (schema.target != TargetKind::numbers) continue;
      const auto [median, spread] = options_.robust ? scan.robust() : std::pair(0.0, 0.0);
      schema.mean.push_back(spread > 0 ? median : scan.mean);
      schema.scale.push_back(spread > 0 ? spread : scan.deviation());
    }
  }

  [[noreturn]] void fail_one_value(std::size_t c) const {
    throw UsageError(fmt::format(
        "target: column '{}' of '{}' has the same value in every row; there is nothing to learn "
        "from it",
        file_.columns()[c], file_.name()));
  }

  void classes(const std::vector<std::size_t>& at) {
    if (at.size() > 1) {
      throw UsageError(fmt::format("target-kind: classes stand in one column, got {}: {}",
                                   at.size(), fmt::join(options_.targets, ", ")));
    }
    const ColumnScan& scan = scans_[at.front()];
    if (scan.many || (scan.values.size() > 100 && 2 * scan.values.size() > scan.known())) {
      throw UsageError(fmt::format(
          "target: column '{}' has {} different texts in {} rows; a class needs several rows. Name "
          "another target",
          options_.targets.front(),
          scan.many ? fmt::format("more than {}", kMostClasses)
                    : std::to_string(scan.values.size()),
          scan.known()));
    }
    if (scan.values.size() < 2 && !options_.partial) fail_one_value(at.front());
    facts_.classes = scan.sorted();
    for (const std::string& name : facts_.classes) {
      facts_.class_rows.push_back(scan.values.at(name));
    }
  }

  void check_features() const {
    const std::vector<std::string> names = feature_names(facts_.schema);
    if (names.empty()) {
      constexpr std::size_t kShown = 3;
      const std::vector<Column>& columns = facts_.schema.columns;
      std::string why;
      for (std::size_t c = 0; c < std::min(kShown, columns.size()); ++c) {
        why +=
            fmt::format("{}column '{}': {}", c == 0 ? "" : "; ", columns[c].name, columns[c].why);
      }
      if (columns.size() > kShown) why += "; …";
      throw UsageError(fmt::format(
          "'{}': no column is left to learn from ({}); --numbers and --categories say what columns "
          "are",
          file_.name(), why.empty() ? "the target is the only one" : why));
    }
    if (names.size() > kMostFeatures) {
      throw UsageError(fmt::format(
          "'{}': its {} columns make {} features; a network reads {} at most. Leave columns out "
          "(--ignore)",
          file_.name(), facts_.schema.columns.size(), names.size(), kMostFeatures));
    }
    std::set<std::string> seen;
    for (const std::string& name : names) {
      if (seen.insert(name).second) continue;
      throw UsageError(fmt::format(
          "'{}': two features would be called '{}'; rename a column or leave it out (--ignore)",
          file_.name(), name));
    }
  }

  const CsvFile& file_;
  const TableOptions& options_;
  std::unordered_map<std::string_view, std::size_t> in_file_;  // position of each column
  std::vector<ColumnScan> scans_;
  std::set<std::size_t> targets_;
  std::map<std::size_t, ColumnKind> said_;
  std::optional<std::size_t> weights_;
  TableFacts facts_;
};

}  // namespace

TableFacts infer_schema(const CsvFile& file, const TableOptions& options) {
  return Inference(file, options).run();
}

}  // namespace isoform
