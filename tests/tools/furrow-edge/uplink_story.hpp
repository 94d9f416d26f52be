/// A gateway's conversation in virtual time: no socket, no clock.
#pragma once

#include "proto/rendezvous.hpp"
#include "tests/tools/furrow-edge/edge_story.hpp"
#include "tools/furrow-edge/uplink/uplink_protocol.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace furrow::tests {

using namespace furrow::edge;
using namespace std::chrono_literals;

/// Items in memory, one block of ten each, or as many as the test says.
class block_store final : public item_store {
public:
  stream_state kept;
  std::uint64_t block_items = 10;
  std::uint64_t forked_at = 0;
  std::uint64_t welcomed_run = 0;

  block_store() {
    kept.stream_id = {1};
    kept.runs = {{11, 1}, {12, 1}};
  }
  void add(std::uint64_t items) { kept.last_seq += items; }

  stream_state state() const override { return kept; }
  std::uint64_t last_seq() const override { return kept.last_seq; }
  std::uint64_t acked_seq() const override { return kept.acked_seq; }
  std::size_t bus_count() const override { return kept.buses.size(); }
  std::uint64_t run() const override { return kept.runs.back().run; }
  edge::result<std::vector<item_block>>
  read(std::uint64_t from, std::size_t /*bytes_max*/, std::size_t blocks_max) override {
    std::vector<item_block> blocks;
    for (auto first = (from - 1) / block_items * block_items + 1;
         first <= kept.last_seq && blocks.size() < std::min<std::size_t>(blocks_max, 3);
         first += block_items) {
      const auto count = std::min<std::uint64_t>(block_items, kept.last_seq - first + 1);
      auto bytes = proto::encode_items(numbered_frames(first, count));
      blocks.push_back({first, static_cast<std::uint32_t>(count),
                        std::make_shared<const std::string>(std::move(bytes))});
    }
    return blocks;
  }
  edge::result<done> welcomed(std::uint64_t resume_from, std::uint64_t run) override {
    kept.acked_seq = resume_from - 1;
    welcomed_run = run;
    return done{};
  }
  void acknowledge(std::uint64_t durable) override {
    kept.acked_seq = std::max(kept.acked_seq, durable);
  }
  void rewind(std::uint64_t from) override { kept.acked_seq = std::min(kept.acked_seq, from - 1); }
  edge::result<done> fork(std::uint64_t fork_seq, std::uint64_t /*durable_seq*/) override {
    forked_at = fork_seq;
    kept.stream_id = {2};
    kept.runs = {{99, 1}};
    kept.last_seq = kept.last_seq + 1 - std::min(fork_seq, kept.last_seq + 1);
    kept.first_seq = 1;
    kept.acked_seq = 0;
    return done{};
  }
};

struct uplink_story {
  block_store store;
  uplink_config config{.equipment = "T1",
                       .token = "t",
                       .software = "test",
                       .iso_name = {},
                       .nodes = {"a:1", "b:2", "c:3"},
                       .seed = 5};
  uplink_protocol::time_point now{1h};
  std::optional<uplink_protocol> uplink;
  std::vector<std::string> connects;
  std::vector<proto::message> sent;
  std::vector<std::string> warnings;
  std::optional<edge::failure> stopped;
  unsigned closes = 0;

  /// The n-th node that this machine prefers, from 0 on.
  std::string preferred(std::size_t n) const {
    auto order = config.nodes;
    std::ranges::sort(order, std::greater{}, [&](const std::string& node) {
      return proto::rendezvous_score(config.equipment, node);
    });
    return order[n % order.size()];
  }

  void start() {
    uplink.emplace(config, store);
    uplink->start(now);
    look();
  }
  void look() {
    for (auto& action : uplink->take_actions()) {
      if (const auto* connect = std::get_if<uplink_action::connect>(&action))
        connects.push_back(connect->node);
      else if (const auto* send = std::get_if<uplink_action::send>(&action))
        sent.push_back(read(send->bytes));
      else if (std::holds_alternative<uplink_action::close>(action))
        ++closes;
      else if (const auto* stop = std::get_if<uplink_action::stop>(&action))
        stopped = stop->why;
      else if (const auto& note = std::get<uplink_action::note>(action);
               note.how == log::level::warning)
        warnings.push_back(note.text);
    }
  }
  static proto::message read(const std::string& bytes) {
    const auto* start = reinterpret_cast<const std::uint8_t*>(bytes.data());
    auto message = proto::decode({start + proto::length_bytes, bytes.size() - proto::length_bytes});
    REQUIRE(message);
    return std::move(*message);
  }
  /// Goes to the next deadline; how long that was.
  std::chrono::milliseconds pass() {
    const auto before = now;
    REQUIRE(uplink->deadline());
    now = std::max(now, *uplink->deadline());
    uplink->tick(now);
    look();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now - before);
  }
  void hear(const proto::message& message) {
    uplink->received(now, message);
    look();
  }
  void connect() {
    if (connects.empty() || closes > 0)
      while (connects.empty())
        pass();
    connects.clear();
    closes = 0;
    uplink->connected(now);
    look();
  }
  void welcome(std::uint64_t resume_from = 1, std::int64_t epoch = 1) {
    connect();
    hear(proto::welcome{1, epoch, resume_from, {}, 1'000});
    sent.clear();
  }
  std::optional<proto::batch> batch() {
    const auto bytes = uplink->next_batch(now);
    look();
    if (!bytes)
      return std::nullopt;
    return std::get<proto::batch>(read(*bytes));
  }
};

} // namespace furrow::tests
