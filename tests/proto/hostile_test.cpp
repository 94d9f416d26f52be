// What a hostile peer sends: nothing may crash, and nothing may take much more memory than the
// message itself.
#include "proto/link.hpp"
#include "tests/proto/samples.hpp"

#include <doctest/doctest.h>

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

// Counts what C++ code allocates; Protobuf's arenas come through here as well.
namespace {
std::atomic<std::size_t> held{0};
std::atomic<std::size_t> peak{0};
} // namespace

void* operator new(std::size_t size) {
  void* block = std::malloc(size);
  if (block == nullptr)
    throw std::bad_alloc{};
  const auto now = held += malloc_usable_size(block);
  auto before = peak.load();
  while (before < now && !peak.compare_exchange_weak(before, now)) {
  }
  return block;
}
void operator delete(void* block) noexcept {
  if (block == nullptr)
    return;
  held -= malloc_usable_size(block);
  std::free(block);
}
void operator delete(void* block, std::size_t /*size*/) noexcept {
  operator delete(block);
}

using namespace furrow;
using namespace furrow::proto;
using namespace furrow::tests;

namespace {

std::string body(const message& what) {
  std::string out;
  REQUIRE(encode(what, out));
  return out.substr(length_bytes);
}

/// Decodes and says how much memory stood at the highest moment, above what stood before.
struct outcome {
  errc code;
  std::size_t peak_bytes;
};

outcome try_decode(const std::string& bytes) {
  const auto before = held.load();
  peak = before;
  const auto back = decode(bytes_of(bytes));
  return {back.code(), peak - before};
}

void put_varint(std::uint64_t value, std::string& out) {
  for (; value >= 0x80; value >>= 7U)
    out += static_cast<char>(value | 0x80U);
  out += static_cast<char>(value);
}

/// One length-delimited field.
std::string field(int number, const std::string& content) {
  std::string out;
  put_varint(static_cast<std::uint64_t>(number) << 3U | 2U, out);
  put_varint(content.size(), out);
  return out + content;
}

std::string repeated(const std::string& one, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i)
    out += one;
  return out;
}

} // namespace

TEST_CASE("wire: every truncation of a valid message is rejected, or is a shorter valid message") {
  for (const auto& what : one_of_each()) {
    const auto whole = body(what);
    std::size_t refused = 0;
    for (std::size_t length = 0; length < whole.size(); ++length)
      refused += decode(bytes_of(whole).first(length)) ? 0 : 1;
    // The outer length gives the size of the body, so no shorter prefix is complete.
    CHECK(refused == whole.size());
  }
}

TEST_CASE("wire: a broken byte never crashes and never yields an invalid message") {
  std::mt19937 random{7};
  for (const auto& what : one_of_each()) {
    const auto whole = body(what);
    for (int round = 0; round < 4'000; ++round) {
      auto bytes = whole;
      for (auto flips = random() % 4 + 1; flips > 0; --flips)
        bytes[random()
              % std::min<std::size_t>(bytes.size(), random() % 2 == 0 ? 64 : bytes.size())] =
          static_cast<char>(random());
      const auto back = decode(bytes_of(bytes));
      if (!back)
        continue;
      std::string again; // what decode lets through, encode takes: both hold the same promises
      REQUIRE(encode(*back, again));
    }
  }
}

TEST_CASE("wire: random bytes never crash") {
  std::mt19937 random{11};
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes(random() % 200, '\0');
    for (auto& byte : bytes)
      byte = static_cast<char>(random());
    if (const auto back = decode(bytes_of(bytes)); back) {
      std::string again;
      REQUIRE(encode(*back, again));
    }
    (void)decode_items(bytes_of(bytes)).has_value();
  }
}

TEST_CASE("wire: an envelope without a known message is rejected") {
  CHECK(try_decode("").code == errc::malformed);
  CHECK(try_decode(field(99, "future")).code == errc::malformed);
  CHECK(try_decode(field(5, field(4, field(99, "future items")))).code == errc::malformed);
  CHECK(try_decode("\x0B").code == errc::malformed); // a group
}

TEST_CASE("wire: unknown fields of a known message are ignored") {
  const auto bytes = field(6, std::string{"\x08\x07", 2} + field(77, "from the future"));
  const auto back = decode(bytes_of(bytes));
  REQUIRE(back);
  CHECK(std::get<ack>(*back).durable_seq == 7);
}

TEST_CASE("wire: a count above its limit is rejected by name") {
  const auto small_bus = field(3, std::string{"\x08\x01", 2} + field(2, "b"));
  CHECK(
    try_decode(field(5, std::string{"\x08\x01\x10\x01", 4} + repeated(small_bus, buses_max + 1)))
      .code
    == errc::limit);
  const auto record = field(1, field(3, "{}"));
  const auto group = field(4, field(2, record));
  CHECK(try_decode(field(5, std::string{"\x08\x01\x10\x7F", 4} + repeated(group, groups_max))).code
        == errc::none);
  CHECK(
    try_decode(field(5, std::string{"\x08\x01\x10\x7F", 4} + repeated(group, groups_max + 1))).code
    == errc::limit);
  CHECK(try_decode(field(5, std::string{"\x08\x01\x10\x7F", 4}
                              + field(4, field(2, repeated(record, records_max + 1)))))
          .code
        == errc::limit);
  CHECK(try_decode(field(2, "\x18\x01" + repeated(field(4, "n"), nodes_max + 1))).code
        == errc::limit);
  // A bus, a kind that its plain form could not hold.
  CHECK(try_decode(field(5, std::string{"\x08\x01\x10\x01", 4}
                              + field(3, std::string{"\x08\x80\x02", 3} + field(2, "b"))))
          .code
        == errc::limit);
  CHECK(try_decode(field(5, std::string{"\x08\x01\x10\x01", 4}
                              + field(4, field(2, field(1, std::string{"\x10\x80\x80\x04", 4}
                                                             + field(3, "{}"))))))
          .code
        == errc::limit);
}

