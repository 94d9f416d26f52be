#include "tools/furrow/logs/decode.hpp"

#include "can/dbc/decode.hpp"
#include "can/frame/identifier.hpp"
#include "can/live/meaning.hpp"
#include "can/logs/bus_table.hpp"
#include "can/logs/log_format.hpp"
#include "can/text/json.hpp"
#include "can/text/put.hpp"
#include "can/transport/fast_packet.hpp"
#include "can/transport/transport.hpp"
#include "tools/furrow/logs/dbc.hpp"
#include "tools/furrow/logs/decode_definitions.hpp"
#include "tools/furrow/logs/decoded_text.hpp"
#include "tools/furrow/logs/json_text.hpp"
#include "tools/furrow/logs/log_input.hpp"
#include "tools/logs/time_options.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <iostream>
#include <memory>
#include <system_error>

#include <CLI/CLI.hpp>

namespace furrow::cli {

namespace {

constexpr std::size_t decode_piece_bytes = 262'144; // of output
/// A log is read once and completely: there is room for the largest possible message, and for all other messages in
/// transfer.
constexpr can::transport_limits decode_limits{1024, can::reassembler::etp_bytes_max + (16U << 20U)};

/// `(1547753403.715009) `; before 1970 with a sign before the number.
void append_seconds(std::string& out, std::int64_t time_us) {
  const auto amount =
    time_us < 0 ? 0 - static_cast<std::uint64_t>(time_us) : static_cast<std::uint64_t>(time_us);
  if (time_us < 0)
    out += '-';
  append_number(out, amount / 1'000'000);
  out += '.';
  const auto micros = std::to_string(amount % 1'000'000);
  out.append(6 - micros.size(), '0');
  out += micros;
}

/// A message of the log, however it was transported.
struct whole_message {
  std::int64_t time_us = 0;
  std::string_view bus;
  std::uint32_t can_id = 0;
  bool extended = true;
  std::span<const std::uint8_t> data;
};

class decoder {
public:
  /// `name`: of the log in messages and JSON; empty: standard input alone.
  decoder(const decode_options& options,
          const decode_definitions& known,
          const std::string& name,
          std::istream& in,
          std::ostream& out,
          std::ostream& problems)
    : options_{options}, known_{known}, name_{name.empty() ? "" : name + ":"}, out_{out},
      problems_{problems}, input_{in, times()}, values_(known.plan().signals_max()) {
    if (options.logs.size() > 1) {
      opening_ = "{\"file\":";
      can::text::append_json_text(opening_, name);
      opening_ += ',';
    }
  }

  [[nodiscard]] int run();

private:
  [[nodiscard]] bool writable() const { return out_.good(); }
  [[nodiscard]] const can::log_reader& reader() const { return input_.reader(); }
  [[nodiscard]] logs::log_times times();
  void take();
  void take_frame();
  void take_message();
  void print(const can::plan_message& of, const whole_message& message);
  void print_json(const can::plan_message& of, const whole_message& message, std::size_t count);
  void print_text(const can::plan_message& of, const whole_message& message, std::size_t count);
  void append_raw(const can::decoded_signal& value);
  void append_value(const can::decoded_signal& value);
  void print_bytes(const can::assembled_message& message);
  void flush();

