#include "storage/postgres/homes/move_steps.hpp"

#include "storage/failpoint.hpp"
#include "storage/postgres/homes/moved_tables.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace furrow::storage {

namespace {

constexpr std::uint64_t chunk_weight = 256; // rows of another table that a chunk counts as

std::string of_streams(const std::string& farm) {
  return "t.stream in (select furrow.streams_of(" + farm + "))";
}

std::string of_machines(const std::string& farm) {
  return "t.equipment_id in (select e.id from furrow.equipment e where e.farm_id = " + farm + ")";
}

/// The columns of an INSERT ... SELECT from moved_TABLE, some of them replaced.
std::string taken(const std::vector<std::string>& columns,
                  const std::vector<std::pair<std::string, std::string>>& replaced) {
  std::string out;
  for (const auto& column : columns) {
    const auto at =
      std::ranges::find_if(replaced, [&](const auto& r) { return r.first == column; });
    out += (out.empty() ? "" : ", ") + (at == replaced.end() ? "m.\"" + column + "\"" : at->second);
  }
  return out;
}

failure halted() {
  return {errc::retry_later, "failpoint"};
}

} // namespace

result<done> move_steps::run(pq_session& db,
                             const std::string& sql,
                             const std::vector<std::string>& parameters) {
  const auto answer = db.ask(sql, parameters);
  if (!answer)
    return failed(db, answer.error());
  return done{};
}

result<std::string> move_steps::ask(pq_session& db,
                                    const std::string& sql,
                                    const std::vector<std::string>& parameters) {
  auto answer = db.value(sql, parameters);
  if (!answer)
    return failed(db, answer.error());
  return answer;
}

result<std::string> move_steps::farm_there(const farm_move& move) {
  if (farm_there_.empty()) {
    auto id = ask(source_, "select f.id from furrow.farm f where f.name = $1", {move.farm});
    if (!id)
      return id;
    if (id->empty())
      return failure{errc::not_found, "no farm " + move.farm + " in " + move.source};
    farm_there_ = *id;
  }
  return farm_there_;
}

result<bool> move_steps::work(const farm_move& move) {
  if (move.step > move_step::leave && move.step != move_step::done) {
    const auto closed = close_source(move);
    if (!closed)
      return closed.error();
  }
  const auto version = std::to_string(move.version);
  const auto whole = [](const result<done>& outcome) -> result<bool> {
    if (!outcome)
      return outcome.error();
    return true;
  };
  switch (move.step) {
  case move_step::expect:
    return whole(run(target_, "select furrow.expect_farm($1, $2, $3::bigint)",
                     {move.farm, move.source, version}));
  case move_step::leave:
    return whole(leave(move));
  case move_step::admit:
    return admit(move);
  case move_step::point:
    return point(move);
  case move_step::follow:
    return follow(move);
  case move_step::compare:
    return compare(move);
  case move_step::release:
    return release(move);
  case move_step::done:
    return true;
  }
  return true;
}

result<done> move_steps::note(const farm_move& move) {
  const std::vector<std::string> key{move.farm, std::to_string(move.version)};
  if (move.step != move_step::done)
    return run(main_,
               "update furrow.farm_move m set step = $3, stepped_at = now(), progress = '' where "
               "m.farm = $1 and m.version = $2::bigint",
               {key[0], key[1], to_string(move.step)});
  return run(main_,
             "with gone as (delete from furrow.farm_move m where m.farm = $1 and m.version = "
             "$2::bigint returning m.*) insert into furrow.audit (who, action, object, detail, "
             "farm) select g.by, 'farm move', g.farm, format('from %s to %s, in %s', g.source, "
             "g.target, date_trunc('second', now() - g.since)), g.farm from gone g",
             key);
}

/// From now on the source shows the farm in no list: it is in those of the target.
result<bool> move_steps::point(const farm_move& move) {
  const auto version = std::to_string(move.version);
  const auto told =
    run(main_,
        "with home as (insert into furrow.farm_home as h (farm, database, version) values ($1, $2, "
        "$3::bigint) on conflict (farm) do update set database = excluded.database, version = "
        "excluded.version where h.version < excluded.version) update furrow.farm f set home = $2, "
        "home_version = $3::bigint where f.name = $1 and f.home_state = 'gone' and f.home_version "
        "< $3::bigint",
        {move.farm, move.target, version});
  if (!told)
    return told.error();
  const auto gone = ask(source_,
                        "update furrow.farm f set home_state = 'gone' where f.name = $1 and "
                        "f.home_version >= $2::bigint and f.home_state in ('leaving', 'gone') "
                        "returning f.home_state",
                        {move.farm, version});
  if (!gone)
    return gone.error();
  if (*gone != "gone")
    return failure{errc::retry_later, move.source + " takes items of farm " + move.farm + " again"};
  return true;
}

