/// The token file: tokens of gateways and people, stored as hashes. For the first start of a node, and for nodes at the edge;
/// other tokens are made at run time and kept in the database (authority.hpp).
///
/// Shape: the file is a list of
///     [[token]]
///     sha256 = "64 hex digits of the token's SHA-256"
///     farm = "default"              # optional, this is the default; "*": a token of the node, for every farm
///     role = "gateway"              # gateway | relay | viewer | operator | admin
///     equipment = ["T1", "T2"]      # optional: only these machines; absent: all of the farm
/// Errors: one line that begins with file:line:column. An unknown key is an error: a misspelt restriction would
///   restrict nothing.
/// Threads: immutable once loaded.
/// Limits: a file of 1 MiB, nested as tools/config/toml_outline.hpp says; a presented token of token_bytes_max. A look-up hashes once and compares with every entry in
///   constant time, so its duration reveals nothing about a guess.
#pragma once

#include "can/result.hpp"
#include "tools/furrowd/access/credential.hpp"

#include <cstdint>
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

inline constexpr std::size_t token_bytes_max = 1'024;

class token_table {
public:
  [[nodiscard]] static result<token_table> load(const std::string& path);
  /// Nothing without a path.
  [[nodiscard]] static result<std::optional<token_table>> load_if_named(const std::string& path);
  /// `source` is the file name in errors.
  [[nodiscard]] static result<token_table> parse(std::string_view toml, const std::string& source);

  [[nodiscard]] std::optional<credential> find(std::string_view presented) const;
  [[nodiscard]] std::optional<credential> find(const secret_hash& hash) const;
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

private:
  friend class token_file;
  std::vector<credential> entries_;
};

/// The SHA-256 of a token as the file holds it: 64 lower-case hex digits.
[[nodiscard]] std::string hash_of_token(std::string_view token);

} // namespace furrow::daemon
