/// The faults that control units report in DM1, as rows that a database keeps.
///
/// Shape: a row is one fault of one control unit, from the message in which it appeared to the first message of this
///   sender without it. A fault that comes back within `return_us` continues its row. `take` gives the rows that
///   changed since the last `take`, each whole, so that a database writes them over what it has. While a fault stays
///   unchanged, its row is given once in each minute of frames. Rows and state depend on the messages alone.
/// Units: microseconds, the clock of the frames.
/// Errors: a DM1 message that is malformed, or comes from an address above 253, is ignored.
/// Threads: a plain value.
/// Limits: `faults_max` faults at a time, active or lately cleared; further ones are counted and not kept.
///   `senders_max` addresses with a NAME; further ones stay without.
/// Source: SAE J1939-73 (DM1), SAE J1939-81 (address claims).
#pragma once

#include "can/frame/name.hpp"
#include "can/isobus/diagnostics.hpp"
#include "can/transport/state_bytes.hpp"
#include "can/transport/transport.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

namespace furrow::can {

/// The most urgent lamp that is on, in the words of a record of kind `fault`.
[[nodiscard]] std::string_view urgent_lamp(const lamps& of);

struct fault_row {
  std::uint64_t first_seq = 0; // the item that completed the message in which the fault appeared
  std::uint8_t bus = 0;
  std::uint8_t source = 0;
  std::uint8_t fmi = 0;
  std::uint32_t spn = 0;
  std::optional<iso_name> name; // the last that claimed this address
  std::int64_t first_us = 0;
  std::int64_t last_us = 0; // of an active fault: to the minute
  std::optional<std::int64_t> cleared_us;
  std::uint32_t appearances = 1;           // in this row, each after a message without the fault
  std::optional<std::uint8_t> occurrences; // as the control unit counts
  std::string_view lamp;                   // of the whole message, as DM1 has it

  friend bool operator==(const fault_row&, const fault_row&) = default;
};

class fault_log {
public:
  static constexpr std::size_t faults_max = 1'024;
  static constexpr std::size_t senders_max = 1'024;
  static constexpr std::int64_t return_us = 60'000'000;

  /// Any message; only DM1 and address claims change something. `seq`: the item that completed it.
  void update(const assembled_message& message, std::uint64_t seq);

  /// In order of first_seq, spn and fmi.
  [[nodiscard]] std::vector<fault_row> take();
  /// About the number of rows that `take` would return.
  [[nodiscard]] std::size_t size() const { return ended_.size(); }
  [[nodiscard]] std::uint64_t not_kept() const { return not_kept_; }

  void save(state_writer& out) const;
  void restore(state_reader& from);

private:
  struct entry {
    fault_row row;
    std::int64_t heard_us = 0; // of the newest message with it; row.last_us is what was given
    bool changed = true;       // since the last `take`
  };

  void take_list(const assembled_message& message, const dm_view& list, std::uint64_t seq);
  void take_code(entry& held, const trouble_code& code, std::string_view lamp, std::int64_t now_us);
  void claim(std::uint8_t bus, std::uint8_t source, iso_name name, std::int64_t time_us);
  void end(std::uint8_t bus, std::uint8_t source, std::int64_t time_us);
  void forget_returned(std::int64_t now_us);
  [[nodiscard]] entry* find(const assembled_message& message, const trouble_code& code);

  std::vector<entry> entries_; // in the order in which they appeared
  std::vector<fault_row> ended_;
  std::map<std::uint16_t, iso_name> names_; // by bus and source
  std::uint64_t not_kept_ = 0;
};

} // namespace furrow::can
