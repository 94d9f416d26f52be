/// What a program tells the service manager that started it (systemd with Type=notify): that it is ready, reloads, stops,
/// is alive.
///
/// Shape: one datagram a message, to the unix socket that NOTIFY_SOCKET names: a path, or `@NAME` for an abstract socket.
///   The sender is our own: the protocol is stable and meant to be spoken directly, and libsystemd would load five more
///   libraries (compression, cryptography) into each program for one call of sendto.
/// Errors: `tell` returns false when the message was not taken; it never waits. Without a service manager every message
///   counts as told.
/// Threads: any, after it is made.
/// Limits: an address of 107 bytes; a longer one counts as none.
/// Source: sd_notify(3), sd_watchdog_enabled(3).
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <chrono>
#include <optional>
#include <string_view>

namespace furrow {

class service_manager {
public:
  /// The one that NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID describe.
  [[nodiscard]] static service_manager from_environment();
  /// None.
  service_manager() = default;
  service_manager(service_manager&& other) noexcept;
  service_manager& operator=(service_manager&& other) = delete;
  service_manager(const service_manager&) = delete;
  service_manager& operator=(const service_manager&) = delete;
  ~service_manager();

  [[nodiscard]] bool present() const { return socket_ >= 0; }
  /// Sends lines such as `READY=1`, with a line end between them.
  [[nodiscard]] bool tell(std::string_view message) const;
  /// WATCHDOG=1 must come at least so often; nothing: the service manager does not expect it.
  [[nodiscard]] std::optional<std::chrono::microseconds> watchdog() const { return watchdog_; }

private:
  void open(std::string_view address);

  int socket_ = -1;
  sockaddr_un to_{};
  socklen_t to_bytes_ = 0;
  std::optional<std::chrono::microseconds> watchdog_;
};

} // namespace furrow
