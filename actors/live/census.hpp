/// All living actors: the tree that `furrow actors` shows, the handles that `kill` needs, the state
/// of each machine, and the node's counters. The actors write a few times a batch. Any thread may
/// read, so that an answer comes even when an actor hangs.
///
/// Threads: safe from any.
/// Limits: one row an actor; the row ends with its actor.
#pragma once

#include "actors/live/actor_directory.hpp"
#include "actors/live/actor_meter.hpp"
#include "actors/live/board.hpp"
#include "actors/live/counters.hpp"
#include "actors/live/dbc_board.hpp"
#include "actors/live/home_standing.hpp"
#include "actors/live/readers.hpp"
#include "storage/errc.hpp"

#include <caf/actor.hpp>
#include <caf/exit_reason.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace furrow::actors {

/// The reason with which an operator ends an actor that is to start again: no supervisor counts it.
inline constexpr caf::exit_reason operator_restart = caf::exit_reason::user_shutdown;

class census final : public actor_directory {
public:
  using clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds failing_kept{60};

  node_counters counters;
  live_board board;
  dbc_board dbc;
  readers read_lately;
  std::atomic<std::uint32_t> homes_open = 1;

  /// A database of the node, by its index in storage/homes/home_stores.hpp; the result lives as long as the census.
  home_standing& home(std::size_t index);
  /// Before anybody works with it.
  void name_home(std::size_t index, const std::string& name);
  /// Begins a log line about a database: "database east: "; nothing for main.
  std::string prefix_of(std::size_t index);
  /// What work with a database, or a check of it, has found. The log says when that changes.
  void store_succeeded(store_work what, store_standing::time_point now, std::size_t index = 0);
  void store_failed(store_work what,
                    const storage::failure& why,
                    store_standing::time_point now,
                    std::size_t index = 0);
  [[nodiscard]] std::string store_fault() { return home(0).work.fault(); }
  /// The databases other than main.
  [[nodiscard]] std::vector<database_standing> databases(clock::time_point now) const;
  /// A question over all farms was answered without those of one database.
  static void home_missing(const std::string& database, const storage::failure& why);
  /// The server of a database other than main has this timeline. Whether its streams are to be checked now: it was failed
  /// over, and may hold less than it did.
  [[nodiscard]] bool
  timeline_seen(std::size_t index, std::uint64_t timeline, clock::time_point now);
  /// Changes what a database has left; the counters say the sum, and of times the worst.
  void note_left(std::size_t index, const std::function<void(home_backlog&)>& change);

  /// A child of a supervisor died more often than it should; `what` says so in one line. It counts as failing until it has
  /// not been reported for `failing_kept`. `unready`: it concerns all farms.
  void keeps_failing(const std::string& name,
                     std::string what,
                     clock::time_point now,
                     bool unready = true);
  [[nodiscard]] std::vector<std::string> failing(clock::time_point now, bool unready = true) const;
  /// A child of the root is restarted for the last time: the node is to drain. The listener is called each time, on the
  /// supervisor's thread.
  void last_restart(const std::string& why);
  void on_last_restart(std::function<void(const std::string&)> told);

  /// Adds an actor to the tree; `parent` 0 is the root.
  std::uint64_t enter(std::uint64_t parent, const std::string& name, const caf::actor& handle);
  void set_handle(std::uint64_t id, const caf::actor& handle);
  void restarted(std::uint64_t id, const caf::actor& handle, const std::string& why);
  void set_state(std::uint64_t id, const std::string& state, const std::string& detail);
  void leave(std::uint64_t id);
  void clear();
  [[nodiscard]] std::vector<actor_row> rows() const override;
  /// Nothing when no actor has that number.
  [[nodiscard]] std::optional<actor_row> row(std::uint64_t id) const;
  bool kill(std::uint64_t id) override;
  bool restart(std::uint64_t id) override;

private:
  struct entry {
    actor_row row;
    caf::actor handle;
    std::shared_ptr<const actor_meter> meter;

    void take(const caf::actor& given);
    [[nodiscard]] actor_row reading(actor_meter::clock::time_point now) const;
  };
  bool send_exit(std::uint64_t id, caf::exit_reason why) const;

  struct failing_child {
    std::string what;
    clock::time_point seen;
    bool unready = true;
  };
  mutable std::mutex mutex_;
  std::map<std::size_t, home_standing> homes_;
  std::uint64_t last_id_ = 0;
  std::map<std::uint64_t, entry> entries_;
  std::map<std::string, failing_child> failing_; // by name: a few, the children of supervisors
  std::function<void(const std::string&)> told_last_;
};

} // namespace furrow::actors
