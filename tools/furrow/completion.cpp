#include "tools/furrow/commands.hpp"
#include "tools/furrow/output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <CLI/Option.hpp>
#include <CLI/Validators.hpp>

namespace furrow::cli {

namespace {

/// CLI11's description of the program is the only list of commands.
std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* one) { return !one->get_name().empty(); });
}

/// Of the command and of its option groups, which CLI11 keeps as commands without a name.
std::vector<const CLI::Option*> options_of(const CLI::App& app) {
  auto options = app.get_options();
  for (const auto* group :
       app.get_subcommands([](const CLI::App* one) { return one->get_name().empty(); }))
    for (const auto* option : options_of(*group))
      options.push_back(option);
  return options;
}

std::string words_of(const CLI::App& app) {
  std::string words;
  for (const auto* command : commands_of(app))
    words += command->get_name() + " ";
  for (const auto* option : options_of(app))
    for (const auto& name : option->get_lnames())
      words += "--" + name + " ";
  return words;
}

/// The values that an option or a word accepts, as the command line itself declares them: `TEXT:{table,json,jsonl}`.
std::string values_of(const CLI::Option& option) {
  const auto type = option.get_type_name();
  const auto open = type.find('{');
  const auto close = type.find('}', open);
  if (open == std::string::npos || close == std::string::npos)
    return "";
  auto values = type.substr(open + 1, close - open - 1);
  std::replace(values.begin(), values.end(), ',', ' ');
  return values;
}

/// Whether the option or word is the name of a machine.
bool is_machine(const CLI::App& app, const CLI::Option& option) {
  const auto name = option.get_name();
  return name == "EQUIPMENT" || option.check_lname("equipment")
         || (name == "NAME" && app.get_name() == "equipment")
         || (name == "NAME" && app.get_parent() != nullptr
             && app.get_parent()->get_name() == "equipment");
}

/// Whether the option or word is the name of a context that exists.
bool is_context(const CLI::App& app, const CLI::Option& option) {
  return option.check_lname("context")
         || (option.get_name() == "NAME" && app.get_name() != "add" && app.get_parent() != nullptr
             && app.get_parent()->get_name() == "context");
}

/// Asks the node, briefly; without a node there are no names.
constexpr const char* machine_names =
  R"re(furrow --timeout 1 equipment -o jsonl 2>/dev/null | sed -n 's/.*"name":"\([^"]*\)".*/\1/p')re";

constexpr const char* context_names =
  R"re(furrow context ls -o jsonl 2>/dev/null | sed -n 's/.*"name":"\([^"]*\)".*/\1/p')re";

/// The command that prints the names for an option or word; empty: they are not known by name.
std::string names_of(const CLI::App& app, const CLI::Option& option) {
  return is_machine(app, option) ? machine_names : is_context(app, option) ? context_names : "";
}

struct bash_cases {
  std::string paths;  // which words lead from one command to another
  std::string words;  // which words may follow a command
  std::string values; // which values may follow an option
};

/// Adds a `case` for each command, and for each option with known values.
void append_cases(bash_cases& cases, const CLI::App& app, const std::string& path) {
  auto words = words_of(app);
  std::string names;
  for (const auto* option : options_of(app)) {
    const auto listed = names_of(app, *option);
    const auto values = listed.empty() ? values_of(*option) : fmt::format("$({})", listed);
    if (values.empty())
      continue;
    if (option->get_positional()) {
      (listed.empty() ? words : names) += values + " ";
      continue;
    }
    std::string patterns;
    for (const auto& name : option->get_lnames())
      patterns += fmt::format("{}\"{}:--{}\"", patterns.empty() ? "" : "|",
                              app.get_parent() == nullptr ? "" : path, name);
    for (const auto& name : option->get_snames())
      patterns += fmt::format("{}\"{}:-{}\"", patterns.empty() ? "" : "|",
                              app.get_parent() == nullptr ? "" : path, name);
    cases.values += fmt::format("    {}) values=\"{}\" ;;\n", patterns, values);
  }
  // Only a word that is no option asks the node.
  if (!names.empty())
    names = "; [[ $cur != -* ]] && words=\"$words" + names + "\"";
  cases.words += fmt::format("    \"{}\") words=\"{}$global \"{} ;;\n", path, words, names);
  for (const auto* command : commands_of(app)) {
    const auto below = path + "/" + command->get_name();
    cases.paths += fmt::format("      \"{}\") path=\"$path/$word\" ;;\n", below);
    append_cases(cases, *command, below);
  }
}

std::string bash_script(const CLI::App& app) {
  bash_cases cases;
  append_cases(cases, app, "");
  std::string global;
  for (const auto* option : options_of(app))
    for (const auto& name : option->get_lnames())
      global += "--" + name + " ";
  return fmt::format(R"sh(_furrow() {{
  local cur="${{COMP_WORDS[COMP_CWORD]}}" prev="${{COMP_WORDS[COMP_CWORD-1]}}"
  local path="" word="" words="" values="" global="{}"
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "$path/$word" in
{}    esac
  done
  case "$path:$prev" in
{}  esac
  [[ -n $values ]] || case ":$prev" in
{}  esac
  if [[ -n $values ]]; then
    COMPREPLY=($(compgen -W "$values" -- "$cur"))
    return
  fi
  case "$path" in
{}  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}}
complete -o default -F _furrow furrow
)sh",
                     global, cases.paths, cases.values, cases.values, cases.words);
}

std::string fish_quoted(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    if (c == '\'' || c == '\\')
      safe += '\\';
    safe += c;
  }
  return "'" + safe + "'";
}