TEST_CASE("wire: a sample above its limits is rejected by name") {
  const auto code_of = [](const proto::sample& sample) {
    std::string out;
    const auto refused = encode(sample, out);
    CHECK(out.empty());
    return refused.code();
  };
  CHECK(code_of(full_sample(sample_frames_max + 1)) == errc::limit);
  CHECK(code_of(full_sample(0)) == errc::columns);
  auto later = full_sample(1);
  later.as_of_seq = 0;
  CHECK(code_of(later) == errc::malformed);
  proto::sample wide{1, {}};
  const std::uint8_t bytes[64]{};
  REQUIRE(
    wide.frames.push(1, can::pack({.id = 1, .length = 64, .kind = can::frame_kind::fd}), bytes));
  CHECK(code_of(wide) == errc::limit);
  auto headers = full_sample(1);
  headers.frames.headers.resize(sample_frames_max + 1);
  CHECK(code_of(headers) == errc::limit);
  // The same from outside: 5,000 frames of one header.
  const auto column = [](int number, std::size_t width) {
    return field(number, std::string(5'000 * width, '\0'));
  };
  const auto frames = field(2, std::string(8, '\0')) + column(3, 1) + column(4, 4) + column(5, 8);
  CHECK(try_decode(field(12, std::string{"\x08\x01", 2} + field(2, frames))).code == errc::limit);
  std::string largest;
  REQUIRE(encode(full_sample(sample_frames_max), largest));
  CHECK(largest.size() < 128U << 10U);
}

TEST_CASE("wire: a text that is not UTF-8 is rejected as text in every field") {
  CHECK(try_decode(field(3, field(1, "\xFF"))).code == errc::text);
  CHECK(try_decode(field(5, field(4, field(2, field(1, field(3, "\xC3")))))).code == errc::text);
}

TEST_CASE(
  "wire: a message of 1 MiB that asks for much more memory gets at most a few times its size") {
  const auto fill = [](const std::string& one) {
    return repeated(one, (message_bytes_max - 64) / one.size());
  };
  const std::size_t bound = std::size_t{8} * message_bytes_max;
  for (const auto& bytes :
       {field(5, fill(field(4, ""))),                     // empty items
        field(5, field(4, field(2, fill(field(1, ""))))), // empty records
        field(1, fill(field(9, ""))),                     // empty runs
        field(2, fill(field(4, ""))),                     // empty nodes
        field(6, fill(std::string{"\x78\x01", 2})),       // unknown small fields
        field(5, field(4, field(1, fill(std::string{"\x11\0\0\0\0\0\0\0\0",
                                                    9})))), // headers not packed
        field(5, field(4, field(1, field(2, std::string(message_bytes_max - 64,
                                                        '\0'))))), // all headers
        field(5,
              field(4, field(1, field(3, std::string(message_bytes_max - 64, '\0'))))), // all index
        field(12, field(2, field(2, std::string(message_bytes_max - 64, '\0')))),       // headers
        field(12, field(2, field(5, std::string(message_bytes_max - 64, '\0')))),       // payloads
        field(5, fill(field(4, field(1, ""))))}) {
    REQUIRE(bytes.size() <= message_bytes_max);
    const auto before = held.load();
    const auto result = try_decode(bytes);
    CHECK(result.code != errc::none);
    CHECK(result.peak_bytes < bound);
    CHECK(held.load() <= before + 65'536); // nothing of it stays
  }
  CHECK(try_decode(std::string(message_bytes_max + 1, '\0')).code == errc::length);
}

TEST_CASE("link wire: a message of 1 MiB of empty rows, values or names gets little memory") {
  const auto fill = [](const std::string& one) {
    return repeated(one, (message_bytes_max - 64) / one.size());
  };
  const std::size_t bound = std::size_t{8} * message_bytes_max;
  for (const auto& bytes : {
         field(4, field(2, fill(field(1, "")))), // empty rows of actors
         field(4, field(4, fill(field(2, "")))), // empty rows of machines
         field(4, field(4, fill(field(1, "")))), // empty keys
         field(3, field(2, fill(field(2, "")))), // a scope of empty names
         field(4,
               field(4, field(2, field(16, std::string(message_bytes_max - 64, '\0'))))), // values
         field(4, field(4, field(2, field(17, std::string(message_bytes_max - 64, '\0'))))),
       }) {
    REQUIRE(bytes.size() <= message_bytes_max);
    const auto before = held.load();
    peak = before;
    const auto back = proto::link::decode(bytes_of(bytes));
    CHECK_FALSE(back);
    CHECK(peak - before < bound);
    CHECK(held.load() <= before + 65'536); // nothing of it stays
  }
}
