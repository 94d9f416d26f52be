#include "storage/identity/password.hpp"

#include "can/text/put.hpp"

#include <argon2.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <vector>

namespace furrow::storage {

namespace {

constexpr std::uint32_t passes = 3;
constexpr std::uint32_t memory_kib = 32U << 10U;
constexpr std::uint32_t lanes = 1;
constexpr std::uint32_t passes_max = 10;
constexpr std::uint32_t lanes_max = 4;
constexpr std::size_t salt_bytes = 16;
constexpr std::size_t hash_bytes = 32;
constexpr std::size_t encoded_bytes_max = 256;
constexpr std::string_view begins = "$argon2id$v=19$";

std::optional<std::uint32_t> take_number(std::string_view& text, std::string_view name) {
  std::uint32_t value = 0;
  if (!text.starts_with(name))
    return std::nullopt;
  text.remove_prefix(name.size());
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{})
    return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

} // namespace

std::optional<std::string> hash_of_password(std::string_view password) {
  std::array<unsigned char, salt_bytes> salt{};
  if (password.empty() || password.size() > password_bytes_max
      || RAND_bytes(salt.data(), static_cast<int>(salt.size())) != 1)
    return std::nullopt;
  std::array<char, encoded_bytes_max> encoded{};
  if (argon2id_hash_encoded(passes, memory_kib, lanes, password.data(), password.size(),
                            salt.data(), salt.size(), hash_bytes, encoded.data(), encoded.size())
      != ARGON2_OK)
    return std::nullopt;
  return std::string{encoded.data()};
}

bool is_password_hash(std::string_view text) {
  if (text.size() >= encoded_bytes_max || !text.starts_with(begins))
    return false;
  text.remove_prefix(begins.size());
  const auto memory = take_number(text, "m=");
  const auto turns = take_number(text, ",t=");
  const auto wide = take_number(text, ",p=");
  return memory && turns && wide && *memory <= (password_memory_max >> 10U) && *turns >= 1
         && *turns <= passes_max && *wide >= 1 && *wide <= lanes_max && text.starts_with('$');
}

bool opens(std::string_view password, std::string_view hash) {
  if (password.empty() || password.size() > password_bytes_max || !is_password_hash(hash))
    return false;
  const std::string encoded{hash};
  return argon2id_verify(encoded.c_str(), password.data(), password.size()) == ARGON2_OK;
}

const std::string& hash_of_nobody() {
  static const std::string hash = [] {
    const auto nobody = random_token("");
    return nobody ? hash_of_password(*nobody).value_or("") : std::string{};
  }();
  return hash;
}

std::optional<std::string> random_token(std::string_view prefix) {
  std::vector<unsigned char> bytes(32);
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    return std::nullopt;
  return std::string{prefix} + can::text::lower_hex(bytes);
}

std::optional<std::string> random_password() {
  // Without letters and digits that look alike: 32 of them, five bits each.
  constexpr std::string_view letters = "abcdefghijkmnpqrstuvwxyz23456789";
  static_assert(letters.size() == 32);
  std::array<unsigned char, 24> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    return std::nullopt;
  std::string made;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i > 0 && i % 4 == 0)
      made += '-';
    made += letters[bytes[i] % letters.size()];
  }
  return made;
}

std::string sha256_of(std::string_view text) {
  std::vector<unsigned char> hash(SHA256_DIGEST_LENGTH);
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), hash.data());
  return can::text::lower_hex(hash);
}

} // namespace furrow::storage
