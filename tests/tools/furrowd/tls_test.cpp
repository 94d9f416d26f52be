#include "tests/support/certificate.hpp"
#include "tools/furrowd/access/tls.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <fstream>

using namespace furrow::daemon;
using furrow::tests::certificate;

TEST_CASE("tls: a certificate and its key make a context") {
  const certificate made;
  CHECK(server_tls({made.cert, made.key, ""}));
  CHECK(server_tls({made.cert, made.key, made.cert}));
}

TEST_CASE("tls: a certificate says when it expires") {
  const certificate made;
  const auto context = server_tls({made.cert, made.key, ""});
  REQUIRE(context);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto left = std::chrono::microseconds{certificate_expiry_us(*context)} - now;
  CHECK(left > std::chrono::hours{47});
  CHECK(left <= std::chrono::hours{48});
  CHECK(certificate_expiry_us(nullptr) == 0);
}

TEST_CASE("tls: a missing, empty, wrong or non-PEM file is named") {
  const certificate made;
  const certificate other;
  const auto detail = [](const tls_files& files) {
    const auto context = server_tls(files);
    REQUIRE_FALSE(context.has_value());
    return context.error().detail;
  };
  CHECK(detail({"/nowhere/cert.pem", made.key, ""})
        == "/nowhere/cert.pem: TLS certificate: No such file or directory");
  CHECK(detail({made.cert, "/nowhere/key.pem", ""})
        == "/nowhere/key.pem: TLS key: No such file or directory");
  CHECK(detail({made.cert, other.key, ""}).starts_with(other.key + ": TLS key"));
  const auto text = (made.folder / "text.pem").string();
  std::ofstream{text} << "hello\n";
  CHECK(detail({text, made.key, ""}).starts_with(text + ": TLS certificate: "));
  CHECK(detail({made.cert, text, ""}).starts_with(text + ": TLS key: "));
  CHECK(detail({made.cert, made.key, text}).starts_with(text + ": TLS client authorities: "));
  const auto empty = (made.folder / "empty.pem").string();
  std::ofstream{empty} << "";
  CHECK(detail({empty, made.key, ""}) == empty + ": TLS certificate: the file is empty");
}
