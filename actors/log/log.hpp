/// The log of a program. Each line has a level, a module, an event, the farm and machine that it is about, and a message.
///
/// Shape: `log::warn(log::gateway, "gateway_rejected", {.equipment = name, .peer = address}, "gateway {}: ...", name)`.
///   The event is a stable word for programs that read the log; docs/operations/logs.md lists all of them.
/// Errors: none. A line that the output does not take at once is dropped; the next one says how many were.
/// Threads: any; a lock around one write. A level that is not written costs one atomic load.
/// Limits: of one event `few` lines, and as many for `many`, as log.cpp says; the number of those left out is told.
///   A line has line_bytes_max, the size that a pipe takes whole or not at all; a longer message is cut.
#pragma once

#include "actors/log/levels.hpp"
#include "actors/log/lines.hpp"

#include <fmt/format.h>

#include <climits>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace furrow::log {

inline constexpr std::size_t line_bytes_max = PIPE_BUF;

/// How many lines of an event are written: of `many` an operator may want every single one.
enum class rate : std::uint8_t { few, many };
using enum rate;

struct event {
  // NOLINTNEXTLINE(google-explicit-constructor): a call names the event by its word
  consteval event(const char* word, rate most = few) : name{word}, lines{most} {}
  std::string_view name; // of a literal, so that it lives as long as the program
  rate lines;
};

/// Takes a line with its end; false when nobody took it.
using sink = std::function<bool(std::string_view)>;

struct output {
  line_format format = line_format::text;
  std::string node;      // the field `node` of every line
  std::string equipment; // of a line that names no other
  sink to;
};

/// Where lines go from now on; before that, as text to standard error.
void start(output where);
/// Tells of lines that were left out and of which none came since. To be called every few seconds.
void look();
/// The one line of a program that cannot start or go on: `PROGRAM: WHAT` as text, the event `failed` in other formats.
void complain(std::string_view program, std::string_view what);

namespace detail {
void write(level how,
           module_name from,
           event what,
           const about& of,
           fmt::string_view format,
           fmt::format_args args);
} // namespace detail

/// Of a level that the program knows only when it runs.
template <class... Args>
void write(level how,
           module_name from,
           event what,
           const about& of,
           fmt::format_string<Args...> format,
           Args&&... args) {
  if (enabled(how, from))
    detail::write(how, from, what, of, format, fmt::make_format_args(args...));
}

template <class... Args>
void debug(module_name from,
           event what,
           const about& of,
           fmt::format_string<Args...> format,
           Args&&... args) {
  if (enabled(level::debug, from))
    detail::write(level::debug, from, what, of, format, fmt::make_format_args(args...));
}

template <class... Args>
void info(module_name from,
          event what,
          const about& of,
          fmt::format_string<Args...> format,
          Args&&... args) {
  if (enabled(level::info, from))
    detail::write(level::info, from, what, of, format, fmt::make_format_args(args...));
}

template <class... Args>
void warn(module_name from,
          event what,
          const about& of,
          fmt::format_string<Args...> format,
          Args&&... args) {
  if (enabled(level::warning, from))
    detail::write(level::warning, from, what, of, format, fmt::make_format_args(args...));
}

template <class... Args>
void error(module_name from,
           event what,
           const about& of,
           fmt::format_string<Args...> format,
           Args&&... args) {
  if (enabled(level::error, from))
    detail::write(level::error, from, what, of, format, fmt::make_format_args(args...));
}

template <class... Args>
void critical(module_name from,
              event what,
              const about& of,
              fmt::format_string<Args...> format,
              Args&&... args) {
  if (enabled(level::critical, from))
    detail::write(level::critical, from, what, of, format, fmt::make_format_args(args...));
}

} // namespace furrow::log
