/// Tells a server that is slow from one that is gone: the kernel of a frozen host takes bytes for ever, and a client in the
/// middle of a transaction would wait for the statement time-out.
///
/// Shape: when an operation of a lane has run for `patience`, a connection of its own asks the server whether it still runs
///   that session (docs/decisions/0024). No answer: every connection from before is given up. An answer: the lane waits on.
///   Patience doubles with each server that was given up within `memory`: one that is only slow is not cut for ever.
/// Threads: the thread of the io_context.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>

namespace furrow::storage {

class pq_connection;

class server_watch {
public:
  using clock = std::chrono::steady_clock;
  using milliseconds = std::chrono::milliseconds;

  /// How often an operation looks whether its server was given up meanwhile.
  static constexpr milliseconds look{500};
  /// A server that does not answer within this time does not answer.
  static constexpr milliseconds answer_limit{2'000};
  static constexpr std::chrono::minutes memory{5};
  /// So long a host that was given up gets little time to connect: its standby is about to take over, and who connects
  /// should ask that one often. A host that comes back later, slowly, gets its full share again.
  static constexpr std::chrono::seconds takeover{30};
  static constexpr milliseconds connect_limit{500};

  server_watch(milliseconds patience, milliseconds longest)
    : least_{patience}, longest_{std::max(patience, longest)}, patience_{patience} {}

  /// Whether it is time to ask for an operation that began then.
  [[nodiscard]] bool must_ask(clock::time_point begun, clock::time_point now) const {
    return asking_ == nullptr && now - std::max(begun, lives_at_) >= patience(now);
  }
  /// Whether the server of a connection from then was given up.
  [[nodiscard]] bool gone_since(clock::time_point connected_at) const {
    return gone_at_ && connected_at <= *gone_at_;
  }
  /// The host that was given up last; it is tried last.
  [[nodiscard]] std::optional<std::size_t> gone_host() const { return gone_host_; }
  /// The most time for an attempt to connect to that host, of several; `share`: what each gets otherwise.
  [[nodiscard]] milliseconds
  connect_within(std::size_t host, milliseconds share, clock::time_point now) const {
    return gone_host_ == host && now - *gone_at_ < takeover ? std::min(share, connect_limit)
                                                            : share;
  }
  [[nodiscard]] milliseconds patience(clock::time_point now) const {
    return gone_at_ && now - *gone_at_ < memory ? patience_ : least_;
  }

  /// A question is under way over that connection; one at a time.
  void asks(pq_connection& over) { asking_ = &over; }
  void lives(clock::time_point now) {
    asking_ = nullptr;
    lives_at_ = now;
  }
  void gone(std::size_t host, clock::time_point now) {
    asking_ = nullptr;
    patience_ = std::min(patience(now) * 2, longest_);
    gone_at_ = now;
    gone_host_ = host;
  }
  /// Ends a question, so that nobody waits for it.
  void stop();

private:
  milliseconds least_;
  milliseconds longest_;
  milliseconds patience_;
  clock::time_point lives_at_{};
  std::optional<clock::time_point> gone_at_;
  std::optional<std::size_t> gone_host_;
  pq_connection* asking_ = nullptr;
};

} // namespace furrow::storage
