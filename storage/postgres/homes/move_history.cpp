// What follows a farm by machine and key; the comparison; the end at the source.
#include "storage/postgres/homes/move_steps.hpp"
#include "storage/postgres/homes/moved_tables.hpp"

#include <algorithm>
#include <utility>

namespace furrow::storage {

namespace {

std::string literal(const std::string& text) {
  std::string out = "'";
  for (const char letter : text)
    out.append(letter == '\'' ? 2 : 1, letter);
  return out + "'";
}

std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> out;
  while (!list.empty()) {
    const auto end = std::min(list.find(", "), list.size());
    out.emplace_back(list.substr(0, end));
    list.remove_prefix(std::min(end + 2, list.size()));
  }
  return out;
}

std::string with_machine(std::string_view condition, const std::string& machine) {
  std::string out{condition};
  out.replace(out.find("$1"), 2, machine);
  return out;
}

/// " and (t.signal, t.minute) > (...)": the rows after a place.
std::string after(const moved_part& part, const std::string& place) {
  if (place == "{}")
    return "";
  const auto types = split(part.key_types);
  const auto columns = split(part.key);
  std::string key;
  std::string values;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    key.append(i == 0 ? "t." : ", t.").append(columns[i]);
    values += (i == 0 ? "(" : ", (") + literal(place) + "::text[])[" + std::to_string(i + 1) + "]"
              + types.at(i);
  }
  return " and (" + key + ") > (" + values + ")";
}

/// The key of the last row of a machine that has come, as an array.
std::string last_key(const moved_part& part, const std::string& machine) {
  std::string texts;
  std::string order;
  for (const auto& column : split(part.key)) {
    texts.append(texts.empty() ? "t." : ", t.").append(column).append("::text");
    order.append(order.empty() ? "t." : ", t.").append(column).append(" desc");
  }
  return "select array[" + texts + "]::text from pg_temp.moved_" + std::string{part.table}
         + " t where t.equipment_id = " + machine + " order by " + order + " limit 1";
}

constexpr int machines_a_slice = 512;

} // namespace

/// Machines in order of their ids, each by the key of the table.
result<done> move_steps::follow_part(const arrival& at, std::size_t index) {
  const auto& part = moved_parts()[index];
  const std::string table{part.table};
  const bool rollup = part.table == "rollup"; // signals have numbers of their own in each database
  const auto machines = source_.ask("select e.id from furrow.equipment e where e.farm_id = $1::int "
                                    "and e.id >= $2::int order by e.id limit $3::int",
                                    {farm_there_, at.machine, std::to_string(machines_a_slice)});
  if (!machines)
    return failed(source_, machines.error());
  const auto columns = copy_.columns(table);
  if (!columns)
    return columns.error();
  const auto made = copy_.aside(table, "false");
  if (!made)
    return made.error();
  if (rollup) {
    auto named = run(target_, "alter table pg_temp.moved_rollup add column name text");
    if (!named)
      return named;
  }
  std::uint64_t rows = 0;
  std::string machine = at.machine;
  std::string place = "{}";
  int done_with = 0;
  for (int row = 0; row < PQntuples(machines->get()) && rows < slice_rows_; ++row) {
    machine = cell(*machines, row, 0);
    const auto room = slice_rows_ - rows;
    const auto came = copy_.rows(
      "select " + listed(*columns, "t.")
        + (rollup ? ", (select n.name from furrow.signal_name n where n.id = t.signal)" : "")
        + " from furrow." + table + " t where " + with_machine(part.of_machine, machine)
        + after(part, machine == at.machine ? at.place : "{}")
        + (part.key.empty()
             ? std::string{}
             : " order by " + std::string{part.key} + " limit " + std::to_string(room)),
      "pg_temp.moved_" + table, listed(*columns) + (rollup ? ", name" : ""));
    if (!came)
      return came.error();
    rows += *came;
    if (!part.key.empty() && *came == room) {
      const auto last = ask(target_, last_key(part, machine));
      if (!last)
        return last.error();
      place = *last;
    } else {
      ++done_with;
    }
  }
  if (rows > 0) {
    auto merged = merge_part(index);
    if (!merged)
      return merged;
  }
  const bool ended = done_with == PQntuples(machines->get()) && done_with < machines_a_slice;
  if (ended)
    machine = "0";
  else if (place == "{}" && done_with > 0)
    machine = std::to_string(std::stol(machine) + 1);
  return run(target_,
             "update furrow.arrival a set part = a.part + $2::int, equipment_id = $3::int, place = "
             "$4::text[], rows_copied[$5::int] = coalesce(a.rows_copied[$5::int], 0) + $6::bigint "
             "where a.farm_id = $1::int",
             {at.farm_id, ended ? "1" : "0", machine, place, std::to_string(index + 1),
              std::to_string(rows)});
}

