/// The signals that end a program of ours in good order.
///
/// Shape: SIGINT and SIGTERM. SIGHUP says that the terminal of the program was closed. A program without a terminal is a
///   service, and ignores SIGHUP: log rotation and reloads send it. So does a program that was started with `nohup`.
/// Threads: call it once, at the start.
#pragma once

#include <fcntl.h>
#include <unistd.h>

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

} // namespace furrow
