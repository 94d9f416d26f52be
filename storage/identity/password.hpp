/// Secrets: stored passwords (Argon2id, each with its own salt), and random tokens and passwords.
///
/// Shape: "$argon2id$v=19$m=32768,t=3,p=1$SALT$HASH", as every library of Argon2 reads it: the parameters stay with the hash,
///   so that later ones can cost more.
/// Errors: an invalid hash, or one that needs more than password_memory_max, matches no password.
/// Threads: pure functions; hashing takes about a tenth of a second and 32 MiB, on purpose: use a thread that nothing else
///   waits for.
/// Limits: a password of 1 to password_bytes_max bytes; people choose at least password_bytes_min.
/// Source: RFC 9106; OWASP Password Storage (m = 19 MiB, t = 2, p = 1 and above).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace furrow::storage {

inline constexpr std::size_t password_bytes_max = 1'024;
inline constexpr std::size_t password_bytes_min = 10;
inline constexpr std::size_t password_memory_max = 128U << 20U;

/// Absent when the password is empty or too long, or the system has no random bytes.
[[nodiscard]] std::optional<std::string> hash_of_password(std::string_view password);
/// Compares in constant time.
[[nodiscard]] bool opens(std::string_view password, std::string_view hash);
/// Whether the text is a hash that `opens` reads.
[[nodiscard]] bool is_password_hash(std::string_view text);
/// Of no password: a login that names nobody takes as long as one with a wrong password.
[[nodiscard]] const std::string& hash_of_nobody();

/// `prefix` and 256 random bits as hex digits, which need no quoting anywhere; absent without random bytes.
[[nodiscard]] std::optional<std::string> random_token(std::string_view prefix);
/// 120 random bits as letters and digits, in groups of four that a person can type.
[[nodiscard]] std::optional<std::string> random_password();
/// 64 lower-case hex digits.
[[nodiscard]] std::string sha256_of(std::string_view text);

} // namespace furrow::storage
