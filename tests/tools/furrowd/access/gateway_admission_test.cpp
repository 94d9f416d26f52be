#include "tests/support/scratch_folder.hpp"
#include "tools/furrowd/access/gateway_admission.hpp"

#include <doctest/doctest.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

using namespace furrow::daemon;

namespace {

constexpr std::int64_t admission_us = 1'800'000'000'000'000;

/// What a certificate with these alternative names says.
std::optional<certificate_claim> claimed(const std::string& names) {
  const furrow::tests::scratch_folder folder;
  const auto file = folder.file("cert.pem");
  const auto made = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
                    "-days 2 -subj /CN=T1 -addext 'subjectAltName="
                    + names + "' -keyout " + folder.file("key.pem") + " -out " + file
                    + " 2>/dev/null";
  REQUIRE(std::system(made.c_str()) == 0);
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> in{std::fopen(file.c_str(), "r"),
                                                           &std::fclose};
  REQUIRE(in);
  const std::unique_ptr<X509, void (*)(X509*)> certificate{
    PEM_read_X509(in.get(), nullptr, nullptr, nullptr), &X509_free};
  REQUIRE(certificate);
  return claim_of(certificate.get());
}

std::string says(const std::string& token,
                 const std::optional<certificate_claim>& claim,
                 const std::string& machine,
                 bool open = false) {
  const auto file =
    "[[token]]\nsha256 = \"" + hash_of_token("north-t1")
    + "\"\nfarm = \"north\"\nrole = \"gateway\"\nequipment = [\"T1\"]\n[[token]]\nsha256 = \""
    + hash_of_token("view") + "\"\nrole = \"viewer\"\n";
  const authority access{open ? std::optional<token_table>{}
                              : std::optional{*token_table::parse(file, "tokens.toml")}};
  const auto said = admit_gateway(access, token, claim, machine, admission_us);
  if (const auto* who = std::get_if<credential>(&said))
    return who->farm;
  return to_string(std::get<admission_refusal>(said).why);
}

} // namespace

TEST_CASE("gateway certificate: its names are a farm and machines") {
  const auto one = claimed("URI:furrow:north/T1,DNS:t1.example");
  REQUIRE(one);
  CHECK(one->fault.empty());
  CHECK(one->farm == "north");
  CHECK(one->machines == std::vector<std::string>{"T1"});
  CHECK(one->expires_us > wall_clock_us());
  const auto two = claimed("URI:furrow:north/T1,URI:furrow:north/T%202");
  REQUIRE(two);
  CHECK(two->machines == std::vector<std::string>{"T1", "T 2"});
  const auto all = claimed("URI:furrow:north/*");
  REQUIRE(all);
  CHECK(all->fault.empty());
  CHECK(all->machines.empty());
  CHECK_FALSE(claimed("DNS:t1.example,URI:https://example.org/"));
  CHECK_FALSE(claim_of(nullptr));
}

TEST_CASE("gateway certificate: names that are not sound admit nobody") {
  for (const auto* names : {"URI:furrow:north", "URI:furrow:/T1", "URI:furrow:north/",
                            "URI:furrow:*/T1", "URI:furrow:north/a%2Fb", "URI:furrow:north/%zz",
                            "URI:furrow:north/T1,URI:furrow:hill/T2", "URI:furrow:north/a%0Ab"}) {
    CAPTURE(names);
    const auto claim = claimed(names);
    REQUIRE(claim);
    CHECK_FALSE(claim->fault.empty());
    CHECK(says("north-t1", claim, "T1") == "certificate_mismatch");
    CHECK(says("", claim, "T1") == "certificate_mismatch");
  }
}

TEST_CASE("gateway admission: a token, a certificate, or both that agree") {
  const certificate_claim north{"north", {"T1"}, admission_us + 1};
  const certificate_claim hill{"hill", {}, admission_us + 1};
  CHECK(says("north-t1", {}, "T1") == "north");
  CHECK(says("", north, "T1") == "north"); // needs no token
  CHECK(says("", hill, "anything") == "hill");
  CHECK(says("north-t1", north, "T1") == "north");
  CHECK(says("north-t1", hill, "T1") == "certificate_mismatch");
  CHECK(says("", north, "T2") == "certificate_mismatch");
  CHECK(says("north-t1", {}, "T2") == "other_machine");
  CHECK(says("", {}, "T1") == "no_token");
  CHECK(says("guess", {}, "T1") == "unknown_token");
  CHECK(says("guess", north, "T1") == "unknown_token"); // a wrong token is no token
  CHECK(says("view", {}, "T1") == "may_not_send");
  CHECK(says("", {}, "T1", true) == "default");
  CHECK(says("", north, "T1", true) == "north");
  CHECK(says("", north, "T2", true) == "certificate_mismatch");
}

TEST_CASE("gateway admission: a certificate that has expired holds no connection") {
  const authority access{*token_table::parse("", "tokens.toml")};
  const certificate_claim north{"north", {"T1"}, admission_us + 10};
  const auto said = admit_gateway(access, "", north, "T1", admission_us);
  REQUIRE(std::holds_alternative<credential>(said));
  CHECK(access.holds(std::get<credential>(said), admission_us));
  CHECK_FALSE(access.holds(std::get<credential>(said), admission_us + 10));
}
