/// The signals that end a program of ours in good order.
///
/// Shape: SIGINT and SIGTERM. SIGHUP says that the terminal of the program was closed. A program without a terminal is a
///   service: SIGHUP does not end it, and may reload its configuration. The same holds after `nohup`. SIGHUP is ignored
///   until the program waits for it.
/// Threads: call it once, at the start.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <vector>

namespace furrow {

[[nodiscard]] inline std::vector<int> stop_signals() {
  struct sigaction now {};
  ::sigaction(SIGHUP, nullptr, &now);
  const int terminal = ::open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
  if (terminal >= 0)
    ::close(terminal);
  if (terminal >= 0 && now.sa_handler != SIG_IGN)
    return {SIGINT, SIGTERM, SIGHUP};
  ::signal(SIGHUP, SIG_IGN);
  return {SIGINT, SIGTERM};
}

/// Whether SIGHUP is free for a reload.
[[nodiscard]] inline bool hangup_reloads(const std::vector<int>& stops) {
  return std::find(stops.begin(), stops.end(), SIGHUP) == stops.end();
}

} // namespace furrow
