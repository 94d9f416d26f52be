#include "tools/furrowd/access/tokens.hpp"

#include "proto/text.hpp"
#include "tools/config/toml_outline.hpp"

#include <fmt/format.h>

#include <openssl/crypto.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include <toml++/toml.h>

namespace furrow::daemon {

namespace {

constexpr std::size_t file_bytes_max = 1U << 20U;

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

/// Reads the tables of the file; the first error ends the reading.
class token_file {
public:
  explicit token_file(const std::string& source) : source_{source} {}

  result<token_table> read(const toml::table& root) {
    for (const auto& [key, value] : root) {
      if (key.str() != "token")
        return wrong(key.source(), fmt::format("unknown key \"{}\"; expected [[token]]",
                                               config::printable(key.str())));
      const toml::array* list = value.as_array();
      if (list == nullptr || !list->is_homogeneous<toml::table>())
        return wrong(key.source(), "write [[token]], with two brackets on each side");
      for (const auto& item : *list)
        if (auto fault = read_entry(*item.as_table()))
          return *fault;
    }
    return std::move(table_);
  }

  [[nodiscard]] failure wrong(const toml::source_region& where, std::string_view what) const {
    return {errc::malformed,
            fmt::format("{}:{}:{}: {}", source_, where.begin.line, where.begin.column, what)};
  }

private:
  std::optional<failure> read_entry(const toml::table& entry) {
    credential made;
    made.farm = "default";
    made.kind = credential_kind::file_token;
    bool has_hash = false;
    bool has_role = false;
    for (const auto& [key, value] : entry) {
      const auto text = value.value_exact<std::string>();
      if (key.str() == "sha256") {
        const auto hash = text ? parse_hash(*text) : std::nullopt;
        if (!hash)
          return wrong(value.source(),
                       "sha256 must be 64 hex digits in quotes; `furrow token new` prints them");
        made.hash = *hash;
        has_hash = true;
      } else if (key.str() == "farm") {
        if (!text || !proto::is_name(*text))
          return wrong(value.source(), "farm must be a name of 1 to 64 bytes without a slash");
        made.every_farm = *text == "*";
        if (!made.every_farm)
          made.farm = *text;
      } else if (key.str() == "role") {
        const auto role = text ? parse_role(*text) : std::nullopt;
        if (!role)
          return wrong(value.source(), "role must be gateway, relay, viewer, operator or admin");
        made.role = *role;
        has_role = true;
      } else if (key.str() == "equipment") {
        if (auto fault = read_equipment(value, made))
          return fault;
      } else {
        return wrong(key.source(),
                     fmt::format("unknown key \"{}\"; a token has sha256, farm, role, equipment",
                                 config::printable(key.str())));
      }
    }
    if (!has_hash || !has_role)
      return wrong(entry.source(),
                   fmt::format("this token has no {}", has_hash ? "role" : "sha256"));
    const bool sends = made.role == role::gateway || made.role == role::relay;
    if (made.every_farm && (sends || !made.equipment.empty()))
      return wrong(entry.source(),
                   "a token for every farm (farm = \"*\") is a viewer, operator or admin and has "
                   "no list of machines");
    if (made.role == role::relay && !made.equipment.empty())
      return wrong(entry.source(),
                   "a relay sends for every machine of its farm: leave out equipment");
    for (const auto& other : table_.entries_)
      if (other.hash == made.hash)
        return wrong(entry.source(), "this sha256 occurs twice in the file");
    made.name = "token file " + to_hex(made.hash).substr(0, 8);
    table_.entries_.push_back(std::move(made));
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
  token_table table_;
};

result<token_table> token_table::parse(std::string_view toml, const std::string& source) {
  token_file file{source};
  if (const auto fault = config::outline_fault(toml))
    return failure{errc::malformed,
                   fmt::format("{}:{}:{}: {}", source, fault->line, fault->column, fault->what)};
  try {
    return file.read(toml::parse(toml, source));
  } catch (const toml::parse_error& error) {
    return file.wrong(error.source(), config::printable(error.description()));
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

result<std::optional<token_table>> token_table::load_if_named(const std::string& path) {
  if (path.empty())
    return std::optional<token_table>{};
  auto read = load(path);
  if (!read)
    return read.error();
  return std::optional{std::move(*read)};
}

std::optional<credential> token_table::find(std::string_view presented) const {
  if (presented.empty() || presented.size() > token_bytes_max)
    return std::nullopt;
  return find(hash_of_secret(presented));
}

std::optional<credential> token_table::find(const secret_hash& hash) const {
  const credential* found = nullptr;
  for (const auto& candidate : entries_)
    if (CRYPTO_memcmp(candidate.hash.data(), hash.data(), hash.size()) == 0)
      found = &candidate;
  return found == nullptr ? std::nullopt : std::optional{*found};
}

std::string hash_of_token(std::string_view token) {
  return to_hex(hash_of_secret(token));
}

} // namespace furrow::daemon
