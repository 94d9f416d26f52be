#include "proto/wire.hpp"
#include "tests/proto/samples.hpp"

#include <doctest/doctest.h>

using namespace furrow;
using namespace furrow::proto;
using namespace furrow::tests;

namespace {

std::string encoded(const message& what) {
  std::string out;
  const auto ok = encode(what, out);
  if (!ok)
    FAIL(std::string{to_string(ok.code())} << ": " << ok.error().detail);
  return out;
}

message decoded(const std::string& bytes) {
  const auto length = decode_length(bytes_of(bytes).first<length_bytes>(), message_bytes_max);
  REQUIRE(length);
  REQUIRE(*length == bytes.size() - length_bytes);
  auto out = decode(bytes_of(bytes, length_bytes));
  if (!out)
    FAIL(std::string{to_string(out.code())} << ": " << out.error().detail);
  return std::move(*out);
}

template <class T>
T round_trip(const T& what) {
  auto out = decoded(encoded(message{what}));
  REQUIRE(std::holds_alternative<T>(out));
  return std::get<T>(std::move(out));
}

void check_same(const can::frame_block& a, const can::frame_block& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto x = a[i];
    const auto y = b[i];
    REQUIRE(x.time_us == y.time_us);
    REQUIRE(x.header == y.header);
    REQUIRE(std::equal(x.payload().begin(), x.payload().end(), y.payload().begin()));
  }
}

errc refused(const message& what) {
  std::string out = "before";
  const auto ok = encode(what, out);
  CHECK(out == "before");
  return ok.code();
}

} // namespace

TEST_CASE("wire: a hello reads back the same, with and without a NAME") {
  auto hello = full_hello();
  for (int round = 0; round < 2; ++round) {
    const auto back = round_trip(hello);
    CHECK(back.lowest_version == hello.lowest_version);
    CHECK(back.highest_version == hello.highest_version);
    CHECK(back.token == hello.token);
    CHECK(back.equipment == hello.equipment);
    CHECK(back.stream_id == hello.stream_id);
    CHECK(back.iso_name == hello.iso_name);
    CHECK(back.first_seq == hello.first_seq);
    CHECK(back.last_seq == hello.last_seq);
    CHECK(back.runs == hello.runs);
    CHECK(back.buses == hello.buses);
    CHECK(back.software == hello.software);
    CHECK(back.sources == hello.sources);
    CHECK(back.unreachable == hello.unreachable);
    hello.iso_name.reset();
  }
}

