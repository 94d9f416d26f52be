#include "tools/furrow/dbc.hpp"

#include "can/identifier.hpp"
#include "tools/furrow/json_text.hpp"

#include <cerrno>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <system_error>

#include <CLI/CLI.hpp>

namespace furrow::cli {

namespace {

constexpr std::uint64_t values_max = 4'096; // of a multiplexed signal, one by one

const char* order_word(const can::dbc_signal& signal) {
  return signal.order == can::byte_order::intel ? "intel" : "motorola";
}

void append_optional(std::string& out, const std::optional<double>& value) {
  if (value)
    append_number(out, *value);
  else
    out += "null";
}

const std::string* selector_of(const can::dbc_message& message, const can::dbc_signal& signal) {
  return signal.mux.parent < 0 ? nullptr
                               : &message.signals[static_cast<std::size_t>(signal.mux.parent)].name;
}

/// How many values ranges hold; at most values_max + 1.
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

void append_mux(std::string& out, const can::dbc_message& message, const can::dbc_signal& signal) {
  const auto& mux = signal.mux;
  if (!mux.selector && mux.when.empty()) {
    out += "null";
    return;
  }
  out += mux.selector ? "{\"is_mux\":true,\"mux_signal\":" : "{\"is_mux\":false,\"mux_signal\":";
  const auto* selector = selector_of(message, signal);
  append_text_or_null(out, selector == nullptr ? std::string_view{} : *selector);
  out += ",\"mux_ids\":";
  if (mux.when.empty() || values_in(mux.when) > values_max) {
    out += "null";
  } else {
    char before = '[';
    for (const auto& range : mux.when)
      for (auto value = range.low;; ++value) {
        out += before;
        append_number(out, value);
        before = ',';
        if (value == range.high)
          break;
      }
    out += ']';
  }
  out += ",\"ranges\":[";
  for (std::size_t i = 0; i < mux.when.size(); ++i) {
    out += i == 0 ? "[" : ",[";
    append_number(out, mux.when[i].low);
    out += ',';
    append_number(out, mux.when[i].high);
    out += ']';
  }
  out += "]}";
}

void append_choices(std::string& out, const std::vector<can::dbc_choice>& choices) {
  if (choices.empty()) {
    out += "null";
    return;
  }
  char before = '{';
  for (const auto& choice : choices) {
    out += before;
    before = ',';
    out += '"';
    append_number(out, choice.value);
    out += "\":";
    append_text(out, choice.label);
  }
  out += '}';
}

void append_signal(std::string& out,
                   const can::dbc_message& message,
                   const can::dbc_signal& signal) {
  out += "{\"name\":";
  append_text(out, signal.name);
  out += ",\"start\":";
  append_number(out, signal.start);
  out += ",\"length\":";
  append_number(out, signal.length);
  out += ",\"order\":\"";
  out += order_word(signal);
  out += signal.is_signed ? "\",\"signed\":true" : "\",\"signed\":false";
  out += signal.is_float ? ",\"float\":true,\"scale\":" : ",\"float\":false,\"scale\":";
  append_number(out, signal.scale);
  out += ",\"offset\":";
  append_number(out, signal.offset);
  out += ",\"min\":";
  append_optional(out, signal.min);
  out += ",\"max\":";
  append_optional(out, signal.max);
  out += ",\"unit\":";
  append_text_or_null(out, signal.unit);
  out += ",\"mux\":";
  append_mux(out, message, signal);
  out += ",\"choices\":";
  append_choices(out, signal.choices);
  out += ",\"spn\":";
  if (signal.spn)
    append_number(out, *signal.spn);
  else
    out += "null";
  out += ",\"comment\":";
  append_text_or_null(out, signal.comment);
  out += '}';
}

void append_names(std::string& out, const std::vector<std::string>& names) {
  out += '[';
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i != 0)
      out += ',';
    append_text(out, names[i]);
  }
  out += ']';
}

void append_message(std::string& out, const can::dbc_message& message) {
  out += "{\"name\":";
  append_text(out, message.name);
  out += ",\"id\":";
  append_number(out, message.id);
  out += message.extended ? ",\"extended\":true,\"length\":" : ",\"extended\":false,\"length\":";
  append_number(out, message.length);
  out += ",\"pgn\":";
  if (message.extended)
    append_number(out, can::pgn_of(message.id));
  else
    out += "null";
  out += ",\"senders\":";
  append_names(out, message.senders);
  out += ",\"comment\":";
  append_text_or_null(out, message.comment);
  out += ",\"signals\":[";
  for (std::size_t i = 0; i < message.signals.size(); ++i) {
    if (i != 0)
      out += ',';
    append_signal(out, message, message.signals[i]);
  }
  out += "]}";
}

void print_json(std::ostream& out, const can::dbc_file& file) {
  std::string text = "{\"file\":";
  append_text(text, file.name);
  text += ",\"version\":";
  append_text(text, file.version);
  text += ",\"nodes\":";
  append_names(text, file.nodes);
  text += ",\"messages\":[";
  for (std::size_t i = 0; i < file.messages.size(); ++i) {
    if (i != 0)
      text += ',';
    append_message(text, file.messages[i]);
  }
  text += "],\"warnings\":[";
  for (std::size_t i = 0; i < file.warnings.size(); ++i) {
    text += i == 0 ? "{\"line\":" : ",{\"line\":";
    append_number(text, file.warnings[i].line);
    text += ",\"column\":";
    append_number(text, file.warnings[i].column);
    text += ",\"text\":";
    append_text(text, file.warnings[i].text);
    text += '}';
  }
  text += "],\"warning_count\":";
  append_number(text, file.warning_count);
  text += "}\n";
  out << text;
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
    text += "  never: its selector is not known";
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

furrow::result<can::dbc_file, can::dbc_errc> load_dbc(const std::string& path, can::dbc_mode mode) {
  using fault = failure<can::dbc_errc>;
  std::ifstream in{path, std::ios::binary};
  // A folder opens and does not read.
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
    return fault{can::dbc_errc::syntax, path + ": cannot read to its end"};
  return can::parse_dbc(text, path, mode, limits);
}

int check_dbc(const check_options& options, std::ostream& out, std::ostream& problems) {
  const auto file =
    load_dbc(options.path, options.strict ? can::dbc_mode::strict : can::dbc_mode::lenient);
  if (!file) {
    problems << "furrow dbc check: " << file.error().detail << '\n';
    return 1;
  }
  if (options.json)
    print_json(out, *file);
  else
    print_text(out, *file);
  out.flush();
  return out.good() ? 0 : 1;
}

void add_dbc(CLI::App& app, int& exit_code) {
  auto* group = app.add_subcommand("dbc", "Files of signal definitions");
  group->require_subcommand(1);
  auto* command = group->add_subcommand(
    "check", "Show a DBC file as it is understood, and what is wrong with it");
  const auto options = std::make_shared<check_options>();
  const auto output = std::make_shared<std::string>("text");
  command->add_option("file", options->path, "DBC file")->required();
  command->add_option("-o,--output", *output, "text or json")
    ->check(CLI::IsMember({"text", "json"}))
    ->capture_default_str();
  command->add_flag("--strict", options->strict, "Fail on what decodes but cannot be right");
  command->callback([options, output, &exit_code] {
    options->json = *output == "json";
    exit_code = check_dbc(*options, std::cout, std::cerr);
  });
}

} // namespace furrow::cli
