#include "tests/storage/postgres/chaos_bus.hpp"

#include "can/frame/identifier.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace furrow::tests {

namespace {

constexpr std::array<std::uint32_t, 3> carried{65226, 65251, 61184};
constexpr std::array<std::uint32_t, 5> marine{129029, 130822, 126720, 126208, 130842};

} // namespace

chaos_bus::frame chaos_bus::piece(std::uint32_t pgn,
                                  std::uint8_t from,
                                  std::uint8_t to,
                                  std::vector<std::uint8_t> first) {
  frame out;
  out.parts.id = can::build_j1939({6, pgn, from, to});
  out.parts.extended = true;
  out.parts.bus = bus_;
  out.parts.length = 8;
  for (std::size_t i = 0; i < 8; ++i)
    out.payload[i] = i < first.size() ? first[i] : static_cast<std::uint8_t>(random_());
  return out;
}

chaos_bus::frame chaos_bus::control(
  std::uint32_t pgn, std::uint8_t from, std::uint8_t to, std::uint8_t what, std::uint32_t bytes) {
  const auto byte = [](std::uint32_t number, unsigned at) {
    return static_cast<std::uint8_t>(number >> (8 * at));
  };
  auto out =
    piece(pgn, from, to, {what, byte(bytes, 0), byte(bytes, 1), byte(bytes, 2), byte(bytes, 3)});
  if (pgn == 60'416)
    out.payload[3] = static_cast<std::uint8_t>((bytes + 6) / 7);
  for (unsigned i = 0; i < 3; ++i)
    out.payload[5 + i] = byte(about_, i);
  return out;
}

chaos_bus::speech chaos_bus::broadcast() {
  const auto from = static_cast<std::uint8_t>(1 + pick(3));
  const auto bytes = 9 + pick(60);
  speech out{control(60'416, from, 255, 32, bytes)};
  for (std::uint32_t i = 0; i < (bytes + 6) / 7; ++i)
    out.push_back(piece(60'160, from, 255, {static_cast<std::uint8_t>(i + 1)}));
  return out;
}

chaos_bus::speech chaos_bus::connection() {
  const auto from = static_cast<std::uint8_t>(1 + pick(3));
  const auto to = static_cast<std::uint8_t>(1 + pick(3));
  const auto bytes = 9 + pick(200);
  const auto packets = (bytes + 6) / 7;
  speech out{control(60'416, from, to, 16, bytes)};
  for (std::uint32_t i = 0; i < packets; ++i) {
    if (i % 8 == 0)
      out.push_back(control(60'416, to, from, 17, 8));
    out.push_back(piece(60'160, from, to, {static_cast<std::uint8_t>(i + 1)}));
    if (pick(60) == 0) {
      out.push_back(pick(2) == 0 ? control(60'416, to, from, 255, 0)
                                 : control(60'416, from, to, 255, 0));
      if (pick(2) == 0)
        return out;
    }
    if (pick(40) == 0)
      i -= std::min(i, 3U); // requested again
  }
  out.push_back(control(60'416, to, from, 19, bytes));
  return out;
}

chaos_bus::speech chaos_bus::extended() {
  const auto from = static_cast<std::uint8_t>(1 + pick(3));
  const auto to = static_cast<std::uint8_t>(1 + pick(3));
  const auto bytes = 1'786 + pick(1'000);
  const auto packets = (bytes + 6) / 7;
  speech out{control(51'200, from, to, 20, bytes)};
  for (std::uint32_t base = 0; base < packets; base += 100) {
    const auto count = std::min(100U, packets - base);
    auto offset = control(51'200, from, to, 22, 0);
    offset.payload[1] = static_cast<std::uint8_t>(count);
    offset.payload[2] = static_cast<std::uint8_t>(base);
    offset.payload[3] = static_cast<std::uint8_t>(base >> 8U);
    offset.payload[4] = 0;
    out.push_back(control(51'200, to, from, 21, 0));
    out.push_back(offset);
    for (std::uint32_t i = 0; i < count; ++i)
      out.push_back(piece(50'944, from, to, {static_cast<std::uint8_t>(i + 1)}));
  }
  out.push_back(control(51'200, to, from, 23, 0));
  return out;
}

chaos_bus::speech chaos_bus::fast() {
  const auto from = static_cast<std::uint8_t>(1 + pick(3));
  const auto pgn = marine[pick(marine.size())];
  // Sometimes a counter that another message has too.
  counter_ = static_cast<std::uint8_t>((counter_ + (pick(6) == 0 ? 0 : 1)) % 8);
  const auto bytes = pick(40) == 0 ? pick(256) : pick(60);
  speech out;
  for (std::uint32_t i = 0; i <= std::min(bytes, 223U) / 7; ++i)
    out.push_back(
      piece(pgn, from, pgn == 126'208 ? 5 : 255, {static_cast<std::uint8_t>(counter_ << 5U | i)}));
  out.front().payload[1] = static_cast<std::uint8_t>(bytes);
  return out;
}

/// A single frame: of one of two marine devices, of an engine (on one bus), or one with an invalid carrier.
chaos_bus::speech chaos_bus::alone() {
  const auto from = static_cast<std::uint8_t>(1 + pick(3));
  switch (pick(8)) {
  case 0:
    return {piece(60'928, from, 255,
                  {1, 2, 3, 4, 5, 6, 7, static_cast<std::uint8_t>(pick(2) == 0 ? 0xC0 : 0xA0)})};
  case 1:
    if (bus_ == 1)
      return {piece(61'444, from, 255, {})};
    return {piece(65'265, from, 255, {})};
  case 2: {
    auto odd = piece(60'160, from, 255, {1});
    odd.parts.remote = pick(2) == 0;
    odd.parts.error = !odd.parts.remote;
    return {odd};
  }
  case 3: {
    auto odd = piece(129'029, from, 255, {0});
    odd.parts.kind = can::frame_kind::fd;
    return {odd};
  }
  case 4:
    return {piece(60'416, from, static_cast<std::uint8_t>(random_()),
                  {static_cast<std::uint8_t>(random_())})};
  default:
    return {piece(carried[pick(carried.size())], from, 255, {})};
  }
}

chaos_bus::speech chaos_bus::next() {
  bus_ = static_cast<std::uint8_t>(pick(2));
  about_ = carried[pick(carried.size())] | (pick(50) == 0 ? 1U << 18U : 0U);
  const auto kind = pick(100);
  auto out = kind < 20   ? broadcast()
             : kind < 40 ? connection()
             : kind < 42 ? extended()
             : kind < 75 ? fast()
                         : alone();
  if (pick(2) == 0)
    spoil(out);
  return out;
}

void chaos_bus::spoil(speech& said) {
  for (std::size_t i = 0; i < said.size(); ++i)
    switch (pick(150)) {
    case 0:
      said.erase(said.begin() + static_cast<std::ptrdiff_t>(i));
      break;
    case 1:
      said.insert(said.begin() + static_cast<std::ptrdiff_t>(i), said[i]);
      break;
    case 2:
      std::swap(said[i], said[pick(static_cast<std::uint32_t>(said.size()))]);
      break;
    case 3:
      said[i].parts.length = static_cast<std::uint16_t>(pick(8));
      break;
    case 4:
      said[i].payload[7] = static_cast<std::uint8_t>(random_());
      break;
    default:
      break;
    }
}

std::vector<can::frame_block> chaos_bus::blocks(std::int64_t from_us, std::size_t frames) {
  std::vector<can::frame_block> out(1);
  std::vector<std::pair<speech, std::size_t>> talkers(6);
  std::int64_t time_us = from_us;
  for (std::size_t i = 0; i < frames; ++i) {
    auto& [said, at] = talkers[pick(pick(3) == 0 ? 6 : 2)];
    while (at >= said.size()) {
      said = next();
      at = 0;
    }
    time_us += pick(500) == 0 ? pick(1'600'000) : pick(9'000);
    if (out.back().size() >= 700)
      out.emplace_back();
    auto& one = said[at++];
    if (!out.back().push(time_us, can::pack(one.parts), one.payload.data()))
      throw std::runtime_error{"a frame that no block takes"};
  }
  return out;
}

} // namespace furrow::tests
