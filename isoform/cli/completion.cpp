// isoform completion
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <memory>

#include "isoform/base/error.h"
#include "isoform/base/version.h"
#include "isoform/cli/console.h"
#include "isoform/cli/tree.h"
#include "isoform/cli/verbs.h"

namespace isoform::cli {

namespace {

constexpr const char* kExamples = R"(
An installation has both where shells look for them. By hand:
  source <(isoform completion bash)                        # in ~/.bashrc
  isoform completion zsh > ~/.zsh/completions/_isoform     # a folder of $fpath, before compinit)";

// What follows is fixed; tables of verbs, flags and values stand before it. No array with keys and no mapfile: the bash
// of macOS has neither.
constexpr const char* kBashProgram = R"__(
_isoform() {
  local path= expects= front= word kinds i place=1 cur=${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ $word == = ]]; then continue; fi # --flag=value comes as three words
    if [[ -n $expects ]]; then
      expects=
    elif [[ $word == -* ]]; then
      _isoform_value "$path $word"
      if [[ -n $REPLY && $word != *=* ]]; then expects="$path $word"; fi
    else
      _isoform_verbs "$path"
      if [[ " $REPLY " == *" $word "* ]]; then
        path="${path:+$path }$word" place=1
      else
        place=$((place + 1))
      fi
    fi
  done
  if [[ $cur == = ]]; then cur=; fi
  if [[ -z $expects && $cur == --*=* ]]; then # where = parts no words
    expects="$path ${cur%%=*}" front="${cur%%=*}=" cur=${cur#*=}
  fi
  if [[ -z $expects && $cur == -* ]]; then
    _isoform_flags "$path"
    _isoform_fill -W "$REPLY"
    return
  fi
  if [[ -z $expects ]]; then
    _isoform_verbs "$path"
    _isoform_fill -W "$REPLY"
  fi
  _isoform_value "${expects:-$path $place}"
  kinds=${REPLY%%:*} REPLY=${REPLY#*:}
  if [[ $kinds == *l* && $cur == *,* ]]; then front+="${cur%,*}," cur=${cur##*,}; fi
  _isoform_fill -W "$REPLY"
  if [[ $kinds == *[fd]* && -z $front ]]; then compopt -o filenames 2>/dev/null; fi
  if [[ $kinds == *f* ]]; then
    _isoform_fill -f
  elif [[ $kinds == *d* ]]; then
    _isoform_fill -d
  fi
}

# Reads cur and front of _isoform.
_isoform_fill() {
  local found
  while IFS= read -r found; do
    COMPREPLY+=("$front$found")
  done < <(compgen "$@" -- "$cur")
}

complete -F _isoform isoform
)__";

constexpr const char* kZshEnd = R"__(
# Names, or what _files finds with the first word as its flag.
_isoform_either() {
  local files=$1
  shift
  _alternative "names:name:($*)" "files:file:_files $files"
}

if [[ $funcstack[1] == _isoform ]]; then
  _isoform "$@"
elif (($+functions[compdef])); then
  compdef _isoform isoform
fi
)__";

void replace_all(std::string& text, std::string_view what, std::string_view by) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
}

// One word for either shell, whatever it holds.
std::string quoted(std::string text) {
  replace_all(text, "'", R"('\'')");
  return "'" + text + "'";
}

// A bash function that sets REPLY by its first argument; keys with the same answer share a line.
std::string bash_table(const std::string& name, const std::map<std::string, std::string>& answers) {
  std::map<std::string, std::vector<std::string>> keys;
  for (const auto& [key, answer] : answers) keys[answer].push_back(quoted(key));
  std::string out = fmt::format("{}() {{\n  case $1 in\n", name);
  for (const auto& [answer, those] : keys) {
    out += fmt::format("    {}) REPLY={} ;;\n", fmt::join(those, " | "), quoted(answer));
  }
  return out + "    *) REPLY= ;;\n  esac\n}\n";
}

struct BashTables {
  std::map<std::string, std::string> verbs, flags, values;

