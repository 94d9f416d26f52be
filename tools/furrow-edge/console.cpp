#include "tools/furrow-edge/console.hpp"

#include "can/text/time.hpp"

#include <unistd.h>

#include <chrono>
#include <cstdio>

#include <nlohmann/json.hpp>

namespace furrow::edge {

namespace {

std::string time_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return can::text::format_time(std::chrono::duration_cast<std::chrono::microseconds>(now).count(),
                                3);
}

/// Texts come from peers and files: they must not control the terminal or break the line.
std::string printable(const std::string& text) {
  std::string out;
  for (const char c : text)
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
  return out;
}

} // namespace

console::console(int verbosity, log_format format)
  : verbosity_{verbosity}, format_{format}, terminal_{::isatty(STDERR_FILENO) == 1} {}

void console::note(uplink_action::note::level level, const std::string& text) {
  switch (level) {
  case uplink_action::note::level::debug:
    return debug(text);
  case uplink_action::note::level::info:
    return info(text);
  case uplink_action::note::level::warning:
    return warn(text);
  }
}

void console::write(const char* level, int from_verbosity, const std::string& text) {
  if (verbosity_ < from_verbosity)
    return;
  if (format_ == log_format::json) {
    const nlohmann::json line{{"time", time_now()}, {"level", level}, {"message", text}};
    put(line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    return;
  }
  put(time_now() + " " + level + " " + printable(text));
}

void console::bad_line(const std::string& text) {
  if (format_ == log_format::json)
    return warn(text);
  put(printable(text));
}

void console::put(const std::string& line) {
  const std::lock_guard lock{mutex_};
  const auto text = (progress_.empty() ? "" : "\r\x1b[K") + line + "\n" + progress_;
  (void)std::fwrite(text.data(), 1, text.size(), stderr); // nowhere left to report a failure
  (void)std::fflush(stderr);
}

void console::progress(const std::string& text) {
  if (!terminal_ || format_ == log_format::json || verbosity_ < 1)
    return;
  const std::lock_guard lock{mutex_};
  progress_ = text;
  const auto shown = "\r\x1b[K" + text;
  (void)std::fwrite(shown.data(), 1, shown.size(), stderr);
  (void)std::fflush(stderr);
}

void console::end_progress() {
  const std::lock_guard lock{mutex_};
  if (progress_.empty())
    return;
  progress_.clear();
  (void)std::fputs("\n", stderr);
}

} // namespace furrow::edge