  const decode_options& options_;
  const decode_definitions& known_;
  std::string name_;          // before a line number in a message
  std::string opening_ = "{"; // of a JSON object
  std::ostream& out_;
  std::ostream& problems_;
  log_input input_;
  can::bus_table buses_;
  can::reassembler whole_{decode_limits};
  can::log_line line_;
  can::log_payload payload_{};
  std::vector<can::decoded_signal> values_;
  std::string text_;
  std::uint64_t faults_ = 0;
  std::string first_fault_;
  int write_error_ = 0; // of the last write
};

logs::log_times decoder::times() {
  auto out = options_.times;
  out.warn = [this](const std::string& text) {
    problems_ << "furrow decode: " << name_ << (name_.empty() ? "" : " ") << text << '\n';
  };
  return out;
}

void decoder::take() {
  while (writable()) {
    const auto had = input_.next(line_, payload_);
    if (had == log_input::had::end)
      return;
    if (had == log_input::had::pause) {
      flush(); // the log may be live
      continue;
    }
    switch (line_.kind) {
    case can::line_kind::frame:
      take_frame();
      break;
    case can::line_kind::message:
      take_message();
      break;
    case can::line_kind::fault:
      if (faults_++ == 0)
        first_fault_ =
          std::to_string(reader().line()) + ':' + std::to_string(line_.column) + ": " + line_.fault;
      break;
    case can::line_kind::nothing:
    case can::line_kind::dropped:
      break;
    }
    if (text_.size() >= decode_piece_bytes)
      flush();
  }
}

void decoder::take_frame() {
  const auto bus = buses_.bus_of(line_.interface);
  if (!bus) {
    input_.refuse();
    if (faults_++ == 0)
      first_fault_ =
        std::to_string(reader().line()) + ":1: " + can::bus_table::refusal(line_.interface);
    return;
  }
  const can::frame_view frame{
    line_.time_us, {line_.header.bits | std::uint64_t{*bus} << 32U}, payload_.data()};
  const auto id = frame.header.id();
  const auto* known = known_.plan().find(frame.header);
  const whole_message alone{frame.time_us, line_.interface, id, frame.header.extended(),
                            frame.payload()};
  const auto message = whole_.feed(frame);
  if (message && options_.messages)
    print_bytes(*message);
  if (!options_.signals)
    return;
  const auto meant = can::meaning_of(known_.plan(), known, frame, message ? &*message : nullptr);
  if (meant.message == nullptr)
    return;
  if (meant.put_together)
    print(*meant.message, {message->time_us, line_.interface,
                           can::build_j1939({message->priority, message->pgn, message->source,
                                             message->destination}),
                           true, message->data});
  else
    print(*meant.message, alone);
}

void decoder::take_message() {
  const auto& head = line_.message;
  can::assembled_message message;
  message.time_us = line_.time_us;
  message.priority = head.priority;
  message.source = head.source;
  message.destination = head.destination;
  message.pgn = head.pgn;
  message.data = {payload_.data(), head.length};
  // The log does not say how the message travelled; this is how such messages do.
  message.transport = can::packet_type_of(head.pgn) != can::packet_type::single
                        ? can::transport_kind::fast
                      : head.length <= 8                        ? can::transport_kind::single
                      : head.destination == can::address_global ? can::transport_kind::bam
                                                                : can::transport_kind::rts;
  if (options_.messages)
    print_bytes(message);
  if (!options_.signals)
    return;
  if (const auto* of = known_.plan().find_pgn(head.pgn, head.source); of != nullptr)
    print(*of, {line_.time_us, line_.interface,
                can::build_j1939({head.priority, head.pgn, head.source, head.destination}), true,
                message.data});
}

void decoder::print(const can::plan_message& of, const whole_message& message) {
  auto count = known_.plan().decode(of, message.data, values_);
  if (!known_.wanted().all()) {
    count = known_.wanted().keep({values_.data(), count});
    if (count == 0)
      return;
  }
  if (options_.json)
    print_json(of, message, count);
  else
    print_text(of, message, count);
}

void decoder::append_raw(const can::decoded_signal& value) {
  const auto& signal = known_.plan().signal_of(value);
  if (signal.is_float) // the number before factor and offset
    append_number(text_, can::float_of_raw(value.raw, signal.length));
  else if (signal.is_signed)
    append_number(text_, static_cast<std::int64_t>(value.raw));
  else
    append_number(text_, value.raw);
}

void decoder::print_json(const can::plan_message& of,
                         const whole_message& message,
                         std::size_t count) {
  text_ += opening_ + "\"line\":";
  append_number(text_, reader().line());
  text_ += ",\"time\":";
  append_seconds(text_, message.time_us);
  text_ += ",\"bus\":";
  can::text::append_json_text(text_, message.bus);
  text_ += ",\"pgn\":";
  if (of.pgn)
    append_number(text_, *of.pgn);
  else
    text_ += "null";
  text_ += ",\"can_id\":";
  append_number(text_, message.can_id);
  if (of.pgn) {
    text_ += ",\"source\":";
    append_number(text_, unsigned{can::source_of(message.can_id)});
    text_ += ",\"destination\":";
    append_number(text_, unsigned{can::destination_of(message.can_id)});
  } else {
    text_ += ",\"source\":null,\"destination\":null";
  }
  text_ += ",\"message\":";
  can::text::append_json_text(text_, of.name);
  text_ += ",\"signals\":{";
  for (std::size_t i = 0; i < count; ++i) {
    const auto& value = values_[i];
    if (i != 0)
      text_ += ',';
    text_ += known_.opening(value.signal);
    append_raw(value);
    text_ += ",\"value\":";
    append_json_value(text_, known_.plan().signal_of(value), value);
    text_ += known_.middle(value.signal);
    append_text_or_null(text_, known_.plan().label(value));
    text_ += ",\"state\":\"";
    text_ += can::to_string(value.state);
    text_ += "\"}";
  }
  text_ += '}';
  append_json_faults(text_, of, message.data);
  text_ += "}\n";
}

void decoder::append_value(const can::decoded_signal& value) {
  const auto& signal = known_.plan().signal_of(value);
  if (value.state != can::signal_state::value) {
    std::string_view state = can::to_string(value.state);
    for (const char c : state)
      text_ += c == '_' ? ' ' : c;
    return;
  }
  if (const auto label = known_.plan().label(value); !label.empty()) {
    text_ += '\'';
    text_ += label;
    text_ += '\'';
    return;
  }
  append_value_text(text_, signal, value);
  if (!signal.unit.empty())
    text_ += ' ' + signal.unit;
}

void decoder::print_text(const can::plan_message& of,
                         const whole_message& message,
                         std::size_t count) {
  text_ += '(';
  append_seconds(text_, message.time_us);
  text_ += ") ";
  text_ += message.bus;
  text_ += ' ';
  can::text::append_hex(text_, message.can_id, message.extended ? 8 : 3);
  text_ += '#';
  can::text::append_hex(text_, message.data);
  text_ += " ::\n" + of.name + '(';
  for (std::size_t i = 0; i < count; ++i) {
    text_ += i == 0 ? "\n    " : ",\n    ";
    text_ += known_.plan().signal_of(values_[i]).name;
    text_ += ": ";
    append_value(values_[i]);
  }
  append_fault_lines(text_, of, message.data);
  text_ += "\n)\n";
}

void decoder::print_bytes(const can::assembled_message& message) {
  if (options_.json) {
    text_ += opening_ + "\"line\":";
    append_number(text_, reader().line());
    text_ += ",\"pgn\":";
    append_number(text_, message.pgn);
    text_ += ",\"source\":";
    append_number(text_, unsigned{message.source});
    text_ += ",\"destination\":";
    append_number(text_, unsigned{message.destination});
    text_ += ",\"transport\":\"";
    text_ += can::to_string(message.transport);
    text_ += "\",\"data\":\"";
    can::text::append_hex(text_, message.data);
    text_ += "\"}\n";
    return;
  }
  text_ += '(';
  append_seconds(text_, message.time_us);
  text_ += ") ";
  text_ += line_.interface;
  text_ += " PGN ";
  append_number(text_, message.pgn);
  text_ += " from ";
  append_number(text_, unsigned{message.source});
  text_ += " to ";
  append_number(text_, unsigned{message.destination});
  text_ += ' ';
  text_ += can::to_string(message.transport);
  text_ += ' ';
  append_number(text_, message.data.size());
  text_ += ": ";
  can::text::append_hex(text_, message.data);
  text_ += '\n';
}

void decoder::flush() {
  if (!writable())
    return;
  errno = 0;
  out_.write(text_.data(), static_cast<std::streamsize>(text_.size()));
  out_.flush();
  write_error_ = errno;
  text_.clear();
}

int decoder::run() {
  take();
  flush();
  if (!writable() && write_error_ == EPIPE)
    return 0; // `| head`: the reader has enough
  if (faults_ != 0)
    problems_ << "furrow decode: " << name_ << first_fault_
              << " (lines that cannot be read: " << faults_ << ")\n";
  if (!out_.good()) {
    problems_ << "furrow decode: cannot write the output\n";
    return 1;
  }
  if (!input_.trouble().empty())
    problems_ << "furrow decode: cannot read "
              << (name_.empty() ? "the input" : name_.substr(0, name_.size() - 1))
              << " to its end: " << input_.trouble() << '\n';
  return input_.unreadable() || !input_.trouble().empty() ? 1 : 0;
}

} // namespace

namespace {

int decode_one(const decode_options& options,
               const decode_definitions& known,
               const std::string& name,
               std::istream& in,
               std::ostream& out,
               std::ostream& problems) {
  return std::make_unique<decoder>(options, known, name, in, out, problems)->run();
}

} // namespace

int decode_log(const decode_options& options,
               std::istream& in,
               std::ostream& out,
               std::ostream& problems) {
  decode_definitions known;
  return known.load(options, problems) ? decode_one(options, known, "", in, out, problems) : 1;
}

int decode_logs(const decode_options& options,
                std::istream& standard_input,
                std::ostream& out,
                std::ostream& problems) {
  if (options.logs.empty())
    return decode_log(options, standard_input, out, problems);
  decode_definitions known;
  if (!known.load(options, problems))
    return 1;
  int code = 0;
  for (const auto& path : options.logs) {
    if (path == "-") {
      code = std::max(code, decode_one(options, known, path, standard_input, out, problems));
      continue;
    }
    std::ifstream in{path, std::ios::binary};
    if (!in) {
      problems << "furrow decode: " << path
               << ": cannot read: " << std::generic_category().message(errno) << '\n';
      code = 1;
      continue;
    }
    code = std::max(code, decode_one(options, known, path, in, out, problems));
  }
  return code;
}

void add_decode(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("decode", "decode logs of any format with DBC files");
  const auto options = std::make_shared<decode_options>();
  const auto output = std::make_shared<std::string>("text");
  const auto signals = std::make_shared<bool>(false);
  const auto times = std::make_shared<logs::time_options>();
  command->add_option("LOG", options->logs, "logs to read; default: standard input")->type_name("");
  command
    ->add_option("--dbc", options->dbc,
                 "DBC file (may be repeated); the first file that knows a message is used")
    ->allow_extra_args(false)
    ->type_name("FILE");
  command
    ->add_option("--message", options->wanted_messages,
                 "print only messages of this name (may be repeated)")
    ->allow_extra_args(false)
    ->type_name("NAME");
  command
    ->add_option("--signal", options->wanted_signals,
                 "print only this signal, as SIGNAL or MESSAGE.SIGNAL (may be repeated)")
    ->allow_extra_args(false)
    ->type_name("NAME");
  add_encoding(*command, options->encoding);
  command->add_flag("--catalogue", options->catalogue,
                    "also decode the messages of tractors and implements that Furrow knows");
  command->add_option("-o,--output", *output, "text or jsonl")
    ->check(CLI::IsMember({"text", "jsonl"}))
    ->capture_default_str();
  command->add_flag("--signals", *signals,
                    "print decoded signals (the default without --messages)");
  command->add_flag("--messages", options->messages,
                    "print each message as bytes, assembled from its frames");
  logs::add_time_options(*command, *times);
  command->footer(
    "A log may be packed with gzip or zstd. Exit code 1 if nothing or more than 1 % of "
    "the lines of a log could not be read.\n"
    "Examples:\n"
    "  furrow decode tractor.log --dbc implement.dbc --catalogue\n"
    "  furrow decode --catalogue --signal EEC1.engine_speed -o jsonl < tractor.log");
  command->callback([options, output, signals, times, &exit_code] {
    options->json = *output == "jsonl";
    options->signals = *signals || !options->messages;
    if (options->signals && options->dbc.empty() && !options->catalogue)
      throw CLI::RequiredError("--dbc or --catalogue");
    for (const auto& path : options->logs)
      if (path.ends_with(".dbc"))
        throw CLI::ValidationError(path + " is read as a log: write --dbc before each DBC file");
    auto log_times = logs::times_of(*times);
    if (!log_times)
      throw CLI::ValidationError(log_times.error().detail);
    options->times = std::move(*log_times);
    std::ios::sync_with_stdio(false);
    exit_code = decode_logs(*options, std::cin, std::cout, std::cerr);
  });
}

} // namespace furrow::cli
