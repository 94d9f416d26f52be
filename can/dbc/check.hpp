/// Checks one message of a DBC file after the file is read: selectors, signals outside the message, shared bits.
///
/// Shape: used by the parser only. `check` also fills in the selectors (`dbc_mux::parent`) and sorts the values of each
///   multiplexed signal. A signal without a usable selector keeps its values and has no parent: it is never present.
/// Limits: compares a bounded number of pairs of signals per file; beyond that, shared bits are not reported.
#pragma once

#include "can/dbc/file.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace furrow::can {

/// Where a signal is in the file, and which selector the file names for it.
struct dbc_signal_source {
  std::uint32_t position = 0;
  std::optional<std::uint32_t> named_selector; // position where SG_MUL_VAL_ names a selector
  std::optional<std::uint32_t> selector;       // index of that selector, if it exists
};

struct dbc_message_source {
  std::uint32_t position = 0;
  std::vector<dbc_signal_source> signals;
};

struct dbc_fault {
  std::uint32_t position = 0;
  std::string text;
};

/// The bytes of a signal, and its bits in the first and the last byte. Bytes between them belong to the signal
/// completely.
struct signal_bytes {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  std::uint8_t first_mask = 0;
  std::uint8_t last_mask = 0;
};
[[nodiscard]] signal_bytes bytes_of(const dbc_signal& signal); // length above 0

class dbc_checker {
public:
  [[nodiscard]] std::vector<dbc_fault> check(dbc_message& message,
                                             const dbc_message_source& source);

private:
  void resolve_selectors(dbc_message& message, const dbc_message_source& source);
  void break_loops(dbc_message& message, const dbc_message_source& source);
  void find_outside(const dbc_message& message, const dbc_message_source& source);
  void find_shared_bits(const dbc_message& message, const dbc_message_source& source);
  [[nodiscard]] bool together(const dbc_message& message, std::int32_t a, std::int32_t b);

  std::vector<dbc_fault> faults_;
  std::size_t budget_ = 20'000'000; // comparisons: about 50 ms
};

} // namespace furrow::can
