#include "actors/log/loggers.hpp"

#include "actors/log/descriptor_sink.hpp"

#include <unistd.h>

#include <array>
#include <chrono>
#include <optional>
#include <utility>

namespace furrow::log {

namespace {

/// A line is cut at a byte; what remains of a character is replaced with the invalid UTF-8.
std::string_view cut(std::string_view text, std::size_t bytes) {
  return text.substr(0, bytes);
}

/// The line with its end.
std::string fitted(line shown, line_format format) {
  auto text = to_text(shown, format);
  for (auto bytes = line_bytes_max / 2; text.size() >= line_bytes_max && bytes > 0; bytes /= 2) {
    shown.message = cut(shown.message, bytes);
    shown.what.error = cut(shown.what.error, bytes / 2);
    text = to_text(shown, format);
  }
  return text + '\n';
}

/// Writes lines as actors/log/lines.hpp shows them.
class line_formatter : public spdlog::formatter {
public:
  line_formatter(std::shared_ptr<const output> out, std::shared_ptr<const subject> about_what)
    : out_{std::move(out)}, subject_{std::move(about_what)} {}

  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& to) override {
    using std::chrono::duration_cast;
    using std::chrono::microseconds;
    line shown{duration_cast<microseconds>(message.time.time_since_epoch()).count(),
               from_spdlog(message.level),
               subject_->from,
               subject_->event,
               out_->node,
               subject_->what,
               {message.payload.data(), message.payload.size()}};
    if (shown.what.equipment.empty())
      shown.what.equipment = out_->equipment;
    const auto text = fitted(shown, out_->format);
    to.append(text.data(), text.data() + text.size());
  }

  [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<line_formatter>(out_, subject_);
  }

private:
  const std::shared_ptr<const output> out_;
  const std::shared_ptr<const subject> subject_;
};

struct all_loggers {
  std::shared_ptr<output_sink> sink = std::make_shared<output_sink>();
  std::array<std::optional<spdlog::logger>, module_count> of;

  all_loggers() {
    for (std::size_t i = 0; i < module_count; ++i)
      of.at(i).emplace(std::string{to_string(static_cast<module_name>(i))}, sink);
  }
};

all_loggers& loggers() {
  static all_loggers all;
  return all;
}

} // namespace

output_sink::output_sink() {
  use({line_format::text, {}, {}, descriptor_sink{STDERR_FILENO}});
  set_formatter(std::make_unique<line_formatter>(out_, subject_));
}

void output_sink::use(output where) {
  *out_ = std::move(where);
}

void output_sink::sink_it_(const spdlog::details::log_msg& message) {
  spdlog::memory_buf_t text;
  formatter_->format(message, text);
  if (!out_->to({text.data(), text.size()}))
    ++lost_;
}

output_sink& the_sink() {
  return *loggers().sink;
}

spdlog::logger& logger_of(module_name of) {
  return *loggers().of.at(static_cast<std::size_t>(of));
}

} // namespace furrow::log
