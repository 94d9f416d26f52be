#include "storage/farm/password.hpp"

#include "can/text/put.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <vector>

namespace furrow::storage {

namespace {

constexpr unsigned log_n_default = 15;
constexpr unsigned r_default = 8;
constexpr unsigned p_default = 1;
constexpr std::size_t salt_bytes = 16;
constexpr std::size_t hash_bytes = 32;

using raw_bytes = std::vector<unsigned char>;

std::optional<raw_bytes> bytes_of(std::string_view hex) {
  raw_bytes out(hex.size() / 2);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto* at = hex.data() + 2 * i;
    const auto [end, error] = std::from_chars(at, at + 2, out[i], 16);
    if (error != std::errc{} || end != at + 2)
      return std::nullopt;
  }
  return hex.size() % 2 == 0 && !out.empty() ? std::optional{out} : std::nullopt;
}

std::optional<raw_bytes> derive(std::string_view password,
                                const raw_bytes& salt,
                                std::array<unsigned, 3> cost,
                                std::size_t length) {
  const auto [log_n, r, p] = cost;
  if (password.empty() || password.size() > password_bytes_max || log_n < 1 || log_n > 20 || r < 1
      || r > 32 || p < 1 || p > 4)
    return std::nullopt;
  raw_bytes out(length);
  // Answers 0 when it would need more memory than allowed.
  if (EVP_PBE_scrypt(password.data(), password.size(), salt.data(), salt.size(),
                     std::uint64_t{1} << log_n, r, p, password_memory_max, out.data(), out.size())
      != 1)
    return std::nullopt;
  return out;
}

std::string_view cut(std::string_view& text) {
  const auto part = text.substr(0, text.find('$'));
  text.remove_prefix(std::min(part.size() + 1, text.size()));
  return part;
}

} // namespace

std::optional<std::string> hash_of_password(std::string_view password) {
  raw_bytes salt(salt_bytes);
  if (RAND_bytes(salt.data(), static_cast<int>(salt.size())) != 1)
    return std::nullopt;
  const auto hash = derive(password, salt, {log_n_default, r_default, p_default}, hash_bytes);
  if (!hash)
    return std::nullopt;
  return "scrypt$" + std::to_string(log_n_default) + "$" + std::to_string(r_default) + "$"
         + std::to_string(p_default) + "$" + can::text::lower_hex(salt) + "$"
         + can::text::lower_hex(*hash);
}

bool opens(std::string_view password, std::string_view hash) {
  if (hash.size() > 256 || cut(hash) != "scrypt")
    return false;
  std::array<unsigned, 3> cost{};
  for (auto& number : cost) {
    const auto text = cut(hash);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size())
      return false;
  }
  const auto salt = bytes_of(cut(hash));
  const auto wanted = bytes_of(hash);
  if (!salt || !wanted || wanted->size() < hash_bytes)
    return false;
  const auto given = derive(password, *salt, cost, wanted->size());
  return given && CRYPTO_memcmp(given->data(), wanted->data(), wanted->size()) == 0;
}

} // namespace furrow::storage
