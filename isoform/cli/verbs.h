// The verbs of the program, one file each. Each function adds one subcommand whose callback does the work
// and throws what the library throws; main() turns exceptions into messages and exit codes.
#pragma once

#include <CLI/CLI.hpp>

namespace isoform::cli {

void add_train(CLI::App& app);
void add_eval(CLI::App& app);
void add_predict(CLI::App& app);
void add_inspect(CLI::App& app);
void add_edit(CLI::App& app);
void add_shrink(CLI::App& app);
void add_sparsify(CLI::App& app);
void add_convert(CLI::App& app);
void add_export(CLI::App& app);
void add_diff(CLI::App& app);
void add_import(CLI::App& app);
void add_task(CLI::App& app);
void add_study(CLI::App& app);
void add_experiment(CLI::App& app);
void add_data(CLI::App& app);
void add_serve(CLI::App& app);
void add_bench(CLI::App& app);
void add_dashboard(CLI::App& app);
void add_completion(CLI::App& app);
void add_manual(CLI::App& app);

/// Exit codes: done, failed, wrong usage, interrupted (as a shell reports Ctrl-C).
inline constexpr int kDone = 0, kFailed = 1, kUsage = 2, kInterrupted = 130;

/// Thrown by a verb that has said what it has to say.
struct Exit {
  int code;
};

}  // namespace isoform::cli
