/// Stored frames in the formats of other programs, over HTTP: each answer is read back and compared with what is stored.
#include "can/logs/log_format.hpp"
#include "tests/support/http_front.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;
using nlohmann::json;

namespace {

constexpr std::int64_t formats_start_us = 1'588'310'400'000'000;

/// Frames of every kind that ASC and TRC can express whole, on two buses.
can::header_parts formats_parts(std::uint64_t seq) {
  can::header_parts parts{.id = 0x18FEF100, .extended = true, .length = 8};
  switch (seq % 6) {
  case 1:
    parts = {.id = 0x123, .length = 3};
    break;
  case 2:
    parts = {.id = 0x321, .remote = true, .length = 4};
    break;
  case 3:
    parts = {
      .id = 0x0CF00400, .extended = true, .length = 20, .nibble = 3, .kind = can::frame_kind::fd};
    break;
  case 4:
    parts = {.id = 0x7FF, .length = 8, .nibble = 12};
    break;
  case 5:
    parts.length = 0;
    break;
  default:
    break;
  }
  parts.direction = seq % 7 == 0 ? can::frame_direction::sent : can::frame_direction::received;
  parts.bus = seq % 2;
  return parts;
}

void push_formats_frame(can::frame_block& block, std::uint64_t seq) {
  std::array<std::uint8_t, 64> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::uint8_t>(seq * 31 + i * 7);
  if (!block.push(formats_start_us + static_cast<std::int64_t>(seq) * 1'234'567,
                  can::pack(formats_parts(seq)), bytes.data()))
    throw std::logic_error{"the block is full"};
}

struct formats_world {
  formats_world() : front{(furnish(node), node)} {
    node.database.frame_count = 20'000; // more than a page, and many pieces of text
    node.database.buses = {{0, "can0"}, {1, "left,\"front\""}};
    node.database.make_frame = push_formats_frame;
  }
  http_answer frames(const std::string& query) {
    auto answer = client.get("/api/v1/frames?equipment=T1&" + query);
    REQUIRE(answer.status == 200);
    CHECK(answer.complete);
    return answer;
  }
  fake_node node;
  http_front front;
  raw_client client{front.at()};
};

/// The frames of a log as lines of candump.
std::string as_candump(const std::string& text, can::log_format format) {
  can::log_reader reader{format};
  can::log_line line;
  can::log_payload payload;
  std::string out;
  const auto take = [&] {
    while (reader.next(line, payload)) {
      REQUIRE_MESSAGE(line.kind != can::line_kind::fault, line.fault);
      if (line.kind == can::line_kind::frame)
        can::append_candump(out, {line.time_us, line.header, payload.data()}, line.interface);
    }
  };
  reader.feed(text);
  take();
  reader.finish();
  take();
  return out;
}

std::vector<std::vector<std::string>> csv_rows(const std::string& text) {
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> row{""};
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' && quoted && i + 1 < text.size() && text[i + 1] == '"') {
      row.back() += c;
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      row.emplace_back();
    } else if (c == '\r' && !quoted) {
      REQUIRE(text.substr(i, 2) == "\r\n");
      ++i;
      rows.push_back(std::exchange(row, {""}));
    } else {
      row.back() += c;
    }
  }
  CHECK(row == std::vector<std::string>{""});
  return rows;
}

} // namespace

TEST_CASE("frames over HTTP: ASC and TRC read back as the frames that are stored") {
  formats_world w;
  const auto stored = w.frames("format=candump").body;
  REQUIRE(std::count(stored.begin(), stored.end(), '\n') == 20'000);
  for (const auto format : {can::log_format::asc, can::log_format::trc}) {
    const std::string name{can::to_string(format)};
    const auto answer = w.frames("format=" + name);
    CHECK(answer.headers.at("content-type") == "text/plain; charset=utf-8");
    CHECK(answer.headers.at("content-disposition")
          == "attachment; filename=\"T1." + name + "\"; filename*=UTF-8''T1." + name);
    CHECK(can::format_of(answer.body.substr(0, 4'096)) == format);
    CHECK_MESSAGE(as_candump(answer.body, format) == stored, name);
    const auto newest = w.client.get("/api/v1/equipment/T1/frames?last=5&format=" + name);
    CHECK(newest.status == 200);
    const auto read = as_candump(newest.body, format);
    CHECK(std::count(read.begin(), read.end(), '\n') == 5);
    CHECK(stored.ends_with(read));
  }
  CHECK(w.frames("format=asc").body.ends_with("End TriggerBlock\n"));
  CHECK(w.frames("format=trc").body.starts_with(";$FILEVERSION=2.1\n"));
  CHECK(w.frames("format=asc&from=2030-01-01").body.empty());
}

TEST_CASE("frames over HTTP: a log says how many frames its format cannot express") {
  formats_world w;
  w.node.database.frame_count = 4;
  w.node.database.make_frame = [](can::frame_block& block, std::uint64_t seq) {
    const std::uint8_t bytes[16] = {};
    if (seq > 2)
      return push_formats_frame(block, seq);
    if (!block.push(formats_start_us,
                    can::pack({.id = 0x123, .length = 9, .kind = can::frame_kind::xl}), bytes))
      throw std::logic_error{"the block is full"};
  };
  for (const auto format : {can::log_format::asc, can::log_format::trc}) {
    const auto body = w.frames("format=" + std::string{can::to_string(format)}).body;
    const auto read = as_candump(body, format);
    CHECK(std::count(read.begin(), read.end(), '\n') == 2);
    CHECK(body.find("furrow: 2 frames are left out, the first because of an XL frame")
          != std::string::npos);
  }
}

TEST_CASE("frames over HTTP: CSV has the members of the JSON lines, each row with all columns") {
  formats_world w;
  w.node.database.frame_count = 100;
  const auto answer = w.frames("format=csv");
  CHECK(answer.headers.at("content-type") == "text/csv; charset=utf-8");
  CHECK(answer.headers.at("content-disposition").find("\"T1.csv\"") != std::string::npos);
  const auto rows = csv_rows(answer.body);
  REQUIRE(rows.size() == 101);
  const auto& header = rows.front();
  std::istringstream lines{w.frames("format=jsonl").body};
  std::string line;
  for (std::size_t i = 1; std::getline(lines, line); ++i) {
    auto frame = json::parse(line);
    REQUIRE(rows[i].size() == header.size());
    for (std::size_t column = 0; column < header.size(); ++column) {
      const auto value = frame.contains(header[column]) ? frame[header[column]] : json(nullptr);
      const auto text = value.is_null()     ? std::string{}
                        : value.is_string() ? value.get<std::string>()
                                            : value.dump();
      CHECK_MESSAGE(rows[i][column] == text, i << " " << header[column]);
      frame.erase(header[column]);
    }
    CHECK_MESSAGE(frame.empty(), frame.dump());
  }
  CHECK(csv_rows(w.frames("format=csv&from=2030-01-01").body).size() == 1);
  CHECK(csv_rows(w.client.get("/api/v1/equipment/T1/frames?last=5&format=csv").body).size() == 6);
}
