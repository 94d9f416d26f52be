#include "tools/furrow/logs/dbc.hpp"

#include "can/frame/identifier.hpp"
#include "tools/furrow/logs/json_text.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <sstream>
#include <system_error>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

using json = nlohmann::ordered_json; // as in dbc.hpp

constexpr std::uint64_t values_max = 4'096; // of a multiplexed signal, listed one by one

const char* order_word(const can::dbc_signal& signal) {
  return signal.order == can::byte_order::intel ? "intel" : "motorola";
}

const std::string* selector_of(const can::dbc_message& message, const can::dbc_signal& signal) {
  return signal.mux.parent < 0 ? nullptr
                               : &message.signals[static_cast<std::size_t>(signal.mux.parent)].name;
}

/// Returns how many values the ranges hold; at most values_max + 1.
std::uint64_t values_in(const std::vector<can::dbc_range>& ranges) {
  std::uint64_t count = 0;
  for (const auto& range : ranges) {
    const auto span =
      static_cast<std::uint64_t>(range.high) - static_cast<std::uint64_t>(range.low);
    if (span > values_max || (count += span + 1) > values_max)
      return values_max + 1;
  }
  return count;
}

/// JSON has no infinities, but DBC files have.
json number(double value) {
  if (std::isinf(value))
    return value < 0 ? "-inf" : "inf";
  return value;
}

json number_or_null(const std::optional<double>& value) {
  return value ? number(*value) : json();
}

json text_or_null(const std::string& text) {
  return text.empty() ? json() : json(text);
}

json mux_json(const can::dbc_message& message, const can::dbc_signal& signal) {
  const auto& mux = signal.mux;
  if (!mux.selector && mux.when.empty())
    return nullptr;
  const auto* selector = selector_of(message, signal);
  json ids;
  auto ranges = json::array();
  const bool few = !mux.when.empty() && values_in(mux.when) <= values_max;
  for (const auto& range : mux.when) {
    ranges.push_back({range.low, range.high});
    for (auto value = range.low; few; ++value) {
      ids.push_back(value);
      if (value == range.high)
        break;
    }
  }
  return {{"is_mux", mux.selector},
          {"mux_signal", selector == nullptr ? json() : json(*selector)},
          {"mux_ids", std::move(ids)},
          {"ranges", std::move(ranges)}};
}

json signal_json(const can::dbc_message& message, const can::dbc_signal& signal) {
  json choices; // null if there are none
  if (!signal.choices.empty()) {
    // Not added by key, which searches all labels before it: a hostile file has a million.
    json::object_t labels;
    for (const auto& choice : signal.choices)
      labels.emplace_back(std::to_string(choice.value), choice.label);
    choices = std::move(labels);
  }
  return {{"name", signal.name},
          {"start", signal.start},
          {"length", signal.length},
          {"order", order_word(signal)},
          {"signed", signal.is_signed},
          {"float", signal.is_float},
          {"scale", number(signal.scale)},
          {"offset", number(signal.offset)},
          {"min", number_or_null(signal.min)},
          {"max", number_or_null(signal.max)},
          {"unit", text_or_null(signal.unit)},
          {"mux", mux_json(message, signal)},
          {"choices", std::move(choices)},
          {"spn", signal.spn ? json(*signal.spn) : json()},
          {"comment", text_or_null(signal.comment)}};
}

json message_json(const can::dbc_message& message) {
  auto signals = json::array();
  for (const auto& signal : message.signals)
    signals.push_back(signal_json(message, signal));
  return {{"name", message.name},
          {"id", message.id},
          {"extended", message.extended},
          {"length", message.length},
          {"pgn", message.extended ? json(can::pgn_of(message.id)) : json()},
          {"senders", message.senders},
          {"comment", text_or_null(message.comment)},
          {"signals", std::move(signals)}};
}

void print_json(std::ostream& out, const can::dbc_file& file) {
  auto messages = json::array();
  for (const auto& message : file.messages)
    messages.push_back(message_json(message));
  auto warnings = json::array();
  for (const auto& warning : file.warnings)
    warnings.push_back(
      {{"line", warning.line}, {"column", warning.column}, {"text", warning.text}});
  const json whole{{"file", file.name},
                   {"version", file.version},
                   {"nodes", file.nodes},
                   {"messages", std::move(messages)},
                   {"warnings", std::move(warnings)},
                   {"warning_count", file.warning_count}};
  out << whole.dump(-1, ' ', false, json::error_handler_t::replace) << '\n';
}

void append_place(std::string& text,
                  const can::dbc_message& message,
                  const can::dbc_signal& signal) {
  const auto& mux = signal.mux;
  if (const auto* selector = selector_of(message, signal); selector != nullptr) {
    text += "  when " + *selector + " is";
    char before = ' ';
    for (const auto& range : mux.when) {
      text += before;
      before = ',';
      append_number(text, range.low);
      if (range.high != range.low) {
        text += "..";
        append_number(text, range.high);
      }
    }
  } else if (!mux.when.empty()) {
    text += "  never: its selector is unknown";
  }
  if (mux.selector)
    text += "  selector";
}

