/// Messages to try: one of each kind, and blocks of random frames.
#pragma once

#include "proto/wire.hpp"

#include <random>
#include <string>
#include <vector>

namespace furrow::tests {

inline can::frame_header random_header(std::mt19937& random, std::uint32_t ids) {
  const auto kind = random() % 8;
  can::header_parts parts{.id = static_cast<std::uint32_t>(random() % ids),
                          .extended = true,
                          .bus = static_cast<std::uint8_t>(random() % 3)};
  parts.length = static_cast<std::uint16_t>(random() % 9);
  if (kind == 0)
    parts.remote = true;
  if (kind == 1) {
    parts.kind = can::frame_kind::fd;
    parts.nibble = 5;
    parts.length = 64;
  }
  return can::pack(parts);
}

/// `ids` above 256 makes the index of headers two bytes wide.
inline can::frame_block random_frames(std::mt19937& random, std::size_t count, std::uint32_t ids) {
  can::frame_block block;
  std::int64_t time_us = 1'547'753'403'715'009;
  while (block.size() < count) {
    time_us += static_cast<int>(random() % 4'000) - 500; // clock steps back now and then
    std::uint8_t payload[64];
    for (auto& byte : payload)
      byte = static_cast<std::uint8_t>(random());
    if (!block.push(time_us, random_header(random, ids), payload))
      break;
  }
  return block;
}

inline std::vector<can::record> some_records(std::size_t count) {
  std::vector<can::record> records;
  for (std::size_t i = 0; i < count; ++i)
    records.push_back(
      {static_cast<std::int64_t>(i) - 1, static_cast<std::uint16_t>(i), R"({"t":"é"})"});
  return records;
}

inline proto::hello full_hello() {
  proto::hello hello;
  hello.token = "secret";
  hello.equipment = "T1";
  for (std::size_t i = 0; i < hello.stream_id.size(); ++i)
    hello.stream_id[i] = static_cast<std::uint8_t>(i * 17);
  hello.iso_name = 0xA01284000DE0C3FF;
  hello.first_seq = 12;
  hello.last_seq = 99;
  hello.runs = {{0xFFFFFFFFFFFFFFFF, 1}, {7, 50}};
  hello.buses = {{0, "can0"}, {255, "vcan-ü"}};
  hello.software = "furrow-edge 0.1.0";
  hello.sources = {{"xxh3-128:0123", "/logs/tag 1.log"}, {"other", "Übung.csv"}};
  hello.unreachable = {"c:7400"};
  return hello;
}

inline proto::batch full_batch(unsigned seed) {
  std::mt19937 random{seed};
  proto::batch batch;
  batch.first_seq = 1'000'000'000'000;
  batch.items = {random_frames(random, 200, 40), some_records(3),
                 random_frames(random, 900, 2'000)};
  batch.last_seq = batch.first_seq + batch.count() + 5;
  batch.buses = {{0, "can0"}, {1, "can1"}};
  return batch;
}

/// Newest frames: of at most eight bytes.
inline proto::sample full_sample(std::size_t frames = 300) {
  proto::sample sample;
  sample.as_of_seq = 1'000'000'000'000;
  for (std::size_t i = 0; i < frames; ++i) {
    const std::uint64_t payload = i;
    (void)sample.frames.push(1'547'753'403'715'009 + static_cast<std::int64_t>(i) * 1'000,
                             can::pack({.id = static_cast<std::uint32_t>(i),
                                        .extended = true,
                                        .bus = static_cast<std::uint8_t>(i % 3),
                                        .length = 8}),
                             reinterpret_cast<const std::uint8_t*>(&payload));
  }
  return sample;
}

inline std::vector<proto::message> one_of_each() {
  return {full_hello(),
          proto::welcome{1, (std::int64_t{7} << 40) + 3, 4'711, {"a:7400", "b:7400"}, 10'000},
          proto::redirect{"c:7400"},
          proto::reject{proto::reject_code::forked, "a copy", 77, 70},
          full_batch(1),
          proto::ack{9'007'199'254'740'993},
          proto::rewind{1},
          proto::goaway{""},
          proto::ping{0xFFFFFFFFFFFFFFFF},
          proto::pong{1},
          proto::pace{1'000},
          full_sample()};
}

inline std::span<const std::uint8_t> bytes_of(const std::string& text, std::size_t from = 0) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()) + from, text.size() - from};
}

} // namespace furrow::tests
