#include "storage/move/target.hpp"

#include "storage/database_maintenance.hpp"
#include "storage/migrations/migrations.hpp"
#include "storage/postgres/connection/rows.hpp"
#include "storage/postgres/copy_format.hpp"
#include "storage/postgres/work.hpp"

#include <algorithm>
#include <charconv>

namespace furrow::storage {

namespace {

constexpr int blocks_a_fetch = 32; // at most some 90 MB of them, mostly 7
constexpr std::size_t copy_head_bytes = 19;

std::string name_of(const copied_table& table) {
  return "furrow.\"" + table.name + "\"";
}

/// Texts by their bytes, in SQLite's order.
std::string order_of(const copied_table& table) {
  std::string out;
  std::string_view rest = table.order;
  while (!rest.empty()) {
    const auto end = std::min(rest.find(", "), rest.size());
    const auto part = rest.substr(0, end);
    const auto column = std::find_if(table.columns.begin(), table.columns.end(),
                                     [&](const auto& each) { return each.name == part; });
    out.append(out.empty() ? "" : ", ").append(part);
    if (column != table.columns.end() && column->type == copy_type::text)
      out += " collate \"C\"";
    rest.remove_prefix(std::min(end + 2, rest.size()));
  }
  return out;
}

std::uint64_t number(const std::string& text) {
  std::uint64_t out = 0;
  (void)std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

result<done> check_schema(const store_options& options) {
  const auto steps = postgres_maintenance::migrate(options, {}, true);
  if (!steps)
    return steps.error();
  for (const auto& step : *steps)
    if (step.number > postgres_migrations().back().number)
      return failure{errc::misconfigured, "it has migration " + std::to_string(step.number) + " ("
                                            + step.name
                                            + "), which this program does not know: use a newer "
                                              "one"};
    else if (!step.fault.empty() || !step.applied)
      return failure{errc::misconfigured,
                     "migration " + std::to_string(step.number) + " (" + step.name + ") "
                       + (step.fault.empty()
                            ? "is not applied: --migrate applies it first, so does `furrow db "
                              "migrate --database URL`"
                            : step.fault)};
  return done{};
}

} // namespace

result<std::unique_ptr<copy_target>> copy_target::open(const store_options& options) {
  const auto sound = check_schema(options);
  if (!sound)
    return sound.error();
  auto db = pq_session::open(options, "copy");
  if (!db)
    return db.error();
  std::unique_ptr<copy_target> target{new copy_target{std::move(*db)}};
  std::string names;
  for (const auto& table : copied_tables())
    names += (names.empty() ? "" : ", ") + name_of(table);
  auto& session = target->db_;
  // The commit is flushed to disk, and to a synchronous standby, whatever the database's defaults
  // are.
  auto begun = session.ask(
    "begin; set local lock_timeout = '10s'; set local idle_in_transaction_session_timeout = 0; "
    "select set_config('synchronous_commit', 'on', true) "
    "where current_setting('synchronous_commit') not in ('on', 'remote_apply')");
  if (begun)
    begun = session.ask("lock table " + names + " in exclusive mode");
  if (!begun)
    return failure{begun.code(), "its tables cannot be locked: " + begun.error().detail
                                   + " (does a node use it?)"};
  return target;
}

result<std::string> copy_target::held() {
  std::string out;
  for (const auto& table : copied_tables()) {
    const auto any =
      db_.value("select count(*) from (select 1 from " + name_of(table) + " limit 1000) r");
    if (!any)
      return any.error();
    if (*any == "0")
      continue;
    out += (out.empty() ? "" : ", ") + *any + (*any == "1000" ? " or more" : "") + " rows of "
           + table.name;
  }
  return out;
}

result<std::uint64_t> copy_target::rows(const copied_table& table) {
  const auto count = db_.value("select count(*) from " + name_of(table));
  if (!count)
    return count.error();
  return number(*count);
}

result<std::optional<std::string>> copy_target::json_refusal(const std::string& text) {
  auto asked = db_.ask("savepoint json");
  if (!asked)
    return asked.error();
  const auto taken = db_.ask("select $1::jsonb", {text});
  asked = db_.ask("rollback to savepoint json; release savepoint json");
  if (!asked)
    return asked.error();
  return taken ? std::nullopt : std::optional{taken.error().detail};
}

result<done> copy_target::begin(const copied_table& table) {
  const auto begun = db_.begin_copy("copy " + name_of(table) + " (" + table.column_list()
                                    + ") from stdin (format binary)");
  if (!begun)
    return begun.error();
  byte_buffer head;
  postgres_copy::begin(head);
  return db_.put(head.view());
}

result<done> copy_target::end(const copied_table& table) {
  byte_buffer tail;
  postgres_copy::end(tail);
  auto ended = db_.put(tail.view());
  if (ended)
    ended = db_.end_copy();
  if (!ended)
    return failure{ended.code(), table.name + ": " + ended.error().detail};
  if (!table.identity.empty()) {
    const auto set =
      db_.ask("select setval(pg_get_serial_sequence('furrow.' || quote_ident($1), $2), "
              "coalesce((select max("
                + table.identity + ") from " + name_of(table) + "), 1), exists (select from "
                + name_of(table) + "))",
              {table.name, table.identity});
    if (!set)
      return set.error();
  }
  // Later statements are planned with these statistics. Without the right to analyze, the server
  // only warns.
  const auto counted = db_.ask("analyze " + name_of(table));
  if (!counted)
    return counted.error();
  return done{};
}

result<copy_facts> copy_target::read(const copied_table& table, const counter& counted) {
  if (table.frames())
    return read_blocks(table, counted);
  const auto begun =
    db_.begin_copy("copy (select " + table.read_list() + " from " + name_of(table) + " order by "
                   + order_of(table) + ") to stdout (format binary)");
  if (!begun)
    return begun.error();
  facts_of_table facts{table};
  std::string sent;
  bool head = true;
  for (;;) {
    const auto more = db_.next_copied(sent);
    if (!more)
      return more.error();
    if (!*more)
      return facts.take();
    std::string_view row = sent;
    if (std::exchange(head, false))
      row.remove_prefix(std::min(copy_head_bytes, row.size()));
    if (row.size() <= 2)
      continue; // the head alone, or the end
    const auto noted = facts.add_row(row);
    if (!noted)
      return noted.error();
    counted(1);
  }
}

result<copy_facts> copy_target::read_blocks(const copied_table& table, const counter& counted) {
  const auto declared = db_.ask(
    "declare copied_blocks no scroll cursor for select seq_first, frames, time_base, headers, "
    "header_index, time_offset, payload, long_payload, stream, equipment_id, time_first, time_last "
    "from furrow.can_block order by "
    + order_of(table));
  if (!declared)
    return declared.error();
  facts_of_table facts{table};
  frame_run run;
  for (;;) {
    const auto answer =
      db_.ask_binary("fetch " + std::to_string(blocks_a_fetch) + " from copied_blocks");
    if (!answer)
      return answer.error();
    const pq_rows rows{answer->get()};
    if (rows.size() == 0)
      break;
    for (int row = 0; row < rows.size(); ++row) {
      const auto stream = static_cast<std::int32_t>(rows.integer(row, 8));
      run.block.clear();
      const bool whole = postgres_work::read_block(rows, row, run);
      const std::pair times{rows.integer(row, 10) + postgres_work::epoch_2000_us,
                            rows.integer(row, 11) + postgres_work::epoch_2000_us};
      if (!whole || run.block.time_range_us() != times)
        return failure{errc::misconfigured, "stream " + std::to_string(stream) + ", block "
                                              + std::to_string(run.seq_first)
                                              + ": its columns do not agree"};
      facts.add_block(stream, static_cast<std::int32_t>(rows.integer(row, 9)), run.seq_first,
                      run.block, 0, run.block.size());
      counted(run.block.size());
    }
  }
  const auto closed = db_.ask("close copied_blocks");
  if (!closed)
    return closed.error();
  return facts.take();
}

result<std::vector<ledger_row>> copy_target::ledger() {
  const auto rows =
    db_.ask("select farm, equipment, stream_id, sent, durable, stored, lost, doubled, quarantined, "
            "dropped, lost_at_gateway, expired from furrow.ledger order by farm collate \"C\", "
            "equipment collate \"C\", stream");
  if (!rows)
    return rows.error();
  std::vector<ledger_row> out;
  for (int row = 0; row < PQntuples(rows->get()); ++row) {
    auto& one = out.emplace_back();
    one.farm = cell(*rows, row, 0);
    one.equipment = cell(*rows, row, 1);
    one.stream_id = can::parse_stream_id(cell(*rows, row, 2)).value_or(can::stream_id{});
    int column = 3;
    for (auto* const at : {&one.sent, &one.durable, &one.stored, &one.lost, &one.doubled,
                           &one.quarantined, &one.dropped, &one.lost_at_gateway, &one.expired})
      *at = number(cell(*rows, row, column++));
  }
  return out;
}

result<std::uint64_t> copy_target::make_partitions() {
  // A role that may not create partitions leaves that to the caretaker. The newest come first, and only as many as the
  // locks of one transaction allow.
  auto asked = db_.ask("savepoint partitions");
  if (!asked)
    return asked.error();
  const auto wanted = db_.ask(
    "with setting as (select case p.width when 'day' then interval '24 hours' else interval '168 "
    "hours' end as step from furrow.partitioning p), slot as (select distinct date_bin(s.step, "
    "b.time_first, timestamptz '2000-01-03 00:00:00+00') as start, s.step from furrow.can_block b "
    "cross join setting s where b.time_first >= timestamptz '2000-01-03 00:00:00+00' and "
    "b.time_first < now()) "
    "select start, start + step from slot where not exists (select from furrow.segment_partition o "
    "where o.time_from < start + step and o.time_to > start) order by 1 desc limit 300");
  bool made = wanted.has_value();
  int count = made ? PQntuples(wanted->get()) : 0;
  for (const auto* const half : {"open_partition", "attach_partition"})
    for (int row = 0; made && row < count; ++row) {
      const auto one =
        db_.ask(std::string{"select furrow."} + half + "($1::timestamptz, $2::timestamptz)",
                {cell(*wanted, row, 0), cell(*wanted, row, 1)});
      made = one.has_value();
      if (!made && one.code() == errc::retry_later)
        return one.error();
    }
  asked = db_.ask(made ? "release savepoint partitions" : "rollback to savepoint partitions");
  if (!asked)
    return asked.error();
  return made ? static_cast<std::uint64_t>(count) : 0;
}

result<done> copy_target::commit() {
  const auto ended = db_.ask("commit");
  if (!ended)
    return failure{errc::in_doubt, ended.error().detail};
  return done{};
}

} // namespace furrow::storage