/// Once a second at most.
result<done> move_steps::say(const farm_move& move, const std::string& progress) {
  const auto now = std::chrono::steady_clock::now();
  if (now - said_ < std::chrono::seconds{1})
    return done{};
  said_ = now;
  return run(main_, "update furrow.farm_move m set progress = $2 where m.farm = $1",
             {move.farm, left_to_care_.empty()
                           ? progress
                           : progress + "; partitions are left to care: " + left_to_care_});
}

result<done> move_steps::commit_both() {
  auto ended = run(source_, "commit");
  if (ended)
    ended = run(target_, "commit");
  return ended;
}

result<bool> move_steps::admit(const farm_move& move) {
  const auto there = farm_there(move);
  if (!there)
    return there.error();
  auto begun = run(target_, "begin; set local synchronous_commit = on");
  if (begun)
    begun = run(source_, "begin isolation level repeatable read read only");
  if (!begun)
    return begun.error();
  const auto row = target_.ask("select f.id, f.home_state, f.home_version = $2::bigint from "
                               "furrow.farm f where f.name = $1 for update",
                               {move.farm, std::to_string(move.version)});
  if (!row)
    return failed(target_, row.error());
  if (PQntuples(row->get()) != 1 || cell(*row, 0, 2) != "t")
    return failure{errc::misconfigured, move.target + " has another version of farm " + move.farm};
  if (cell(*row, 0, 1) == "arriving") {
    const auto admitted = admit_rows(move, cell(*row, 0, 0));
    if (!admitted)
      return admitted.error();
    if (failpoint::hit(failpoint::farm_slice))
      return halted();
  }
  const auto ended = commit_both();
  if (!ended)
    return ended.error();
  return true;
}

/// The rows that a target needs at once, in temporary tables there.
result<done> move_steps::bring_aside() {
  const auto& there = farm_there_;
  const auto farm = "t.farm_id = " + there;
  const auto scoped = "(" + farm + " or " + of_machines(there) + ")";
  const auto versioned =
    "t.version in (select d.version from furrow.definition_set d where d.farm_id = " + there
    + " or d.equipment_id in (select e.id from furrow.equipment e where e.farm_id = " + there
    + "))";
  const std::array<std::pair<std::string, std::string>, 22> asides{
    {{"farm", "t.id = " + there},
     {"equipment", farm},
     {"field", farm},
     {"retention", farm},
     {"stream", of_machines(there)},
     {"stream_run", of_streams(there)},
     {"stream_watermark", of_streams(there)},
     {"bus", of_streams(there)},
     {"source", of_machines(there)},
     {"seal", of_streams(there)},
     {"digest", of_streams(there) + " and t.seq > 0"},
     {"forward", of_streams(there)},
     {"machine_home", of_machines(there)},
     {"removed_equipment", of_machines(there)},
     {"equipment_state", of_machines(there)},
     {"signal_name", "true"},
     {"rollup_definition", "true"},
     {"definition_set", scoped},
     {"definition_message", versioned},
     {"definition_signal", versioned},
     {"dbc", scoped},
     {"record_batch", of_streams(there) + " and t.created_at > now() - interval '1 day'"}}};
  for (const auto& [table, condition] : asides) {
    const auto came = copy_.aside(table, condition);
    if (!came)
      return came.error();
  }
  return done{};
}

result<done> move_steps::insert(const std::string& table, const replacements& replaced) {
  const auto columns = copy_.columns(table);
  if (!columns)
    return columns.error();
  return run(target_, "insert into furrow.\"" + table + "\" (" + listed(*columns)
                        + ") overriding system value select " + taken(*columns, replaced)
                        + " from pg_temp.\"moved_" + table + "\" m on conflict do nothing");
}

