#include "tools/furrow/usage.hpp"

#include "tools/words/nearest.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

namespace furrow::cli {

namespace {

/// CLI11 keeps an option group as a command without a name.
std::vector<const CLI::App*> groups_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* one) { return one->get_name().empty(); });
}

std::vector<std::string> command_names_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* one :
       app.get_subcommands([](const CLI::App* one) { return !one->get_name().empty(); }))
    names.push_back(one->get_name());
  return names;
}

void append_option_names(const CLI::App& app, std::vector<std::string>& names) {
  for (const auto* option : app.get_options())
    for (const auto& name : option->get_lnames())
      names.push_back("--" + name);
  for (const auto* group : groups_of(app))
    append_option_names(*group, names);
}

/// The options of the command, of those above it, and of all commands.
std::vector<std::string> option_names_of(const CLI::App& command) {
  std::vector<std::string> names;
  for (const auto* app = &command; app != nullptr; app = app->get_parent())
    append_option_names(*app, names);
  return names;
}

/// A command that takes a name took a mistyped command for it, and then met a word too many: `equipment mvoe T1`.
std::string mistaken_command(const CLI::App& command) {
  const auto names = command_names_of(command);
  if (names.empty())
    return {};
  for (const auto* option : command.get_options())
    if (option->get_positional() && option->count() > 0) {
      const auto word = option->results().front();
      if (const auto meant = words::nearest(word, names))
        return "; did you mean the command \"" + *meant + "\" instead of \"" + word + "\"?";
    }
  return {};
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
                       words::did_you_mean(name, option_names_of(*command)), help);
  }
  if (!word.empty() && needs_command)
    return fmt::format("{} has no command \"{}\"{}{}", path, word,
                       words::did_you_mean(word, command_names_of(*command)), help);
  if (!word.empty() && error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError)) {
    const auto meant = mistaken_command(*command);
    return fmt::format(
      "unexpected word \"{}\"{}{}", word,
      meant.empty() ? words::did_you_mean(word, command_names_of(*command)) : meant, help);
  }
  if (needs_command && error.get_exit_code() == static_cast<int>(CLI::ExitCodes::RequiredError))
    return fmt::format("{} needs a command: {}{}", path,
                       fmt::join(command_names_of(*command), ", "), help);
  return error.what() + help;
}

} // namespace furrow::cli
