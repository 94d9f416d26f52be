#include "tools/config/option_values.hpp"

#include <algorithm>
#include <exception>

#include <CLI/CLI.hpp>

namespace furrow::config {

bool is_flag(const CLI::Option& option) {
  return option.get_items_expected_max() == 0;
}

/// A flag that counts how often it is given.
bool counts(const CLI::Option& option) {
  return is_flag(option) && option.get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll;
}

bool takes_list(const CLI::Option& option) {
  return option.get_items_expected_max() > 1;
}

const std::string& long_name(const CLI::Option& option) {
  return option.get_lnames().front();
}

value_kind kind_of(const CLI::Option& option) {
  if (is_flag(option))
    return value_kind::yes_no;
  const auto type = option.get_type_name();
  const auto name = type.substr(0, type.find(':'));
  if (name == "INT" || name == "UINT")
    return value_kind::integer;
  return name == "FLOAT" ? value_kind::real : value_kind::text;
}

/// `INT in [1 - 16]`, or nothing.
std::string limit_of(const CLI::Option& option) {
  const auto type = option.get_type_name();
  const auto colon = type.find(':');
  return colon == std::string::npos ? "" : type.substr(colon + 1);
}

std::string expected(const CLI::Option& option) {
  const auto limit = limit_of(option);
  return std::string{to_string(kind_of(option))} + " is expected"
         + (limit.empty() ? "" : ": " + limit);
}

bool fits(const CLI::Option& option, value_kind kind) {
  const auto wanted = kind_of(option);
  return kind == wanted || (wanted == value_kind::real && kind == value_kind::integer)
         || (counts(option) && kind == value_kind::integer);
}

/// The number that a word for a flag stands for: 0 for false.
std::optional<std::int64_t> flag_number(const std::string& text) {
  try {
    return std::max<std::int64_t>(0, CLI::detail::to_flag_value(text));
  } catch (const std::exception&) { // neither a number nor a word for true or false
    return std::nullopt;
  }
}

/// What CLI11 gets for a flag.
static std::vector<std::string> flag_results(const CLI::Option& option, const std::string& text) {
  const auto number = flag_number(text).value_or(0);
  if (!counts(option))
    return {option.get_flag_value(long_name(option), number > 0 ? "true" : "false")};
  if (number == 0)
    return {"1", "-1"}; // CLI11 adds them up, and takes a single 0 for -1
  return {std::to_string(number)};
}

/// Puts values into an option as if the command line had them. Throws what CLI11 throws.
void put(CLI::Option& option, const std::vector<std::string>& texts) {
  option.clear();
  if (texts.empty()) { // an empty list, which CLI11 does not know
    (void)option.get_callback()({});
    return;
  }
  if (is_flag(option))
    option.add_result(flag_results(option, texts.front()));
  else
    for (const auto& text : texts)
      option.add_result(text);
  option.run_callback();
}

std::string first_line(std::string text) {
  text.erase(std::min(text.find('\n'), text.size()));
  return text;
}

} // namespace furrow::config
