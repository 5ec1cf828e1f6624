// The program: parses the command line, runs one verb, turns exceptions into messages and exit codes.
#include <fmt/format.h>
#include <fmt/ranges.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <limits>

#include "isoform/base/error.h"
#include "isoform/base/text.h"
#include "isoform/base/version.h"
#include "isoform/cli/console.h"
#include "isoform/cli/verbs.h"
#include "isoform/linalg/clones.h"
#include "isoform/linalg/engine.h"

namespace {

using isoform::cli::complain;

constexpr const char* kExamples = R"(
Examples:
  isoform train --data fashion-mnist --out model.safetensors
  isoform eval model.safetensors --data fashion-mnist
  isoform inspect model.safetensors
  isoform shrink model.safetensors small.safetensors --tolerance 0.05 --data fashion-mnist
  isoform sparsify model.safetensors sparse.safetensors
  isoform <verb> --help

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted. Colours: on terminals, unless NO_COLOR is set.)";

std::string version_text() {
  return fmt::format(
      "isoform {}\ncompiler         {}\nengine           cpu, {}\ninstruction set  {}",
      isoform::version(), isoform::compiler(), isoform::linear_algebra_library(),
      isoform::instruction_set());
}

// CLI11's "Could not convert: --seeds = 1.5" as settings say it.
std::string in_our_words(const CLI::App& verb, const std::string& message) {
  constexpr std::string_view kBefore = "Could not convert: ", kBetween = " = ";
  const std::size_t between = message.find(kBetween);
  if (!message.starts_with(kBefore) || between == std::string::npos) return message;
  const std::string flag = message.substr(kBefore.size(), between - kBefore.size());
  const CLI::Option* option = verb.get_option_no_throw(flag);
  const std::string type = option == nullptr ? "" : option->get_type_name();
  const char* const needs = type == "COUNT" || type == "LAYER" || type == "GROUP" ? "a whole number"
                            : type == "N,N,…" ? "whole numbers with a comma between them"
                                              : "a number";
  return fmt::format("{}: needs {}, got '{}'", flag, needs,
                     message.substr(between + kBetween.size()));
}

// Says what is wrong with the command line, and what was probably meant.
int refuse(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* verb = &app;
  while (!verb->get_subcommands().empty()) verb = verb->get_subcommands().front();
  std::vector<std::string> flags, verbs;
  for (const CLI::Option* option : verb->get_options()) {
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  }
  for (const CLI::App* sub : verb->get_subcommands({})) verbs.push_back(sub->get_name());

  std::string message = in_our_words(*verb, error.what());
  const std::vector<std::string> extra = app.remaining(true);
  const auto flag = std::find_if(extra.begin(), extra.end(),
                                 [](const std::string& word) { return word.starts_with("-"); });
  const bool wrong_verb = !verbs.empty() && !extra.empty() && !extra.front().starts_with("-");
  if (flag != extra.end() && !wrong_verb) {
    const std::string typed = flag->substr(0, flag->find('='));
    message = fmt::format("flag {} is unknown{}", typed, isoform::did_you_mean(typed, flags));
  } else if (wrong_verb) {
    message = fmt::format("verb '{}' is unknown; known are {}{}", extra.front(),
                          fmt::join(verbs, ", "), isoform::did_you_mean(extra.front(), verbs));
  } else if (!extra.empty()) {
    message = fmt::format("'{}' is one word too many", extra.front());
  } else if (!verbs.empty()) {
    message = fmt::format("a verb is needed; known are {}", fmt::join(verbs, ", "));
  }
  std::string path;
  for (const CLI::App* at = verb; at != &app; at = at->get_parent()) {
    path = fmt::format("{} {}", at->get_name(), path);
  }
  complain(fmt::format("{}\nTry: isoform {}--help", message, path));
  return isoform::cli::kUsage;
}

// An unset variable of a shell leaves an empty text, or a hole in a list; neither may be read as 0 or passed
// over.
void refuse_gaps(const std::vector<std::string>& words) {
  constexpr std::array kLists = {"--to",        "--keep",       "--remove-groups", "--diagonal",
                                 "--outputs",   "--features",   "--inputs",        "--mean",
                                 "--deviation", "--class-names"};
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::size_t equals = words[i].find('=');
    const bool joined = words[i].starts_with("--") && equals != std::string::npos;
    const std::string value = joined ? words[i].substr(equals + 1) : words[i];
    const std::string flag = joined ? words[i].substr(0, equals) : i > 0 ? words[i - 1] : "isoform";
    if (value.empty()) {
      throw isoform::UsageError(
          fmt::format("{}: needs a value, got an empty text; is a variable unset?", flag));
    }
    const bool list = std::find(kLists.begin(), kLists.end(), flag) != kLists.end();
    if (list && (value.front() == ',' || value.back() == ',' || value.find(",,") != value.npos)) {
      throw isoform::UsageError(
          fmt::format("{}: needs entries with one comma between them, got '{}'", flag, value));
    }
  }
}

// Matrices of megabytes come and go with every edit: their memory stays with the program. Given back to the system each
// time, its pages cost more than what is done with them.
void keep_memory() {
#if defined(__GLIBC__)
  mallopt(M_MMAP_MAX, 0);  // the threshold stops at 32 MiB, which 2048 × 2048 in double reach
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
#endif
}

}  // namespace

int main(int argc, char** argv) {
  keep_memory();
  CLI::App app{"Isoform: neural networks that change their own shape while they learn."};
  app.name("isoform");
  app.footer(kExamples);
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  app.set_version_flag("--version", version_text());
  isoform::cli::add_train(app);
  isoform::cli::add_eval(app);
  isoform::cli::add_predict(app);
  isoform::cli::add_inspect(app);
  isoform::cli::add_edit(app);
  isoform::cli::add_shrink(app);
  isoform::cli::add_sparsify(app);
  isoform::cli::add_convert(app);
  isoform::cli::add_export(app);
  isoform::cli::add_diff(app);
  isoform::cli::add_import(app);
  isoform::cli::add_task(app);
  isoform::cli::add_study(app);
  isoform::cli::add_experiment(app);
  isoform::cli::add_dashboard(app);
  isoform::cli::add_serve(app);
  isoform::cli::add_bench(app);
  isoform::cli::add_data(app);
  isoform::cli::add_completion(app);
  isoform::cli::add_manual(app);
  try {
    if (argc == 1) {
      std::fputs(app.help().c_str(), stdout);
      return isoform::cli::kUsage;
    }
    refuse_gaps({argv + 1, argv + argc});
    app.parse(argc, argv);
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
      throw isoform::FileError("standard output: cannot be written");
    return isoform::cli::kDone;
  } catch (const CLI::Success& request) {
    const int code = app.exit(request);  // --help, --version
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
    complain("standard output: cannot be written");
    return isoform::cli::kFailed;
  } catch (const CLI::ParseError& error) {
    return refuse(app, error);
  } catch (const isoform::cli::Exit& exit) {
    std::fflush(stdout);
    return exit.code;
  } catch (const isoform::UsageError& error) {
    complain(error.what());
    return isoform::cli::kUsage;
  } catch (const std::bad_alloc&) {
    complain("out of memory; ask for smaller layers or less data");
    return isoform::cli::kFailed;
  } catch (const std::exception& error) {
    complain(error.what());
    return isoform::cli::kFailed;
  }
}
