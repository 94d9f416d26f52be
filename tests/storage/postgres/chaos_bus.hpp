/// A faulty bus: several senders mixed, with packets lost, repeated, late and cut short.
///
/// Shape: broadcasts, connections with aborts and repeats, ETP, fast packets of both kinds, address claims, engine
///   messages on one of two buses, and frames with an invalid carrier. The same seed gives the same frames.
/// Units: microseconds; mostly some milliseconds between frames, sometimes more than any time-out.
#pragma once

#include "can/frame/frame_block.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace furrow::tests {

class chaos_bus {
public:
  explicit chaos_bus(unsigned seed) : random_{seed} {}

  [[nodiscard]] std::vector<can::frame_block> blocks(std::int64_t from_us, std::size_t frames);

private:
  struct frame {
    can::header_parts parts;
    std::array<std::uint8_t, 8> payload{};
  };
  using speech = std::vector<frame>;

  std::uint32_t pick(std::uint32_t below) { return static_cast<std::uint32_t>(random_() % below); }
  /// Eight bytes: `first` and random ones.
  frame
  piece(std::uint32_t pgn, std::uint8_t from, std::uint8_t to, std::vector<std::uint8_t> first);
  frame control(
    std::uint32_t pgn, std::uint8_t from, std::uint8_t to, std::uint8_t what, std::uint32_t bytes);
  speech broadcast();
  speech connection();
  speech extended();
  speech fast();
  speech alone();
  speech next();
  void spoil(speech& said);

  std::mt19937_64 random_;
  std::uint8_t bus_ = 0;
  std::uint32_t about_ = 0;
  std::uint8_t counter_ = 0;
};

} // namespace furrow::tests
