#include "isoform/experiment/procedure.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "isoform/base/error.h"
#include "isoform/base/random.h"
#include "isoform/base/text.h"
#include "isoform/data/catalogue.h"
#include "isoform/data/combine.h"
#include "isoform/data/split.h"

namespace isoform {

namespace {

// `count` samples of the set, drawn by seed 0; 0: all.
Dataset some(const Dataset& data, Index count) {
  if (count <= 0 || count >= data.samples()) return data;
  std::vector<std::uint32_t> order = epoch_order(static_cast<std::uint32_t>(data.samples()), 0, 0);
  order.resize(static_cast<std::size_t>(count));
  return data.subset(order);
}

// The pixels of another set in an order of their own: a task that is new and has its shape.
DataPair permuted(const DataPair& from, const std::string& instead_of) {
  const std::vector<std::uint32_t> order =
      Random(0, Purpose::features).permutation(static_cast<std::uint32_t>(from.train.features()));
  return {
      with_features_permuted(from.train, order), with_features_permuted(from.test, order),
      from.label + " permuted",
      fmt::format("{} is not here: in its place stands {} with its pixels in a fixed random order",
                  instead_of, from.train.name())};
}

bool may_be_replaced(const ExperimentSettings& settings, const std::string& name) {
  return settings.has("substitute") && settings.own.at("substitute") == name &&
         name != settings.datasets.front();
}

[[noreturn]] void refuse_missing(const ExperimentSettings& settings, const std::string& missing) {
  throw FileError(
      fmt::format("{}\nThe experiment {} was not begun. With other sets: --datasets NAME,NAME",
                  missing, settings.name));
}

}  // namespace

void require_sets(const ExperimentSettings& settings, const std::string& data_dir) {
  std::string missing;
  for (const std::string& name : settings.datasets) {
    const CatalogueEntry* entry = find_entry(name);
    if (entry == nullptr || may_be_replaced(settings, name)) continue;
    const FoundSet found = find_set(*entry, Split::train, data_dir);
    if (found.found() && find_set(*entry, Split::test, data_dir).found()) continue;
    try {  // for its message: nothing is read of what is not there
      (void)load(name, found.found() ? Split::test : Split::train, {data_dir, true});
    } catch (const FileError& error) {
      missing += fmt::format("{}{}", missing.empty() ? "" : "\n", error.what());
    }
  }
  if (!missing.empty()) refuse_missing(settings, missing);
}

DataShelf::DataShelf(const ExperimentSettings& settings, const std::string& data_dir) {
  std::string missing;
  for (const std::string& name : settings.datasets) {
    try {
      const LoadOptions options{data_dir, true};
      sets_[name] = {some(load(name, Split::train, options), settings.training_samples),
                     some(load(name, Split::test, options), settings.test_samples), name};
      if (sets_[name].train.features() != sets_[name].test.features()) {
        throw FormatError(
            fmt::format("data '{}': training and test part differ in features", name));
      }
    } catch (const FileError& error) {
      if (may_be_replaced(settings, name) && sets_.contains(settings.datasets.front())) {
        sets_[name] = permuted(sets_.at(settings.datasets.front()), name);
        continue;
      }
      missing += fmt::format("{}{}", missing.empty() ? "" : "\n", error.what());
    }
  }
  if (!missing.empty()) refuse_missing(settings, missing);
}

void TrialRun::measure(const std::string& figure, std::vector<double> values, const Labels& more) {
  Labels at = labels_;
  at.insert(at.end(), more.begin(), more.end());
  rows_.push_back({std::move(at), figure, std::move(values)});
}

const ExperimentProcedure& procedure_by_name(const std::string& name) {
  static const std::vector<ExperimentProcedure> all = {
      cost_procedure(),       invariance_procedure(),
      spectra_procedure(),    scheduled_tasks_procedure(),
      abundance_procedure(),  sparsification_procedure(),
      elementwise_procedure()};
  std::vector<std::string> names;
  for (const ExperimentProcedure& procedure : all) {
    if (procedure.name == name) return procedure;
    names.push_back(procedure.name);
  }
  throw UsageError(fmt::format("procedure: '{}' is unknown; known are {}{}", name,
                               fmt::join(names, ", "), did_you_mean(name, names)));
}

}  // namespace isoform
