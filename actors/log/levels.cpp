#include "actors/log/levels.hpp"

#include "actors/log/loggers.hpp"

#include <algorithm>
#include <array>
#include <mutex>

namespace furrow::log {

namespace {

constexpr std::array<std::string_view, 5> level_names{"debug", "info", "warning", "error",
                                                      "critical"};
/// In the text form of levels; the lines say `warning`.
constexpr std::string_view warn_word = "warn";

constexpr std::array<std::string_view, module_count> module_names{
  "node", "cluster", "link",  "gateway", "machine", "store", "digest", "sealing", "care",
  "dbc",  "http",    "cache", "edge",    "source",  "spool", "uplink", "sim"};
static_assert(static_cast<std::size_t>(module_name::sim) + 1 == module_count);

struct choice {
  level rest = level::info;
  std::array<std::optional<level>, module_count> of{};
};

std::mutex changing;
choice current; // guarded by `changing`

std::optional<level> level_named(std::string_view word) {
  if (word == warn_word)
    return level::warning;
  const auto* const found = std::find(level_names.begin(), level_names.end(), word);
  if (found == level_names.end())
    return std::nullopt;
  return static_cast<level>(found - level_names.begin());
}

std::string listed(const auto& names) {
  std::string out;
  for (const auto name : names)
    out += (out.empty() ? "" : ", ") + std::string{name};
  return out;
}

std::string in_quotes(std::string_view word) {
  return "'" + std::string{word} + "'";
}

/// Takes one word: LEVEL, or MODULE=LEVEL.
std::optional<std::string> take(std::string_view word, choice& into) {
  const auto equals = word.find('=');
  const auto name = equals == std::string_view::npos ? word : word.substr(equals + 1);
  const auto lowest = level_named(name);
  if (!lowest)
    return in_quotes(name) + " is not a level: debug, info, warn, error and critical are";
  if (equals == std::string_view::npos) {
    into.rest = *lowest;
    return std::nullopt;
  }
  const auto module = word.substr(0, equals);
  const auto* const found = std::find(module_names.begin(), module_names.end(), module);
  if (found == module_names.end())
    return in_quotes(module) + " is not a module: " + listed(module_names) + " are";
  into.of.at(static_cast<std::size_t>(found - module_names.begin())) = lowest;
  return std::nullopt;
}

std::optional<std::string> parse(std::string_view text, choice& into) {
  for (std::size_t at = 0; at <= text.size();) {
    const auto comma = std::min(text.find(',', at), text.size());
    if (auto fault = take(text.substr(at, comma - at), into))
      return fault;
    at = comma + 1;
  }
  return std::nullopt;
}

} // namespace

std::string_view to_string(level what) {
  return level_names.at(static_cast<std::size_t>(what));
}

std::string_view setting_of(level what) {
  return what == level::warning ? warn_word : to_string(what);
}

std::string_view to_string(module_name what) {
  return module_names.at(static_cast<std::size_t>(what));
}

std::optional<std::string> fault_of_levels(std::string_view text) {
  choice ignored;
  return parse(text, ignored);
}

std::optional<std::string> set_levels(std::string_view text) {
  choice wanted;
  if (auto fault = parse(text, wanted))
    return fault;
  const std::lock_guard lock{changing};
  current = wanted;
  for (std::size_t i = 0; i < module_count; ++i)
    logger_of(static_cast<module_name>(i))
      .set_level(to_spdlog(wanted.of.at(i).value_or(wanted.rest)));
  return std::nullopt;
}

level lowest_of(module_name of) {
  return from_spdlog(logger_of(of).level());
}

bool enabled(level what, module_name of) {
  return logger_of(of).should_log(to_spdlog(what));
}

std::string levels() {
  const std::lock_guard lock{changing};
  std::string out{setting_of(current.rest)};
  for (std::size_t i = 0; i < module_count; ++i)
    if (const auto own = current.of.at(i); own && *own != current.rest)
      out += "," + std::string{module_names.at(i)} + "=" + std::string{setting_of(*own)};
  return out;
}

} // namespace furrow::log
