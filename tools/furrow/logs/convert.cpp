#include "tools/furrow/logs/convert.hpp"

#include "tools/furrow/logs/log_input.hpp"
#include "tools/logs/time_options.hpp"

#include <cerrno>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

namespace furrow::cli {

namespace {

constexpr std::size_t piece_bytes = std::size_t{256} * 1024; // of output
constexpr std::uint64_t named_max = 20;

/// Converts one log.
class conversion {
public:
  conversion(const convert_options& options,
             std::istream& in,
             std::ostream& out,
             std::ostream& errors)
    : options_{options}, out_{out}, errors_{errors}, input_{in, times(), options.from},
      writer_{options.to, options.trc} {}

  [[nodiscard]] int run() {
    take();
    if (writable()) { // if writing stopped, the unread rest is not damaged
      writer_.finish(text_);
      flush();
    }
    if (!writable() && write_error_ == EPIPE)
      return 0; // `| head`: the reader has enough
    const bool nothing_read = read() == 0 && reader().line() != 0;
    if (read() != 0 && reader().unterminated())
      name(0) << "the last line has no line end; the log may be truncated\n";
    if (dropped_ != 0)
      name(0) << "the log reports that " << dropped_
              << " frames were dropped while it was recorded\n";
    report_unread();
    if (refused_ != 0)
      name(0) << refused_ << " frames or messages cannot be written as "
              << can::to_string(options_.to) << '\n';
    if (!out_)
      errors_ << "furrow convert: cannot write the output: "
              << std::generic_category().message(write_error_) << '\n';
    if (!input_.trouble().empty())
      errors_ << "furrow convert: cannot read " << options_.input_name
              << " to its end: " << input_.trouble() << '\n';
    return !input_.unreadable() && input_.trouble().empty() && refused_ == 0 && !nothing_read
               && out_
             ? 0
             : 1;
  }

private:
  [[nodiscard]] bool writable() const { return static_cast<bool>(out_); }
  [[nodiscard]] const can::log_reader& reader() const { return input_.reader(); }
  [[nodiscard]] std::uint64_t read() const { return input_.tally().read; }
  [[nodiscard]] logs::log_times times() {
    auto out = options_.times;
    out.warn = [this](const std::string& text) {
      errors_ << std::exchange(held_, {}); // of lines above
      name(0) << text << '\n';
    };
    return out;
  }

  /// Begins a message: the input, and the line and column if they are known.
  std::ostream& name(std::uint64_t line) { return name(line, 0, errors_); }
  std::ostream& name(std::uint64_t line, std::uint32_t column, std::ostream& to) {
    to << options_.input_name << ':';
    if (line != 0)
      to << line << ':';
    if (column != 0)
      to << column << ':';
    return to << ' ';
  }

  void report_unread() {
    if (read() == 0 && faults_ != 0 && reader().format() == can::log_format::unknown) {
      name(first_line_, first_column_, errors_)
        << "no frame could be read: " << first_fault_ << '\n';
    } else if (faults_ != 0) {
      errors_ << held_;
      name(0) << faults_ << " lines could not be read\n";
    } else if (read() == 0 && reader().line() != 0) {
      name(0) << "no frame could be read: its " << reader().line() << " lines have no frames\n";
    }
  }

  /// A line of an unknown format may be the beginning of a log, or the whole file is no log. Which one it is decides
  /// whether its lines are worth naming.
  void tell_fault() {
    if (++faults_ > named_max)
      return;
    std::ostringstream text;
    name(reader().line(), line_.column, text) << line_.fault << '\n';
    if (faults_ == 1) {
      first_line_ = reader().line();
      first_column_ = line_.column;
      first_fault_ = line_.fault;
    }
    if (reader().format() == can::log_format::unknown)
      held_ += text.str();
    else
      errors_ << std::exchange(held_, {}) << text.str();
  }

  void take() {
    while (writable()) {
      const auto had = input_.next(line_, payload_);
      if (had == log_input::had::end)
        return;
      if (had == log_input::had::pause)
        continue;
      const char* refusal = nullptr;
      switch (line_.kind) {
      case can::line_kind::nothing:
        break;
      case can::line_kind::frame:
        refusal =
          writer_.append(text_, {line_.time_us, line_.header, payload_.data()}, line_.interface);
        break;
      case can::line_kind::message:
        refusal = writer_.append(text_, line_.time_us, line_.message, payload_.data());
        break;
      case can::line_kind::dropped:
        dropped_ += line_.dropped;
        break;
      case can::line_kind::fault:
        tell_fault();
        break;
      }
      if (refusal != nullptr && ++refused_ <= named_max)
        name(reader().line()) << refusal << '\n';
      if (text_.size() >= piece_bytes)
        flush();
    }
  }

