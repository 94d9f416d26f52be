#include "tools/furrowd/access/tokens.hpp"

#include "proto/text.hpp"

#include <fmt/format.h>

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include <toml++/toml.h>

namespace furrow::daemon {

namespace {

constexpr std::size_t file_bytes_max = 1U << 20U;
constexpr std::size_t token_bytes_max = 1'024;

using digest = std::array<std::uint8_t, 32>;

digest digest_of(std::string_view text) {
  digest hash{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), hash.data());
  return hash;
}

std::optional<std::uint8_t> hex_digit(char c) {
  if (c >= '0' && c <= '9')
    return static_cast<std::uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f')
    return static_cast<std::uint8_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F')
    return static_cast<std::uint8_t>(c - 'A' + 10);
  return std::nullopt;
}

std::optional<digest> parse_digest(std::string_view text) {
  digest hash{};
  if (text.size() != 2 * hash.size())
    return std::nullopt;
  for (std::size_t i = 0; i < hash.size(); ++i) {
    const auto high = hex_digit(text[2 * i]);
    const auto low = hex_digit(text[2 * i + 1]);
    if (!high || !low)
      return std::nullopt;
    hash[i] = static_cast<std::uint8_t>(*high << 4 | *low);
  }
  return hash;
}

} // namespace

const char* to_string(errc code) {
  switch (code) {
  case errc::none:
    return "no error";
  case errc::unreadable:
    return "file cannot be read";
  case errc::malformed:
    return "invalid file content";
  case errc::address:
    return "address cannot be used";
  }
  return "unknown error";
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
  }
  return "unknown role";
}

std::optional<role> parse_role(std::string_view text) {
  for (const auto known : {role::gateway, role::viewer, role::operating, role::admin})
    if (text == to_string(known))
      return known;
  return std::nullopt;
}

bool credential::may(permission wanted) const {
  switch (wanted) {
  case permission::send:
    return role == role::gateway || (role == role::admin && !every_farm);
  case permission::read:
    return role != role::gateway;
  case permission::operate:
    return role == role::operating || role == role::admin;
  case permission::administer:
    return role == role::admin;
  case permission::watch:
    return every_farm && role != role::gateway;
  case permission::govern:
    return every_farm && role == role::admin;
  }
  return false;
}

bool credential::covers(std::string_view equipment_name) const {
  return equipment.empty()
         || std::find(equipment.begin(), equipment.end(), equipment_name) != equipment.end();
}

/// Reads the tables of the file; the first error ends the reading.
class token_file {
public:
  explicit token_file(const std::string& source) : source_{source} {}

  result<token_table> read(const toml::table& root) {
    for (const auto& [key, value] : root) {
      if (key.str() != "token")
        return wrong(key.source(),
                     fmt::format("unknown key \"{}\"; expected [[token]]", key.str()));
      const toml::array* list = value.as_array();
      if (list == nullptr || !list->is_homogeneous<toml::table>())
        return wrong(key.source(), "write [[token]], with two brackets on each side");
      for (const auto& item : *list)
        if (auto fault = read_entry(*item.as_table()))
          return *fault;
    }
    return token_table{std::move(entries_)};
  }

