#include "isoform/experiment/output.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <ctime>
#include <fstream>

#include "isoform/base/file.h"
#include "isoform/base/thread_pool.h"
#include "isoform/base/version.h"
#include "isoform/data/checksum.h"
#include "isoform/experiment/words.h"
#include "isoform/monitor/format.h"

namespace isoform {

using Json = nlohmann::json;

namespace {

// The first value of a "name : value" file of the system; empty where there is none.
std::string system_value(const char* path, std::string_view name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(name)) continue;
    const std::size_t begin = line.find_first_not_of(" \t", line.find(':') + 1);
    return begin == std::string::npos ? "" : line.substr(begin);
  }
  return "";
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  return fmt::format("{:04}-{:02}-{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
}

// Leaves of a JSON value by their dotted path.
void flatten(const Json& json, const std::string& path, std::map<std::string, std::string>& out) {
  if (json.is_structured() && !json.empty()) {
    for (const auto& [key, value] : json.items()) {
      flatten(value, path.empty() ? key : fmt::format("{}.{}", path, key), out);
    }
    return;
  }
  out[path] = json.dump();
}

std::string data_words(const Json& identity) {
  std::vector<std::string> words;
  for (const Json& set : identity.at("data")) {
    words.push_back(fmt::format(
        "{} ({} + {} samples, checksums {} and {})", set.at("name").get<std::string>(),
        format_count(set.at("train_samples").get<std::int64_t>()),
        format_count(set.at("test_samples").get<std::int64_t>()),
        set.at("train_checksum").get<std::string>(), set.at("test_checksum").get<std::string>()));
  }
  return words.empty() ? "no data set" : fmt::format("{}", fmt::join(words, ", "));
}

std::string words_of(const std::vector<std::pair<std::string, std::string>>& settings) {
  std::string text;
  for (const auto& [name, value] : settings) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, value);
  }
  return text;
}

// Settings of train, and values of the procedure, that the arms share and in which they differ.
report::Table settings_table(const ExperimentSettings& settings) {
  report::Table table{
      "Settings (those that are not named are train's own)", {"arm", "settings"}, {}};
  auto all = settings.common;
  for (const auto& [key, value] : settings.own.items()) all.emplace_back(key, value.dump());
  table.rows.push_back({"all", words_of(all)});
  for (const ExperimentArm& arm : settings.arms) {
    auto own = arm.settings;
    for (const auto& [key, value] : arm.own.items()) own.emplace_back(key, value.dump());
    table.rows.push_back({arm.name, own.empty() ? "–" : words_of(own)});
  }
  return table;
}

report::Page page_of(const ExperimentSettings& settings, const ExperimentProcedure& procedure,
                     const Json& record, const ExperimentOutcome& outcome) {
  report::Page page;
  page.title = fmt::format("{} · {}", settings.number, settings.title);
  page.lead = settings.question;
  report::Text what{"What was run", settings.method, {}};
  const Json& identity = record.at("identity");
  what.paragraphs.push_back(fmt::format(
      "{} scale, {} seed{} of each arm, on {}.", settings.scale == Scale::quick ? "Quick" : "Paper",
      settings.repeats, settings.repeats == 1 ? "" : "s", data_words(identity)));
  for (const std::string& note : outcome.notes) what.paragraphs.push_back(note + ".");
  for (const ExperimentArm& arm : settings.arms) {
    if (!arm.about.empty()) what.paragraphs.push_back(fmt::format("{}: {}", arm.name, arm.about));
  }
  if (!outcome.finished) {
    what.paragraphs.emplace_back(
        "The experiment was stopped before its end: this page shows the trials that are done.");
  }
  const std::size_t diverged = outcome.measurements.values({}, "diverged").size();
  if (diverged > 0) {
    what.paragraphs.push_back(
        fmt::format("{} training{} diverged; their last good model was measured.", diverged,
                    diverged == 1 ? "" : "s"));
  }
  page.blocks.push_back(std::move(what));
  page.blocks.push_back(settings_table(settings));
  for (report::Block& block : procedure.report(settings, outcome.measurements)) {
    page.blocks.push_back(std::move(block));
  }
  report::Text again{"Again", {}, {}};
  again.paragraphs.push_back(
      fmt::format("Isoform {}, {}, {}. Numbers with an error are means over the seeds ± one "
                  "standard error; bands are as wide. Every number is in "
                  "numbers.csv and numbers.json beside this page, what was run in run.json.",
                  identity.at("version").get<std::string>(),
                  record.at("machine").at("processor").get<std::string>(),
                  record.at("date").get<std::string>()));
  again.code.push_back(record.at("command").get<std::string>());
  page.blocks.push_back(std::move(again));
  page.footer =
      "Protocol of G. Bird, Isotropic Activation Functions Enable Deindividuated Neurons and "
      "Adaptive Topologies, arXiv "
      "2602.23405 (2026). Its tables were not at hand; these numbers are of this run alone.";
  return page;
}

}  // namespace