result<done> move_steps::merge_part(std::size_t index) {
  const auto& part = moved_parts()[index];
  const std::string table{part.table};
  const auto columns = copy_.columns(table);
  if (!columns)
    return columns.error();
  std::string sets;
  for (const auto& column : *columns)
    sets.append(sets.empty() ? "\"" : ", \"")
      .append(column)
      .append("\" = excluded.\"")
      .append(column)
      .append("\"");
  std::string rest{part.rest};
  if (const auto at = rest.find("{sets}"); at != std::string::npos)
    rest.replace(at, 6, sets);
  if (part.table != "rollup")
    return run(target_, "insert into furrow." + table + " as t (" + listed(*columns) + ") select "
                          + listed(*columns, "m.") + " from pg_temp.moved_" + table + " m " + rest);
  auto values = listed(*columns, "m.");
  const std::string of_source = "m.\"signal\"";
  values.replace(values.find(of_source), of_source.size(), "n.id");
  auto named = run(target_, "insert into furrow.signal_name (name) select distinct m.name "
                            "from pg_temp.moved_rollup m order by 1 on conflict do nothing");
  if (!named)
    return named;
  return run(target_, "insert into furrow.rollup as t (" + listed(*columns) + ") select " + values
                        + " from pg_temp.moved_rollup m join furrow.signal_name n on n.name = "
                          "m.name order by m.equipment_id, n.id, m.minute "
                        + rest);
}

result<bool> move_steps::compare(const farm_move& move) {
  const auto said = say(move, "comparing");
  if (!said)
    return said.error();
  const auto marks = marks_there(move);
  if (!marks)
    return marks.error();
  const std::string kept =
    "select k.stream, k.covered, k.doubled, k.items, k.expired, k.lost_at_gateway, k.elsewhere "
    "from furrow.kept($1::int[], $2::bigint[]) k order by k.stream";
  const std::vector<std::string> asked{marks->streams, marks->seqs};
  const auto left = source_.ask(kept, asked);
  const auto right = target_.ask(kept, asked);
  if (!left)
    return failed(source_, left.error());
  if (!right)
    return failed(target_, right.error());
  for (int row = 0; row < PQntuples(left->get()); ++row)
    for (int column = 0; column < PQnfields(left->get()); ++column)
      if (cell(*left, row, column) != cell(*right, row, column))
        return failure{errc::misconfigured, "stream " + cell(*left, row, 0) + " of farm "
                                              + move.farm + ": " + PQfname(left->get(), column)
                                              + " is " + cell(*left, row, column) + " in "
                                              + move.source + " and " + cell(*right, row, column)
                                              + " in " + move.target + "; nothing was deleted"};
  const auto same = compare_parts(move);
  if (!same)
    return same.error();
  return true;
}

/// Rows that were derived go on at the target, so those that came are counted.
result<done> move_steps::compare_parts(const farm_move& move) {
  for (std::size_t index = 0; index < moved_parts().size(); ++index) {
    const auto& part = moved_parts()[index];
    const auto there =
      ask(source_, "select coalesce(sum(c.count), 0) from furrow.equipment e cross join lateral "
                   "(select count(*) from furrow."
                     + std::string{part.table} + " t where " + with_machine(part.of_machine, "e.id")
                     + ") c where e.farm_id = " + farm_there_);
    if (!there)
      return there.error();
    const auto came = ask(target_,
                          "select coalesce(a.rows_copied[$2::int], 0) from furrow.arrival a join "
                          "furrow.farm f on f.id = a.farm_id where f.name = $1",
                          {move.farm, std::to_string(index + 1)});
    if (!came)
      return came.error();
    if (*there != *came)
      return failure{errc::misconfigured, std::string{part.table} + " of farm " + move.farm + ": "
                                            + *there + " rows in " + move.source + ", " + *came
                                            + " came to " + move.target + "; nothing was deleted"};
  }
  return done{};
}

result<bool> move_steps::release(const farm_move& move) {
  auto free = may_release(move);
  if (!free || !*free)
    return free;
  const std::vector<std::string> key{move.farm, std::to_string(move.version)};
  const auto here = ask(target_,
                        "with whole as (delete from furrow.arrival a using furrow.farm f where "
                        "a.farm_id = f.id and f.name = $1) select f.home_state = 'here' and "
                        "f.home_version >= $2::bigint from furrow.farm f where f.name = $1",
                        key);
  if (!here)
    return here.error();
  if (*here != "t")
    return failure{errc::misconfigured,
                   move.target + " does not have farm " + move.farm + ": nothing was deleted"};
  const auto rows =
    ask(source_, "select furrow.let_go($1, $2::int)", {move.farm, std::to_string(slice_rows_)});
  if (!rows)
    return rows.error();
  const auto said = say(move, "removing what the source holds");
  if (!said)
    return said.error();
  return *rows == "0";
}

} // namespace furrow::storage
