#include "tools/config/commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include <CLI/CLI.hpp>

namespace furrow::config {

namespace {

constexpr std::size_t comment_columns = 96;

/// A text as comment lines.
std::string comment(const std::string& text) {
  std::string out;
  std::string line;
  std::istringstream words{text};
  for (std::string word; words >> word;) {
    if (!line.empty() && line.size() + 1 + word.size() > comment_columns) {
      out += "# " + line + '\n';
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  return out + "# " + line + '\n';
}

std::string limits_of(const CLI::Option& option) {
  const auto type = option.get_type_name();
  const auto colon = type.find(':');
  return colon == std::string::npos ? "" : "Limits: " + type.substr(colon + 1) + ". ";
}

std::string sample_entry(CLI::Option& option, const program& of) {
  const auto one = standard_of(option, of);
  const auto known = std::find_if(of.keys.begin(), of.keys.end(),
                                  [&](const key& each) { return each.name == one.key; });
  const std::string set = known != of.keys.end() ? std::string{known->sample} : "";
  const auto name = option.get_envname().empty() ? environment_of(one.key) : option.get_envname();
  auto out = comment(option.get_description());
  out += comment((option.get_required() ? "Required. " : "") + limits_of(option) + "Variable: "
                 + name + (one.counts == change::at_reload ? ". A reload applies it." : "."));
  if (!set.empty())
    return out + one.key + " = " + set + "\n\n";
  const auto value = as_toml(one);
  return out + '#' + one.key + (value.empty() ? " = # no default" : " = " + value) + "\n\n";
}

} // namespace

commands add_commands(CLI::App& app) {
  commands made;
  made.config = app.add_subcommand("config", "show or check the configuration, and end");
  made.config->require_subcommand(1);
  made.config->fallthrough();
  made.sample = made.config->add_subcommand("sample", "print a configuration file with every key");
  made.check = made.config->add_subcommand(
    "check", "check files, environment and flags: ok and exit code 0, or one line and 2");
  made.show = made.config->add_subcommand("show", "print the values in force, secrets masked");
  made.show->add_flag("--origin", *made.with_origin, "say where each value comes from")
    ->configurable(false);
  return made;
}

std::string sample_of(CLI::App& options, const program& of) {
  const std::filesystem::path file{of.default_file};
  auto out = comment(fmt::format("Configuration of {0}. `{0} config check` checks it, `{0} config "
                                 "show --origin` shows the values "
                                 "in force and where each comes from.",
                                 of.name));
  const auto* const example =
    std::find_if(of.keys.data(), of.keys.data() + of.keys.size(),
                 [](const key& one) { return one.name.find('_') != std::string_view::npos; });
  if (example != of.keys.data() + of.keys.size())
    out +=
      comment(fmt::format("The flag {} has the key {} and the variable {}.", flag_of(example->name),
                          example->name, environment_of(example->name)));
  out += comment(fmt::format("A higher layer replaces a lower one: this file, {}.conf.d/*.toml in "
                             "the order of their names, the environment, flags.",
                             file.stem().string()));
  out += comment("SIGHUP reloads the configuration. Keys that a reload does not apply need a "
                 "restart.");
  std::string group;
  for (auto* const option : options.get_options()) {
    if (!is_key(*option))
      continue;
    if (option->get_group() != group) {
      group = option->get_group();
      out += "\n# == " + group + " ==\n\n";
    }
    out += sample_entry(*option, of);
  }
  out.pop_back(); // the last empty line
  return out;
}

std::vector<shown_setting> shown_settings(const in_force& values) {
  std::vector<shown_setting> out;
  for (const auto& one : values.settings)
    out.push_back({one.key, as_toml(one), one.from,
                   one.from == layer::standard ? std::string{} : one.place, one.counts});
  return out;
}

std::string shown(const in_force& values, bool with_origin) {
  const auto settings = shown_settings(values);
  std::size_t width = 0;
  std::vector<std::string> lines;
  for (const auto& one : settings) {
    lines.push_back(one.value.empty() ? '#' + one.key + " =" : one.key + " = " + one.value);
    width = std::max(width, std::min<std::size_t>(lines.back().size(), 48));
  }
  std::string out;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (with_origin)
      out += fmt::format("{:<{}}  # {}\n", lines[i], width,
                         settings[i].from == layer::standard ? "default" : settings[i].place);
    else
      out += lines[i] + '\n';
  }
  return out;
}

std::string ok_line(const in_force& values) {
  return values.files.empty() ? "ok: no configuration file\n"
                              : fmt::format("ok: {}\n", fmt::join(values.files, ", "));
}

} // namespace furrow::config
