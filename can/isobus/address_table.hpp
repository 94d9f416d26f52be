/// Who has which address on each bus of a machine, now and at any time that the frames told of.
///
/// Shape: `update` looks at address claims (PGN 60928), `command` at a reassembled PGN 65240; an
///   ECU is its bus and its whole NAME. A claim by a lower NAME takes the address at once. A claim
///   by a higher one takes it when the holder has not claimed it again within `contention_us`: it
///   was unplugged. An ECU that claims elsewhere, or says that it cannot claim (source 254), leaves
///   the address it had.
/// Units: microseconds, the clock of the frames.
/// Errors: claims that are not eight bytes or come from 255 are counted, not believed.
/// Threads: a plain value.
/// Limits: `ecus_max` ECUs: the one longest silent gives way, first of those that have no address.
///   `spans_max` ended spans: the oldest gives way. Both are counted.
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
  /// Nothing: lost it to a lower NAME, or cannot claim one.
  std::optional<std::uint8_t> address;
  bool cannot_claim = false;
  std::int64_t address_since_us = 0;
  std::int64_t first_claim_us = 0;
  std::int64_t last_claim_us = 0;
  std::uint64_t claims = 0;
  /// Told to move there (PGN 65240) and not seen to have done so yet.
  std::optional<std::uint8_t> commanded_address;
};

/// A time during which one ECU had one address: from <= t < until.
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
    std::uint64_t contentions = 0; // two NAMEs wanted one address
    std::uint64_t cannot_claims = 0;
    std::uint64_t commands = 0;
    std::uint64_t malformed = 0;
    std::uint64_t ecus_forgotten = 0;
    std::uint64_t spans_forgotten = 0;
  };

  /// Whether the frame was an address claim that changed who has what.
  bool update(const frame_view& frame);
  /// A commanded address: the payload of PGN 65240. The ECU moves when it claims, not before.
  void command(std::uint8_t bus, std::span<const std::uint8_t> payload);
  /// Decides contentions whose time is over; `update` does so by itself.
  void settle(std::int64_t now_us);

  /// Whose address it is now, as far as the claims so far say.
  [[nodiscard]] std::optional<iso_name> name_of(std::uint8_t bus, std::uint8_t address) const;
  /// Whose it was at that time. Before the first claim: nobody's.
  [[nodiscard]] std::optional<iso_name>
  name_of(std::uint8_t bus, std::uint8_t address, std::int64_t time_us) const;

  /// Every ECU that made itself known, in the order of their first claims.
  [[nodiscard]] const std::vector<ecu>& ecus() const { return ecus_; }
  /// All spans, oldest first; those that last end at the largest time.
  [[nodiscard]] std::vector<address_span> spans() const;
  [[nodiscard]] const counters& counts() const { return counts_; }

  static constexpr std::int64_t lasting = std::numeric_limits<std::int64_t>::max();

private:
  /// A higher NAME that waits whether the holder still answers.
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
