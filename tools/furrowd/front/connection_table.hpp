/// Which HTTP connections are open, and which one gives way to a new one.
///
/// Shape: a connection waits for a request, or works on one. At the limit, the connection that has waited longest gives
///   way to a new one. When every connection works, a new one gets a reserved place: it may only ask whether the node is
///   alive and ready, so that a crowd never hides the node from its load balancer.
/// Shape of addresses: the connections of one address give way to each other once the address has its share, and not to
///   those of others. An address is what the caller says it is: a host, or the network that a host chooses from.
/// Threads: a plain value; the front has the mutex.
/// Limits: open_max and reserved_max connections, of them address_max ordinary ones of one address.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace furrow::http {

struct connection_limits {
  std::size_t open_max = 4'000;
  std::size_t reserved_max = 64;
  std::size_t address_max = std::numeric_limits<std::size_t>::max(); // at least 1
};

class connection_table {
public:
  explicit connection_table(connection_limits limits) : limits_{limits} {}

  enum class place : std::uint8_t { none, reserved, ordinary };
  struct entrance {
    place got = place::none;
    std::optional<std::uint64_t> gives_way; // close this connection
    bool address_full = false;              // not ordinary, because its address has its share
  };
  /// A new connection. It waits for its first request.
  [[nodiscard]] entrance enter(std::uint64_t id, const std::string& address);
  /// A request has come. A reserved place becomes an ordinary one if it can. None: the connection has given way.
  [[nodiscard]] entrance work(std::uint64_t id);
  void wait(std::uint64_t id);
  void leave(std::uint64_t id);
  /// The connection that has waited longest, if any waits; it has then left.
  [[nodiscard]] std::optional<std::uint64_t> give_way() { return oldest(ordinary_); }

  [[nodiscard]] std::size_t open() const { return known_.size(); }
  /// New limits. Returns the connections that have given way to lower ones; those that work stay.
  [[nodiscard]] std::vector<std::uint64_t> limit(std::size_t open_max, std::size_t address_max);

private:
  struct kind {
    std::size_t open = 0;
    std::map<std::uint64_t, std::uint64_t> waiting; // id by turn
  };
  struct connection {
    bool ordinary = true;
    std::string address;
    std::uint64_t turn = 0; // 0: works
  };
  void take(connection& one, bool ordinary);
  void give(const connection& one);
  void begin_turn(std::uint64_t id, connection& one);
  void end_turn(connection& one);
  std::optional<std::uint64_t> oldest(const kind& of);
  [[nodiscard]] std::size_t open_of(const std::string& address) const;
  [[nodiscard]] bool make_room(entrance& made, const std::string& address);

  connection_limits limits_;
  kind ordinary_;
  kind reserved_;
  std::map<std::string, kind> by_address_; // the ordinary ones
  std::map<std::uint64_t, connection> known_;
  std::uint64_t next_turn_ = 1;
};

} // namespace furrow::http