  [[nodiscard]] failure wrong(const toml::source_region& where, std::string_view what) const {
    return {errc::malformed,
            fmt::format("{}:{}:{}: {}", source_, where.begin.line, where.begin.column, what)};
  }

private:
  std::optional<failure> read_entry(const toml::table& entry) {
    token_table::entry made;
    made.grants.farm = "default";
    bool has_hash = false;
    bool has_role = false;
    for (const auto& [key, value] : entry) {
      const auto text = value.value_exact<std::string>();
      if (key.str() == "sha256") {
        const auto hash = text ? parse_digest(*text) : std::nullopt;
        if (!hash)
          return wrong(value.source(),
                       "sha256 must be 64 hex digits in quotes; `furrow token new` prints them");
        made.hash = *hash;
        has_hash = true;
      } else if (key.str() == "farm") {
        if (!text || !proto::is_name(*text))
          return wrong(value.source(), "farm must be a name of 1 to 64 bytes without a slash");
        made.grants.every_farm = *text == "*";
        if (!made.grants.every_farm)
          made.grants.farm = *text;
      } else if (key.str() == "role") {
        const auto role = text ? parse_role(*text) : std::nullopt;
        if (!role)
          return wrong(value.source(), "role must be gateway, viewer, operator or admin");
        made.grants.role = *role;
        has_role = true;
      } else if (key.str() == "equipment") {
        if (auto fault = read_equipment(value, made.grants))
          return fault;
      } else {
        return wrong(
          key.source(),
          fmt::format("unknown key \"{}\"; a token has sha256, farm, role, equipment", key.str()));
      }
    }
    if (!has_hash || !has_role)
      return wrong(entry.source(),
                   fmt::format("this token has no {}", has_hash ? "role" : "sha256"));
    if (made.grants.every_farm
        && (made.grants.role == role::gateway || !made.grants.equipment.empty()))
      return wrong(entry.source(),
                   "a token for every farm (farm = \"*\") is a viewer, operator or admin and has "
                   "no list of machines");
    for (const auto& other : entries_)
      if (other.hash == made.hash)
        return wrong(entry.source(), "this sha256 occurs twice in the file");
    entries_.push_back(std::move(made));
    return std::nullopt;
  }

  [[nodiscard]] std::optional<failure> read_equipment(const toml::node& value,
                                                      credential& grants) const {
    const toml::array* list = value.as_array();
    if (list == nullptr || list->empty())
      return wrong(
        value.source(),
        "equipment must be a list of names, [\"T1\"]; leave it out to allow every machine");
    for (const auto& item : *list) {
      const auto name = item.value_exact<std::string>();
      if (!name || !proto::is_name(*name))
        return wrong(item.source(), "a machine name has 1 to 64 bytes and no slash");
      grants.equipment.push_back(*name);
    }
    return std::nullopt;
  }

  std::string source_;
  std::vector<token_table::entry> entries_;
};

result<token_table> token_table::parse(std::string_view toml, const std::string& source) {
  token_file file{source};
  try {
    return file.read(toml::parse(toml, source));
  } catch (const toml::parse_error& error) {
    return file.wrong(error.source(), error.description());
  }
}

result<token_table> token_table::load(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  if (!in)
    return failure{errc::unreadable, fmt::format("{}: {}", path, std::strerror(errno))};
  std::string text(file_bytes_max + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad())
    return failure{errc::unreadable, fmt::format("{}: cannot be read", path)};
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > file_bytes_max)
    return failure{errc::malformed,
                   fmt::format("{}:1:1: a token file may have at most 1 MiB", path)};
  return parse(text, path);
}

token_table::token_table(std::vector<entry> made) : held_{std::make_shared<held>()} {
  held_->current = std::make_shared<const std::vector<entry>>(std::move(made));
}

token_table::entries token_table::now() const {
  const std::lock_guard lock{held_->mutex};
  return held_->current;
}

void token_table::replace(const token_table& by) const {
  auto fresh = by.now();
  const std::lock_guard lock{held_->mutex};
  held_->current = std::move(fresh);
}

std::optional<credential> token_table::find(std::string_view presented) const {
  if (presented.empty() || presented.size() > token_bytes_max)
    return std::nullopt;
  const auto hash = digest_of(presented);
  const entry* found = nullptr;
  const auto all = now();
  for (const auto& candidate : *all)
    if (CRYPTO_memcmp(candidate.hash.data(), hash.data(), hash.size()) == 0)
      found = &candidate;
  return found == nullptr ? std::nullopt : std::optional{found->grants};
}

std::string hash_of_token(std::string_view token) {
  std::string hex;
  for (const auto byte : digest_of(token))
    fmt::format_to(std::back_inserter(hex), "{:02x}", byte);
  return hex;
}

} // namespace furrow::daemon
