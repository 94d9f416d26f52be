#include "storage/homes/farm_move.hpp"

#include "storage/failpoint.hpp"

#include <array>

namespace furrow::storage {

namespace {

constexpr std::array<move_step, 8> all_steps{
  move_step::expect, move_step::leave,   move_step::admit,   move_step::point,
  move_step::follow, move_step::compare, move_step::release, move_step::done};

} // namespace

const char* to_string(move_step step) {
  switch (step) {
  case move_step::expect:
    return "expect";
  case move_step::leave:
    return "leave";
  case move_step::admit:
    return "admit";
  case move_step::point:
    return "point";
  case move_step::follow:
    return "follow";
  case move_step::compare:
    return "compare";
  case move_step::release:
    return "release";
  case move_step::done:
    return "done";
  }
  return "";
}

std::optional<move_step> move_step_of(std::string_view text) {
  for (const auto step : all_steps)
    if (to_string(step) == text)
      return step;
  return std::nullopt;
}

result<bool> run_farm_move(farm_move& move, move_places& places, const move_watcher& watcher) {
  const auto stopped = failure{errc::retry_later, "failpoint"};
  while (move.step != move_step::done) {
    if (watcher && !watcher(move))
      return false;
    if (failpoint::hit(failpoint::farm_step))
      return stopped;
    const auto finished = places.work(move);
    if (!finished)
      return finished.error();
    if (!*finished)
      continue;
    if (failpoint::hit(failpoint::farm_worked))
      return stopped;
    auto next = move;
    next.step = all_steps.at(static_cast<std::size_t>(move.step) + 1);
    const auto noted = places.note(next);
    if (!noted)
      return noted.error();
    move.step = next.step;
  }
  return true;
}

} // namespace furrow::storage
