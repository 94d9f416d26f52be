/// What the tests of stream_intake share: a stream in virtual time, and batches for it.
///
/// Shape: frame number n has the payload n.
#pragma once

#include "actors/ingest/stream_intake.hpp"
#include "storage/store.hpp"
#include "tests/support/frames.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

namespace furrow::tests {

using namespace furrow::actors;
using namespace std::chrono_literals;

/// Virtual time.
inline stream_intake::time_point moment(std::chrono::seconds since_start) {
  return stream_intake::time_point{} + 1h + since_start;
}

inline can::frame_header header_of(std::uint32_t id) {
  return can::pack({.id = id, .extended = true, .length = 8});
}

inline proto::batch
frames(std::uint64_t first, std::size_t count, std::int64_t time_us = 1'000'000) {
  proto::batch batch;
  batch.first_seq = first;
  batch.last_seq = first + count - 1;
  can::frame_block block;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t payload = first + i;
    REQUIRE(block.push(time_us + static_cast<std::int64_t>(i), header_of(0x18FEF100),
                       reinterpret_cast<const std::uint8_t*>(&payload)));
  }
  batch.items.emplace_back(std::move(block));
  return batch;
}

struct intake_story {
  stream_intake intake{1'000};
  can::machine_monitor live;
  stream_intake::actions out;

  greeting hello(std::uint64_t first = 1, std::uint64_t last = 0) {
    greeting from;
    from.farm = "default";
    from.hello.equipment = "T1";
    from.hello.first_seq = first;
    from.hello.last_seq = last;
    return from;
  }
  template <class T>
  std::vector<T> take() {
    std::vector<T> found;
    for (auto& action : out)
      if (auto* one = std::get_if<T>(&action))
        found.push_back(std::move(*one));
    out.clear();
    return found;
  }
  claim_wish open(std::uint64_t session, std::uint64_t durable, std::int64_t epoch) {
    intake.greet(session, hello(), out);
    auto wishes = take<claim_wish>();
    REQUIRE(wishes.size() == 1);
    claimed(wishes[0].ticket, durable, epoch);
    out.clear();
    return wishes[0];
  }
  void claimed(std::uint64_t ticket, std::uint64_t durable, std::int64_t epoch) {
    intake.claimed(ticket, {{1, 1, epoch}, durable, std::nullopt}, out);
  }
  std::shared_ptr<held_append> flush() {
    intake.flush(out);
    auto appends = take<std::shared_ptr<held_append>>();
    return appends.empty() ? nullptr : appends[0];
  }
  template <class T>
  const T* said(std::size_t at = 0) {
    std::size_t seen = 0;
    for (const auto& action : out)
      if (const auto* notice = std::get_if<session_notice>(&action))
        if (const auto* what = std::get_if<T>(&notice->what); what != nullptr && seen++ == at)
          return what;
    return nullptr;
  }
};

} // namespace furrow::tests
