/// The values of one signal in stored frames.
///
/// Shape: blocks of one stream go in, in order of number; the values come out in the order of their frames. Only frames
///   that may carry the signal are decoded, and messages of several frames are put together only for a signal that
///   comes in such messages.
/// Units: of the signal; times in microseconds.
/// Errors: what is not a value (not available, error ...) is left out.
/// Threads: plain values; the plan may be shared.
/// Limits: as can/live/stream_digest.hpp.
#pragma once

#include "can/dbc/decode.hpp"
#include "can/frame/frame_block.hpp"
#include "can/isobus/process_data.hpp"
#include "can/transport/transport.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace furrow::can {

/// The number of `Message.Signal`, or of `Signal` where only one message has it.
[[nodiscard]] std::optional<std::uint32_t> find_signal(const decode_plan& plan,
                                                       std::string_view name);

/// Process data of an element and DDI; with an address: what this control unit sent or was sent.
struct process_wish {
  process_key key;
  std::optional<std::uint8_t> address;
};
/// `PD.element_5.ddi_6` or `PD.element_5.ddi_6.address_128`.
[[nodiscard]] std::optional<process_wish> parse_process_wish(std::string_view name);

class signal_values {
public:
  /// `whole`: the value, if `value` lacks digits of it.
  using sink = std::function<void(
    std::int64_t time_us, double value, const std::optional<whole_number>& whole)>;

  signal_values(std::shared_ptr<const decode_plan> plan, std::uint32_t signal);
  explicit signal_values(process_wish wish);

  /// Whether a block with these headers may hold a part of a value.
  [[nodiscard]] bool wants(std::span<const std::uint64_t> headers) const;
  /// How long before a time its values may begin.
  [[nodiscard]] std::int64_t look_back_us() const { return several_ ? transport_us : 0; }
  void take(const frame_block& block, const sink& to);

private:
  static constexpr std::int64_t transport_us = 320'000'000;

  [[nodiscard]] bool carries(frame_header header) const;
  void take_frame(const frame_view& frame, const sink& to);
  void take_whole(const frame_view& frame, const sink& to);
  void decode(std::int64_t time_us, std::span<const std::uint8_t> data, const sink& to);

  std::shared_ptr<const decode_plan> plan_; // none: process data
  const plan_message* message_ = nullptr;
  std::uint32_t signal_ = 0;
  process_wish process_{};
  double process_scale_ = 1;
  bool several_ = false; // the message may come in several frames
  reassembler whole_;
  std::vector<decoded_signal> values_;
  std::vector<std::uint8_t> known_; // of a block's dictionary
};

} // namespace furrow::can
