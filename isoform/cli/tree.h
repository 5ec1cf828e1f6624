// The verbs of the program with their arguments, as data: what completion and the manual page are made from, so that neither can
// say what the program does not take.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace isoform::cli {

/// What may stand for a value, as far as it is known without opening a file.
struct Offer {
  std::vector<std::string> words = {};
  bool list = false;  // of words with commas between them
  bool files = false, folders = false;
};

struct Argument {
  std::vector<std::string> names;  // "--data"; empty: told by its place
  std::string type;                // "SET", "FILE.svg", …; empty: a flag without a value
  std::string about;
  bool required = false, repeats = false;
  Offer offer;
  [[nodiscard]] bool takes_value() const { return !type.empty(); }
};

struct Verb {
  std::vector<std::string> path;  // {"task", "add"}; empty: the program
  std::string about, notes;       // notes: what --help says at its end
  std::vector<Argument> arguments = {};
  std::vector<Verb> verbs = {};
  [[nodiscard]] std::string words() const;  // "task add"
};

/// Everything below `app`, in the order of --help.
Verb read_tree(const CLI::App& app);

}  // namespace isoform::cli
