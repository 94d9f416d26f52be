// A line that is so slow, or breaks so often, that a whole batch never gets through.
#include "tests/tools/furrow-edge/uplink_story.hpp"

using namespace furrow;
using namespace furrow::edge;
using namespace furrow::tests;

namespace {

/// Sends batches until the line has carried so many bytes, then it breaks. The node acks each whole batch.
std::uint64_t carry(uplink_story& s, std::size_t bytes) {
  s.welcome(s.store.acked_seq() + 1);
  std::vector<std::uint64_t> whole;
  while (const auto sent = s.uplink->next_batch(s.now)) {
    s.look();
    if (sent->size() > bytes)
      break;
    bytes -= sent->size();
    const auto batch = std::get<proto::batch>(uplink_story::read(*sent));
    REQUIRE(batch.first_seq <= s.store.acked_seq() + 1);
    s.hear(proto::ack{batch.first_seq + batch.count() - 1});
  }
  s.uplink->disconnected(s.now, "broken");
  s.look();
  return s.store.acked_seq();
}

} // namespace

TEST_CASE("uplink: batches shrink after a cut, divide blocks, and bring items through on each "
          "later connection") {
  uplink_story s;
  s.config.nodes = {"a:1"};
  s.store.block_items = 4'096; // some 80 KiB
  s.store.add(20'000);
  s.start();
  constexpr std::size_t line = 8'000;
  unsigned without = 0; // connections that brought nothing
  for (std::uint64_t before = 0; before < 20'000;) {
    const auto after = carry(s, line);
    without += after == before ? 1 : 0;
    REQUIRE(without <= 4);
    before = after;
  }
  CHECK(s.uplink->batch_bytes() < s.config.batch_bytes);
}

TEST_CASE("uplink: batches grow again with each ack") {
  uplink_story s;
  s.config.nodes = {"a:1"};
  s.store.block_items = 100;
  s.store.add(50'000);
  s.start();
  for (int cut = 0; cut < 10; ++cut)
    carry(s, 100);
  CHECK(s.uplink->batch_bytes() == uplink_config::batch_bytes_least);
  carry(s, 100'000'000);
  CHECK(s.store.acked_seq() == 50'000);
  CHECK(s.uplink->batch_bytes() == s.config.batch_bytes);
}

TEST_CASE("uplink: a cut with nothing on its way does not shrink batches") {
  uplink_story s;
  s.config.nodes = {"a:1"};
  s.start();
  for (int cut = 0; cut < 3; ++cut)
    carry(s, 100);
  CHECK(s.uplink->batch_bytes() == s.config.batch_bytes);
}
