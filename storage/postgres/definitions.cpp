#include "storage/postgres/definitions.hpp"

#include "can/dbc/catalogue.hpp"
#include "storage/append/quarantine.hpp"
#include "storage/dbc/signal_rows.hpp"
#include "storage/migrations/migrations.hpp"
#include "storage/postgres/connection/byte_buffer.hpp"
#include "storage/postgres/connection/locked_end.hpp"
#include "storage/postgres/connection/rows.hpp"
#include "storage/postgres/connection/url.hpp"

#include <bit>

#include <boost/asio/co_spawn.hpp>

namespace furrow::storage::postgres_work {

namespace {

std::string text_array(const std::vector<std::int64_t>& values) {
  std::string out = "{";
  for (const auto value : values)
    out += (out.size() > 1 ? "," : "") + std::to_string(value);
  return out + "}";
}

/// Columns of rows as arrays. A list of numbers is sent as text, because an array of arrays must be
/// rectangular.
class columns {
public:
  template <class Rows, class Value>
  columns& texts(const Rows& rows, Value value) {
    byte_buffer out;
    out.array_head(oid::text, rows.size());
    for (const auto& row : rows)
      out.bytes_field(as_text(value(row)));
    to.add(oid::text_array, out.view());
    return *this;
  }
  template <class T, class Rows, class Value>
  columns& numbers(const Rows& rows, Value value) {
    byte_buffer out;
    out.array<T>(sizeof(T) == 4 ? oid::int4 : oid::int8, rows.size(),
                 [&](std::size_t i) { return static_cast<T>(value(rows[i])); });
    to.add(sizeof(T) == 4 ? oid::int4_array : oid::int8_array, out.view());
    return *this;
  }
  template <class Rows, class Value>
  columns& perhaps(const Rows& rows, Value value) {
    byte_buffer out;
    out.array_head(oid::int8, rows.size(), true);
    for (const auto& row : rows) {
      const auto one = value(row);
      if (one)
        out.field(static_cast<std::int64_t>(*one));
      else
        out.null_field();
    }
    to.add(oid::int8_array, out.view());
    return *this;
  }
  template <class Rows, class Value>
  columns& doubles(const Rows& rows, Value value) {
    byte_buffer out;
    constexpr std::uint32_t float8 = 701;
    constexpr std::uint32_t float8_array = 1022;
    out.array<std::uint64_t>(float8, rows.size(), [&](std::size_t i) {
      return std::bit_cast<std::uint64_t>(static_cast<double>(value(rows[i])));
    });
    to.add(float8_array, out.view());
    return *this;
  }

