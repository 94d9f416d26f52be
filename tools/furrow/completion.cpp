#include "tools/furrow/commands.hpp"
#include "tools/furrow/output.hpp"

#include <fmt/format.h>

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

std::string words_of(const CLI::App& app) {
  std::string words;
  for (const auto* command : commands_of(app))
    words += command->get_name() + " ";
  for (const auto* option : app.get_options())
    for (const auto& name : option->get_lnames())
      words += "--" + name + " ";
  return words;
}

/// Adds a `case` for each command: the words that may follow it.
void append_cases(std::string& paths,
                  std::string& words,
                  const CLI::App& app,
                  const std::string& path) {
  words += fmt::format("    \"{}\") words=\"{}$global\" ;;\n", path, words_of(app));
  for (const auto* command : commands_of(app)) {
    const auto below = path + "/" + command->get_name();
    paths += fmt::format("      \"{}\") path=\"$path/$word\" ;;\n", below);
    append_cases(paths, words, *command, below);
  }
}

std::string bash_script(const CLI::App& app) {
  std::string paths;
  std::string words;
  append_cases(paths, words, app, "");
  std::string global;
  for (const auto* option : app.get_options())
    for (const auto& name : option->get_lnames())
      global += "--" + name + " ";
  return fmt::format(R"(_furrow() {{
  local cur="${{COMP_WORDS[COMP_CWORD]}}" path="" word="" words="" global="{}"
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "$path/$word" in
{}    esac
  done
  case "$path" in
{}  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}}
complete -o default -F _furrow furrow
)",
                     global, paths, words);
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

void append_fish(std::string& script, const CLI::App& app, const std::string& condition) {
  for (const auto* option : app.get_options())
    for (const auto& name : option->get_lnames())
      script += fmt::format("complete -c furrow -n '{}' -l {}{} -d {}\n", condition, name,
                            option->get_expected_max() > 0 ? " -r" : "",
                            fish_quoted(option->get_description()));
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
