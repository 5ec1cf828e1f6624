// isoform data
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

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

// "60,000", or of a set whose parts are drawn the shares.
std::string part_text(const CatalogueEntry& entry, Split split) {
  const bool is_train = split == Split::train;
  if (entry.test_samples == 0) {
    return is_train ? fmt::format("80 % of {}", format_count(entry.train_samples)) : "20 %";
  }
  return format_count(is_train ? entry.train_samples : entry.test_samples);
}

// Each line by two blanks.
std::string indented(const std::string& lines) {
  std::string out;
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = std::min(lines.find('\n', at), lines.size());
    out += "  " + lines.substr(at, end - at) + "\n";
    at = end + 1;
  }
  return out;
}

void list(bool json) {
  nlohmann::json sets = nlohmann::json::array();
  std::string missing;
  Table table({"set", "train", "test", "image", "classes", "installed"});
  for (const CatalogueEntry& entry : catalogue()) {
    const bool found =
        find_set(entry, Split::train).found() && find_set(entry, Split::test).found();
    if (!found) missing += fmt::format("\n{}\n{}", entry.name, indented(entry.how_to_get));
    table.row({entry.name, part_text(entry, Split::train), part_text(entry, Split::test),
               fmt::format("{}×{}{}", entry.image.rows, entry.image.columns,
                           entry.image.channels == 3 ? " colour" : ""),
               format_count(entry.class_count), found ? "yes" : "no"});
    nlohmann::json set = {{"name", entry.name},
                          {"title", entry.title},
                          {"image", {entry.image.rows, entry.image.columns, entry.image.channels}},
                          {"class_count", entry.class_count},
                          {"classes", entry.classes},
                          {"installed", found},
                          {"how_to_get", entry.how_to_get}};
    if (entry.test_samples > 0) {
      set["train"] = entry.train_samples;
      set["test"] = entry.test_samples;
    } else {
      set["samples"] = entry.train_samples;
    }
    sets.push_back(std::move(set));
  }
  if (json) return print_json(sets);
  print(table.text());
  if (!missing.empty()) print("\nTo get those that are missing:\n" + missing);
  print_line(
      "\nInstalled: the files are there; `isoform data check SET` reads and verifies them.\n"
      "A folder serves as a set too (--data FOLDER): one with train-images-idx3-ubyte,\n"
      "train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte (plain or\n"
      ".gz), or one with a folder of pictures for each class.");
}

// What was compared, for a known set; nothing is known of a folder.
std::string verified(const CatalogueEntry* entry) {
  if (entry == nullptr) return "";
  if (entry->train_files.empty()) return ", number of pictures right";
  if (entry->train_files.front().content_bytes == 0) return "";
  return entry->train_files.front().crc32 ? ", checksum right" : ", sizes right";
}

void check(const std::string& name, const std::string& data_dir) {
  for (const Split part : {Split::train, Split::test}) {
    const Dataset set = load(name, part, {data_dir, true});
    print_line(fmt::format("{} {:5}  {} samples of {} features, {} classes: complete{}", set.name(),
                           to_string(part), format_count(set.samples()), set.features(),
                           set.classes().size(), verified(find_entry(name))));
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
