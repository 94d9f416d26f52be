/// The form of an answer: gzip, ETag and problems, over real sockets.
#include "tests/support/http_front.hpp"
#include "tools/furrowd/http/body_form.hpp"

#include <doctest/doctest.h>

#include <zlib.h>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;
using nlohmann::json;

namespace {

std::string unpacked(const std::string& packed) {
  constexpr int gzip_only = 15 + 16;
  z_stream stream{};
  REQUIRE(inflateInit2(&stream, gzip_only) == Z_OK);
  std::string in = packed;
  std::string out(4U << 20U, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  CHECK(inflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

/// A thousand rows of telemetry: the same whenever they are read.
struct form_world {
  form_world() : front{(furnish(node), node)} {
    for (int i = 0; i < 1'000; ++i)
      node.database.series_rows.time_us.push_back(i);
  }
  fake_node node;
  http_front front;
  raw_client client{front.at()};
};

const std::string machines = "/api/v1/equipment";
const std::string long_list = machines + "/T1/telemetry/series?columns=engine_speed_rpm";

} // namespace

TEST_CASE("body: a large answer is gzip for a client that reads it, and plain for others") {
  form_world w;
  const auto plain = w.client.get(long_list);
  REQUIRE(plain.status == 200);
  CHECK(plain.headers.count("content-encoding") == 0);
  CHECK(plain.headers.at("vary") == "Accept-Encoding");
  const auto packed = w.client.get(long_list, "Accept-Encoding: gzip\r\n");
  REQUIRE(packed.status == 200);
  CHECK(packed.headers.at("content-encoding") == "gzip");
  CHECK(packed.body.size() * 4 < plain.body.size());
  CHECK(json::parse(unpacked(packed.body)) == json::parse(plain.body));
  CHECK(w.client.get(long_list, "Accept-Encoding: gzip;q=0\r\n").headers.count("content-encoding")
        == 0);
  CHECK(w.client.get("/health", "Accept-Encoding: gzip\r\n").headers.count("content-encoding")
        == 0);
  // A stream is made while it is read.
  const auto frames = w.client.get("/api/v1/frames?equipment=T1", "Accept-Encoding: gzip\r\n");
  CHECK(frames.status == 200);
  CHECK(frames.headers.count("content-encoding") == 0);
}

TEST_CASE("body: an ETag spares the client what it has already") {
  form_world w;
  const auto first = w.client.get(long_list);
  const auto tag = first.headers.at("etag");
  CHECK(tag.starts_with("W/\""));
  CHECK(w.client.get(long_list, "Accept-Encoding: gzip\r\n").headers.at("etag") == tag);
  raw_client last{w.front.at()}; // a 304 has no length: its end is the end of the connection
  const auto again = last.get(long_list, "Connection: close\r\nIf-None-Match: " + tag + "\r\n");
  CHECK(again.status == 304);
  CHECK(again.body.empty());
  CHECK(again.headers.at("etag") == tag);
  CHECK(w.client.get(long_list, "If-None-Match: \"other\"\r\n").status == 200);
  CHECK(w.client.get(machines + "/T1", "If-None-Match: " + tag + "\r\n").status == 200);
  CHECK(w.client.get(machines + "/no", "If-None-Match: *\r\n").status == 404);
  // Only what reads has one.
  CHECK(w.client.post("/api/v1/db/migrate").headers.count("etag") == 0);
}

TEST_CASE("body: every error is a problem of RFC 9457") {
  form_world w;
  for (const auto& answer :
       {w.client.get(machines + "/no"), w.client.get("/nowhere"), w.client.get(machines + "?x=1"),
        w.client.post("/health"), w.client.get("/api/v1/frames")}) {
    CHECK(answer.headers.at("content-type") == "application/problem+json");
    const auto body = json::parse(answer.body);
    CHECK(body["status"] == answer.status);
    CHECK(body["type"] == "urn:furrow:problem:" + body["error"]["code"].get<std::string>());
    CHECK(body["detail"] == body["error"]["message"]);
    CHECK_FALSE(body["title"].get<std::string>().empty());
  }
  raw_client wild{w.front.at()};
  wild.send("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
  CHECK(wild.read().headers.at("content-type") == "application/problem+json");
}

TEST_CASE("gzip: any text comes back, also an empty one") {
  std::string noise;
  std::uint32_t state = 1;
  for (int i = 0; i < 100'000; ++i) {
    state = state * 1'664'525U + 1'013'904'223U;
    noise.push_back(static_cast<char>(state >> 24U));
  }
  for (const auto& text : {std::string{}, std::string(1'000'000, 'a'), noise}) {
    const auto packed = http::gzip(text);
    REQUIRE(packed);
    CHECK(unpacked(*packed) == text);
  }
}
