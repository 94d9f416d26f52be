/// How a line of the log looks: as text for people, as logfmt or as JSON.
///
/// Shape: one line without its end. logfmt and JSON have the same fields in the same order; an empty field is left out.
///   Text has time, level and message, in the colours of the level on a terminal. In the journal it has a priority
///   `<N>` and no time, which the journal adds.
/// Units: microseconds since 1970 in UTC, written to the millisecond.
/// Errors: none. Invalid UTF-8, and characters that control a terminal or the direction of text, are replaced, line ends
///   too: a name cannot forge a line.
/// Source: logfmt as go-logfmt reads it; sd-daemon(3) for the priorities.
#pragma once

#include "actors/log/levels.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace furrow::log {

/// What a line is about. The texts are only read during the call.
struct about {
  std::string_view farm = {};
  std::string_view equipment = {};
  std::string_view peer = {};  // the other side: an address, a node, a service
  std::string_view error = {}; // of the operating system, a library, a database or an actor
  std::optional<std::uint64_t> count = {};
};

struct line {
  std::int64_t time_us = 0;
  level how = level::info;
  module_name from = module_name::node;
  std::string_view event;
  std::string_view node; // which wrote it
  about what;
  std::string_view message;
};

enum class line_format : std::uint8_t { text, terminal, journal, logfmt, json };

[[nodiscard]] std::string to_text(const line& shown, line_format how);

} // namespace furrow::log