Json machine_json() {
  std::string processor = system_value("/proc/cpuinfo", "model name");
  if (processor.empty()) processor = "unknown processor";
  return {{"processor", processor},
          {"cores", ThreadPool::available_cores()},
          {"memory", system_value("/proc/meminfo", "MemTotal")}};
}

Json identity_json(const ExperimentSettings& settings, const DataShelf& data) {
  Json sets = Json::array();
  for (const std::string& name : settings.datasets) {
    const DataPair& pair = data.at(name);
    sets.push_back({{"name", pair.label},
                    {"train_samples", pair.train.samples()},
                    {"test_samples", pair.test.samples()},
                    {"train_checksum", fmt::format("{:08x}", checksum(pair.train))},
                    {"test_checksum", fmt::format("{:08x}", checksum(pair.test))}});
  }
  return {{"experiment", settings.name}, {"scale", scale_name(settings.scale)},
          {"seeds", settings.repeats},   {"settings", settings.all},
          {"data", std::move(sets)},     {"version", version()}};
}

std::string differences(const Json& there, const Json& wanted) {
  std::map<std::string, std::string> a, b;
  flatten(there, "", a);
  flatten(wanted, "", b);
  std::string text;
  const auto tell = [&](const std::string& path, const std::string& left,
                        const std::string& right) {
    text += fmt::format("\n  {}: {} there, {} asked for", path, left, right);
  };
  for (const auto& [path, value] : a) {
    const auto found = b.find(path);
    if (found == b.end()) {
      tell(path, value, "nothing");
    } else if (found->second != value) {
      tell(path, value, found->second);
    }
  }
  for (const auto& [path, value] : b) {
    if (!a.contains(path)) tell(path, "nothing", value);
  }
  return text;
}

void write_outcome(const ExperimentSettings& settings, const ExperimentProcedure& procedure,
                   const ExperimentOptions& options, const Json& identity,
                   const ExperimentOutcome& outcome) {
  Json seeds = Json::array();
  for (int seed = 0; seed < settings.repeats; ++seed) seeds.push_back(seed);
  const Json record = {
      {"identity", identity},
      {"command", options.command},
      {"seeds", std::move(seeds)},
      {"machine", machine_json()},
      {"threads", options.threads > 0 ? options.threads : ThreadPool::available_cores()},
      {"compiler", compiler()},
      {"date", today()},
      {"notes", outcome.notes},
      {"finished", outcome.finished},
      {"trials", outcome.trials},
      {"trials_of_this_run", outcome.made},
      {"seconds_of_this_run", outcome.seconds}};
  write_file_atomically(outcome.folder / "run.json", record.dump(2) + "\n");
  write_file_atomically(outcome.folder / "numbers.csv", outcome.measurements.csv());
  const Json numbers = {{"experiment", settings.name},
                        {"scale", scale_name(settings.scale)},
                        {"version", version()},
                        {"rows", outcome.measurements.json()}};
  write_file_atomically(outcome.folder / "numbers.json", numbers.dump() + "\n");
  write_file_atomically(outcome.folder / "report.html",
                        report::draw(page_of(settings, procedure, record, outcome)));
}

void write_index(const std::filesystem::path& out) {
  std::vector<std::string> names = experiment_names();
  std::vector<std::string> others;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(out, ignored)) {
    const std::string name = entry.path().filename().string();
    if (std::find(names.begin(), names.end(), name) == names.end()) others.push_back(name);
  }
  std::sort(others.begin(), others.end());
  names.insert(names.end(), others.begin(), others.end());
  report::Page page;
  page.title = "Isoform: experiments";
  page.lead =
      "The experiments of the paper on isotropic networks that change their shape, and others, run "
      "by "
      "Isoform.";
  report::Links links;
  for (const std::string& name : names) {
    std::ifstream file(out / name / "run.json");
    const Json record = file ? Json::parse(file, nullptr, false) : Json();
    if (!record.is_object() || !record.contains("identity")) continue;
    const Json& settings = record.at("identity").at("settings");
    const bool finished = record.value("finished", false);
    links.links.push_back(
        {fmt::format("{}/report.html", name),
         fmt::format("{} · {}", settings.value("number", 0), settings.value("title", name)),
         fmt::format("{} ({} scale, {} trials{})", settings.value("question", ""),
                     record.at("identity").value("scale", ""), record.value("trials", 0),
                     finished ? "" : "; stopped before its end")});
  }
  page.blocks.emplace_back(std::move(links));
  write_file_atomically(out / "index.html", report::draw(page));
}

}  // namespace isoform