result<done> move_steps::admit_rows(const farm_move& move, const std::string& farm_id) {
  auto put = bring_aside();
  if (put)
    put = run(target_, "delete from furrow.retention r where r.farm_id = " + farm_id);
  const replacements own_farm{{"farm_id", farm_id}};
  for (const std::string table : {"equipment", "field", "retention"})
    if (put)
      put = insert(table, own_farm);
  if (put)
    put = insert("stream");
  if (put)
    put = insert("stream_watermark", {{"owner", "null"}});
  // Runs of the target's own get higher ordinals, whatever the source has counted to.
  if (put)
    put = run(target_, "insert into furrow.stream_run (stream, run, first_seq, claimed_at) select "
                       "m.stream, m.run, m.first_seq, m.claimed_at from pg_temp.moved_stream_run m "
                       "order by m.ordinal on conflict do nothing");
  if (put)
    put = insert("digest", {{"paused", "false"}});
  for (const std::string table :
       {"bus", "source", "seal", "forward", "machine_home", "removed_equipment", "equipment_state",
        "record_batch", "signal_name"})
    if (put)
      put = insert(table);
  // A name may have another number here.
  if (put)
    put = run(target_,
              "insert into furrow.rollup_definition (signal, definition, since) select n.id, "
              "m.definition, m.since from pg_temp.moved_rollup_definition m join "
              "pg_temp.moved_signal_name o on o.id = m.signal join furrow.signal_name n on n.name "
              "= o.name on conflict do nothing");
  if (put)
    put = admit_definitions(farm_id);
  if (put)
    put = run(target_,
              "insert into furrow.elsewhere (stream, first, last, database) select m.stream, 1, "
              "m.seq, $1 from pg_temp.moved_stream_watermark m where m.seq > 0",
              {move.source});
  if (put)
    put = run(target_,
              "insert into furrow.arrival (farm_id, source, version, rows_copied) values ($1::int, "
              "$2, $3::bigint, array_fill(null::bigint, array[$4::int]) || coalesce((select "
              "array_agg(p.number order by d.stream, p.at) from pg_temp.moved_digest d cross join "
              "lateral (values (1, d.stream::bigint), (2, d.seq)) p(at, number)), '{}'))",
              {farm_id, move.source, std::to_string(move.version), std::to_string(carried_after)});
  if (put)
    put = run(target_, "update furrow.farm f set title = m.title, attributes = m.attributes, "
                       "time_zone = m.time_zone, version = greatest(f.version, m.version), "
                       "updated_at = m.updated_at, "
                       "home = null, home_state = 'here' from pg_temp.moved_farm m where f.id = "
                         + farm_id);
  return put;
}

/// DBC files have numbers of the cluster; the versions of their definitions are counted by each database.
result<done> move_steps::admit_definitions(const std::string& farm_id) {
  auto put =
    run(target_, "lock table furrow.definition_set in share row exclusive mode; "
                 "create temp table moved_version on commit drop as select m.version as there, "
                 "coalesce((select max(d.version) from furrow.definition_set d where d.sha256 = "
                 "m.sha256 and d.name = m.name and d.equipment_id is not distinct from "
                 "m.equipment_id and d.farm_id is not distinct from case when m.farm_id is not "
                 "null then "
                   + farm_id
                   + " end), row_number() over (order by m.version) + (select "
                     "coalesce(max(d.version), 0) from furrow.definition_set d))::int as here "
                     "from pg_temp.moved_definition_set m");
  const replacements replaced{
    {"version", "(select v.here from pg_temp.moved_version v where v.there = m.version)"},
    {"farm_id", "case when m.farm_id is not null then " + farm_id + " end"}};
  for (const std::string table :
       {"definition_set", "definition_message", "definition_signal", "dbc"}) {
    const auto columns = copy_.columns(table);
    if (!columns)
      return columns.error();
    if (put)
      put = run(target_, std::string{"insert into furrow."}
                           .append(table)
                           .append(" (")
                           .append(listed(*columns))
                           .append(") overriding system value select ")
                           .append(taken(*columns, replaced))
                           .append(" from pg_temp.moved_")
                           .append(table)
                           .append(" m order by m.")
                           .append(table == "dbc" ? "id" : "version")
                           .append(" on conflict do nothing"));
  }
  return put;
}

result<bool> move_steps::follow(const farm_move& move) {
  const auto there = farm_there(move);
  if (!there)
    return there.error();
  result<done> begun = done{};
  // Retention that began at the source before the farm left it has ended when this lock is had.
  if (!std::exchange(prepared_, true)) {
    begun = run(source_, "begin; select pg_advisory_xact_lock(112659113996152); commit");
    if (begun)
      begun = make_partitions(move);
  }
  if (begun)
    begun = run(source_, "begin isolation level repeatable read read only");
  if (begun)
    begun = run(target_, "begin");
  if (!begun)
    return begun.error();
  const auto row = target_.ask(
    "select a.farm_id, a.part, a.equipment_id, a.place::text from furrow.arrival a join "
    "furrow.farm f on f.id = a.farm_id where f.name = $1 and a.version = $2::bigint for update of "
    "a",
    {move.farm, std::to_string(move.version)});
  if (!row)
    return failed(target_, row.error());
  const bool under_way = PQntuples(row->get()) == 1;
  arrival at;
  if (under_way) {
    at = {cell(*row, 0, 0), std::stoul(cell(*row, 0, 1)), cell(*row, 0, 2), cell(*row, 0, 3)};
    const auto copied = follow_slice(move, at);
    if (!copied)
      return copied.error();
    if (failpoint::hit(failpoint::farm_slice))
      return halted();
  }
  const auto ended = commit_both();
  if (!ended)
    return ended.error();
  return !under_way || at.part > moved_parts().size();
}

