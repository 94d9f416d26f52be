/// Values of the signals that people's own DBC files define, from frames and from the messages put together of them.
///
/// Shape: `own_signals` keeps the last value of each signal, for the live view. `own_rollups` sums the values up by the
///   minute, for the digest, which puts the messages together itself.
/// Units: of the signal; times in microseconds.
/// Errors: what is not a value (not available, error ...) has a state and no number.
/// Threads: plain values; the plan may be shared.
/// Limits: one value a signal of the plan. `own_transport` limits the messages under way.
#pragma once

#include "can/dbc/decode.hpp"
#include "can/frame/frame_block.hpp"
#include "can/live/rollup.hpp"
#include "can/transport/transport.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace furrow::can {

/// Decodes what a plan knows of a frame, or of the message that ended with it.
class own_decoder {
public:
  explicit own_decoder(std::shared_ptr<const decode_plan> plan)
    : plan_{std::move(plan)}, values_(plan_->signals_max()) {}

  [[nodiscard]] const decode_plan& plan() const { return *plan_; }
  /// The values, until the next call. `message`: what a reassembler made of the frame, or nullptr.
  [[nodiscard]] std::span<const decoded_signal> take(const frame_view& frame,
                                                     const assembled_message* message);

private:
  std::shared_ptr<const decode_plan> plan_;
  std::vector<decoded_signal> values_;
};

struct own_value {
  std::string name; // Message.Signal
  std::string unit;
  std::string label; // empty: the file has none for the value
  decoded_signal value;
  std::optional<whole_number> whole; // the value, if `value.physical` lacks digits of it
  std::int64_t time_us = 0;
};

class own_signals {
public:
  static constexpr transport_limits own_transport{32, 256U << 10U};

  explicit own_signals(std::shared_ptr<const decode_plan> plan);

  /// A `late` frame came after newer ones: it changes no value of a later time.
  void update(const frame_view& frame, bool late = false);
  void update(const frame_block& block, std::size_t first, bool late = false);
  /// The signals that were seen, in the order of the plan.
  [[nodiscard]] std::vector<own_value> values() const;

private:
  struct latest {
    decoded_signal value;
    std::int64_t time_us = 0;
    bool seen = false;
  };
  own_decoder decoder_;
  reassembler whole_{own_transport};
  std::vector<latest> latest_; // by number of the signal
};

class own_rollups {
public:
  explicit own_rollups(std::shared_ptr<const decode_plan> plan)
    : decoder_{std::move(plan)}, sums_{decoder_.plan()} {}

  void take(const frame_view& frame, const assembled_message* message);
  /// Rows by the plan's numbers of signals; the sums begin anew.
  [[nodiscard]] std::vector<rollup_row> rows() { return sums_.take(); }
  [[nodiscard]] std::size_t size() const { return sums_.size(); }

private:
  own_decoder decoder_;
  rollup_sums sums_;
};

} // namespace furrow::can
