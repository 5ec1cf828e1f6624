// isoform manual
#include <fmt/format.h>

#include <array>

#include "isoform/base/version.h"
#include "isoform/cli/console.h"
#include "isoform/cli/tree.h"
#include "isoform/cli/verbs.h"

namespace isoform::cli {

namespace {

// A term and what it means.
using Entry = std::array<const char*, 2>;

constexpr std::array<Entry, 4> kExits = {{
    {"0", "Done."},
    {"1",
     "Failed: a file that is missing, damaged or cannot be written, training that diverged, "
     "too little memory. Standard error says what, and how to mend it."},
    {"2", "Wrong usage: an unknown verb, flag or value. Nothing was done."},
    {"130",
     "Interrupted by Ctrl-C, SIGTERM or a terminal that was closed. train saves the model so "
     "far; study and experiment go on from there when they are run again. A second signal "
     "ends at once."},
}};

constexpr std::array<Entry, 5> kEnvironment = {{
    {"NO_COLOR",
     "Set to anything but nothing: no colours. Without it they are used on terminals "
     "alone, and not where TERM is dumb."},
    {"TERM", "dumb: no colours."},
    {"ISOFORM_DATA_DIR",
     "Folder where known data sets are looked for first: itself, and a folder "
     "with the name of the set in it. The flag --data-dir wins over it."},
    {"XDG_DATA_HOME",
     "Known data sets are looked for in its folder isoform/NAME; by default in "
     "~/.local/share/isoform/NAME."},
    {"HOME", "Where XDG_DATA_HOME is not set."},
}};

constexpr std::array<Entry, 6> kFiles = {{
    {"model.safetensors", "Models: safetensors with a description in JSON (model-file.md)."},
    {"run.jsonl", "Event logs, one JSON object a line (events.md)."},
    {"events.out.tfevents.*", "Event files for TensorBoard (tensorboard.md)."},
    {"run.toml", "Settings of a run, as train --show-settings prints and --config reads them."},
    {"./data/NAME, /usr/share/datasets/NAME, /usr/local/share/datasets/NAME",
     "Known data sets, beside the places that ENVIRONMENT names; isoform data list says which are "
     "found."},
    {"studies, experiment-results",
     "Folders of finished runs of study and experiment, which they go on from."},
}};

// Text as roff prints it: no line is taken for a request, hyphens stay what they are, and letters
// beyond ASCII are named, so that the page is the same in any locale.
std::string roff(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool begins = i == 0 || text[i - 1] == '\n';
    if (begins && (byte == '.' || byte == '\'')) out += "\\&";
    if (byte == '\\') {
      out += "\\e";
    } else if (byte == '-') {
      out += "\\-";
    } else if (byte == '\'') {
      out += "\\(aq";
    } else if (byte == '`') {
      out += "\\(ga";
    } else if (byte == '^') {
      out += "\\(ha";
    } else if (byte == '~') {
      out += "\\(ti";
    } else if (byte < 0x80) {
      out += text[i];
    } else {
      const std::size_t more = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : 1;
      unsigned letter = byte & (0x3fU >> more);
      for (std::size_t k = 1; k <= more && i + k < text.size(); ++k) {
        letter = letter << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3fU);
      }
      i += more;
      out += letter == 0x2026 ? "..." : fmt::format("\\[u{:04X}]", letter);
    }
  }
  return out;
}

std::string bold(std::string_view text) { return "\\fB" + roff(text) + "\\fR"; }
std::string italic(std::string_view text) { return "\\fI" + roff(text) + "\\fR"; }

template <std::size_t N>
std::string section(const char* title, const std::array<Entry, N>& entries) {
  std::string out = fmt::format(".SH {}\n", title);
  for (const auto& [term, about] : entries) {
    out += fmt::format(".TP\n{}\n{}\n", bold(term), roff(about));
  }
  return out;
}

// Lines as they are. An empty one is a space between paragraphs.
std::string verbatim(std::string_view text) {
  while (text.starts_with('\n')) text.remove_prefix(1);
  while (text.ends_with('\n')) text.remove_suffix(1);
  if (text.empty()) return "";
  return ".PP\n.nf\n" + roff(text) + "\n.fi\n";
}

std::string argument_text(const Argument& argument) {
  std::string term;
  for (const std::string& name : argument.names) term += (term.empty() ? "" : ", ") + bold(name);
  if (argument.takes_value()) term += (term.empty() ? "" : " ") + italic(argument.type);
  std::string about = roff(argument.about);
  if (argument.required && !argument.names.empty()) about += " (needed)";
  return fmt::format(".TP\n{}\n{}\n", term, about);
}

std::string verb_text(const Verb& verb) {
  std::string usage = bold("isoform " + verb.words()), arguments;
  if (!verb.verbs.empty()) usage += " " + italic("VERB");
  for (const Argument& argument : verb.arguments) {
    if (!argument.names.empty()) continue;
    const std::string type = italic(argument.type);
    usage += argument.required ? " " + type : " [" + type + "]";
  }
  for (const Argument& argument : verb.arguments) {
    // Every verb has it.
    if (argument.names.empty() || argument.names.back() != "--help") {
      arguments += argument_text(argument);
    }
  }
  std::string out =
      fmt::format(".SS {}\n{}{}\n.PP\n{}.\n", roff("isoform " + verb.words()), usage,
                  verb.verbs.empty() ? " [" + italic("FLAGS") + "]" : "", roff(verb.about));
  out += arguments + verbatim(verb.notes);
  for (const Verb& sub : verb.verbs) out += verb_text(sub);
  return out;
}

std::string page(const Verb& program) {
  std::string out = fmt::format(
      ".\\\" As `isoform manual` prints it.\n.TH ISOFORM 1 \"\" \"isoform {}\" \"User "
      "commands\"\n.nh\n",
      version());
  out += ".SH NAME\nisoform \\- neural networks that change their own shape while they learn\n";
  out +=
      ".SH SYNOPSIS\n.B isoform\n.I VERB\n[\\fIARGUMENTS\\fR]\n.br\n.B isoform\n.I VERB\n.B "
      "\\-\\-help\n";
  out += ".SH DESCRIPTION\n" +
         roff(
             "Trains networks with isotropic activations, and reads, changes and judges their "
             "shape: neurons are added without a change of the function, and removed by what they "
             "are worth.") +
         "\n.PP\n" +
         roff(
             "Results go to standard output; progress, warnings and errors go to standard error. "
             "With --json, which most verbs have, results are JSON. --quiet silences progress "
             "wherever there is some; errors are still told. A default stands in brackets at the "
             "end of a description.") +
         "\n.SH VERBS\n";
  for (const Verb& verb : program.verbs) out += verb_text(verb);
  out += section("EXIT STATUS", kExits) + section("ENVIRONMENT", kEnvironment) +
         section("FILES", kFiles);
  const std::string_view notes = program.notes;
  constexpr std::string_view kTitle = "Examples:\n";
  const std::size_t examples = notes.find(kTitle);
  if (examples != std::string_view::npos) {
    std::string_view lines = notes.substr(examples + kTitle.size());
    out += ".SH EXAMPLES\n" + verbatim(lines.substr(0, lines.find("\n\n"))).substr(4);
  }
  return out + ".SH SEE ALSO\n" +
         roff(
             "The pages in the documentation folder of the installation, beginning with "
             "index.md.") +
         "\n";
}

}  // namespace

void add_manual(CLI::App& app) {
  CLI::App* verb =
      app.add_subcommand("manual", "the manual page, in roff: isoform manual | man -l -");
  verb->callback([&app] { print(page(read_tree(app))); });
}

}  // namespace isoform::cli
