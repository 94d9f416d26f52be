#include "tools/furrow/logs/dbc.hpp"

#include "can/frame/identifier.hpp"
#include "tools/furrow/logs/json_text.hpp"
#include "tools/json/dbc_json.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <sstream>
#include <system_error>

#include <CLI/CLI.hpp>

namespace furrow::cli {

namespace {

void print_json(std::ostream& out, const can::dbc_file& file) {
  json_rows::dbc_content content{file};
  for (auto piece = content.next(); !piece.empty(); piece = content.next())
    out << piece;
  out << '\n';
}

void append_place(std::string& text,
                  const can::dbc_message& message,
                  const can::dbc_signal& signal) {
  const auto& mux = signal.mux;
  if (const auto* selector = json_rows::selector_of(message, signal); selector != nullptr) {
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
      text += std::string{" bits, "} + json_rows::order_text(signal)
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
  using fault = furrow::failure<can::dbc_errc>;
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
        encoding = json_rows::parse_encoding(name).value_or(can::dbc_encoding::detect);
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