/// Part 0 is the first of moved_parts, part 1 the numbers, and then the rest of moved_parts.
result<done> move_steps::follow_slice(const farm_move& move, const arrival& at) {
  if (at.part == 1) {
    const auto left = ask(target_,
                          "select coalesce(sum(x.last - x.first + 1), 0) from furrow.elsewhere x "
                          "where x.stream in (select furrow.streams_of($1::int))",
                          {at.farm_id});
    if (!left)
      return left.error();
    if (*left != "0") {
      const auto said = say(move, *left + " items to copy");
      return said ? follow_numbers(at) : said;
    }
    return run(target_,
               "update furrow.arrival a set part = 2, equipment_id = 0, place = '{}' where "
               "a.farm_id = $1::int",
               {at.farm_id});
  }
  if (at.part > moved_parts().size())
    return done{};
  const auto index = at.part == 0 ? 0 : at.part - 1;
  const auto said = say(move, std::string{moved_parts()[index].table});
  return said ? follow_part(at, index) : said;
}

/// The newest numbers of each stream come first: the digest and the sealer of the target wait for them.
result<done> move_steps::follow_numbers(const arrival& at) {
  const auto waiting = target_.ask(
    "select x.stream, x.first, x.last from furrow.elsewhere x where x.stream in (select "
    "furrow.streams_of($1::int)) order by x.stream <= $2::int, x.stream limit 512",
    {at.farm_id, last_stream_});
  if (!waiting)
    return failed(target_, waiting.error());
  std::uint64_t rows = 0;
  for (int row = 0; row < PQntuples(waiting->get()) && rows < slice_rows_; ++row) {
    last_stream_ = cell(*waiting, row, 0);
    const auto came = follow_stream(last_stream_, cell(*waiting, row, 1), cell(*waiting, row, 2));
    if (!came)
      return came.error();
    rows += *came;
  }
  return done{};
}

result<std::uint64_t> move_steps::follow_stream(const std::string& stream,
                                                const std::string& first,
                                                const std::string& last) {
  const auto low = ask(source_,
                       "select greatest($2::bigint, furrow.move_slice($1::int, $3::bigint, "
                       "$4::int))",
                       {stream, first, last, std::to_string(slice_rows_)});
  if (!low)
    return low.error();
  const auto between = [&](const char* column) {
    return "t.stream = " + stream + " and t." + column + " between " + *low + " and " + last;
  };
  std::uint64_t rows = 0;
  for (const std::string table :
       {"sensor_reading", "yield_sample", "token_usage", "fault", "item_record", "quarantine"}) {
    auto came = copy_.straight(table, between("seq"));
    if (!came)
      return came;
    rows += *came;
  }
  auto blocks = copy_.straight("can_block", between("seq_first"));
  if (!blocks)
    return blocks;
  auto chunks = copy_.straight("can_chunk", between("seq_first"));
  if (!chunks)
    return chunks;
  if (*chunks > 0) {
    const auto names = copy_.columns("can_segment");
    if (!names)
      return names.error();
    auto came =
      copy_.rows("select " + listed(*names, "s.")
                   + " from (select array_agg(t.seq_first) as chunks, min(t.time_first) as low, "
                     "max(t.time_last) as high from furrow.can_chunk t where "
                   + between("seq_first") + ") c cross join lateral furrow.segments_of(" + stream
                   + ", c.chunks, c.low, c.high, null) s",
                 "furrow.can_segment", listed(*names));
    if (!came)
      return came;
  }
  const auto gone = ask(source_,
                        "select range_agg(int8range(greatest(x.first, $2::bigint), least(x.last, "
                        "$3::bigint) + 1))::text from furrow.expired x where x.stream = $1::int "
                        "and x.first <= $3::bigint and x.last >= $2::bigint",
                        {stream, *low, last});
  if (!gone)
    return gone.error();
  if (!gone->empty()) {
    const auto noted =
      run(target_, "select furrow.note_expired($1::int, $2::int8multirange)", {stream, *gone});
    if (!noted)
      return noted.error();
  }
  const auto noted = run(target_, "select furrow.note_arrived($1::int, $2::bigint, $3::bigint)",
                         {stream, *low, last});
  if (!noted)
    return noted.error();
  return rows + *blocks + *chunks * chunk_weight + 1;
}

} // namespace furrow::storage
