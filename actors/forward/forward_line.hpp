/// The line to head office as the forwarder sees it: one conversation for each stream, by the protocol of gateways.
///
/// Shape: the line asks for items with `wanted`, one page at a time, and gets it with `give`. While it has a backlog it asks
///   for the end of the stream with `newest_wanted`, and gets it with `give_newest`. It connects again by itself when the
///   line is cut, and waits for as long as that takes.
/// Threads: `open` and the functions of a line from one thread; the listener is called on any thread, and not after the line has
///   been destroyed for long: news that comes late has an old number.
#pragma once

#include "storage/forward/forward_store.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>

namespace furrow::actors {

struct line_news {
  /// Items after this number are needed now, or soon.
  struct wanted {
    std::uint64_t after = 0;
  };
  /// Items after this number are needed for a sample of the newest frames.
  struct newest_wanted {
    std::uint64_t after = 0;
  };
  /// How often head office wants the items; shorter than machine_interest::idle while people watch the machine there. 0:
  /// not said.
  struct pace {
    std::chrono::milliseconds interval{0};
  };
  /// Durable at head office; it may be less than before, after a restore there.
  struct acked {
    std::uint64_t seq = 0;
    std::uint64_t run = 0; // the newest that head office knows; 0: not said
    bool claimed = false;  // with its welcome
  };
  /// What happens on the line, for people; empty: it works.
  struct state {
    std::string fault;
  };
  /// Head office refuses the stream: nothing more comes of this line.
  struct stopped {
    std::string why;
  };
  std::variant<wanted, newest_wanted, pace, acked, state, stopped> what;
};

class forward_line {
public:
  forward_line() = default;
  forward_line(const forward_line&) = delete;
  forward_line& operator=(const forward_line&) = delete;
  virtual ~forward_line() = default;

  /// The stream has grown to `last`; nothing else has changed.
  virtual void grow(std::uint64_t last) = 0;
  /// The stream has new runs or buses.
  virtual void renew(storage::forward_head head) = 0;
  virtual void give(storage::forward_page page) = 0;
  /// Items after `after`, for a sample.
  virtual void give_newest(std::uint64_t after, storage::forward_page page) = 0;
};

class forward_port {
public:
  using listener = std::function<void(line_news)>;

  forward_port() = default;
  forward_port(const forward_port&) = delete;
  forward_port& operator=(const forward_port&) = delete;
  virtual ~forward_port() = default;

  /// Where it leads, for people: "hq1:7400,hq2:7400".
  [[nodiscard]] virtual std::string target() const = 0;
  [[nodiscard]] virtual std::unique_ptr<forward_line> open(storage::forward_head head,
                                                           listener told) = 0;
  /// Returns when no listener is kept any more. No line is open by then.
  virtual void stop() = 0;
};

} // namespace furrow::actors