  void add(const Verb& verb) {
    std::vector<std::string> names, long_flags;
    for (const Verb& sub : verb.verbs) names.push_back(sub.path.back());
    if (!names.empty()) verbs[verb.words()] = fmt::format("{}", fmt::join(names, " "));
    int place = 0;
    for (const Argument& argument : verb.arguments) {
      if (!argument.names.empty()) long_flags.push_back(argument.names.back());
      if (!argument.takes_value()) continue;
      const Offer& offer = argument.offer;
      const std::string answer =
          fmt::format("v{}{}{}:{}", offer.list ? "l" : "", offer.files ? "f" : "",
                      offer.folders ? "d" : "", fmt::join(offer.words, " "));
      const std::string before = verb.words() + " ";
      if (argument.names.empty()) values[before + std::to_string(++place)] = answer;
      for (const std::string& name : argument.names) values[before + name] = answer;
    }
    flags[verb.words()] = fmt::format("{}", fmt::join(long_flags, " "));
    for (const Verb& sub : verb.verbs) add(sub);
  }
};

std::string bash_script(const Verb& program) {
  BashTables tables;
  tables.add(program);
  return fmt::format("# bash completion of isoform {}, as `isoform completion bash` prints it.\n",
                     version()) +
         "# A value is letters, a colon, words: v some value, l words with commas between, f "
         "files, "
         "d folders.\n" +
         bash_table("_isoform_verbs", tables.verbs) + bash_table("_isoform_flags", tables.flags) +
         bash_table("_isoform_value", tables.values) + kBashProgram;
}

std::string zsh_name(const Verb& verb) {
  return fmt::format("_isoform{}{}", verb.path.empty() ? "" : "_", fmt::join(verb.path, "_"));
}

std::string zsh_action(const Argument& argument) {
  const Offer& offer = argument.offer;
  const std::string words = fmt::format("{}", fmt::join(offer.words, " "));
  const char* const files = offer.files ? "" : "-/";
  if (offer.list) return " _values -s , value " + words;
  if (offer.files || offer.folders) {
    return words.empty() ? fmt::format("_files {}", files)
                         : fmt::format(" _isoform_either \"{}\" {}", files, words);
  }
  return words.empty() ? " " : "(" + words + ")";
}

// One specification for _arguments: "--out=[where the model goes]:FILE:_files".
std::string zsh_argument(const Argument& argument, const std::string& name, int place) {
  std::string about = argument.about, type = argument.type;
  for (const char* special : {"\\", "[", "]", ":"}) {
    replace_all(about, special, std::string("\\") + special);
  }
  replace_all(type, ":", "\\:");
  const std::string value =
      argument.takes_value() ? fmt::format(":{}:{}", type, zsh_action(argument)) : "";
  std::string out;
  if (name.empty()) {
    out = fmt::format("{}{}", place, argument.required ? "" : ":") + value;
  } else {
    const bool ends = name == "--help" || name == "-h" || name == "--version";
    const char* const joins = argument.takes_value() && name.starts_with("--") ? "=" : "";
    out = fmt::format("{}{}{}[{}]{}",
                      ends               ? "(- : *)"
                      : argument.repeats ? "*"
                                         : "",
                      name, joins, about, value);
  }
  return quoted(out);
}

std::string zsh_function(const Verb& verb) {
  std::string out = fmt::format(
      "{}() {{\n  local line state state_descr context\n  typeset -A opt_args\n  _arguments -C",
      zsh_name(verb));
  int place = 0;
  for (const Argument& argument : verb.arguments) {
    if (argument.names.empty()) {
      out += " \\\n    " + zsh_argument(argument, "", ++place);
    }
    for (const std::string& name : argument.names) {
      out += " \\\n    " + zsh_argument(argument, name, 0);
    }
  }
  if (verb.verbs.empty()) return out + "\n}\n";
  out += " \\\n    '1:verb:->verb' '*::argument:->rest'\n  case $state in\n    verb)\n";
  out += "      local -a verbs=(\n";
  std::string calls, below;
  for (const Verb& sub : verb.verbs) {
    out += fmt::format("        {}\n", quoted(sub.path.back() + ":" + sub.about));
    calls += fmt::format("        {}) {} ;;\n", sub.path.back(), zsh_name(sub));
    below += zsh_function(sub);
  }
  return out + "      )\n      _describe -t verbs verb verbs\n      ;;\n    rest)\n" +
         "      case $line[1] in\n" + calls + "      esac\n      ;;\n  esac\n}\n" + below;
}

std::string zsh_script(const Verb& program) {
  return fmt::format(
             "#compdef isoform\n# zsh completion of isoform {}, as `isoform completion zsh` "
             "prints it.\n",
             version()) +
         zsh_function(program) + kZshEnd;
}

}  // namespace

void add_completion(CLI::App& app) {
  auto shell = std::make_shared<std::string>();
  CLI::App* verb =
      app.add_subcommand("completion", "what a shell needs to complete isoform's words");
  verb->footer(kExamples);
  verb->add_option("shell", *shell, "bash or zsh")->required()->type_name("SHELL");
  verb->callback([shell, &app] {
    if (*shell == "bash") return print(bash_script(read_tree(app)));
    if (*shell == "zsh") return print(zsh_script(read_tree(app)));
    throw UsageError(fmt::format("shell: '{}' is unknown; known are bash, zsh", *shell));
  });
}

}  // namespace isoform::cli
