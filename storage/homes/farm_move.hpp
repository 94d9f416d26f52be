/// The move of a farm to another database: its steps, in order, each of which may be done twice. It only goes forward.
///
/// Shape: what comes next is noted in main before it is done, and any process goes on from there. `leave` fences the
///   source before `admit` opens the target, so no two databases ever take items of one stream.
/// Errors: retry_later, also for a failure in the middle of a step: run again. misconfigured and not_found: a person must
///   act, and the move stays where it is.
/// Threads: one; blocks its caller.
/// Source: docs/decisions/0042-a-farm-moves-forward.md.
#pragma once

#include "storage/errc.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace furrow::storage {

enum class move_step : std::uint8_t {
  expect = 0,  // the target answers "ask again" for the farm
  leave = 1,   // the source takes no more items of the farm
  admit = 2,   // the target knows machines and watermarks, and takes items
  point = 3,   // the directory names the target
  follow = 4,  // frames, records and what is derived from them, in slices
  compare = 5, // both sides hold the same numbers
  release = 6, // the source deletes what it has, in slices
  done = 7,
};
[[nodiscard]] const char* to_string(move_step step);
[[nodiscard]] std::optional<move_step> move_step_of(std::string_view text);

struct farm_move {
  std::string farm;
  std::string source; // names in the directory
  std::string target;
  std::int64_t version = 0; // home_version of the farm from this move on
  move_step step = move_step::expect;
  std::string by;
  std::string since{};    // as PostgreSQL writes it
  std::string progress{}; // for people
};

/// Where the steps are done: three databases, or a test.
class move_places {
public:
  move_places() = default;
  move_places(const move_places&) = delete;
  move_places& operator=(const move_places&) = delete;
  virtual ~move_places() = default;

  /// Does a step, or a slice of it; doing it again changes nothing. True: the step is done.
  [[nodiscard]] virtual result<bool> work(const farm_move& move) = 0;
  /// From now on `move.step` is next. `done` ends the move.
  [[nodiscard]] virtual result<furrow::done> note(const farm_move& move) = 0;
};

/// Called before each slice; false stops, and the move can be resumed.
using move_watcher = std::function<bool(const farm_move&)>;

/// Works until the move is done (true), or the watcher stops it (false).
[[nodiscard]] result<bool>
run_farm_move(farm_move& move, move_places& places, const move_watcher& watcher);

} // namespace furrow::storage
