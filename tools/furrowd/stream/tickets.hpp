/// One-use tickets for the live stream: a browser cannot send a token with a WebSocket, and a token does not belong into a
/// URL.
///
/// Shape: the holder of a token gets a ticket with the token's rights. It opens one connection, once, within `valid`.
/// Errors: no ticket when too many are unused; nothing for a ticket that is unknown, used or too old.
/// Threads: a plain value; the hub has the mutex.
/// Limits: tickets_max unused tickets, token_tickets_max of one token. A ticket is kept as its hash, so the time of a
///   look-up says nothing about a guess.
#pragma once

#include "tools/furrowd/access/tokens.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace furrow::http {

struct stream_holder {
  daemon::credential who;
  std::string token; // hash of the token; empty: the node has no tokens
};

class stream_tickets {
public:
  using clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds valid{30};
  static constexpr std::size_t tickets_max = 4'096;
  static constexpr std::size_t token_tickets_max = 64;
  static constexpr std::size_t ticket_bytes = 32; // of randomness, written as hex

  [[nodiscard]] std::optional<std::string> issue(stream_holder holder, clock::time_point now);
  [[nodiscard]] std::optional<stream_holder> redeem(std::string_view ticket, clock::time_point now);
  [[nodiscard]] std::size_t size() const { return unused_.size(); }

private:
  struct unused {
    stream_holder holder;
    clock::time_point until;
  };
  void forget(clock::time_point now);

  std::map<std::string, unused> unused_; // by the hash of the ticket
};

} // namespace furrow::http
