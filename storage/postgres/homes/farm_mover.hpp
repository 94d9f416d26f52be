/// Moves a farm from one PostgreSQL database of a cluster to another.
///
/// Shape: three sessions, of main, source and target. A lock in main lets one process move a farm at a time; the step to
///   do next is in furrow.farm_move there.
/// Errors: as storage/homes/farm_move.hpp; the detail names the database. After retry_later call it again: it goes on.
/// Threads: each function blocks its caller, one thread per call.
/// Source: docs/decisions/0042-a-farm-moves-forward.md.
#pragma once

#include "storage/homes/farm_move.hpp"
#include "storage/store.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace furrow::storage {

class pq_session;

struct farm_move_wish {
  store_options main; // the directory there has the URLs of the others
  std::string farm;
  std::string target; // a name in the directory
  std::string by;     // for the audit log
  /// Rows of one slice, about; a chunk of sealed frames counts as 256.
  std::uint32_t slice_rows = 8'192;
  /// The source keeps its rows so long after the comparison. A node reads the directory every 10 s, so each one that
  /// reaches main has read it twice by then.
  std::chrono::milliseconds release_after{25'000};
};

/// Begins a move, or goes on with it, until the farm has moved (true) or the watcher stops it (false).
[[nodiscard]] result<bool> move_farm(const farm_move_wish& wish, const move_watcher& watcher);

/// The moves under way.
[[nodiscard]] result<std::vector<farm_move>> list_farm_moves(const store_options& main);

/// Goes on with every move under way that no other process works on; answers how many it ended. `goes_on` false stops
/// between two slices.
[[nodiscard]] result<std::size_t> resume_farm_moves(const store_options& main,
                                                    const std::function<bool()>& goes_on);

/// The same for a node, which asks once a second on a thread of its own. Where there are several databases it keeps its
/// session, and one small query says that there is nothing to do. Else it looks once a minute, and no connection stays.
/// A main that does not answer is no failure here: the node says so elsewhere.
class farm_move_watch {
public:
  explicit farm_move_watch(store_options main);
  ~farm_move_watch();
  farm_move_watch(const farm_move_watch&) = delete;
  farm_move_watch& operator=(const farm_move_watch&) = delete;

  [[nodiscard]] result<std::size_t> resume(const std::function<bool()>& goes_on);

private:
  [[nodiscard]] bool finds_moves();

  store_options main_;
  std::unique_ptr<pq_session> db_;
  std::chrono::steady_clock::time_point next_{};
};

} // namespace furrow::storage
