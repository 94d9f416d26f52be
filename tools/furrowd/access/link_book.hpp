/// How many links between nodes were made and refused, by reason: what /metrics shows.
///
/// Threads: any.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

namespace furrow::daemon {

/// Why a link was not made, or was cut.
enum class link_refusal : std::uint8_t {
  silent = 0,          // said nothing, or too little, in time
  not_tls,             // something other than TLS
  no_certificate,      // presented none
  unknown_authority,   // its certificate is not of --link-ca
  certificate_expired, // or not valid yet
  not_trusted,         // it does not accept this node's certificate
  tls,                 // another fault of the handshake
  wrong_purpose,       // its certificate is not for both server and client
  wrong_name,          // its certificate does not name the node that it says it is
  unknown_node,        // no living node of the cluster has this name and incarnation
  wrong_address,       // it wants another node, or another incarnation of this one
  version,
  malformed,
  limit, // a limit of the protocol, or more than it may have unread
  full,  // as many links as this node takes
};
inline constexpr std::size_t link_refusals = 15;
[[nodiscard]] const char* to_string(link_refusal why); // as the metric's label has it

class link_book {
public:
  struct counts {
    std::uint64_t accepted = 0;
    std::uint64_t dialed = 0;
    std::array<std::uint64_t, link_refusals> refused{};
  };

  void accepted() { ++accepted_; }
  void dialed() { ++dialed_; }
  void refused(link_refusal why) { ++refused_[static_cast<std::size_t>(why)]; }
  [[nodiscard]] counts counted() const;

private:
  std::atomic<std::uint64_t> accepted_{0};
  std::atomic<std::uint64_t> dialed_{0};
  std::array<std::atomic<std::uint64_t>, link_refusals> refused_{};
};

} // namespace furrow::daemon
