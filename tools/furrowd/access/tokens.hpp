/// Who may do what: the tokens of gateways and people, stored as hashes in a TOML file.
///
/// Shape: the file is a list of
///     [[token]]
///     sha256 = "64 hex digits of the token's SHA-256"
///     farm = "default"              # optional, this is the default; "*": a token of the node, for every farm
///     role = "gateway"              # gateway | viewer | operator | admin
///     equipment = ["T1", "T2"]      # optional: only these machines; absent: all of the farm
/// Errors: one line that begins with file:line:column. An unknown key is an error: a misspelt restriction would
///   restrict nothing.
/// Threads: any. A reload replaces the tokens of a table and of its copies; a look-up sees the old or the new ones.
/// Limits: a file of 1 MiB; a presented token of 1,024 bytes. A look-up hashes once and compares with every entry in
///   constant time, so its duration reveals nothing about a guess.
#pragma once

#include "can/result.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::daemon {

enum class errc : std::uint8_t {
  none = 0,
  unreadable = 1, // the file cannot be opened or read
  malformed = 2,  // invalid content of a file; the detail says where
  address = 3,    // the address cannot be resolved or listened on
};
[[nodiscard]] const char* to_string(errc code);

template <class T>
using result = furrow::result<T, errc>;
using failure = furrow::failure<errc>;

enum class role : std::uint8_t { gateway = 0, viewer = 1, operating = 2, admin = 3 };
[[nodiscard]] const char* to_string(role role); // as the file spells it: "operator" for operating
[[nodiscard]] std::optional<role> parse_role(std::string_view text);

enum class permission : std::uint8_t {
  send,       // be a gateway: gateway, admin
  read,       // read stored and live data: viewer, operator, admin
  operate,    // kill actors of machines, change fields: operator, admin
  administer, // drop items of the farm: admin
  // What all farms share needs a token for every farm.
  watch,  // read figures of the whole node: viewer, operator, admin
  govern, // kill actors that all farms share, change the database: admin
};

/// The rights of a token. The farm of a request comes from here only; with every_farm the request may name another.
struct credential {
  std::string farm;
  daemon::role role = role::gateway;
  std::vector<std::string> equipment; // empty: every machine of the farm
  bool every_farm = false;            // a token of the node

  [[nodiscard]] bool may(permission wanted) const;
  [[nodiscard]] bool covers(std::string_view equipment_name) const;
};

class token_table {
public:
  [[nodiscard]] static result<token_table> load(const std::string& path);
  /// `source` is the file name in errors.
  [[nodiscard]] static result<token_table> parse(std::string_view toml, const std::string& source);

  [[nodiscard]] std::optional<credential> find(std::string_view presented) const;
  /// All copies of this table have the tokens of another one from now on. From any thread.
  void replace(const token_table& by) const;
  [[nodiscard]] std::size_t size() const { return now()->size(); }

private:
  using digest = std::array<std::uint8_t, 32>;
  struct entry {
    digest hash{};
    credential grants;
  };
  friend class token_file;
  using entries = std::shared_ptr<const std::vector<entry>>;
  struct held {
    std::mutex mutex;
    entries current;
  };
  explicit token_table(std::vector<entry> made);
  [[nodiscard]] entries now() const;

  std::shared_ptr<held> held_; // shared by copies
};

/// The SHA-256 of a token as the file holds it: 64 lower-case hex digits.
[[nodiscard]] std::string hash_of_token(std::string_view token);

} // namespace furrow::daemon
