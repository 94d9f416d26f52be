// What keeps items of a farm out of its source, and its rows there as long as somebody may ask for them.
#include "storage/postgres/homes/move_steps.hpp"

#include <thread>

namespace furrow::storage {

result<done> move_steps::leave(const farm_move& move) {
  return run(source_, "select furrow.leave_farm($1, $2, $3::bigint)",
             {move.farm, move.target, std::to_string(move.version)});
}

/// A standby that had not got the step `leave` may be the source's server now. The farm leaves it as it left the old one.
result<done> move_steps::close_source(const farm_move& move) {
  if (closed_for_ == move.step)
    return done{};
  const auto left = ask(source_,
                        "select f.home_state in ('leaving', 'gone') and f.home_version >= "
                        "$2::bigint from furrow.farm f where f.name = $1",
                        {move.farm, std::to_string(move.version)});
  if (!left)
    return left.error();
  if (*left != "t") {
    auto again = leave(move);
    if (!again)
      return again;
  }
  if (move.step > move_step::admit) {
    auto admitted = check_admitted(move);
    if (!admitted)
      return admitted;
  }
  if (move.step > move_step::point) {
    const auto gone = point(move);
    if (!gone)
      return gone.error();
  }
  closed_for_ = move.step;
  return done{};
}

result<move_steps::stream_marks> move_steps::marks_there(const farm_move& move) {
  const auto there = farm_there(move);
  if (!there)
    return there.error();
  const auto row = source_.ask(
    "select coalesce(array_agg(w.stream order by w.stream), '{}')::text, coalesce(array_agg(w.seq "
    "order by w.stream), '{}')::text, coalesce(array_agg(coalesce(d.seq, 0) order by w.stream), "
    "'{}')::text from furrow.stream_watermark w left join furrow.digest d on d.stream = w.stream "
    "where w.stream in (select furrow.streams_of($1::int))",
    {*there});
  if (!row)
    return failed(source_, row.error());
  return stream_marks{cell(*row, 0, 0), cell(*row, 0, 1), cell(*row, 0, 2)};
}

/// What the source may have done while it did not know that the farm has left it. None of it can be put right here: the
/// move stops, and the source keeps its rows.
result<done> move_steps::check_admitted(const farm_move& move) {
  const auto marks = marks_there(move);
  if (!marks)
    return marks.error();
  auto same = check_items(move, *marks);
  if (same)
    same = check_digested(move, *marks);
  return same;
}

failure
move_steps::lost_leave(const farm_move& move, const std::string& stream, const std::string& what) {
  return {errc::misconfigured,
          "stream " + stream + " of farm " + move.farm + ": " + move.source
            + " has lost that the farm left it, in a failover, and " + what
            + "; it takes no more, and nothing was deleted "
              "(docs/operations/move-a-farm.md#a-failover-while-a-farm-moves)"};
}

/// Items that the source took after the target was opened are of no move. Those that the target still expects from it
/// must be there. A machine that the source still has at the last step may have been removed at the target.
result<done> move_steps::check_items(const farm_move& move, const stream_marks& marks) {
  const std::string unknown =
    move.step == move_step::release ? "" : "(w.seq is null and s.seq > 0) or ";
  const auto ahead =
    target_.ask("select s.stream, s.seq, coalesce(w.seq, 0) from unnest($1::int[], $2::bigint[]) "
                "s(stream, seq) left join furrow.stream_watermark w on w.stream = s.stream where "
                  + unknown + "w.seq < s.seq order by 1 limit 1",
                {marks.streams, marks.seqs});
  if (!ahead)
    return failed(target_, ahead.error());
  if (PQntuples(ahead->get()) > 0)
    return lost_leave(move, cell(*ahead, 0, 0),
                      "has stored items up to " + cell(*ahead, 0, 1) + ", and " + move.target
                        + " knows them up to " + cell(*ahead, 0, 2));
  const auto missing = target_.ask(
    "select x.stream, max(x.last), coalesce(s.seq, 0) from furrow.farm f cross join lateral "
    "furrow.streams_of(f.id) o(stream) join furrow.elsewhere x on x.stream = o.stream left join "
    "unnest($1::int[], $2::bigint[]) s(stream, seq) on s.stream = x.stream where f.name = $3 group "
    "by x.stream, s.seq having max(x.last) > coalesce(s.seq, 0) order by 1 limit 1",
    {marks.streams, marks.seqs, move.farm});
  if (!missing)
    return failed(target_, missing.error());
  if (PQntuples(missing->get()) > 0)
    return lost_leave(move, cell(*missing, 0, 0),
                      "has items up to " + cell(*missing, 0, 2) + " only, and " + move.target
                        + " expects those up to " + cell(*missing, 0, 1) + " from it");
  return done{};
}

/// The digest of the target goes on from the places that were carried. Rows that the source has derived from later items
/// would be counted twice there, and rows of earlier items that it has lost would be missing.
result<done> move_steps::check_digested(const farm_move& move, const stream_marks& marks) {
  // An arrival that an older program began has no places.
  const auto other = target_.ask(
    "with arriving as (select a.rows_copied as kept from furrow.arrival a join furrow.farm f on "
    "f.id = a.farm_id where f.name = $3 and a.version = $4::bigint and cardinality(a.rows_copied) "
    ">= $5::int), carried as (select a.kept[n]::int as stream, a.kept[n + 1] as seq from arriving "
    "a cross join lateral generate_series($5::int + 1, array_upper(a.kept, 1), 2) n) select "
    "coalesce(c.stream, s.stream), coalesce(c.seq, 0), coalesce(s.seq, 0) from carried c full join "
    "unnest($1::int[], $2::bigint[]) s(stream, seq) on s.stream = c.stream where exists (select "
    "from arriving) and coalesce(c.seq, 0) <> coalesce(s.seq, 0) order by 1 limit 1",
    {marks.streams, marks.digested, move.farm, std::to_string(move.version),
     std::to_string(carried_after)});
  if (!other)
    return failed(target_, other.error());
  if (PQntuples(other->get()) > 0)
    return lost_leave(move, cell(*other, 0, 0),
                      "has derived rows from items up to " + cell(*other, 0, 2) + ", and "
                        + move.target + " goes on after " + cell(*other, 0, 1));
  return done{};
}

/// By the clock of main. Each node that reaches main has read the directory twice by then (tools/furrowd/store_watch.cpp).
result<bool> move_steps::may_release(const farm_move& move) {
  constexpr std::chrono::milliseconds pause{100};
  const auto over =
    ask(main_,
        "select clock_timestamp() >= m.stepped_at + $3::int * interval '1 "
        "millisecond' from furrow.farm_move m where m.farm = $1 and m.version = "
        "$2::bigint",
        {move.farm, std::to_string(move.version), std::to_string(release_after_.count())});
  if (!over)
    return over.error();
  if (*over == "t")
    return true;
  const auto said = say(move, "waiting until all nodes know the new home");
  if (!said)
    return said.error();
  std::this_thread::sleep_for(pause);
  return false;
}

} // namespace furrow::storage
