/// Checks one message of a DBC file once the file is read: who selects whom, what lies outside,
/// what shares bits.
///
/// Shape: used by the parser only. `check` also fills in the selectors (`dbc_mux::parent`) and
///   sorts the values of each multiplexed signal. A signal whose selector cannot be told keeps its
///   values and no parent: it is never there.
/// Limits: looks at a bounded number of pairs of signals per file; beyond it, shared bits go
///   unreported.
#pragma once

#include "can/dbc/file.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace furrow::can {

/// What the parser knows of a signal beside its meaning.
struct dbc_signal_source {
  std::uint32_t position = 0;
  std::optional<std::uint32_t> named_selector; // where SG_MUL_VAL_ names a selector
  std::optional<std::uint32_t> selector;       // its index, when it is there
};

struct dbc_message_source {
  std::uint32_t position = 0;
  std::vector<dbc_signal_source> signals;
};

struct dbc_fault {
  std::uint32_t position = 0;
  std::string text;
};

/// The bytes that a signal lies in, and which of the bits of the first and the last; those between
/// are full.
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
  std::size_t budget_ = 20'000'000; // comparisons: some 50 ms
};

} // namespace furrow::can
