/// Which ECU has which address on each bus of a machine, now and at earlier times.
///
/// Shape: `update` reads address claims (PGN 60928), `command` a reassembled PGN 65240. An ECU is identified by its bus
///   and its whole NAME. A claim by a lower NAME takes the address at once. A claim by a higher NAME takes the address
///   when the holder does not claim it again within `contention_us`: the holder was unplugged. An ECU that claims
///   another address, or says that it cannot claim (source 254), leaves its address.
/// Units: microseconds, the clock of the frames.
/// Errors: claims that are not eight bytes or come from address 255 are counted and ignored.
/// Threads: a plain value.
/// Limits: `ecus_max` ECUs: the one that was silent longest is dropped, first among those without an address.
///   `spans_max` ended spans: the oldest is dropped. Both are counted.
/// Source: ISO 11783-5, SAE J1939-81.
#pragma once

#include "can/frame/frame.hpp"
#include "can/frame/name.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <span>
#include <vector>

namespace furrow::can {

struct ecu {
  std::uint8_t bus = 0;
  iso_name name;
  /// Nothing when the ECU lost its address to a lower NAME, or cannot claim one.
  std::optional<std::uint8_t> address;
  bool cannot_claim = false;
  std::int64_t address_since_us = 0;
  std::int64_t first_claim_us = 0;
  std::int64_t last_claim_us = 0;
  std::uint64_t claims = 0;
  /// The address that PGN 65240 commanded, until the ECU claims it.
  std::optional<std::uint8_t> commanded_address;
};

/// The time during which one ECU had one address: from <= t < until.
struct address_span {
  std::uint8_t bus = 0;
  std::uint8_t address = 0;
  iso_name name;
  std::int64_t from_us = 0;
  std::int64_t until_us = 0;
};

class address_table {
public:
  static constexpr std::size_t ecus_max = 1024;
  static constexpr std::size_t spans_max = 4096;
  static constexpr std::int64_t contention_us = 250'000;

  struct counters {
    std::uint64_t claims = 0;
    std::uint64_t contentions = 0; // two NAMEs claimed one address
    std::uint64_t cannot_claims = 0;
    std::uint64_t commands = 0;
    std::uint64_t malformed = 0;
    std::uint64_t ecus_forgotten = 0;
    std::uint64_t spans_forgotten = 0;
  };

  /// Whether the frame was an address claim that changed the table.
  bool update(const frame_view& frame);
  /// Reads a commanded address, the payload of PGN 65240. The ECU moves only when it claims.
  void command(std::uint8_t bus, std::span<const std::uint8_t> payload);
  /// Decides contentions whose time is over; `update` calls this itself.
  void settle(std::int64_t now_us);

  /// Who has this address now, according to the claims so far.
  [[nodiscard]] std::optional<iso_name> name_of(std::uint8_t bus, std::uint8_t address) const;
  /// Who had this address at that time; nothing before the first claim.
  [[nodiscard]] std::optional<iso_name>
  name_of(std::uint8_t bus, std::uint8_t address, std::int64_t time_us) const;

  /// Every ECU that claimed an address, in the order of their first claims.
  [[nodiscard]] const std::vector<ecu>& ecus() const { return ecus_; }
  /// All spans, oldest first; a span that has not ended ends at `lasting`.
  [[nodiscard]] std::vector<address_span> spans() const;
  [[nodiscard]] const counters& counts() const { return counts_; }

  static constexpr std::int64_t lasting = std::numeric_limits<std::int64_t>::max();

private:
  /// A higher NAME that waits whether the holder claims the address again.
  struct challenge {
    std::uint8_t bus = 0;
    std::uint8_t address = 0;
    iso_name name;
    std::int64_t since_us = 0;
  };

  ecu& enter(std::uint8_t bus, iso_name name, std::int64_t time_us);
  [[nodiscard]] ecu* find(std::uint8_t bus, iso_name name);
  [[nodiscard]] ecu* holder(std::uint8_t bus, std::uint8_t address);
  [[nodiscard]] const ecu* holder(std::uint8_t bus, std::uint8_t address) const;
  bool claim(std::uint8_t bus, std::uint8_t address, iso_name name, std::int64_t time_us);
  void give(ecu& to, std::uint8_t address, std::int64_t time_us);
  void release(ecu& from, std::int64_t time_us);
  void drop_challenges(std::uint8_t bus, iso_name name);

  std::vector<ecu> ecus_;
  std::deque<address_span> ended_;
  std::vector<challenge> challenges_; // at most one for each ECU
  counters counts_;
};

} // namespace furrow::can