void print_text(std::ostream& out, const can::dbc_file& file) {
  std::string text;
  for (const auto& message : file.messages) {
    text += message.name + "  id ";
    append_number(text, message.id);
    text += message.extended ? " (29 bits, PGN " : " (11 bits";
    if (message.extended)
      append_number(text, can::pgn_of(message.id));
    text += "), ";
    append_number(text, message.length);
    text += " bytes\n";
    for (const auto& signal : message.signals) {
      text += "  " + signal.name + "  bit ";
      append_number(text, signal.start);
      text += ", ";
      append_number(text, signal.length);
      text += std::string{" bits, "} + order_word(signal)
              + (signal.is_float    ? ", float"
                 : signal.is_signed ? ", signed"
                                    : "");
      text += ", factor ";
      append_number(text, signal.scale);
      text += ", offset ";
      append_number(text, signal.offset);
      if (!signal.unit.empty())
        text += ", " + signal.unit;
      if (signal.spn.value_or(0) != 0)
        text += ", SPN " + std::to_string(*signal.spn);
      append_place(text, message, signal);
      text += '\n';
    }
  }
  std::size_t signals = 0;
  for (const auto& message : file.messages)
    signals += message.signals.size();
  for (const auto& warning : file.warnings)
    text += file.name + ':' + std::to_string(warning.line) + ':' + std::to_string(warning.column)
            + ": warning: " + warning.text + '\n';
  text += file.name + ": " + std::to_string(file.messages.size()) + " messages, "
          + std::to_string(signals) + " signals, " + std::to_string(file.warning_count)
          + " warnings\n";
  out << text;
}

} // namespace

furrow::result<can::dbc_file, can::dbc_errc>
load_dbc(const std::string& path, can::dbc_mode mode, can::dbc_encoding encoding) {
  using fault = failure<can::dbc_errc>;
  std::ifstream in{path, std::ios::binary};
  // A folder can be opened but not read.
  if (!in || in.peek() == std::ifstream::traits_type::eof()) {
    if (!in.is_open() || in.bad())
      return fault{can::dbc_errc::syntax,
                   path + ": cannot read: " + std::generic_category().message(errno)};
    return fault{can::dbc_errc::syntax, path + ": the file is empty"};
  }
  const can::dbc_limits limits;
  std::string text;
  std::vector<char> piece(1U << 16U);
  while (in && text.size() <= limits.file_bytes) {
    in.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    text.append(piece.data(), static_cast<std::size_t>(in.gcount()));
  }
  if (in.bad())
    return fault{can::dbc_errc::syntax, path + ": cannot be read to its end"};
  return can::parse_dbc(text, path, mode, limits, encoding);
}

void report_warnings(const can::dbc_file& file, std::string_view command, std::ostream& problems) {
  if (file.warning_count == 0)
    return;
  constexpr std::size_t shown_max = 20;
  const auto shown = std::min(file.warnings.size(), shown_max);
  for (std::size_t i = 0; i < shown; ++i)
    problems << command << ": " << file.name << ':' << file.warnings[i].line << ':'
             << file.warnings[i].column << ": warning: " << file.warnings[i].text << '\n';
  if (file.warning_count > shown)
    problems << command << ": " << file.name << ": " << file.warning_count - shown
             << " further warnings; `furrow dbc check` shows them\n";
}

void add_encoding(CLI::App& command, can::dbc_encoding& encoding) {
  command
    .add_option_function<std::string>(
      "--encoding",
      [&encoding](const std::string& name) {
        encoding = name == "utf8"     ? can::dbc_encoding::utf8
                   : name == "cp1252" ? can::dbc_encoding::cp1252
                                      : can::dbc_encoding::detect;
      },
      "text encoding of DBC files; auto reads valid UTF-8 as UTF-8 and the rest as Windows-1252")
    ->check(CLI::IsMember({"auto", "utf8", "cp1252"}))
    ->default_str("auto");
}

void print_dbc(std::ostream& out, const can::dbc_file& file, bool as_json) {
  if (as_json)
    print_json(out, file);
  else
    print_text(out, file);
}

int check_dbc(const check_options& options, std::ostream& out, std::ostream& problems) {
  const auto mode = options.strict ? can::dbc_mode::strict : can::dbc_mode::lenient;
  const auto file = load_dbc(options.path, mode, options.encoding);
  if (!file) {
    std::istringstream lines{file.error().detail}; // strict mode: a line per problem
    for (std::string line; std::getline(lines, line);)
      problems << "furrow dbc check: " << line << '\n';
    return 1;
  }
  print_dbc(out, *file, options.json);
  out.flush();
  return out.good() ? 0 : 1;
}

void add_dbc(CLI::App& app, int& exit_code) {
  auto* group = app.add_subcommand(
    "dbc", "check DBC files (signal definitions), and keep them in the database");
  group->require_subcommand(1);
  auto* command =
    group->add_subcommand("check", "show how Furrow reads a DBC file, and what is wrong in it");
  const auto options = std::make_shared<check_options>();
  const auto output = std::make_shared<std::string>("text");
  command->add_option("file", options->path, "DBC file")->required();
  const auto* form = command->add_option("-o,--output", *output, "text or json")
                       ->check(CLI::IsMember({"text", "json"}))
                       ->capture_default_str();
  command->add_flag(
    "--strict", options->strict,
    "list every problem and fail: also definitions that decode but cannot be right");
  add_encoding(*command, options->encoding);
  command->callback([&app, options, output, form, &exit_code] {
    options->json = *output == "json";
    // The option of all commands, typed before this command's name.
    const auto* global = app.get_option_no_throw("--output");
    if (form->count() == 0 && global != nullptr && global->count() > 0)
      options->json = global->as<std::string>() != "table";
    exit_code = check_dbc(*options, std::cout, std::cerr);
  });
}

} // namespace furrow::cli
