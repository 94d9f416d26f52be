/// The keys of a program's configuration: one line per flag.
///
/// Shape: a key has the name of its flag with `_` for `-`, and its environment variable is FURROW_ and that name in
///   capitals: `--tls-cert`, `tls_cert`, `FURROW_TLS_CERT`. Texts, types, limits and defaults stay with the flag.
///   A flag `--x-file` beside a secret flag `--x` names a file that holds the secret.
/// Threads: constant data.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace furrow::config {

/// When a new value counts.
enum class change : std::uint8_t { at_restart, at_reload };

struct key {
  std::string_view name;
  change counts = change::at_restart;
  /// The form of a secret value that people may see; null: the value is no secret.
  std::string (*shown)(const std::string& value) = nullptr;
  /// The value that `config sample` sets, as TOML; empty: the sample leaves the key commented out.
  std::string_view sample = {};
};

/// What a program has for a configuration.
struct program {
  std::string_view name;         // "furrowd"
  std::string_view default_file; // a missing one is no error
  std::span<const key> keys;
};

/// A value that nobody may see.
[[nodiscard]] std::string hidden(const std::string& value);

/// `tls_cert` of `--tls-cert`, `tls-cert` or `tls_cert`.
[[nodiscard]] std::string key_of(std::string_view flag);
/// `--tls-cert` of `tls_cert`.
[[nodiscard]] std::string flag_of(std::string_view key);
/// `FURROW_TLS_CERT` of the same.
[[nodiscard]] std::string environment_of(std::string_view flag);

} // namespace furrow::config