/// ` -f -a VALUES`, or nothing.
std::string fish_values(const CLI::App& app, const CLI::Option& option) {
  const auto listed = names_of(app, option);
  const auto values = listed.empty() ? values_of(option) : fmt::format("({})", listed);
  return values.empty() ? "" : " -f -a " + fish_quoted(values);
}

void append_fish(std::string& script, const CLI::App& app, const std::string& condition) {
  for (const auto* option : options_of(app))
    for (const auto& name : option->get_lnames())
      script += fmt::format("complete -c furrow -n '{}' -l {}{}{} -d {}\n", condition, name,
                            option->get_expected_max() > 0 ? " -r" : "", fish_values(app, *option),
                            fish_quoted(option->get_description()));
  for (const auto* option : options_of(app))
    if (option->get_positional() && !fish_values(app, *option).empty())
      script += fmt::format("complete -c furrow -n '{}'{}\n", condition, fish_values(app, *option));
  for (const auto* command : commands_of(app)) {
    script += fmt::format("complete -c furrow -n '{}' -f -a {} -d {}\n", condition,
                          command->get_name(), fish_quoted(command->get_description()));
    append_fish(script, *command, "__fish_seen_subcommand_from " + command->get_name());
  }
}

std::string script_for(const std::string& shell, const CLI::App& app) {
  if (shell == "bash")
    return bash_script(app);
  if (shell == "zsh")
    return "autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n"
           + bash_script(app);
  std::string script;
  append_fish(script, app, "__fish_use_subcommand");
  return script;
}

} // namespace

void add_completion(CLI::App& app, int& exit_code) {
  auto* command =
    app.add_subcommand("completion", "print a script that completes commands in a shell");
  auto shell = std::make_shared<std::string>();
  command->add_option("SHELL", *shell, "bash, zsh or fish")
    ->required()
    ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->footer("Examples:\n"
                  "  source <(furrow completion bash)\n"
                  "  furrow completion fish > ~/.config/fish/completions/furrow.fish");
  command->callback([&app, &exit_code, shell] {
    (void)write_out(script_for(*shell, app));
    const auto output = written();
    exit_code = output ? 0 : report(output.error());
  });
}

} // namespace furrow::cli