  pq_parameters to;
};

task<std::optional<failure>>
add_messages(pq_connection& db, std::int32_t version, const std::vector<message_row>& rows) {
  columns all;
  all.to.int4(version);
  all.numbers<std::int32_t>(rows, [](const auto& row) { return row.message; })
    .texts(rows, [](const auto& row) { return row.name; })
    .template numbers<std::int64_t>(rows, [](const auto& row) { return row.id; })
    .template numbers<std::int32_t>(rows, [](const auto& row) { return row.extended ? 1 : 0; })
    .perhaps(rows, [](const auto& row) { return row.pgn; })
    .template numbers<std::int32_t>(rows, [](const auto& row) { return row.length; })
    .texts(rows,
           [](const auto& row) {
             return row.fallback ? text_array({row.other_sources.begin(), row.other_sources.end()})
                                 : std::string{};
           })
    .texts(rows, [](const auto& row) { return text_array(row.other_ids); });
  const auto reply = co_await db.query(
    "insert into furrow.definition_message (version, message, name, id, extended, pgn, length, "
    "other_sources, other_ids) select $1, r.message, r.name, r.id, r.extended <> 0, r.pgn::int, "
    "r.length, nullif(r.sources, '')::int[], r.ids::bigint[] from unnest($2, $3, $4, $5, $6, $7, "
    "$8, $9) r(message, name, id, extended, pgn, length, sources, ids)",
    all.to);
  if (reply.error)
    co_return reply.error->as_failure();
  co_return std::nullopt;
}

task<std::optional<failure>>
add_signals(pq_connection& db, std::int32_t version, const definition_rows& of) {
  const auto& rows = of.signals;
  columns all;
  all.to.int4(version);
  all.numbers<std::int32_t>(rows, [](const auto& row) { return row.message; })
    .template numbers<std::int32_t>(rows, [](const auto& row) { return row.signal; })
    .texts(rows, [](const auto& row) { return row.name; })
    .texts(rows, [](const auto& row) { return row.unit; })
    .template numbers<std::int32_t>(rows, [](const auto& row) { return row.lsb_byte; })
    .template numbers<std::int32_t>(rows, [](const auto& row) { return row.byte_step; })
    .template numbers<std::int32_t>(rows, [](const auto& row) { return row.bytes; })
    .template numbers<std::int32_t>(rows, [](const auto& row) { return row.shift; })
    .template numbers<std::int32_t>(rows, [](const auto& row) { return row.length; })
    .template numbers<std::int32_t>(
      rows, [](const auto& row) { return (row.is_signed ? 1 : 0) + (row.is_float ? 2 : 0); })
    .doubles(rows, [](const auto& row) { return row.scale; })
    .doubles(rows, [](const auto& row) { return row.offset; })
    .perhaps(rows, [](const auto& row) { return row.valid_max; })
    .perhaps(rows, [](const auto& row) { return row.parent; })
    .texts(rows, [](const auto& row) { return text_array(row.parent_low); })
    .texts(rows, [](const auto& row) { return text_array(row.parent_high); })
    .texts(definitions_of(of), [](const auto& definition) { return definition; });
  const auto reply = co_await db.query(
    "insert into furrow.definition_signal (version, message, signal, name, unit, lsb_byte, "
    "byte_step, bytes, shift, length, is_signed, is_float, scale, \"offset\", valid_max, parent, "
    "parent_low, parent_high, definition) select $1, r.message, r.signal, r.name, r.unit, "
    "r.lsb_byte, "
    "r.byte_step, r.bytes, r.shift, r.length, r.flags & 1 <> 0, r.flags & 2 <> 0, r.scale, "
    "r.shifted, r.valid_max, r.parent::int, r.low::bigint[], r.high::bigint[], r.definition from "
    "unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) "
    "r(message, signal, name, "
    "unit, lsb_byte, byte_step, bytes, shift, length, flags, scale, shifted, valid_max, parent, "
    "low, high, definition)",
    all.to);
  if (reply.error)
    co_return reply.error->as_failure();
  co_return std::nullopt;
}

/// The set's row: a new row, or the existing row of the same text and scope.
task<result<definition_outcome>> enter_set(pq_connection& db, const definition_load& load) {
  const auto held = co_await db.run("lock table furrow.definition_set in share row exclusive mode");
  if (held.error)
    co_return held.error->as_failure();
  const auto reply = co_await db.query(
    "with scope as materialized ("
    "  select null::int as farm, null::int as equipment where $1 = 'all' "
    "  union all select f.id, null from furrow.farm f where f.name = $1 "
    "  union all select null, e.id from furrow.equipment e join furrow.farm f on f.id = e.farm_id "
    "            where $1 in (e.name, f.name || '/' || e.name)"
    "), there as ("
    "  select d.version from furrow.definition_set d join scope s on d.farm_id is not distinct "
    "from "
    "s.farm and d.equipment_id is not distinct from s.equipment where d.sha256 = $3"
    "), made as ("
    "  insert into furrow.definition_set (version, farm_id, equipment_id, name, sha256)"
    "  select (select coalesce(max(d.version), 0) + 1 from furrow.definition_set d), s.farm, "
    "s.equipment, $2, $3 from scope s "
    "  where not exists (select from there) and (select count(*) from scope) = 1 returning version"
    ") select (select count(*) from scope)::int, (select max(version) from there), (select version "
    "from made)",
    pq_parameters{}.text(load.scope).text(as_text(load.name)).text(load.sha256));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  if (const auto wrong = scope_fault(rows.integer(0, 0), load.scope))
    co_return *wrong;
  definition_outcome out;
  out.added = !rows.null(0, 2);
  out.version = static_cast<std::int32_t>(rows.integer(0, out.added ? 2 : 1));
  co_return out;
}

task<result<definition_outcome>>
load_begun(pq_connection& db, const can::dbc_file& file, const definition_load& load) {
  auto outcome = co_await enter_set(db, load);
  if (!outcome || !outcome->added)
    co_return outcome;
  const auto rows = rows_of(file);
  outcome->messages = rows.messages.size();
  outcome->signals = rows.signals.size();
  auto failed = co_await add_messages(db, outcome->version, rows.messages);
  if (!failed)
    failed = co_await add_signals(db, outcome->version, rows);
  if (failed)
    co_return *failed;
  co_return outcome;
}

} // namespace

std::optional<failure> scope_fault(std::int64_t found, const std::string& scope) {
  if (found == 0)
    return failure{errc::not_found, "no farm or equipment " + scope};
  if (found > 1)
    return failure{errc::not_found,
                   "more than one farm or equipment is called " + scope + ": write farm/equipment"};
  return std::nullopt;
}

task<std::optional<failure>>
add_definitions(pq_connection& db, std::int32_t version, const can::dbc_file& file) {
  const auto rows = rows_of(file);
  auto failed = co_await add_messages(db, version, rows.messages);
  if (!failed)
    failed = co_await add_signals(db, version, rows);
  co_return failed;
}

task<result<definition_outcome>>
load_definitions(pq_connection& db, const can::dbc_file& file, const definition_load& load) {
  const auto begun = co_await db.run("begin");
  if (begun.error)
    co_return begun.error->as_failure();
  auto outcome = co_await load_begun(db, file, load);
  co_return co_await end_with(db, outcome);
}

task<std::optional<failure>> load_catalogue(pq_connection& db) {
  const auto there = co_await db.query("select exists (select from furrow.definition_set)");
  if (there.error)
    co_return there.error->as_failure();
  if (pq_rows{there.rows.get()}.integer(0, 0) != 0)
    co_return std::nullopt;
  const auto file = can::parse_dbc(can::catalogue_dbc(), "furrow-agricultural.dbc");
  if (!file)
    co_return failure{errc::misconfigured, file.error().detail};
  const definition_load load{"furrow-agricultural.dbc", sha256_hex(can::catalogue_dbc()), "all"};
  const auto loaded = co_await load_definitions(db, *file, load);
  if (!loaded)
    co_return loaded.error();
  co_return std::nullopt;
}

} // namespace furrow::storage::postgres_work

