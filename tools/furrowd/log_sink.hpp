/// The log on standard error, which never waits: a terminal or pipe that nobody reads must not stop the node.
///
/// Shape: a line is written when the other side takes it at once. Otherwise it is dropped, and the first line that goes
///   through says how many were.
/// Threads: any; a lock around one write.
/// Limits: a line of line_bytes_max, the size that a pipe takes whole or not at all.
#pragma once

#include <spdlog/sinks/base_sink.h>

#include <climits>
#include <cstdint>
#include <mutex>

namespace furrow::daemon {

class log_sink final : public spdlog::sinks::base_sink<std::mutex> {
public:
  static constexpr std::size_t line_bytes_max = PIPE_BUF;

  /// Writes to the descriptor; it stays the caller's. Colours on a terminal.
  explicit log_sink(int descriptor);

protected:
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override {}

private:
  /// False when it was not taken.
  [[nodiscard]] bool write_now(std::string_view line) const;

  int descriptor_;
  bool coloured_;
  std::uint64_t dropped_ = 0;
};

} // namespace furrow::daemon
