#include "tools/furrow/usage.hpp"

#include "tools/words/nearest.hpp"

#include <fmt/format.h>

#include <vector>

namespace furrow::cli {

namespace {

std::vector<std::string> command_names_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* one : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(one->get_name());
  return names;
}

/// The options of the command and of all commands.
std::vector<std::string> option_names_of(const CLI::App& command, const CLI::App& root) {
  std::vector<std::string> names;
  for (const auto* app : {&command, &root})
    for (const auto* option : app->get_options())
      for (const auto& name : option->get_lnames())
        names.push_back("--" + name);
  return names;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words)
    text += (text.empty() ? "" : ", ") + word;
  return text;
}

/// The first word that no command and no option takes.
std::string unexpected_word(const CLI::App& app) {
  const auto words = app.remaining(true);
  return words.empty() ? "" : words.front();
}

} // namespace

std::string usage_text(const CLI::App& app, const CLI::ParseError& error) {
  std::string path = "furrow";
  const auto* command = &app;
  while (!command->get_subcommands().empty()) {
    command = command->get_subcommands().front();
    path += " " + command->get_name();
  }
  const auto help = fmt::format(" (`{} --help` shows the options)", path);
  const auto word = unexpected_word(app);
  const bool needs_command = command->get_require_subcommand_min() > 0;
  if (word.starts_with('-')) {
    const auto name = word.substr(0, word.find('='));
    return fmt::format("unknown option {}{}{}", name,
                       words::did_you_mean(name, option_names_of(*command, app)), help);
  }
  if (!word.empty() && needs_command)
    return fmt::format("{} has no command \"{}\"{}{}", path, word,
                       words::did_you_mean(word, command_names_of(*command)), help);
  if (!word.empty() && error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError))
    return fmt::format("unexpected word \"{}\"{}{}", word,
                       words::did_you_mean(word, command_names_of(*command)), help);
  if (needs_command && error.get_exit_code() == static_cast<int>(CLI::ExitCodes::RequiredError))
    return fmt::format("{} needs a command: {}{}", path, joined(command_names_of(*command)), help);
  return error.what() + help;
}

} // namespace furrow::cli