namespace furrow::storage {

namespace {

/// Runs `work` on a connection of its own.
template <class T, class Work>
result<T> on_a_connection(const store_options& options, Work work) {
  if (options.url.starts_with("sqlite:"))
    return failure{errc::misconfigured, "signal definitions in the database need PostgreSQL"};
  const auto url = check_postgres_url(options.url);
  if (!url)
    return url.error();
  asio::io_context context{1};
  pq_connection db{context,
                   {options.url, options.application_name + "/definitions", options.connect_timeout,
                    options.lock_timeout, options.statement_timeout}};
  result<T> outcome = failure{errc::retry_later, "not asked"};
  const auto connected = [&]() -> task<void> {
    const auto away = co_await db.connect();
    if (away)
      outcome = away->as_failure();
    else
      outcome = co_await work(db);
  };
  asio::co_spawn(context, connected, [](const std::exception_ptr& broken) {
    if (broken)
      std::rethrow_exception(broken);
  });
  context.run();
  return outcome;
}

} // namespace

result<definition_outcome> load_definitions(const store_options& options,
                                            const can::dbc_file& file,
                                            const definition_load& load) {
  return on_a_connection<definition_outcome>(
    options, [&](pq_connection& db) { return postgres_work::load_definitions(db, file, load); });
}

result<done> complete_definitions(const store_options& options) {
  return on_a_connection<done>(
    options, [](pq_connection& db) { return postgres_work::complete_definitions(db); });
}

} // namespace furrow::storage
