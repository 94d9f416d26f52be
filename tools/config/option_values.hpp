/// What an option of CLI11 takes, and how a value from a file or the environment gets into it.
///
/// Threads: those of the options.
#pragma once

#include "tools/config/toml_file.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace CLI { // NOLINT(readability-identifier-naming): CLI11's
class Option;
} // namespace CLI

namespace furrow::config {

[[nodiscard]] bool is_flag(const CLI::Option& option);
/// A flag that counts how often it is given.
[[nodiscard]] bool counts(const CLI::Option& option);
[[nodiscard]] bool takes_list(const CLI::Option& option);
[[nodiscard]] const std::string& long_name(const CLI::Option& option);
[[nodiscard]] value_kind kind_of(const CLI::Option& option);
/// `INT in [1 - 16]`, or nothing.
[[nodiscard]] std::string limit_of(const CLI::Option& option);
[[nodiscard]] std::string expected(const CLI::Option& option);
[[nodiscard]] bool fits(const CLI::Option& option, value_kind kind);
/// The number that a word for a flag stands for: 0 for false.
[[nodiscard]] std::optional<std::int64_t> flag_number(const std::string& text);
/// Puts values into an option as if the command line had them. Throws what CLI11 throws.
void put(CLI::Option& option, const std::vector<std::string>& texts);
[[nodiscard]] std::string first_line(std::string text);

} // namespace furrow::config
