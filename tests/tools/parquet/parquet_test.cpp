// Parquet files, read back by code of the test. Two readers of other people read them in tests/tools/parquet/run.
#include "tests/tools/parquet/parquet_bed.hpp"
#include "tools/parquet/hybrid.hpp"
#include "tools/parquet/writer.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

using namespace furrow::parquet;
using namespace furrow::tests;

namespace {

const std::vector<column_name> all_types{{"time", value_type::time, true},
                                         {"count", value_type::integer},
                                         {"speed (km/h)", value_type::real},
                                         {"active", value_type::boolean},
                                         {"name", value_type::text}};

std::string file_of(const std::vector<column_name>& names, const std::vector<rows>& groups) {
  writer to{names, "furrow test"};
  std::string out;
  to.begin(out);
  for (const auto& group : groups)
    to.add(out, group);
  to.end(out);
  return out;
}

template <class T>
T plain(const std::string& bytes) {
  T out{};
  REQUIRE(bytes.size() == sizeof out);
  std::memcpy(&out, bytes.data(), sizeof out);
  return out;
}

/// The only column of the only row group of a file with texts.
const thrift_value& only_chunk(const thrift_value& footer) {
  REQUIRE(footer[4].parts.size() == 1);
  return footer[4][0][1][0][3];
}

std::string file_of_texts(std::size_t count, std::size_t different) {
  const std::vector<column_name> names{{"text", value_type::text}};
  rows group{names, row_group_rows};
  for (std::size_t i = 0; i < count; ++i)
    group[0].put_text("text number " + std::to_string(i % different));
  return file_of(names, {group});
}

} // namespace

