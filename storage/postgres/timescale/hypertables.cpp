// Makes telemetry and rollups hypertables of TimescaleDB (docs/decisions/0044-timescaledb.md).
#include "storage/database_maintenance.hpp"
#include "storage/migrations/migrations.hpp"
#include "storage/migrations/timescale.hpp"
#include "storage/postgres/connection/session.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

namespace furrow::storage::postgres_maintenance {

namespace {

constexpr std::array<std::string_view, 2> hypertable_names{"telemetry", "rollup"};

/// 128 MiB of 8 kB: a part takes a second or so.
constexpr std::uint64_t part_blocks = 16'384;

std::uint64_t natural(const std::string& text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

failure decision(std::string detail) {
  return {errc::misconfigured, std::move(detail)};
}

/// The version of the extension, where it can do what is needed here.
result<std::string> fit_extension(pq_session& db) {
  const auto rows =
    db.ask("select e.extversion, a.default_version, "
           "current_setting('shared_preload_libraries') ~ '\\mtimescaledb\\M' "
           "from (values (1)) v(one) left join pg_extension e on e.extname = 'timescaledb' "
           "left join pg_available_extensions a on a.name = 'timescaledb'");
  if (!rows)
    return rows.error();
  const auto installed = cell(*rows, 0, 0);
  if (installed.empty() && cell(*rows, 0, 1).empty())
    return decision("nothing was changed: the server has no TimescaleDB; install it for this "
                    "version of PostgreSQL (docs/timescale.md), or leave out --timescale");
  if (installed.empty() && cell(*rows, 0, 2) == "f")
    return decision("nothing was changed: the server does not load TimescaleDB; add timescaledb to "
                    "shared_preload_libraries and restart it (docs/timescale.md)");
  if (installed.empty())
    return decision("nothing was changed: this database does not have the extension; run `create "
                    "extension timescaledb` in it, then this command again");
  const auto major = natural(installed);
  const auto dot = installed.find('.');
  const auto minor = dot == std::string::npos ? 0 : natural(installed.substr(dot + 1));
  if (major < 2 || (major == 2 && minor < 17))
    return decision("nothing was changed: TimescaleDB " + installed
                    + " is older than 2.17; upgrade it, then `alter extension timescaledb update`");
  const auto licence = db.value("select current_setting('timescaledb.license', true)");
  if (!licence)
    return licence.error();
  if (*licence != "timescale")
    return decision("nothing was changed: compression needs the Community edition of TimescaleDB "
                    "(timescaledb.license = timescale)");
  return installed;
}

result<done> fit_schema(const store_options& options) {
  const auto steps = migrate(options, {}, true);
  if (!steps)
    return steps.error();
  for (const auto& step : *steps)
    if (!step.applied || !step.fault.empty())
      return decision("nothing was changed: migration " + std::to_string(step.number) + " ("
                      + step.name + ") is not applied");
  return done{};
}

result<bool> is_hypertable(pq_session& db, const std::string& table) {
  const auto there = db.value("select to_regprocedure('furrow.is_hypertable(text)') is not null");
  if (!there || *there != "t")
    return there ? result<bool>{false} : result<bool>{there.error()};
  const auto is = db.value("select furrow.is_hypertable($1)", {table});
  return is ? result<bool>{*is == "t"} : result<bool>{is.error()};
}

/// Between begin and commit. The lock on the table is held from `begin_hypertable` on.
result<std::uint64_t>
convert(pq_session& db, const std::string& table, const hypertable_listener& told) {
  const auto scripted = db.ask(timescale_sql);
  if (!scripted)
    return scripted.error();
  const auto parts = db.ask("select part, blocks from furrow.begin_hypertable($1)", {table});
  if (!parts)
    return parts.error();
  hypertable_progress at{table, 0, 0, 0};
  for (int row = 0; row < PQntuples(parts->get()); ++row)
    at.blocks += natural(cell(*parts, row, 1));
  for (int row = 0; row < PQntuples(parts->get()); ++row) {
    const auto blocks = natural(cell(*parts, row, 1));
    for (std::uint64_t from = 0; from < blocks; from += part_blocks) {
      const auto to = std::min(blocks, from + part_blocks);
      const auto moved =
        db.value("select furrow.hypertable_part($1, $2::regclass, $3::bigint, $4::bigint)",
                 {table, cell(*parts, row, 0), std::to_string(from), std::to_string(to)});
      if (!moved)
        return moved.error();
      at.rows += natural(*moved);
      at.blocks_done += to - from;
      told(at);
    }
  }
  const auto ended = db.ask("select furrow.end_hypertable($1)", {table});
  if (!ended)
    return ended.error();
  return at.rows;
}

} // namespace

result<std::string> timescale_version(const store_options& options) {
  auto db = pq_session::open(options, "timescale");
  if (!db)
    return db.error();
  return fit_extension(*db);
}

result<hypertables> make_hypertables(const store_options& options,
                                     const hypertable_listener& told) {
  auto db = pq_session::open(options, "timescale");
  if (!db)
    return db.error();
  const auto version = fit_extension(*db);
  if (!version)
    return version.error();
  // The server notices that this process has died, and lets the locks go.
  const auto watched = db->ask("set client_connection_check_interval = '1s'");
  if (!watched)
    return watched.error();
  const auto current = fit_schema(options);
  if (!current)
    return current.error();
  hypertables out{*version, {}};
  for (const auto name : hypertable_names) {
    const std::string table{name};
    const auto is = is_hypertable(*db, table);
    if (!is)
      return is.error();
    if (*is)
      continue;
    const auto begun = db->ask("begin");
    if (!begun)
      return begun.error();
    const auto rows = convert(*db, table, told);
    const auto ended = db->ask(rows ? "commit" : "rollback");
    if (!rows || !ended) {
      auto why = rows ? ended.error() : rows.error();
      why.detail = table + ": " + why.detail;
      return why;
    }
    out.made.push_back({table, *rows});
  }
  return out;
}

} // namespace furrow::storage::postgres_maintenance
