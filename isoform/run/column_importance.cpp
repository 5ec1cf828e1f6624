#include "isoform/run/column_importance.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "isoform/base/error.h"
#include "isoform/base/random.h"
#include "isoform/run/table_scores.h"

namespace isoform {

namespace {

// Rows of x that belong to each column.
template <class T>
std::map<std::size_t, std::vector<Index>> features_by_column(const Model<T>& model) {
  std::map<std::string, std::size_t> column_of;
  for (const auto& [name, source] : features_of(*model.schema)) column_of[name] = source.column;
  std::map<std::size_t, std::vector<Index>> features;
  const std::vector<std::string>& names = model.inputs.front().features;
  for (std::size_t f = 0; f < names.size(); ++f) {
    const auto found = column_of.find(names[f]);
    if (found != column_of.end()) features[found->second].push_back(static_cast<Index>(f));
  }
  return features;
}

}  // namespace

template <class T>
std::vector<ColumnImportance> column_importance(const Model<T>& model, const Dataset& data,
                                                Engine<T>& engine, int repeats,
                                                std::uint64_t seed) {
  if (!model.schema) {
    throw UsageError("importance: is of the columns of a table, which this model does not read");
  }
  if (data.samples() < 2) throw UsageError("importance: needs 2 rows or more");
  const auto score_of = [&](const Dataset& rows) {
    return score_answers(*model.schema, table_answers(model, rows, engine), rows).front().value;
  };
  const double loss = evaluate(model, data, engine).loss, score = score_of(data);
  const auto samples = static_cast<std::uint32_t>(data.samples());
  Matrix<float> x(data.features(), data.samples());
  std::vector<std::uint32_t> all(samples);
  std::iota(all.begin(), all.end(), 0U);
  data.gather(all, View<float>(x));

  std::vector<ColumnImportance> list;
  for (const auto& [column, features] : features_by_column(model)) {
    ColumnImportance importance{model.schema->columns[column].name};
    for (int r = 0; r < repeats; ++r) {
      const auto dealt = Random(seed, Purpose::features, static_cast<std::uint64_t>(r), column)
                             .permutation(samples);
      Matrix<float> changed = x;
      for (std::uint32_t j = 0; j < samples; ++j) {
        for (const Index f : features) changed(f, j) = x(f, dealt[j]);
      }
      Dataset::Contents contents = contents_without_values(data);
      contents.values = std::vector<float>(changed.data(), changed.data() + changed.size());
      const Dataset rows(std::move(contents));
      importance.loss += (evaluate(model, rows, engine).loss - loss) / repeats;
      importance.score += (score - score_of(rows)) / repeats;
    }
    list.push_back(std::move(importance));
  }
  std::stable_sort(list.begin(), list.end(),
                   [](const auto& a, const auto& b) { return a.loss > b.loss; });
  return list;
}

template std::vector<ColumnImportance> column_importance(const Model<float>&, const Dataset&,
                                                         Engine<float>&, int, std::uint64_t);
template std::vector<ColumnImportance> column_importance(const Model<double>&, const Dataset&,
                                                         Engine<double>&, int, std::uint64_t);

}  // namespace isoform
