// Runs on tables: parts, weights, settings, cross-validation, what columns are worth.
#include "isoform/run/tables.h"

#include <gmock/gmock.h>

#include <bit>
#include <cmath>
#include <functional>
#include <set>

#include "isoform/base/error.h"
#include "isoform/run/column_importance.h"
#include "tests/support/random_table.h"

namespace isoform {
namespace {

using namespace isoform::testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(TableParts, AreDisjointAndComplete) {
  const RandomTable table{.rows = 300};
  const TableFile file(table.write(1));
  RunSettings settings = table_run(file.path(), table);
  const TableData data = read_table(settings);
  const auto positions = [](const Dataset& part) {
    std::set<std::size_t> all;
    for (Index i = 0; i < part.samples(); ++i) all.insert(part.stored_position(i));
    return all;
  };
  const TableParts parts = split_table(settings, data);
  EXPECT_EQ(parts.test.samples(), 60);
  EXPECT_EQ(parts.validation.samples(), 24);
  std::set<std::size_t> all = positions(parts.training);
  all.merge(positions(parts.validation));
  all.merge(positions(parts.test));
  EXPECT_EQ(std::ssize(all), 300);
  EXPECT_EQ(parts.training.samples() + parts.validation.samples() + parts.test.samples(), 300);
  EXPECT_TRUE(split_table(settings, data, true).test.empty());
  settings.table.test = "0";
  EXPECT_TRUE(split_table(settings, data).test.empty());
  const TableFile own(RandomTable{.rows = 33}.write(2));
  settings.table.test = own.path();
  EXPECT_EQ(split_table(settings, data).test.samples(), 33);
  EXPECT_EQ(split_table(settings, data, true).test_name, own.path());
  for (const char* bad : {"0.95", "-0.1", "nan", "1"}) {
    settings.table.test = bad;
    EXPECT_THAT(message_of<UsageError>([&] { (void)split_table(settings, data); }),
                HasSubstr("test: needs a share"));
  }
  settings.table.test = "absent.csv";
  EXPECT_THROW((void)split_table(settings, data), FileError);
}

TEST(TableWeights, HaveMeanOneAndMakeClassesAlike) {
  const RandomTable table{.rows = 300, .weights = true};
  const TableFile file(table.write(1));
  const Dataset data = read_table(table_run(file.path(), table)).rows.data;
  for (const ClassWeights kind : {ClassWeights::none, ClassWeights::balanced}) {
    const Dataset own = weighted(data, kind);
    std::vector<double> of(data.classes().size(), 0);
    double sum = 0;
    for (Index i = 0; i < own.samples(); ++i) {
      const std::uint32_t label = own.labels()[static_cast<std::size_t>(i)];
      of[label] += static_cast<double>(own.weight(i));
      sum += static_cast<double>(own.weight(i));
      // Within a class: as they were.
      for (Index j = 0; j < 5; ++j) {
        if (own.labels()[static_cast<std::size_t>(j)] != label) continue;
        EXPECT_NEAR(double(own.weight(i)) * double(data.weight(j)),
                    double(own.weight(j)) * double(data.weight(i)), 1e-5);
      }
    }
    EXPECT_NEAR(sum / 300, 1, 1e-5);
    for (const double w : of) {
      if (kind == ClassWeights::balanced) {
        EXPECT_NEAR(w, 100, 1e-3);
      }
    }
  }
  const Dataset bare = data.with_weights({});
  EXPECT_FALSE(weighted(bare, ClassWeights::none).has_weights());
  EXPECT_TRUE(weighted(bare, ClassWeights::balanced).has_weights());
  EXPECT_THAT(message_of<UsageError>([&] {
                // What is left of a set may hold no weight at all.
                std::vector<float> one(300, 0);
                one[0] = 1;
                const std::vector<std::uint32_t> others = {1, 2, 3};
                (void)weighted(data.with_weights(one).subset(others), ClassWeights::none);
              }),
              HasSubstr("all weights are 0"));
}

TEST(TableSettings, LossAndLengthFollowTheTable) {
  Schema schema;
  RunSettings said;
  said.data = "t.csv";
  EXPECT_EQ(table_settings(said, schema, 1000).loss, Loss::cross_entropy);
  schema.target = TargetKind::labels;
  EXPECT_EQ(table_settings(said, schema, 1000).loss, Loss::binary);
  schema.target = TargetKind::numbers;
  EXPECT_EQ(table_settings(said, schema, 1000).loss, Loss::squared);
  said.loss = Loss::huber;
  EXPECT_EQ(table_settings(said, schema, 1000).loss, Loss::huber);
  said.loss = Loss::binary;
  EXPECT_THAT(message_of<UsageError>([&] { (void)table_settings(said, schema, 1000); }),
              HasSubstr("loss"));
  said.loss = Loss::cross_entropy;
  for (const Index samples : {1, 10, 100, 1000, 10'000, 100'000, 1'000'000}) {
    RunSettings s = said;
    s.finish(samples);
    EXPECT_GE(s.training.batch_size, 16);
    EXPECT_LE(s.training.batch_size, 128);
    EXPECT_GE(s.training.epochs, 16);
    EXPECT_EQ(s.training.adapt.policy.parameter_budget, 0) << "that is what somebody asked for";
    EXPECT_EQ(s.training.adapt.policy.budget(samples), std::min<Index>(28 * samples, 500'000));
    EXPECT_LE(s.training.epochs, 200);
    const double steps =
        std::ceil(double(samples) / double(s.training.batch_size)) * s.training.epochs;
    if (s.training.epochs > 16 && s.training.epochs < 200) {
      EXPECT_NEAR(steps, 3000, 3000 / 20.0);
    }
  }
  said.training.epochs = 7;
  said.training.batch_size = 5;
  said.finish(1000);
  EXPECT_EQ(said.training.epochs, 7);
  EXPECT_EQ(said.training.batch_size, 5);
}

TEST(TableUnits, AreSharedByWhatLooksLikePixels) {
  const auto shared = [](const std::function<double(Dice&, int)>& value, int columns) {
    Dice dice(1, 151);
    Schema schema;
    Dataset::Contents c{.name = "t", .features = columns, .classes = {"a"}};
    std::vector<float> values;
    for (int i = 0; i < 60; ++i) {
      for (int k = 0; k < columns; ++k) values.push_back(static_cast<float>(value(dice, k)));
      c.labels.push_back(0);
    }
    c.values = std::move(values);
    for (int k = 0; k < columns; ++k) schema.columns.push_back({.name = std::to_string(k)});
    const bool alone = share_a_unit(schema, Dataset(c));
    schema.columns.back().has_missing = true;
    EXPECT_FALSE(share_a_unit(schema, Dataset(c)));
    return alone;
  };
  const auto pixel = [](Dice& dice, int) { return static_cast<double>(dice.between(0, 8)); };
  EXPECT_TRUE(shared(pixel, 16));
  EXPECT_FALSE(shared(pixel, 15));
  EXPECT_FALSE(shared([](Dice& dice, int) { return dice.uniform(0, 8); }, 20));
  EXPECT_FALSE(shared([](Dice& dice, int) { return dice.coin() ? 1.0 : 0.0; }, 20)) << "flags";
  EXPECT_FALSE(
      shared([](Dice& dice, int k) { return static_cast<double>(dice.between(0, 3 + k)); }, 20));
  EXPECT_FALSE(
      shared([](Dice& dice, int) { return static_cast<double>(dice.between(-1, 8)); }, 20));
}

TEST(TableNotes, SayWhatWasFound) {
  EncodeReport report;
  report.unseen["city"] = {.rows = 3, .first = "Bonn"};
  report.newly_missing["age"] = 2;
  report.new_columns = {"p", "q"};
  report.without_target = 1;
  EXPECT_THAT(notes(report),
              ElementsAre(::testing::AllOf(HasSubstr("'city': 3 rows"), HasSubstr("'Bonn'")),
                          HasSubstr("'age': is missing in 2"), HasSubstr("p, q"),
                          HasSubstr("1 rows without a target")));
  EXPECT_TRUE(notes(EncodeReport{}).empty());
}

CrossValidation validated(RunSettings settings, int threads) {
  settings.engine.threads = threads;
  return cross_validate(settings, read_table(settings));
}

TEST(CrossValidation, DoesNotDependOnThreads) {
  for (const TargetKind kind : {TargetKind::classes, TargetKind::labels, TargetKind::numbers}) {
    const RandomTable table{.kind = kind, .rows = 90, .weights = true};
    const TableFile file(table.write(1));
    RunSettings settings = table_run(file.path(), table);
    settings.table.folds = 3;
    settings.training.adapt.enabled = true;
    settings.training.adapt.policy.parameter_budget = 500;
    const CrossValidation one = validated(settings, 1), two = validated(settings, 2);
    ASSERT_EQ(one.folds.size(), 3U);
    EXPECT_EQ(one.fold, two.fold);
    EXPECT_EQ(one.widths, two.widths);
    ASSERT_EQ(one.answers.size(), two.answers.size());
    for (Index i = 0; i < one.answers.size(); ++i) {
      EXPECT_EQ(std::bit_cast<std::uint64_t>(one.answers(i)),
                std::bit_cast<std::uint64_t>(two.answers(i)));
      EXPECT_TRUE(std::isfinite(one.answers(i))) << "every row is held out once";
    }
    for (std::size_t k = 0; k < 3; ++k) {
      for (std::size_t s = 0; s < one.folds[k].size(); ++s) {
        EXPECT_EQ(std::bit_cast<std::uint64_t>(one.folds[k][s].value),
                  std::bit_cast<std::uint64_t>(two.folds[k][s].value));
      }
    }
  }
}

TEST(CrossValidation, ScoresRowsThatWereNotSeen) {
  // The target is noise: a score above chance would mean that the folds leak.
  Dice dice(1, 150);
  std::string text = "x,y\n";
  for (int i = 0; i < 240; ++i)
    text += std::to_string(dice.normal()) + (dice.coin() ? ",a\n" : ",b\n");
  const TableFile file(text);
  RunSettings settings = table_run(file.path());
  settings.table.folds = 4;
  const CrossValidation folds = validated(settings, 1);
  double mean = 0;
  for (const TableScores& scores : folds.folds) mean += scores.front().value / 4;
  EXPECT_EQ(folds.folds.front().front().name, "accuracy");
  EXPECT_NEAR(mean, 0.5, 0.12);
  settings.table.folds = 241;
  EXPECT_THAT(message_of<UsageError>([&] { (void)validated(settings, 1); }),
              HasSubstr("folds: needs 2 to 240"));
}

TEST(CrossValidation, KeepsToTheBudgetOfMultiplyAdds) {
  const RandomTable table{.rows = 90};
  const TableFile file(table.write(1));
  RunSettings settings = table_run(file.path(), table);
  settings.table.folds = 2;
  settings.training.adapt.enabled = true;
  settings.training.adapt.policy.rule = PolicyRule::tolerance;
  settings.training.adapt.policy.tolerance = 1e-6;  // what it grows to it keeps
  // Of weights alone; biases and gates come on top.
  const auto most = [](const CrossValidation& folds) {
    Index products = 0;
    for (const std::vector<Index>& widths : folds.widths) {
      Index sum = 0;
      for (std::size_t l = 1; l < widths.size(); ++l) sum += widths[l - 1] * widths[l];
      products = std::max(products, sum);
    }
    return products;
  };
  settings.training.adapt.policy.parameter_budget = 5000;
  EXPECT_GT(most(validated(settings, 1)), 800);
  settings.multiply_adds = 800;
  EXPECT_LE(most(validated(settings, 2)), 800);
  settings.multiply_adds = 1;
  EXPECT_THAT(message_of<UsageError>([&] { (void)validated(settings, 1); }),
              HasSubstr("over the 1 that are allowed"));
}

TEST(CrossValidation, StopsWhenItIsTold) {
  const TableFile file(RandomTable{.rows = 90}.write(1));
  RunSettings settings = table_run(file.path());
  settings.table.folds = 3;
  const std::atomic<bool> stop = true;
  const CrossValidation folds = cross_validate(settings, read_table(settings), {}, &stop);
  EXPECT_TRUE(folds.folds.empty());
  EXPECT_TRUE(folds.widths.empty());
}

TEST(ColumnImportance, FindsTheColumnThatDetermines) {
  const auto engine = create_engine<float>({.threads = 1});
  for (const TargetKind kind : {TargetKind::classes, TargetKind::numbers}) {
    // y follows x1; x2 is noise, city adds little.
    const RandomTable table{.kind = kind, .rows = 400, .cities = 2, .classes = 2};
    const TableFile file(table.write(3));
    RunSettings settings = table_run(file.path(), table);
    settings.training.epochs = 30;
    const TableData data = read_table(settings);
    const RunSettings own = table_settings(settings, data.facts.schema, 400);
    Model<float> model = create_table_model<float>(own, data.facts.schema, data.rows.data);
    (void)train(model, {{"t", data.rows.data, {}}}, own.training, *engine);
    const auto list = column_importance(model, data.rows.data, *engine, 3, 1);
    ASSERT_EQ(list.size(), 3U);
    EXPECT_EQ(list.front().column, "x1");
    for (const ColumnImportance& c : list) {
      if (c.column == "x1") {
        EXPECT_GT(c.score, 0.2);
      }
      if (c.column == "x2") {
        EXPECT_LT(std::abs(c.score), 0.1);
      }
    }
    const auto again = column_importance(model, data.rows.data, *engine, 3, 1);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(list[i].loss, again[i].loss);
    EXPECT_TRUE(std::is_sorted(list.begin(), list.end(),
                               [](const auto& a, const auto& b) { return a.loss > b.loss; }));
    const std::vector<std::uint32_t> one = {0};
    EXPECT_THROW((void)column_importance(model, data.rows.data.subset(one), *engine), UsageError);
    model.schema.reset();
    EXPECT_THROW((void)column_importance(model, data.rows.data, *engine), UsageError);
  }
}

TEST(TableScores, AreInTheTermsOfTheTable) {
  const auto engine = create_engine<float>({.threads = 1});
  for (const TargetKind kind : {TargetKind::classes, TargetKind::labels, TargetKind::numbers}) {
    const RandomTable table{.kind = kind, .rows = 80};
    const TableFile file(table.write(3));
    const RunSettings settings = table_run(file.path(), table);
    const TableData data = read_table(settings);
    const Model<float> model = table_model<float>(settings, data);
    const Dataset& rows = data.rows.data;
    const Matrix<double> answers = table_answers(model, rows, *engine);
    const TableScores scores = score_answers(data.facts.schema, answers, rows);
    if (kind == TargetKind::classes) {
      EXPECT_LE((answers.colwise().sum().array() - 1).abs().maxCoeff(), 1e-12);
      EXPECT_NEAR(scores.front().value, evaluate(model, rows, *engine).accuracy, 1e-12);
    } else if (kind == TargetKind::labels) {
      EXPECT_NEAR(scores.front().value, evaluate(model, rows, *engine).accuracy, 1e-12);
    } else {
      const Matrix<double> truth = table_targets(data.facts.schema, rows);
      const Rows text = table.write(3);
      for (Index j = 0; j < rows.samples(); ++j)
        EXPECT_NEAR(truth(0, j), std::stod(text[static_cast<std::size_t>(j + 1)][3]), 1e-3);
      const double mean = truth.mean();
      const double r2 = 1 - (answers - truth).squaredNorm() / (truth.array() - mean).square().sum();
      EXPECT_NEAR(scores.front().value, r2, 1e-9 * std::abs(r2) + 1e-9);
      EXPECT_EQ(scores.front().name, "R²");
    }
  }
  EXPECT_EQ(format_score({"accuracy", 0.97312, true}), "97.31 %");
  EXPECT_EQ(format_score({"R²", 0.97312, false}), "0.9731");
  EXPECT_EQ(format_score({"R²", std::nan(""), false}), "–");
}

}  // namespace
}  // namespace isoform
