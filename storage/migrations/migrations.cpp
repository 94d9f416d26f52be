#include "storage/migrations/migrations.hpp"

#include "can/text/put.hpp"

#include <openssl/evp.h>

#include <array>
#include <charconv>
#include <map>

namespace furrow::storage {

std::string sha256_hex(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1)
    return {}; // differs from every checksum: rejected as changed
  return can::text::lower_hex(std::span{digest}.first(size));
}

bool suits(std::string_view name, std::uint32_t newest_known) {
  constexpr std::string_view taking_away = "contract_";
  if (!name.starts_with(taking_away))
    return true;
  name.remove_prefix(taking_away.size());
  std::uint32_t since = 0;
  const auto [end, wrong] = std::from_chars(name.data(), name.data() + name.size(), since);
  return wrong == std::errc{} && end != name.data() + name.size() && *end == '_'
         && since <= newest_known;
}

std::vector<migration_row> compare(std::span<const migration> known,
                                   const std::vector<applied_migration>& applied) {
  std::map<std::uint32_t, migration_row> rows;
  for (const auto& step : known)
    rows[step.number] = {step.number, std::string{step.name}, sha256_hex(step.sql), false, {}};
  const auto newest = known.empty() ? 0 : known.back().number;
  for (const auto& step : applied) {
    auto [at, unknown] =
      rows.try_emplace(step.number, migration_row{step.number, step.name, step.checksum, true, {}});
    at->second.applied = true;
    if (unknown) {
      if (step.number < newest || !suits(step.name, newest))
        at->second.fault = "the database is newer than this program";
    } else if (at->second.checksum != step.checksum)
      at->second.fault = "the database was migrated with another text of this step";
  }
  // A step that only adds is fine above all our steps. It is not while one of our own steps below it is missing.
  bool missing = false;
  std::vector<migration_row> out;
  out.reserve(rows.size());
  for (auto& [number, row] : rows) {
    missing = missing || !row.applied;
    if (missing && number > newest && row.fault.empty())
      row.fault = "the database is newer than this program";
    out.push_back(std::move(row));
  }
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
