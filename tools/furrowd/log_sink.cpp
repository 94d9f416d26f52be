#include "tools/furrowd/log_sink.hpp"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <string>
#include <string_view>

namespace furrow::daemon {

namespace {

/// By level: as spdlog's own sinks colour it.
constexpr std::array<std::string_view, 7> colours{
  "\x1b[37m", "\x1b[36m", "\x1b[32m", "\x1b[33;1m", "\x1b[31;1m", "\x1b[1;41m", ""};
constexpr std::string_view plain = "\x1b[m";

} // namespace

log_sink::log_sink(int descriptor)
  : descriptor_{descriptor}, coloured_{::isatty(descriptor) == 1} {}

bool log_sink::write_now(std::string_view line) const {
  pollfd ready{descriptor_, POLLOUT, 0};
  if (::poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0)
    return false;
  return ::write(descriptor_, line.data(), line.size()) > 0;
}

void log_sink::sink_it_(const spdlog::details::log_msg& message) {
  spdlog::memory_buf_t formatted;
  formatter_->format(message, formatted);
  std::string line;
  if (dropped_ > 0)
    line = std::to_string(dropped_) + " lines of the log were lost: nobody read standard error\n";
  const std::string_view text{formatted.data(), formatted.size()};
  if (coloured_ && message.color_range_end > message.color_range_start) {
    line += text.substr(0, message.color_range_start);
    line += colours.at(static_cast<std::size_t>(message.level));
    line +=
      text.substr(message.color_range_start, message.color_range_end - message.color_range_start);
    line += plain;
    line += text.substr(message.color_range_end);
  } else {
    line += text;
  }
  if (line.size() > line_bytes_max) {
    line.resize(line_bytes_max - 1);
    line += '\n';
  }
  if (write_now(line))
    dropped_ = 0;
  else
    ++dropped_;
}

} // namespace furrow::daemon