TEST_CASE("parquet: the footer names columns, types, times in UTC and row groups") {
  rows group{all_types, row_group_rows};
  for (int i = 0; i < 3; ++i) {
    group[0].put_integer(1'000 + i);
    group[1].put_integer(i);
    group[2].put_real(0.5 * i);
    group[3].put_flag(i == 1);
    group[4].put_text("a");
  }
  const auto file = file_of(all_types, {group, rows{all_types, row_group_rows}, group});
  CHECK(file.starts_with("PAR1"));
  CHECK(file.ends_with("PAR1"));
  const auto footer = footer_of(file);
  CHECK(footer[1].number == 2);
  CHECK(footer[3].number == 6);
  CHECK(footer[6].bytes == "furrow test");
  CHECK(footer[7].parts.size() == all_types.size());
  const auto& schema = footer[2];
  REQUIRE(schema.parts.size() == all_types.size() + 1);
  CHECK(schema[0][5].number == 5);
  const std::vector<std::int64_t> physical{2, 2, 5, 0, 6};
  for (int i = 0; i < 5; ++i) {
    const auto at = static_cast<std::size_t>(i);
    CHECK(schema[i + 1][4].bytes == all_types[at].name);
    CHECK(schema[i + 1][1].number == physical[at]);
    CHECK(schema[i + 1][3].number == (i == 0 ? 0 : 1));
  }
  CHECK(schema[1][6].number == 10);
  CHECK(schema[1][10][8][1].number == 1); // in UTC
  CHECK(schema[1][10][8][2].has(2));      // microseconds
  CHECK(schema[5][6].number == 0);
  CHECK(schema[5][10].has(1));          // text
  REQUIRE(footer[4].parts.size() == 2); // no group for no rows
  const auto& second = footer[4][1];
  CHECK(second[3].number == 3);
  CHECK(second[1][0][2].number > footer[4][0][1][4][2].number);
  for (int i = 0; i < 5; ++i) {
    CHECK(second[1][i][3][4].number == 6); // zstd
    CHECK(second[1][i][3][5].number == 3);
  }
}

TEST_CASE("parquet: statistics have the least and the greatest value, and how many are absent") {
  rows group{all_types, row_group_rows};
  const double speeds[] = {-2.5, std::numeric_limits<double>::quiet_NaN(), 7.25};
  for (int i = 0; i < 3; ++i) {
    group[0].put_integer(1'000 - i);
    i == 0 ? group[1].put_absent() : group[1].put_integer(i == 1 ? -40 : 3);
    group[2].put_real(speeds[i]); // NaN is no value
    group[3].put_absent();
    group[4].put_text(i == 0 ? "\xC3\xA4" : "zebra");
  }
  const auto footer = footer_of(file_of(all_types, {group}));
  const auto statistics = [&](int column) -> const thrift_value& {
    return footer[4][0][1][column][3][12];
  };
  CHECK(plain<std::int64_t>(statistics(0)[6].bytes) == 998);
  CHECK(plain<std::int64_t>(statistics(0)[5].bytes) == 1'000);
  CHECK(statistics(0)[3].number == 0);
  CHECK(plain<std::int64_t>(statistics(1)[6].bytes) == -40);
  CHECK(plain<std::int64_t>(statistics(1)[5].bytes) == 3);
  CHECK(statistics(1)[3].number == 1);
  CHECK(plain<double>(statistics(2)[6].bytes) == -2.5);
  CHECK(plain<double>(statistics(2)[5].bytes) == 7.25);
  CHECK(statistics(2)[3].number == 1);
  CHECK(statistics(3)[3].number == 3);
  CHECK_FALSE(statistics(3).has(5));
  CHECK_FALSE(statistics(3).has(6));
  CHECK(statistics(4)[6].bytes == "zebra"); // by unsigned bytes
  CHECK(statistics(4)[5].bytes == "\xC3\xA4");
}

TEST_CASE("parquet: the zeros and long texts in statistics mislead no reader") {
  const std::vector<column_name> names{{"x", value_type::real}, {"text", value_type::text}};
  rows group{names, row_group_rows};
  group[0].put_real(0.0);
  group[1].put_text(std::string(chunk_writer::statistics_bytes_max + 1, 'x'));
  const auto footer = footer_of(file_of(names, {group}));
  const auto& zero = footer[4][0][1][0][3][12];
  CHECK(std::signbit(plain<double>(zero[6].bytes)));
  CHECK_FALSE(std::signbit(plain<double>(zero[5].bytes)));
  const auto& text = footer[4][0][1][1][3][12];
  CHECK_FALSE(text.has(5));
  CHECK_FALSE(text.has(6));
}

TEST_CASE("parquet: a page has a level for each row and only the values that are present") {
  const std::vector<column_name> names{{"x", value_type::real}};
  rows group{names, row_group_rows};
  for (int i = 0; i < 1'000; ++i)
    i % 3 == 0 || i > 900 ? group[0].put_absent() : group[0].put_real(i);
  const auto file = file_of(names, {group});
  const auto footer = footer_of(file);
  const auto page = page_at(file, only_chunk(footer)[9].number);
  CHECK(page.head[1].number == 0);
  CHECK(page.head[5][1].number == 1'000);
  CHECK(page.head[5][2].number == 0);
  byte_scan body{page.body};
  const auto levels = hybrid_of(body.take(body.little(4)), 1'000, 1);
  for (int i = 0; i < 1'000; ++i)
    if (levels[static_cast<std::size_t>(i)] != 0) {
      double value = 0;
      std::memcpy(&value, body.take(8).data(), 8);
      REQUIRE(value == i);
      REQUIRE(i % 3 != 0);
    }
  CHECK(body.left() == 0);
}

TEST_CASE("parquet: texts that repeat are in a dictionary, others are plain") {
  const auto repeated = file_of_texts(1'000, 20);
  const auto footer = footer_of(repeated);
  const auto& chunk = only_chunk(footer);
  CHECK(chunk[2].parts.size() == 3);
  REQUIRE(chunk.has(11));
  const auto dictionary = page_at(repeated, chunk[11].number);
  CHECK(dictionary.head[1].number == 2);
  CHECK(dictionary.head[7][1].number == 20);
  std::vector<std::string> texts;
  for (byte_scan from{dictionary.body}; from.left() != 0;)
    texts.emplace_back(from.take(from.little(4)));
  REQUIRE(texts.size() == 20);
  const auto page = page_at(repeated, chunk[9].number);
  CHECK(page.head[5][2].number == 8);
  byte_scan body{page.body};
  body.take(body.little(4)); // levels
  const auto bits = body.byte();
  CHECK(bits == 5);
  const auto indices = hybrid_of(body.take(body.left()), 1'000, bits);
  for (std::size_t i = 0; i < indices.size(); ++i)
    REQUIRE(texts.at(indices[i]) == "text number " + std::to_string(i % 20));

  const auto different = footer_of(file_of_texts(1'000, 900));
  CHECK_FALSE(only_chunk(different).has(11));
  CHECK(only_chunk(different)[2].parts.size() == 2);
  const auto large =
    footer_of(file_of_texts(row_group_rows, row_group_rows / 2 - 1)); // above 1 MiB
  CHECK_FALSE(only_chunk(large).has(11));
  CHECK(only_chunk(footer_of(file_of_texts(10, 1))).has(11)); // one value: one bit
}

TEST_CASE("parquet: runs and packed bits come back, whatever stands before a run") {
  std::mt19937 random{7};
  for (int round = 0; round < 300; ++round) {
    const auto bits = 1 + random() % 20;
    std::vector<std::uint32_t> values;
    while (values.size() < random() % 400)
      values.insert(values.end(), random() % 3 == 0 ? 1 + random() % 40 : 1,
                    static_cast<std::uint32_t>(random() % (1U << bits)));
    std::string bytes;
    append_hybrid(bytes, values, bits);
    REQUIRE(hybrid_of(bytes, values.size(), bits) == values);
  }
}

TEST_CASE("parquet: rows are full by their number and by their bytes") {
  const std::vector<column_name> names{{"text", value_type::text}};
  rows few{names, 10};
  CHECK_FALSE(few.full(10));
  CHECK(few.full(11));
  rows heavy{names, row_group_rows};
  const std::string text(rows::bytes_max / 2'048, 'x');
  std::size_t count = 0;
  for (; !heavy.full(1); ++count)
    heavy[0].put_text(text);
  CHECK(count >= 2'000);
  CHECK(count <= 4'096);
}
