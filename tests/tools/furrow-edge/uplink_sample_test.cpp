// Samples of the newest frames beside a backlog, in virtual time: when they go, and what they leave to the batches.
#include "tests/tools/furrow-edge/uplink_story.hpp"
#include "tools/furrow-edge/uplink/line_gauge.hpp"
#include "tools/furrow-edge/uplink/sample_pace.hpp"

#include <algorithm>
#include <deque>
#include <limits>
#include <optional>
#include <random>

using namespace furrow;
using namespace furrow::tests;

namespace {

/// A store that always has something new to show, as much as there is room for.
class sampled_store final : public item_store {
public:
  block_store items;
  bool has_new = true;
  std::vector<std::size_t> rooms;
  int begins = 0;
  bool is_fetched = true; // it has its newest frames at hand
  int fetches = 0;
  std::size_t batch_most = std::numeric_limits<std::size_t>::max();
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_sampled = 0;
  std::size_t others = 0; // each time
  bool is_ready = true;
  std::optional<std::uint64_t> as_of; // if it has not looked at the newest items

  stream_state state() const override { return items.state(); }
  std::uint64_t last_seq() const override { return items.last_seq(); }
  std::uint64_t acked_seq() const override { return items.acked_seq(); }
  std::size_t bus_count() const override { return items.bus_count(); }
  std::uint64_t run() const override { return items.run(); }
  edge::result<std::vector<item_block>>
  read(std::uint64_t from, std::size_t bytes_max, std::size_t blocks_max) override {
    return items.read(from, bytes_max, blocks_max);
  }
  bool ready(std::uint64_t /*from*/) override { return is_ready; }
  bool has_samples() const override { return true; }
  void begin_samples() override { ++begins; }
  bool sample_ready() override {
    fetches += is_fetched ? 0 : 1;
    return is_fetched;
  }
  std::size_t batch_bytes_max() const override { return batch_most; }
  void note_sent(std::size_t bytes) override { bytes_sent += bytes; }
  void note_sampled(std::size_t bytes) override { bytes_sampled += bytes; }
  std::size_t sent_by_others() override { return others; }
  std::uint64_t sample_as_of() const override { return as_of.value_or(last_seq()); }
  can::frame_block sample(std::uint64_t from, std::size_t bytes_max) override {
    rooms.push_back(bytes_max);
    return has_new && from <= last_seq() ? numbered_frames(1, bytes_max / 22) : can::frame_block{};
  }
  edge::result<done> welcomed(std::uint64_t resume_from, std::uint64_t run) override {
    return items.welcomed(resume_from, run);
  }
  void acknowledge(std::uint64_t durable) override { items.acknowledge(durable); }
  void rewind(std::uint64_t from) override { items.rewind(from); }
  edge::result<done> fork(std::uint64_t from, std::uint64_t durable) override {
    return items.fork(from, durable);
  }
};

/// A gateway on a line that carries so many bytes a second, with a delay in each direction.
struct line_story {
  sampled_store store;
  uplink_config config{
    .equipment = "T1", .token = {}, .software = {}, .iso_name = {}, .nodes = {"a:1"}, .seed = 5};
  uplink_protocol::time_point now{1h};
  std::optional<uplink_protocol> uplink;
  double bytes_per_s = 20'000;
  std::chrono::microseconds delay{20'000};
  bool acks = true;

  struct message {
    uplink_protocol::time_point arrives;
    proto::message what;
  };
  std::deque<message> to_node;
  std::deque<message> to_gateway;
  uplink_protocol::time_point line_free = now;
  std::size_t queued = 0; // bytes on their way

  struct sample {
    std::chrono::milliseconds sent; // since the welcome
    std::chrono::milliseconds arrived;
    std::size_t bytes;
    std::uint64_t as_of;
  };
  std::vector<sample> samples;
  std::deque<std::pair<std::chrono::milliseconds, std::size_t>> under_way;
  std::uint64_t items = 0; // that have arrived, each once
  std::size_t batch_bytes = 0;
  std::size_t pings = 0;
  std::size_t largest_batch = 0;
  uplink_protocol::time_point said_at = now;
  uplink_protocol::time_point welcomed;

  explicit line_story(std::uint64_t backlog) {
    store.items.block_items = 100;
    store.items.add(backlog);
  }
  void start(std::uint32_t version = proto::version_of_sample, std::uint32_t pace_ms = 100) {
    uplink.emplace(config, store);
    uplink->start(now);
    (void)uplink->take_actions();
    uplink->connected(now);
    (void)uplink->take_actions();
    uplink->received(now, proto::welcome{version, 1, 1, {}, 10'000});
    (void)uplink->take_actions();
    welcomed = now;
    line_free = now;
    if (version >= proto::version_of_pace)
      uplink->received(now, proto::pace{pace_ms});
    fill();
  }
  [[nodiscard]] std::chrono::milliseconds since() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(now - welcomed);
  }
  void give(const std::string& bytes) {
    for (std::size_t at = 0; at < bytes.size();) {
      const auto* start = reinterpret_cast<const std::uint8_t*>(bytes.data()) + at;
      const auto length =
        proto::decode_length(std::span<const std::uint8_t, 4>{start, 4}, proto::message_bytes_max);
      REQUIRE(length);
      auto what = proto::decode({start + 4, *length});
      REQUIRE(what);
      const auto size = *length + 4;
      line_free = std::max(line_free, now)
                  + std::chrono::microseconds{
                    static_cast<std::int64_t>(static_cast<double>(size) / bytes_per_s * 1e6)};
      if (std::holds_alternative<proto::sample>(*what))
        under_way.emplace_back(since(), size);
      if (std::holds_alternative<proto::batch>(*what)) {
        batch_bytes += size;
        largest_batch = std::max<std::size_t>(largest_batch, size);
      }
      to_node.push_back({line_free + delay, std::move(*what)});
      at += size;
    }
  }
  void fill() {
    while (line_free < now + 60s) {
      const auto bytes = uplink->next_batch(now);
      if (!bytes)
        break;
      give(*bytes);
    }
    for (auto& action : uplink->take_actions())
      if (const auto* send = std::get_if<uplink_action::send>(&action))
        give(send->bytes);
  }
  void node_hears(const proto::message& what) {
    if (const auto* batch = std::get_if<proto::batch>(&what)) {
      CHECK(batch->first_seq <= items + 1); // no hole
      items = std::max(items, batch->first_seq + batch->count() - 1);
      if (acks)
        to_gateway.push_back({now + delay, proto::ack{items}});
    } else if (const auto* ping = std::get_if<proto::ping>(&what)) {
      ++pings;
      to_gateway.push_back({now + delay, proto::pong{ping->nonce}});
    } else if (const auto* shown = std::get_if<proto::sample>(&what)) {
      samples.push_back(
        {under_way.front().first, since(), under_way.front().second, shown->as_of_seq});
      under_way.pop_front();
    }
  }
  /// Lets time pass; `live` items come each 100 ms.
  void passes(std::chrono::milliseconds time, std::uint64_t live = 10) {
    const auto until = now + time;
    for (auto next_item = now + 100ms; now < until;) {
      auto next = std::min(until, next_item);
      for (const auto* queue : {&to_node, &to_gateway})
        if (!queue->empty())
          next = std::min(next, queue->front().arrives);
      if (uplink->deadline())
        next = std::min(next, std::max(*uplink->deadline(), now + 1ms));
      now = std::max(now, next);
      while (!to_node.empty() && to_node.front().arrives <= now) {
        const auto what = std::move(to_node.front().what);
        to_node.pop_front();
        node_hears(what);
      }
      while (!to_gateway.empty() && to_gateway.front().arrives <= now) {
        uplink->received(now, to_gateway.front().what);
        to_gateway.pop_front();
      }
      if (now >= said_at + 5s) { // a node is never silent for longer
        said_at = now;
        to_gateway.push_back({now + delay, proto::ping{1}});
      }
      if (now >= next_item) {
        store.items.add(live);
        next_item += 100ms;
      }
      uplink->tick(now);
      fill();
    }
  }
};

} // namespace

TEST_CASE("sample: with a backlog on a line of 20 kB/s the first one is there within 1 s, then one "
          "each second or two") {
  line_story s{360'000};
  s.start();
  s.passes(30s);
  REQUIRE(s.samples.size() >= 15);
  CHECK(s.samples.front().arrived < 1s);
  std::chrono::milliseconds longest_gap{0};
  std::chrono::milliseconds longest_way{0};
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < s.samples.size(); ++i) {
    bytes += s.samples[i].bytes;
    longest_way = std::max(longest_way, s.samples[i].arrived - s.samples[i].sent);
    if (i > 0)
      longest_gap = std::max(longest_gap, s.samples[i].arrived - s.samples[i - 1].arrived);
  }
  const auto share = static_cast<double>(bytes) / static_cast<double>(bytes + s.batch_bytes);
  const auto used = static_cast<double>(bytes + s.batch_bytes) / (s.bytes_per_s * 30);
  MESSAGE("first sample after " << s.samples.front().arrived.count() << " ms, at most "
                                << longest_gap.count() << " ms apart, at most "
                                << longest_way.count() << " ms on the way; " << share * 100
                                << " % of the line; line in use: " << used * 100 << " %");
  CHECK(longest_gap <= 2s);
  CHECK(longest_way <= 1'500ms);
  CHECK(share < 0.2);
  CHECK(used > 0.95);
  CHECK(s.largest_batch < 20'000);
}

TEST_CASE("sample: a machine that nobody watches is sampled less and less often") {
  line_story s{360'000};
  s.start(proto::version_of_sample, 1'000);
  s.passes(60s);
  CHECK(s.samples.size() >= 6);
  CHECK(s.samples.size() <= 12);
  const auto before = s.samples.size();
  s.uplink->received(s.now, proto::pace{20});
  s.passes(3s);
  CHECK(s.samples.size() >= before + 2); // somebody watches
}

TEST_CASE("sample: without a backlog none is sent, and no ping goes behind a batch") {
  line_story s{500};
  s.start();
  s.passes(20s);
  CHECK(s.samples.empty());
  CHECK(s.pings == 0);
  CHECK(s.items >= 2'300);
}

TEST_CASE("sample: a node of an older version gets none") {
  line_story s{360'000};
  s.start(proto::version_of_sample - 1);
  s.passes(10s);
  CHECK(s.samples.empty());
  CHECK(s.store.begins == 0);
}

TEST_CASE("sample: when the backlog has been sent, samples end") {
  line_story s{5'000};
  s.start();
  CHECK(s.uplink->behind());
  s.passes(60s, 1);
  CHECK_FALSE(s.uplink->behind());
  CHECK(s.items + 20 >= s.store.last_seq());
  const auto sent = s.samples.size();
  CHECK(sent >= 1);
  s.passes(20s, 1);
  CHECK(s.samples.size() == sent);
}

TEST_CASE("sample: a line that becomes too slow is noticed, although the socket takes everything") {
  line_story s{0};
  s.store.items.block_items = 10; // as they come
  s.bytes_per_s = 200'000;
  s.start();
  s.passes(5s);
  CHECK_FALSE(s.uplink->behind());
  s.bytes_per_s = 1'000; // about 17 bytes an item, 100 items a second
  s.passes(60s);
  CHECK(s.uplink->behind());
  CHECK(s.samples.size() >= 3);
}

TEST_CASE("sample: a fast line is not slowed down") {
  line_story s{3'000'000};
  s.bytes_per_s = 50e6;
  s.delay = 1'000us;
  s.start();
  s.passes(1s);
  const auto bytes = static_cast<double>(s.batch_bytes);
  MESSAGE("in a second of 50 MB/s: " << bytes / 1e6 << " MB, " << s.pings << " pings");
  CHECK((s.items >= 2'900'000 || bytes > 40e6));
  CHECK(s.pings < 200);
}

TEST_CASE("sample: a line with a long delay is filled") {
  line_story s{1'000'000};
  s.bytes_per_s = 300'000;
  s.delay = 300'000us;
  s.start();
  s.passes(20s);
  const auto used = static_cast<double>(s.batch_bytes) / (s.bytes_per_s * 20);
  MESSAGE("line with a delay of 600 ms: " << used * 100 << " % in use");
  CHECK(used > 0.75);
}

TEST_CASE("sample: with nothing new none is sent, and the gateway does not ask all the time") {
  line_story s{360'000};
  s.store.has_new = false;
  s.start();
  s.passes(10s);
  CHECK(s.samples.empty());
  CHECK(s.store.rooms.size() <= 50);
  CHECK(s.items > 5'000);
}

TEST_CASE("sample: a socket without room is not asked again and again") {
  line_story s{360'000};
  s.start();
  s.passes(3s);
  for (int i = 0; i < 100; ++i) { // the socket takes nothing
    REQUIRE(s.uplink->deadline());
    s.now = std::max(s.now, *s.uplink->deadline());
    s.uplink->tick(s.now);
    (void)s.uplink->take_actions();
  }
  CHECK(s.since() > 10s);
}

TEST_CASE("sample: whatever the line does, items go once and in order, and nothing is stuck") {
  for (unsigned seed = 1; seed <= 100; ++seed) {
    CAPTURE(seed);
    std::mt19937 random{seed};
    line_story s{1'000 + random() % 20'000};
    s.bytes_per_s = 5'000;
    s.start(proto::version_of_sample, random() % 2 == 0 ? 20 : 1'000);
    for (int i = 0; i < 20; ++i) {
      s.bytes_per_s = 2'000.0 * (1U << random() % 10U);
      s.delay = std::chrono::milliseconds{1 + random() % 400};
      s.acks = random() % 4 != 0;
      s.store.has_new = random() % 4 != 0;
      s.passes(std::chrono::milliseconds{random() % 2'000}, random() % 20);
    }
    s.acks = true;
    s.bytes_per_s = 1e6;
    s.passes(100s, 1); // the socket has taken what a slow line carries in a minute
    CHECK(s.uplink->streaming());
    CHECK(s.items + 30 >= s.store.last_seq());
    CHECK(s.items <= s.store.last_seq());
  }
}

TEST_CASE(
  "sample: a store that fetches its newest frames gets its sample out as soon as it has them") {
  line_story s{360'000};
  s.store.is_fetched = false;
  s.start();
  s.passes(500ms);
  CHECK(s.store.fetches >= 1);
  CHECK(s.store.fetches <= 200); // not all the time
  CHECK(s.store.rooms.empty());
  CHECK(s.items > 0); // batches do not wait for it
  s.store.is_fetched = true;
  const auto fetched = s.since();
  s.fill(); // as uplink::items_added does
  s.passes(2s);
  REQUIRE_FALSE(s.samples.empty());
  CHECK(s.samples.front().sent == fetched); // before the next batch
  CHECK(s.samples.front().arrived - fetched < 1'500ms);
  CHECK(s.store.bytes_sent >= s.batch_bytes); // with their pings
  CHECK(s.store.bytes_sampled > s.samples.front().bytes);
  CHECK(s.samples.back().as_of >= 360'000);
  // Items that it has not looked at are newer than the sample.
  s.store.as_of = 350'000;
  s.passes(5s);
  CHECK(s.samples.back().as_of == 350'000);
}

TEST_CASE("sample: a stream whose items wait for those of other streams is sampled each second") {
  line_story s{360'000};
  s.store.is_ready = false;
  s.start();
  s.passes(20s);
  CHECK(s.samples.size() == 1);
  s.store.others = 1'000;
  s.passes(20s);
  CHECK(s.samples.size() >= 15);
  CHECK(s.samples.size() <= 22);
  CHECK(s.items == 0);
}

TEST_CASE("sample: a store with a rate of its own has short batches, with a backlog and without") {
  for (const std::uint64_t backlog : {100'000, 500}) {
    CAPTURE(backlog);
    line_story s{backlog};
    s.bytes_per_s = 50e6;
    s.store.batch_most = 5'000;
    s.start();
    s.passes(2s);
    CHECK(s.items >= backlog);
    CHECK(s.largest_batch > 500);
    CHECK(s.largest_batch < 5'500);
  }
}
