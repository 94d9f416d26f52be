/// The files of the console over HTTP: plain, as gzip, known already, and in whose frames.
#include "tests/support/http_front.hpp"
#include "tools/console/embedded.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace furrow;
using namespace furrow::tests;

namespace {

struct console_world {
  fake_node node;
  http_front front{node};
  raw_client client{front.at()};

  http_answer ask(const std::string& path, const std::string& header = "") {
    return client.get(path, header);
  }
};

} // namespace

TEST_CASE("console: the node serves each file of the bundle, plain and as gzip") {
  console_world w;
  REQUIRE(console::embedded_files().size() > 4);
  for (const auto& file : console::embedded_files()) {
    const std::string path{file.path};
    const auto plain = w.ask(path);
    CHECK(plain.status == 200);
    CHECK(plain.body == file.plain);
    CHECK(plain.headers.at("content-type") == file.content_type);
    CHECK(plain.headers.count("content-encoding") == 0);
    const auto packed = w.ask(path, "Accept-Encoding: br;q=1.0, gzip;q=0.8\r\n");
    CHECK(packed.body == file.gzip);
    CHECK(packed.headers.at("content-encoding") == "gzip");
    CHECK(packed.headers.at("vary") == "Accept-Encoding");
    CHECK(w.ask(path, "Accept-Encoding: gzip;q=0, identity\r\n").body == file.plain);
  }
  CHECK(w.ask("/").body.find("console.js") != std::string::npos);
  CHECK(w.ask("/console.css").body.size() > 1'000);
  CHECK(w.ask("/parts/older-1234.js").status == 404);
}

TEST_CASE(
  "console: a browser that holds the newest version gets no body, and a new version at once") {
  console_world w;
  const auto first = w.ask("/console.js");
  CHECK(first.headers.at("cache-control") == "no-cache");
  const auto tag = first.headers.at("etag");
  for (const auto& known : {tag, "\"other\", " + tag, "W/" + tag, std::string{"*"}}) {
    w.client.send("GET /console.js HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: " + known
                  + "\r\n\r\nGET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
    CHECK(w.client.read(true).status == 304);
    CHECK(w.client.read().status == 200);
  }
  CHECK(w.ask("/console.js", "If-None-Match: \"older\"\r\n").status == 200);
  for (const auto& file : console::embedded_files())
    if (file.path.starts_with("/parts/")) // their names change with their content
      CHECK(w.ask(std::string{file.path}).headers.at("cache-control").find("immutable")
            != std::string::npos);
}

TEST_CASE(
  "console: the page runs its own script alone, and no page of another site shows or opens it") {
  console_world w;
  const auto page = w.ask("/");
  const auto& policy = page.headers.at("content-security-policy");
  for (const auto* rule : {"default-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"})
    CHECK_MESSAGE(policy.find(rule) != std::string::npos, rule);
  CHECK(policy.find("script-src") == std::string::npos); // as default-src: no inline script
  CHECK(page.headers.at("x-content-type-options") == "nosniff");
  CHECK(page.headers.at("referrer-policy") == "no-referrer");
  w.client.send(
    "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"); // a name that resolves to this node
  CHECK(w.client.read().status == 403);
  w.client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
  CHECK(w.client.read().status == 405);
}
