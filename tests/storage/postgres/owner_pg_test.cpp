// Who owns a stream: a fence by another node says so, and a claim that goes on after a doubt gives way to that node.
#include "tests/storage/postgres/postgres_bed.hpp"

namespace can = furrow::can;
using namespace furrow::storage;
using namespace furrow::tests;

namespace {

std::unique_ptr<store> open_node(const postgres_bed& bed, std::uint8_t incarnation) {
  store_options options;
  options.url = bed.url();
  options.incarnation.fill(incarnation);
  return must(open_store(options));
}

claim_request again(const claim_outcome& before) {
  auto request = request_for("T1", 1);
  request.held_epoch = before.claim.epoch;
  return request;
}

std::vector<std::int32_t> only(const claim_outcome& of) {
  return {of.claim.stream};
}

struct two_nodes {
  postgres_bed bed;
  std::unique_ptr<store> migrated = bed.open_migrated();
  std::unique_ptr<store> first = open_node(bed, 0xA1);
  std::unique_ptr<store> second = open_node(bed, 0xB2);
  std::unique_ptr<appender> first_lane = first->open_appender("w0");
  std::unique_ptr<appender> second_lane = second->open_appender("w0");
};

} // namespace

TEST_CASE_FIXTURE(two_nodes,
                  "postgres: a fence by another node names it, and its stream is not taken back") {
  const auto mine = claim(*first, request_for("T1", 1));
  const auto neighbour = claim(*first, request_for("T2", 2));
  CHECK(must(append(*first_lane, {append_of(mine.claim, 0, mixed_block(1, 10))})).taken.empty());
  const auto theirs = claim(*second, request_for("T1", 1));
  CHECK(bed.value("select owner from furrow.stream_watermark where stream = "
                  + std::to_string(theirs.claim.stream))
        == "b2b2b2b2-b2b2-b2b2-b2b2-b2b2b2b2b2b2");
  const auto outcome =
    must(append(*first_lane, {append_of(mine.claim, 10, mixed_block(2, 10)),
                              append_of(neighbour.claim, 0, mixed_block(1, 5))}));
  CHECK(outcome.fenced == only(theirs));
  CHECK(outcome.taken == only(theirs));
  CHECK(ledger(*migrated, "T2")[0].durable == 5);
  const auto refused = claim(*first, again(mine));
  CHECK(refused.taken);
  CHECK_FALSE(refused.held);
  // Neither the fenced append nor the claim has harmed the node that serves the stream.
  CHECK(
    must(append(*second_lane, {append_of(theirs.claim, 10, mixed_block(2, 10))})).fenced.empty());
  // Rows that the other node has stored already: the duplicate keys say nothing, the watermark does.
  const auto late = must(append(*first_lane, {append_of(mine.claim, 10, mixed_block(2, 10))}));
  CHECK(late.taken == only(theirs));
  CHECK(ledger(*migrated, "T1")[0].durable == 20);
  CHECK(ledger(*migrated, "T1")[0].doubled == 0);
  // A new session is the newest, wherever it is.
  const auto back = claim(*first, request_for("T1", 1));
  CHECK_FALSE(back.taken);
  CHECK(back.durable_seq == 20);
  CHECK(must(append(*second_lane, {append_of(theirs.claim, 20, mixed_block(3, 10))})).taken
        == only(theirs));
}

TEST_CASE_FIXTURE(
  two_nodes,
  "postgres: a fence by the same node, or by a watermark that went back, is none by another") {
  const auto older = claim(*first, request_for("T1", 1));
  const auto newer = claim(*first, request_for("T1", 1));
  const auto own = must(append(*first_lane, {append_of(older.claim, 0, mixed_block(1, 10))}));
  CHECK(own.fenced == only(older));
  CHECK(own.taken.empty());
  CHECK_FALSE(claim(*first, again(older)).taken); // its claim may have been committed unseen
  // A standby that had less was promoted: an older epoch, of whoever claimed before.
  const auto last = claim(*first, again(newer));
  bed.tamper("update stream_watermark set epoch = epoch - 2, owner = gen_random_uuid()");
  const auto lost = must(append(*first_lane, {append_of(last.claim, 0, mixed_block(1, 10))}));
  CHECK(lost.fenced == only(last));
  CHECK(lost.taken.empty());
  CHECK_FALSE(claim(*first, again(last)).taken);
}

TEST_CASE_FIXTURE(two_nodes,
                  "postgres: a program that says nothing of itself fences as another node") {
  const auto mine = claim(*first, request_for("T1", 1));
  bed.tamper(
    "select furrow.claim(array_agg(stream), array_agg(epoch), array_agg(seq), '{}', '{}', '{}') "
    "from furrow.stream_watermark");
  CHECK(bed.value("select owner is null from furrow.stream_watermark") == "t");
  CHECK(must(append(*first_lane, {append_of(mine.claim, 0, mixed_block(1, 10))})).taken
        == only(mine));
}
