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
    "select array_agg(w.stream order by w.stream)::text, array_agg(w.seq order by w.stream)::text "
    "from furrow.stream_watermark w where w.stream in (select furrow.streams_of($1::int))",
    {*there});
  if (!row)
    return failed(source_, row.error());
  return stream_marks{cell(*row, 0, 0), cell(*row, 0, 1)};
}

/// Items that the source took after the target was opened are of no move. A machine that the source still has at the last
/// step may have been removed at the target.
result<done> move_steps::check_admitted(const farm_move& move) {
  const auto marks = marks_there(move);
  if (!marks)
    return marks.error();
  if (marks->streams.empty())
    return done{};
  const std::string unknown = move.step == move_step::release ? "" : "w.seq is null or ";
  const auto ahead = ask(target_,
                         "select s.stream from unnest($1::int[], $2::bigint[]) s(stream, seq) left "
                         "join furrow.stream_watermark w on w.stream = s.stream where "
                           + unknown + "w.seq < s.seq order by 1 limit 1",
                         {marks->streams, marks->seqs});
  if (!ahead)
    return ahead.error();
  if (!ahead->empty())
    return failure{errc::misconfigured,
                   "stream " + *ahead + " of farm " + move.farm + ": " + move.source
                     + " has lost that the farm left it, in a failover, and stored items that "
                     + move.target
                     + " does not know; it takes no more, and nothing was deleted "
                       "(docs/databases.md)"};
  return done{};
}

/// By the clock of main. A node that asks later than that asks main first where the farm is (home_router.hpp).
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