  void flush() {
    if (!writable())
      return;
    errno = 0;
    out_.write(text_.data(), static_cast<std::streamsize>(text_.size()));
    out_.flush();
    write_error_ = errno;
    text_.clear();
  }

  const convert_options& options_;
  std::ostream& out_;
  std::ostream& errors_;
  log_input input_;
  can::log_writer writer_;
  can::log_line line_;
  can::log_payload payload_{};
  std::string text_;
  std::uint64_t faults_ = 0;
  std::uint64_t first_line_ = 0; // of the first fault
  std::uint32_t first_column_ = 0;
  const char* first_fault_ = nullptr;
  std::string held_; // faults of lines before the format is known
  std::uint64_t refused_ = 0;
  std::uint64_t dropped_ = 0;
  int write_error_ = 0; // of the last write
};

/// The options as typed.
struct typed_options {
  std::string to;
  std::string from;
  std::string trc_version = "2.1";
  std::string file = "-";
  logs::time_options times{};
};

std::vector<std::string> format_names(bool writable_only) {
  std::vector<std::string> names;
  for (auto i = static_cast<unsigned>(can::log_format::candump);
       i <= static_cast<unsigned>(can::log_format_last); ++i) {
    const auto format = static_cast<can::log_format>(i);
    if (!writable_only || can::can_write(format))
      names.emplace_back(can::to_string(format));
  }
  return names;
}

int run(const typed_options& typed) {
  std::ios::sync_with_stdio(false);
  convert_options options;
  options.to = can::parse_log_format(typed.to).value_or(can::log_format::candump);
  options.from = can::parse_log_format(typed.from).value_or(can::log_format::unknown);
  options.trc = can::parse_trc_version(typed.trc_version).value_or(can::trc_version::v2_1);
  auto times = logs::times_of(typed.times);
  if (!times)
    throw CLI::ValidationError(times.error().detail);
  options.times = std::move(*times);
  if (typed.file == "-")
    return convert_log(options, std::cin, std::cout, std::cerr);
  options.input_name = typed.file;
  std::ifstream in{typed.file, std::ios::binary};
  if (!in) {
    std::cerr << "furrow convert: cannot read " << typed.file << ": "
              << std::generic_category().message(errno) << '\n';
    return 1;
  }
  return convert_log(options, in, std::cout, std::cerr);
}

} // namespace

int convert_log(const convert_options& options,
                std::istream& in,
                std::ostream& out,
                std::ostream& errors) {
  return std::make_unique<conversion>(options, in, out, errors)->run();
}

void add_convert(CLI::App& app, int& exit_code) {
  auto typed = std::make_shared<typed_options>();
  auto* command =
    app.add_subcommand("convert", "convert a CAN log from any known format to another");
  command->add_option("--to", typed->to, "format to write")
    ->required()
    ->check(CLI::IsMember(format_names(true)));
  command->add_option("--from", typed->from, "format to read; default: detected from the content")
    ->check(CLI::IsMember(format_names(false)));
  command->add_option("--trc-version", typed->trc_version, "version of TRC to write")
    ->check(CLI::IsMember({"1.0", "1.1", "1.2", "1.3", "2.0", "2.1"}))
    ->capture_default_str();
  command->add_option("file", typed->file, "log to read; - for standard input")
    ->capture_default_str();
  logs::add_time_options(*command, typed->times);
  command->footer(
    "Examples:\n"
    "  furrow convert --to asc < tractor.log > tractor.asc\n"
    "  furrow convert --to candump --time-zone Europe/Berlin tractor.asc.gz\n"
    "The log may be packed with gzip or zstd. Exit code 1 if nothing or more than 1 % "
    "of the lines could not be read, or something cannot be written in the other "
    "format; standard error names it.");
  command->callback([typed, &exit_code] { exit_code = run(*typed); });
}

} // namespace furrow::cli
