/// Who is connected as a gateway, who was refused and why, and how connections ended: what `furrow gateways` and /metrics
/// show.
///
/// Shape: the listener and its sessions write, HTTP reads copies. Refusals of one host, machine and reason are one row.
/// Units: microseconds since 1970.
/// Threads: any.
/// Limits: `refused_max` rows of refusals; the one refused longest ago gives way. Connected ones: as the listener limits.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace furrow::daemon {

/// Why a gateway was not let in, or was sent away.
enum class refusal : std::uint8_t {
  tls_mismatch = 0,    // one side speaks TLS and the other does not
  no_certificate,      // the gateway presented none
  unknown_authority,   // its certificate is not of --tls-client-ca
  certificate_expired, // or not valid yet
  node_not_trusted,    // the gateway does not accept this node's certificate
  tls,                 // another fault of the handshake
  no_hello,            // nothing, or half a Hello, in time
  malformed,
  version,
  limit,
  no_token,
  unknown_token,
  revoked, // the token was revoked or has expired, also while it was connected
  may_not_send,
  other_machine, // the token is for other machines
  superseded,
  forked,
  gone,
  known_file, // another stream of the machine holds the file already
  unavailable,
  full, // the node has as many sessions as it may
};
inline constexpr std::size_t refusals = 21;
[[nodiscard]] const char* to_string(refusal why); // one word, as the metric's label has it

/// How a connection that was let in ended.
enum class farewell : std::uint8_t {
  closed = 0, // the gateway closed it
  lost,       // the connection broke
  silent,     // nothing came for too long
  unread,     // the gateway does not read
  refused,    // with a Reject
  restarted,  // the machine's actor ended: the gateway comes again
  draining,   // the node ends
  elsewhere,  // another node has claimed the stream
};
inline constexpr std::size_t farewells = 8;
[[nodiscard]] const char* to_string(farewell how);

struct connected_gateway {
  std::string peer;
  std::string farm;
  std::string equipment;
  std::string software; // as its Hello says
  std::int64_t since_us = 0;
};

struct refused_gateway {
  std::string host; // without the port, which is another one each time
  std::string farm; // empty: not known
  std::string equipment;
  refusal why = refusal::tls;
  std::string text; // of the last one
  std::uint64_t count = 0;
  std::int64_t first_us = 0;
  std::int64_t last_us = 0;
};

class gateway_book {
public:
  static constexpr std::size_t refused_max = 512;
  using id = std::uint64_t;

  [[nodiscard]] id connected(connected_gateway who);
  void ended(id who, farewell how);
  void refused(const std::string& peer,
               const std::string& farm,
               const std::string& equipment,
               refusal why,
               const std::string& text,
               std::int64_t now_us);

  struct counts {
    std::uint64_t connections = 0; // let in
    std::array<std::uint64_t, refusals> refused{};
    std::array<std::uint64_t, farewells> ended{};
  };
  [[nodiscard]] counts counted() const;
  [[nodiscard]] std::vector<connected_gateway> all_connected() const;
  [[nodiscard]] std::vector<refused_gateway> all_refused() const; // the latest first

private:
  mutable std::mutex mutex_;
  counts counts_;
  id last_ = 0;
  std::map<id, connected_gateway> connected_;
  std::vector<refused_gateway> refused_;
};

} // namespace furrow::daemon
