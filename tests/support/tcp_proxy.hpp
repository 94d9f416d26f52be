/// A TCP proxy between two programs of a test, that makes the line bad: slow, silent in one direction or both, a trickle,
/// or reset. Bytes that are held arrive when the line heals, as TCP sends them again: nothing is lost in the middle.
///
/// Threads: one of its own; every function may be called from any thread, and holds for what comes afterwards.
/// Limits: 64 KiB a direction of a connection; then the sender waits, as on a real line.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace furrow::tests {

class tcp_proxy {
public:
  enum class way : std::uint8_t { to_target, to_client };

  /// Listens on a free port of 127.0.0.1. `seed`: of the delays.
  explicit tcp_proxy(std::uint16_t target, std::uint64_t seed = 1);
  tcp_proxy(const tcp_proxy&) = delete;
  tcp_proxy& operator=(const tcp_proxy&) = delete;
  ~tcp_proxy();

  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port()); }
  /// Nothing passes in that direction, also on new connections; both ends stay open.
  void hold(way which);
  void hold_both();
  /// Each piece waits between `least` and `most`.
  void delay(std::chrono::milliseconds least, std::chrono::milliseconds most);
  /// At most so many bytes every 10 ms in each direction.
  void trickle(std::size_t bytes);
  /// Everything passes again.
  void heal();
  /// Resets every connection.
  void reset();
  /// Bytes that have passed in that direction.
  [[nodiscard]] std::uint64_t passed(way which) const;

private:
  class line;
  class works;
  std::shared_ptr<works> works_;
};

} // namespace furrow::tests
