/// The gateway's output for people: log lines and, on a terminal, one line of progress.
///
/// Shape: standard error; text for people, or JSON objects for collectors.
/// Threads: safe from any thread.
#pragma once

#include "tools/furrow-edge/uplink/uplink_protocol.hpp"

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

namespace furrow::edge {

enum class log_format : std::uint8_t { text, json };

class console {
public:
  /// 0: warnings and errors; 1: what happens; 2: everything.
  console(int verbosity, log_format format);

  void debug(const std::string& text) { write("debug", 2, text); }
  void info(const std::string& text) { write("info", 1, text); }
  void warn(const std::string& text) { write("warning", 0, text); }
  void error(const std::string& text) { write("error", -1, text); }
  void note(uplink_action::note::level level, const std::string& text);
  /// Prints a line unchanged, for people: `FILE:LINE:COLUMN: message`.
  void bad_line(const std::string& text);

  /// Replaces the line of progress; does nothing without a terminal.
  void progress(const std::string& text);
  void end_progress();
  [[nodiscard]] bool terminal() const { return terminal_; }
  void verbosity(int now) { verbosity_ = now; }

private:
  void write(const char* level, int from_verbosity, const std::string& text);
  void put(const std::string& line);

  std::atomic<int> verbosity_;
  const log_format format_;
  const bool terminal_;
  std::mutex mutex_;
  std::string progress_;
};

} // namespace furrow::edge
