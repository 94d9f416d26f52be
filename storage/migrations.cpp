#include "storage/migrations.hpp"

#include <openssl/evp.h>

#include <array>
#include <map>

namespace furrow::storage {

std::string sha256_hex(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1)
    return {}; // equals no checksum: refused as changed
  constexpr std::string_view hex = "0123456789abcdef";
  std::string out;
  for (unsigned i = 0; i < size; ++i) {
    out += hex[digest[i] >> 4U];
    out += hex[digest[i] & 0xFU];
  }
  return out;
}

std::vector<migration_row> compare(std::span<const migration> known,
                                   const std::vector<applied_migration>& applied) {
  std::map<std::uint32_t, migration_row> rows;
  for (const auto& step : known)
    rows[step.number] = {step.number, std::string{step.name}, sha256_hex(step.sql), false, {}};
  for (const auto& step : applied) {
    auto [at, unknown] =
      rows.try_emplace(step.number, migration_row{step.number, step.name, step.checksum, true, {}});
    at->second.applied = true;
    if (unknown)
      at->second.fault = "the database is newer than this program";
    else if (at->second.checksum != step.checksum)
      at->second.fault = "the database was migrated with another text of this step";
  }
  std::vector<migration_row> out;
  out.reserve(rows.size());
  for (auto& [number, row] : rows)
    out.push_back(std::move(row));
  return out;
}

std::optional<failure> refusal(const std::vector<migration_row>& rows) {
  for (const auto& row : rows)
    if (!row.fault.empty())
      return failure{errc::misconfigured,
                     "migration " + std::to_string(row.number) + " (" + row.name + "): " + row.fault
                       + "; use the program that made it, or another database"};
  return std::nullopt;
}

} // namespace furrow::storage
