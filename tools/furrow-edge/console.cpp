#include "tools/furrow-edge/console.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace furrow::edge {

namespace {

constexpr std::string_view erase = "\r\x1b[K";

/// Texts come from files: they must not control the terminal or break the line.
std::string printable(const std::string& text) {
  std::string out;
  for (const char c : text)
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
  return out;
}

} // namespace

console::console(int verbosity, std::string_view format, std::string equipment)
  : verbosity_{verbosity},
    format_{log::shape_of(format, STDERR_FILENO).value_or(log::line_format::text)},
    terminal_{::isatty(STDERR_FILENO) == 1}, out_{STDERR_FILENO} {
  log::start({format_, {}, std::move(equipment), [this](auto line) { return put(line); }});
  this->verbosity(verbosity);
}

void console::verbosity(int now) {
  verbosity_ = now;
  constexpr std::array levels{"warn", "info", "debug"};
  (void)log::set_levels(levels.at(static_cast<std::size_t>(std::clamp(now, 0, 2))));
}

console::~console() {
  log::start({format_, {}, {}, out_});
}

void console::bad_line(const std::string& text) {
  if (format_ != log::line_format::text && format_ != log::line_format::terminal)
    return log::warn(log::source, {"bad_line", log::many}, {}, "{}", text);
  (void)put(printable(text) + '\n');
}

bool console::put(std::string_view line) {
  const std::lock_guard lock{mutex_};
  return progress_.empty() ? out_(line) : out_(std::string{erase}.append(line) + progress_);
}

void console::progress(const std::string& text) {
  if (!terminal_ || format_ != log::line_format::terminal || verbosity_ < 1)
    return;
  const std::lock_guard lock{mutex_};
  progress_ = text;
  (void)out_(std::string{erase} + text);
}

void console::end_progress() {
  const std::lock_guard lock{mutex_};
  if (progress_.empty())
    return;
  progress_.clear();
  (void)out_("\n");
}

} // namespace furrow::edge
