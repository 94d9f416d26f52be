/// Who somebody is and what they may do: the same for a token, a person's session, a gateway's certificate.
///
/// Shape: a role, bound to one farm, to several, or to all (a credential of the node), and on request to machines.
/// Threads: plain values.
/// Source: docs/decisions/0023-tokens-of-the-node.md, docs/decisions/0028-identities.md.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::daemon {

/// The SHA-256 of a token.
using secret_hash = std::array<std::uint8_t, 32>;
[[nodiscard]] secret_hash hash_of_secret(std::string_view secret);
/// 64 lower-case hex digits.
[[nodiscard]] std::string to_hex(const secret_hash& hash);
/// Absent when the text is not 64 hex digits.
[[nodiscard]] std::optional<secret_hash> parse_hash(std::string_view hex);

enum class role : std::uint8_t { gateway = 0, viewer = 1, operating = 2, admin = 3, relay = 4 };
[[nodiscard]] const char* to_string(role role); // as files spell it: "operator" for operating
[[nodiscard]] std::optional<role> parse_role(std::string_view text);

enum class permission : std::uint8_t {
  be_known,   // ask who one is, log out: every role
  send,       // be a gateway: gateway, relay, admin
  read,       // read stored and live data: viewer, operator, admin
  operate,    // kill actors of machines, change fields: operator, admin
  administer, // drop items of the farm: admin
  manage, // make and revoke users and tokens of the farm, read its audit log: admin of the whole farm
  // What all farms share needs a credential for every farm.
  watch,   // read figures of the whole node: viewer, operator, admin
  oversee, // read the settings of the node: operator, admin
  govern,  // kill actors that all farms share, change the database: admin
};

enum class credential_kind : std::uint8_t {
  local = 0,   // nobody needs one: the node is open, on loopback
  file_token,  // of the token file
  token,       // of the database
  session,     // of a person who logged in
  certificate, // of a gateway
};

/// The farm of a request comes from here only. A request may name another one if the credential is for several, or for
/// every farm.
struct credential {
  std::string farm; // of several: the first, or the one that the request names
  daemon::role role = role::gateway;
  std::vector<std::string> equipment;  // empty: every machine of the farm
  bool every_farm = false;             // a credential of the node
  std::vector<std::string> farms = {}; // of several farms: all of them; else empty

  std::string name = {}; // for the audit log: "north/anna", "token north/phone"
  credential_kind kind = credential_kind::local;
  std::int64_t id = 0;         // row of the token or session
  std::int64_t user = 0;       // row of the person, of a session
  std::int64_t expires_us = 0; // microseconds since 1970; 0: never
  secret_hash hash = {};       // of a token or session

  [[nodiscard]] bool may(permission wanted) const;
  [[nodiscard]] bool covers(std::string_view equipment_name) const;
  /// Whether a request with this credential may name the farm.
  [[nodiscard]] bool reaches(std::string_view farm_name) const;
  /// The same rights, whatever farm a request has chosen.
  [[nodiscard]] bool grants_as(const credential& other) const;
};

} // namespace furrow::daemon
