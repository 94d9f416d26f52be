/// The signals of a decode plan that a person wants to see.
///
/// Errors: `of` names what no DBC file knows, and the known name that is closest.
/// Threads: immutable once made.
#pragma once

#include "can/dbc/decode.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace furrow::cli {

enum class wanted_errc : std::uint8_t { none = 0, unknown = 1 };

class wanted_signals {
public:
  /// Messages by name, signals as SIGNAL or MESSAGE.SIGNAL. Without any, all are wanted; with both, a signal must be one
  /// of the signals and belong to one of the messages.
  [[nodiscard]] static furrow::result<wanted_signals, wanted_errc>
  of(const can::decode_plan& plan,
     const std::vector<std::string>& messages,
     const std::vector<std::string>& signals);

  [[nodiscard]] bool all() const { return wanted_.empty(); }
  /// Moves the wanted values to the front and returns their number.
  [[nodiscard]] std::size_t keep(std::span<can::decoded_signal> values) const;

private:
  std::vector<bool> wanted_; // by number of the signal; empty: all
};

} // namespace furrow::cli
