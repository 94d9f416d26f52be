/// Prints frames as they arrive: the node's text as it is, or its JSON lines as one JSON array or as a table. A wide
/// table names the messages.
///
/// Shape: columns have a fixed width, because a table of millions of frames is not read before it is printed.
/// Errors: `take` returns false when the reader wants no more; an answer that is no JSON throws nlohmann's exception,
///   which main.cpp reports.
/// Threads: one.
/// Limits: one line is held.
#pragma once

#include "tools/furrow/progress.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace furrow::cli {

enum class frame_form : std::uint8_t { as_sent, json, table, wide };

class frame_printer {
public:
  explicit frame_printer(frame_form form) : form_{form} {}

  [[nodiscard]] bool take(std::string_view piece);
  /// After the last piece. Ends the JSON array, and the line of progress.
  void finish();
  [[nodiscard]] std::uint64_t frames() const { return frames_; }

private:
  [[nodiscard]] bool take_line(std::string_view line);

  frame_form form_;
  std::string rest_; // of a line whose end has not arrived
  std::uint64_t frames_ = 0;
  std::uint64_t bytes_ = 0;
  work_progress progress_{"frames"};
};

} // namespace furrow::cli
