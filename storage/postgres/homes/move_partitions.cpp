// Partitions of the target for the times of the source: without them, rows of the past would come into the default partition.
#include "storage/postgres/homes/move_steps.hpp"

#include <array>
#include <thread>

namespace furrow::storage {

namespace {

/// As furrow.wanted_partitions has it, of one table.
constexpr int moved_partitions_max = 1'500;
constexpr int make_tries = 20;
constexpr std::chrono::milliseconds make_pause{100};

struct parted_table {
  std::string name;
  std::string time;
  std::string of_farm; // a condition on t
};

std::array<parted_table, 2> parted_tables(const std::string& farm) {
  return {{{"can_segment", "time_first",
            "t.stream = any (array(select furrow.streams_of(" + farm + ")))"},
           {"telemetry", "time",
            "t.equipment_id = any (array(select e.id from furrow.equipment e where e.farm_id = "
              + farm + "))"}}};
}

std::string moment(const std::string& text) {
  return "timestamptz '" + text + "'";
}

/// A bound that is no day: of the default partition, or of one FROM (MINVALUE).
bool is_open(const std::string& bound) {
  return bound.empty() || bound == "-infinity" || bound == "infinity";
}

/// The days of a partition with rows of the farm. The times are constants, so that no other partition is looked at.
std::string days_in(const parted_table& table, const std::string& from, const std::string& to) {
  const auto time = "t." + table.time;
  return "select array_agg(d.d)::text from generate_series(" + moment(from) + ", " + moment(to)
         + " - interval '24 hours', interval '24 hours') d(d) where d.d <= now() and exists "
           "(select "
           "from furrow."
         + table.name + " t where " + time + " >= " + moment(from) + " and " + time + " < "
         + moment(to) + " and " + time + " >= d.d and " + time + " < d.d + interval '24 hours' and "
         + table.of_farm + ")";
}

/// The same of a partition with an open bound.
std::string days_outside(const parted_table& table, const std::string& partition) {
  const std::string first = moment("2000-01-03 00:00:00+00");
  const auto time = "t." + table.time;
  return "select array_agg(distinct date_bin('24 hours', " + time + ", " + first
         + "))::text from furrow." + partition + " t where " + time + " >= " + first + " and "
         + time + " <= now() and " + table.of_farm;
}

} // namespace

result<done> move_steps::make_partitions(const farm_move& move) {
  const auto there = farm_there(move);
  if (!there)
    return there.error();
  for (const auto& table : parted_tables(*there)) {
    const auto parts = source_.ask("select p.name, p.time_from, p.time_to from "
                                   "furrow.time_partition p where p.of_table = $1 order by "
                                   "p.time_from desc nulls last",
                                   {table.name});
    if (!parts)
      return failed(source_, parts.error());
    for (int row = 0; row < PQntuples(parts->get()); ++row) {
      const auto from = cell(*parts, row, 1);
      const auto to = cell(*parts, row, 2);
      const auto days =
        ask(source_, is_open(from) || is_open(to)
                       ? days_outside(table, source_.identifier(cell(*parts, row, 0)))
                       : days_in(table, from, to));
      if (!days)
        return days.error();
      if (days->empty())
        continue;
      auto said = say(move, "making partitions");
      if (!said)
        return said;
      const auto made = make_partitions_of(table.name, *days);
      if (!made)
        return made.error();
      if (!*made)
        return done{};
    }
  }
  return done{};
}

/// Those that the target wants for these days and does not have. False: not now.
result<bool> move_steps::make_partitions_of(const std::string& table, const std::string& days) {
  const auto wanted = target_.ask(
    "select distinct w.time_from, w.time_to from unnest($2::timestamptz[]) d(d) cross join lateral "
    "furrow.wanted_partitions(d.d, $1) w where w.time_from <= d.d and w.time_to > d.d order by 1 "
    "desc limit greatest(0, $3::int - (select count(*) from furrow.time_partition p where "
    "p.of_table = $1))",
    {table, days, std::to_string(moved_partitions_max)});
  if (!wanted)
    return failed(target_, wanted.error());
  for (int row = 0; row < PQntuples(wanted->get()); ++row) {
    auto made = make_partition("(" + moment(cell(*wanted, row, 0)) + ", "
                               + moment(cell(*wanted, row, 1)) + ", '" + table + "')");
    if (!made || !*made)
      return made;
  }
  return true;
}

/// As storage/postgres/partitions.cpp does. False: care makes it.
result<bool> move_steps::make_partition(const std::string& of) {
  for (int tries = 0; tries < make_tries; ++tries) {
    auto begun = run(target_, "begin; set local lock_timeout = '100ms'");
    if (!begun)
      return begun.error();
    const auto mine = ask(target_, "select furrow.care_lock()");
    if (!mine)
      return mine.error();
    if (*mine == "t") {
      const auto opened = target_.ask("select furrow.open_partition" + of);
      if (opened)
        return attach_partition(of);
      if (target_.state() != "42P07")
        return leave_to_care(opened.error());
      const auto back = run(target_, "rollback");
      if (!back)
        return back.error();
      return true; // another process has made it
    }
    const auto back = run(target_, "rollback");
    if (!back)
      return back.error();
    std::this_thread::sleep_for(make_pause);
  }
  return leave_to_care({errc::misconfigured, "another process makes or removes partitions"});
}

/// In one message to the end of the transaction: nobody waits for this process.
result<bool> move_steps::attach_partition(const std::string& of) {
  for (int tries = 0; tries < make_tries; ++tries) {
    const auto attached =
      target_.ask("savepoint care; select furrow.attach_partition" + of + "; commit");
    if (attached)
      return true;
    if (target_.state() != "55P03")
      return leave_to_care(attached.error());
    const auto back = run(target_, "rollback to savepoint care");
    if (!back)
      return back.error();
    std::this_thread::sleep_for(make_pause);
  }
  return leave_to_care({errc::misconfigured, "the table is in use"});
}

/// A move never ends for a partition: its rows come into the default partition, and care makes it later. Care raises its
/// alarm if it cannot either. Until then the progress of the move says why.
result<bool> move_steps::leave_to_care(const failure& why) {
  if (why.code == errc::retry_later) // by the session: the connection is lost
    return why;
  const auto back = run(target_, "rollback");
  if (!back)
    return back.error();
  left_to_care_ = why.detail;
  said_ = {};
  return false;
}

} // namespace furrow::storage
