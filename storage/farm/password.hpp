/// Stored passwords: scrypt, each with its own salt.
///
/// Shape: "scrypt$15$8$1$SALT$HASH": log2 of N, r, p, and bytes in hex.
/// Errors: an invalid hash, or one that needs more than password_memory_max, matches no password.
/// Threads: pure functions; a call takes about a tenth of a second and 32 MiB, on purpose: use a thread that nothing
///   else waits for.
/// Limits: a password of 1 to 1,024 bytes.
/// Source: RFC 7914; OWASP Password Storage (N = 2^15, r = 8, p = 1 and above).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace furrow::storage {

inline constexpr std::size_t password_bytes_max = 1'024;
inline constexpr std::size_t password_memory_max = 80U << 20U;

/// Absent when the password is empty or too long, or the system has no random bytes.
[[nodiscard]] std::optional<std::string> hash_of_password(std::string_view password);
/// Compares in constant time.
[[nodiscard]] bool opens(std::string_view password, std::string_view hash);

} // namespace furrow::storage
