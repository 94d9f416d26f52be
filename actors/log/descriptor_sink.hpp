/// Where the log goes: standard error, which never waits. A terminal or pipe that nobody reads must not stop a program.
///
/// Shape: a line is written when the other side takes it at once; otherwise `false`.
///   `shape_of` chooses how text looks there: in colours on a terminal, with priorities in the journal of systemd.
/// Threads: the log calls it under its lock.
/// Source: systemd.exec(5), JOURNAL_STREAM.
#pragma once

#include "actors/log/lines.hpp"

#include <optional>
#include <string_view>

namespace furrow::log {

class descriptor_sink {
public:
  /// The descriptor stays the caller's.
  explicit descriptor_sink(int descriptor) : descriptor_{descriptor} {}
  bool operator()(std::string_view text) const;

private:
  int descriptor_;
};

/// `text`, `logfmt` or `json`, as the descriptor needs it; nothing for another word.
[[nodiscard]] std::optional<line_format> shape_of(std::string_view format, int descriptor);

} // namespace furrow::log