TEST_CASE("wire: small messages read back the same") {
  const auto welcome = round_trip(proto::welcome{1, -5, 4'711, {"a:1", "b:2"}, 10'000});
  CHECK(welcome.version == 1);
  CHECK(welcome.epoch == -5);
  CHECK(welcome.resume_from == 4'711);
  CHECK(welcome.nodes == std::vector<std::string>{"a:1", "b:2"});
  CHECK(welcome.keepalive_ms == 10'000);
  CHECK(round_trip(redirect{"c:3"}).node == "c:3");
  for (int code = 0; code <= 9; ++code) {
    const auto reject = round_trip(proto::reject{static_cast<reject_code>(code), "why", 5, 4});
    CHECK(static_cast<int>(reject.code) == code);
    CHECK(reject.reason == "why");
    CHECK(reject.fork_seq == 5);
    CHECK(reject.durable_seq == 4);
  }
  CHECK(round_trip(ack{1ULL << 60U}).durable_seq == 1ULL << 60U);
  CHECK(round_trip(ack{0}).durable_seq == 0);
  CHECK(round_trip(proto::rewind{3}).from_seq == 3);
  CHECK(round_trip(goaway{}).node.empty());
  CHECK(round_trip(goaway{"d:4"}).node == "d:4");
  CHECK(round_trip(ping{~0ULL}).nonce == ~0ULL);
  CHECK(round_trip(pong{9}).nonce == 9);
  CHECK(round_trip(pace{}).interval_ms == 0);
  CHECK(round_trip(pace{~0U}).interval_ms == ~0U);
}

TEST_CASE("wire: random frames, including FD and remote ones, and records read back in order") {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    const auto batch = full_batch(seed);
    const auto back = round_trip(batch);
    CHECK(back.first_seq == batch.first_seq);
    CHECK(back.last_seq == batch.last_seq);
    CHECK(back.buses == batch.buses);
    REQUIRE(back.items.size() == 3);
    check_same(std::get<can::frame_block>(back.items[0]),
               std::get<can::frame_block>(batch.items[0]));
    CHECK(std::get<std::vector<can::record>>(back.items[1])
          == std::get<std::vector<can::record>>(batch.items[1]));
    check_same(std::get<can::frame_block>(back.items[2]),
               std::get<can::frame_block>(batch.items[2]));
  }
}

TEST_CASE("wire: numbers without items read back with their reason, and count") {
  const auto back =
    round_trip(batch{7,
                     1U << 20U,
                     {},
                     {can::gone_items{5, can::gone_reason::expired}, some_records(2),
                      can::gone_items{1, can::gone_reason::missing}}});
  CHECK(back.count() == 8);
  CHECK(std::get<can::gone_items>(back.items[0]) == can::gone_items{5, can::gone_reason::expired});
  CHECK(std::get<can::gone_items>(back.items[2]).why == can::gone_reason::missing);
  CHECK(refused(batch{1, 9, {}, {can::gone_items{0, can::gone_reason::expired}}}));
  CHECK(refused(batch{1, 1ULL << 60U, {}, {can::gone_items{gone_items_max + 1, {}}}}));
  const auto encoded = encode_items(can::gone_items{3, can::gone_reason::dropped});
  CHECK(holds_gone(encoded));
  CHECK_FALSE(holds_records(encoded));
  CHECK_FALSE(holds_gone(encode_items(some_records(1))));
}

TEST_CASE("wire: the header index of a frame has one byte up to 256 headers, and two above") {
  for (const std::uint32_t headers : {1U, 255U, 256U, 257U, 300U}) {
    can::frame_block block;
    for (std::uint32_t id = 0; id < headers; ++id)
      REQUIRE(block.push(id, can::pack({.id = id, .extended = true}), nullptr));
    const auto bytes = encode_items(block);
    const auto columns = headers * (8 + 8 + 4 + (headers <= 256 ? 1 : 2));
    CHECK(bytes.size() >= columns);
    CHECK(bytes.size() <= columns + 40);
    const auto back = decode_items(bytes_of(bytes));
    REQUIRE(back);
    check_same(std::get<can::frame_block>(*back), block);
  }
}

TEST_CASE("wire: a block at its limits of headers and frames reads back the same") {
  can::frame_block block;
  for (std::uint32_t id = 0; id < can::frame_block::headers_max; ++id)
    REQUIRE(block.push(id, can::pack({.id = id, .extended = true}), nullptr));
  const auto back = round_trip(batch{1, 1U << 20U, {}, {block}});
  check_same(std::get<can::frame_block>(back.items[0]), block);
}

TEST_CASE("wire: an invalid header passes, because the node puts it in quarantine") {
  can::frame_block block;
  REQUIRE(block.push(0, can::pack({.id = 1, .length = 9}),
                     reinterpret_cast<const std::uint8_t*>("123456789")));
  REQUIRE(can::fault_of(block.header(0)) != can::frame_fault::none);
  const auto back = round_trip(batch{1, 1, {}, {block}});
  check_same(std::get<can::frame_block>(back.items[0]), block);
}

TEST_CASE("wire: a batch of encoded groups equals the batch encoded at once") {
  const auto batch = full_batch(4);
  std::vector<std::string> groups;
  for (const auto& group : batch.items)
    groups.push_back(encode_items(group));
  const std::vector<std::string_view> views{groups.begin(), groups.end()};
  std::string out = "x";
  REQUIRE(encode_batch(batch.first_seq, batch.last_seq, batch.buses, views, out));
  CHECK(out.substr(1) == encoded(message{batch}));

  const std::string large(message_bytes_max, 'x');
  const std::vector<std::string_view> too_large{large};
  CHECK(encode_batch(1, 1, {}, too_large, out).code() == errc::limit);
  const std::vector<std::string_view> too_many(groups_max + 1, groups[1]);
  CHECK(encode_batch(1, 1, {}, too_many, out).code() == errc::limit);
}

TEST_CASE("wire: lengths of 0, the limit, one above the limit and 2^32 - 1") {
  using prefix = std::array<std::uint8_t, 4>;
  const auto length = [](prefix bytes, std::uint32_t limit) { return decode_length(bytes, limit); };
  CHECK(length({0, 0, 0, 0}, message_bytes_max).code() == errc::length);
  CHECK(*length({0, 0, 0, 1}, message_bytes_max) == 1);
  CHECK(*length({0, 0x10, 0, 0}, message_bytes_max) == message_bytes_max);
  CHECK(length({0, 0x10, 0, 1}, message_bytes_max).code() == errc::length);
  CHECK(length({0xFF, 0xFF, 0xFF, 0xFF}, message_bytes_max).code() == errc::length);
  CHECK(*length({0, 0, 0x80, 0}, hello_bytes_max) == hello_bytes_max);
  CHECK(length({0, 0, 0x80, 1}, hello_bytes_max).code() == errc::length);
}

TEST_CASE("wire: a message that could not be decoded is not encoded") {
  auto hello = full_hello();
  hello.equipment.clear();
  CHECK(refused(hello) == errc::text);
  hello.equipment = std::string(name_bytes_max + 1, 'x');
  CHECK(refused(hello) == errc::limit);
  hello.equipment = "T\xFF";
  CHECK(refused(hello) == errc::text);
  hello = full_hello();
  hello.runs.assign(runs_max + 1, {1, 1});
  CHECK(refused(hello) == errc::limit);
  hello = full_hello();
  hello.first_seq = hello.last_seq + 2;
  CHECK(refused(hello) == errc::malformed);
  hello = full_hello();
  hello.last_seq = 1ULL << 63U;
  CHECK(refused(hello) == errc::limit);
  hello = full_hello();
  hello.sources.assign(sources_max + 1, {"d", "n"});
  CHECK(refused(hello) == errc::limit);
  hello.sources = {{std::string(digest_bytes_max + 1, 'd'), "n"}};
  CHECK(refused(hello) == errc::limit);
  hello.sources = {{"d", ""}};
  CHECK(refused(hello) == errc::text);
  hello = full_hello();
  hello.unreachable.assign(unreachable_max + 1, "n:1");
  CHECK(refused(hello) == errc::limit);
  hello.unreachable = {""};
  CHECK(refused(hello) == errc::text);

  CHECK(refused(welcome{1, 1, 1, std::vector<std::string>(nodes_max + 1, "n:1"), 0})
        == errc::limit);
  CHECK(refused(welcome{1, 1, 0, {}, 0}) == errc::malformed);
  CHECK(refused(redirect{""}) == errc::text);
  CHECK(refused(reject{reject_code::limit, std::string(text_bytes_max + 1, 'x'), 0})
        == errc::limit);
  CHECK(refused(proto::rewind{0}) == errc::malformed);

  CHECK(refused(batch{1, 1, {}, {can::frame_block{}}}) == errc::columns);
  CHECK(refused(batch{1, 1, {}, {some_records(2)}}) == errc::malformed); // last_seq allows one item
  CHECK(refused(batch{0, 5, {}, {some_records(2)}}) == errc::malformed);
  CHECK(refused(batch{~0ULL, ~0ULL, {}, {some_records(2)}}) == errc::limit);
  CHECK(refused(batch{1, 1 << 20, {}, {some_records(records_max), some_records(1)}})
        == errc::limit);
  CHECK(refused(batch{1, 1 << 20, {}, std::vector<item_group>(groups_max + 1, some_records(1))})
        == errc::limit);
  std::mt19937 random{1};
  CHECK(refused(batch{
          1, 1 << 20, {}, {random_frames(random, 65'536, 40), random_frames(random, 65'536, 40)}})
        == errc::limit);
  auto torn = random_frames(random, 10, 10);
  torn.header_index[3] = 500;
  CHECK(refused(batch{1, 100, {}, {torn}}) == errc::columns);
}

TEST_CASE("wire: text is UTF-8 without NUL") {
  for (const char* good :
       {"", "T1", "Mähdrescher", "\xF0\x9F\x9A\x9C", "\xED\x9F\xBF", "\xEF\xBF\xBF"})
    CHECK(is_clean_text(good));
  using namespace std::string_literals;
  for (const auto& bad :
       {"\0"s, "\x80"s, "\xC0\x80"s, "\xC3"s, "\xE0\x80\x80"s, "\xED\xA0\x80"s, "\xF4\x90\x80\x80"s,
        "\xF5\x80\x80\x80"s, "\xE2\x82"s, "\xE2\x28\xA1"s, "\xF0\x9F\x9A("s})
    CHECK_FALSE(is_clean_text(bad));
}
