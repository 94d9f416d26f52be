/// The gateway's output for people: the log on standard error and, on a terminal, one line of progress below it.
///
/// Shape: text for people, logfmt or JSON for collectors (actors/log/log.hpp). It is the output of the log while it lives.
/// Threads: safe from any thread.
#pragma once

#include "actors/log/descriptor_sink.hpp"
#include "actors/log/log.hpp"

#include <atomic>
#include <mutex>
#include <string>
#include <string_view>

namespace furrow::edge {

class console {
public:
  /// `verbosity`: 0: warnings and errors; 1: what happens; 2: everything. `format`: text, logfmt or json.
  /// `equipment`: the machine that every line is about, if there is one.
  console(int verbosity, std::string_view format, std::string equipment = {});
  console(const console&) = delete;
  console& operator=(const console&) = delete;
  ~console();

  /// Prints `FILE:LINE:COLUMN: message`: for people as it is.
  void bad_line(const std::string& text);

  /// Replaces the line of progress; does nothing without a terminal.
  void progress(const std::string& text);
  void end_progress();
  [[nodiscard]] bool terminal() const { return terminal_; }
  void verbosity(int now);

private:
  bool put(std::string_view line);

  std::atomic<int> verbosity_;
  const log::line_format format_;
  const bool terminal_;
  const log::descriptor_sink out_;
  std::mutex mutex_;
  std::string progress_;
};

} // namespace furrow::edge
