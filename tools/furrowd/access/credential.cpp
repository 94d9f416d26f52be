#include "tools/furrowd/access/credential.hpp"

#include <fmt/format.h>

#include <openssl/sha.h>

#include <algorithm>
#include <iterator>

namespace furrow::daemon {

namespace {

std::optional<std::uint8_t> hex_digit(char c) {
  if (c >= '0' && c <= '9')
    return static_cast<std::uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f')
    return static_cast<std::uint8_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F')
    return static_cast<std::uint8_t>(c - 'A' + 10);
  return std::nullopt;
}

} // namespace

secret_hash hash_of_secret(std::string_view secret) {
  secret_hash hash{};
  SHA256(reinterpret_cast<const unsigned char*>(secret.data()), secret.size(), hash.data());
  return hash;
}

std::string to_hex(const secret_hash& hash) {
  std::string hex;
  for (const auto byte : hash)
    fmt::format_to(std::back_inserter(hex), "{:02x}", byte);
  return hex;
}

std::optional<secret_hash> parse_hash(std::string_view hex) {
  secret_hash hash{};
  if (hex.size() != 2 * hash.size())
    return std::nullopt;
  for (std::size_t i = 0; i < hash.size(); ++i) {
    const auto high = hex_digit(hex[2 * i]);
    const auto low = hex_digit(hex[2 * i + 1]);
    if (!high || !low)
      return std::nullopt;
    hash[i] = static_cast<std::uint8_t>(*high << 4 | *low);
  }
  return hash;
}

const char* to_string(role role) {
  switch (role) {
  case role::gateway:
    return "gateway";
  case role::viewer:
    return "viewer";
  case role::operating:
    return "operator";
  case role::admin:
    return "admin";
  case role::relay:
    return "relay";
  }
  return "unknown role";
}

std::optional<role> parse_role(std::string_view text) {
  for (const auto known : {role::gateway, role::viewer, role::operating, role::admin, role::relay})
    if (text == to_string(known))
      return known;
  return std::nullopt;
}

bool credential::may(permission wanted) const {
  const bool sends = role == role::gateway || role == role::relay;
  switch (wanted) {
  case permission::be_known:
    return true;
  case permission::send:
    return sends || (role == role::admin && !every_farm && farms.empty());
  case permission::read:
    return !sends;
  case permission::operate:
    return role == role::operating || role == role::admin;
  case permission::administer:
    return role == role::admin;
  case permission::manage:
    return role == role::admin && equipment.empty();
  case permission::watch:
    return every_farm && !sends;
  case permission::oversee:
    return every_farm && may(permission::operate);
  case permission::govern:
    return every_farm && role == role::admin;
  }
  return false;
}

bool credential::covers(std::string_view equipment_name) const {
  return equipment.empty()
         || std::find(equipment.begin(), equipment.end(), equipment_name) != equipment.end();
}

bool credential::reaches(std::string_view farm_name) const {
  return every_farm || farm == farm_name
         || std::find(farms.begin(), farms.end(), farm_name) != farms.end();
}

bool credential::grants_as(const credential& other) const {
  const bool one_farm = !every_farm && farms.empty();
  return role == other.role && equipment == other.equipment && every_farm == other.every_farm
         && farms == other.farms && (!one_farm || farm == other.farm);
}

} // namespace furrow::daemon
