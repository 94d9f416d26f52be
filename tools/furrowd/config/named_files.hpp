/// The files that the settings of furrowd name: certificates, keys and tokens; the password of the database.
///
/// Errors: one line that names the file, and the place of the key that names it. Nothing is returned unless all files can
///   be used.
/// Threads: at start and at a reload.
#pragma once

#include "tools/furrowd/config/settings.hpp"

#include <optional>
#include <string>

namespace furrow::daemon {

struct named_files {
  tls_context gateways; // null: no TLS
  tls_context http;
  std::optional<token_table> tokens;
  std::optional<link_tls> link;
};
/// Opens no database and no port.
[[nodiscard]] result<named_files> load_files(const settings& given);

/// A PostgreSQL URL, or keywords and values, with this password as libpq reads it.
[[nodiscard]] std::string with_password(const std::string& database, const std::string& password);

} // namespace furrow::daemon
