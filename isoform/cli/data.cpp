// isoform data
#include <fmt/format.h>

#include <memory>

#include "isoform/base/error.h"
#include "isoform/cli/console.h"
#include "isoform/cli/verbs.h"
#include "isoform/monitor/format.h"

namespace isoform::cli {

namespace {

constexpr const char* kExamples = R"(
Examples:
  isoform data list
  isoform data check fashion-mnist)";

void list(bool json) {
  nlohmann::json sets = nlohmann::json::array();
  Table table({"set", "train", "test", "image", "classes", "installed"});
  for (const CatalogueEntry& entry : catalogue()) {
    std::string where = "no: " + entry.how_to_get;
    for (std::size_t at = 0; (at = where.find('\n', at)) != std::string::npos; at += 4) {
      where.replace(at, 1, " && ");
    }
    bool found = true;
    try {
      (void)load(entry.name, Split::test);
      where = "yes";
    } catch (const Error&) {
      found = false;
    }
    table.row({entry.name, format_count(entry.train_samples), format_count(entry.test_samples),
               fmt::format("{}×{}", entry.image.rows, entry.image.columns),
               format_count(static_cast<std::int64_t>(entry.classes.size())), where});
    sets.push_back({{"name", entry.name},
                    {"title", entry.title},
                    {"train", entry.train_samples},
                    {"test", entry.test_samples},
                    {"classes", entry.classes},
                    {"installed", found},
                    {"how_to_get", entry.how_to_get}});
  }
  if (json) return print_json(sets);
  print(table.text());
  print_line(
      "\nA folder with train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte "
      "and\nt10k-labels-idx1-ubyte (plain or .gz) serves as a set too: --data FOLDER.");
}

void check(const std::string& name, const std::string& data_dir) {
  for (const Split part : {Split::train, Split::test}) {
    const Dataset set = load(name, part, {data_dir, true});
    print_line(fmt::format("{} {:5}  {} samples of {} features, {} classes: complete{}", set.name(),
                           to_string(part), format_count(set.samples()), set.features(),
                           set.classes().size(),
                           find_entry(name) != nullptr ? ", checksum right" : ""));
  }
}

}  // namespace

void add_data(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("data", "known data sets: what there is, and is it whole");
  verb->footer(kExamples);
  verb->require_subcommand(1);
  auto json = std::make_shared<bool>(false);
  CLI::App* list_verb = verb->add_subcommand("list", "the known sets");
  list_verb->add_flag("--json", *json, "print as JSON");
  list_verb->callback([json] { list(*json); });
  struct Check {
    std::string name, data_dir;
  };
  auto options = std::make_shared<Check>();
  CLI::App* check_verb = verb->add_subcommand("check", "read a set and verify it");
  check_verb->add_option("name", options->name, "known set or folder")
      ->required()
      ->type_name("SET");
  check_verb->add_option("--data-dir", options->data_dir, "folder where known sets are looked for")
      ->type_name("DIR");
  check_verb->callback([options] { check(options->name, options->data_dir); });
}

}  // namespace isoform::cli
