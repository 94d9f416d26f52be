/// Alarms: conditions of the node and its database that a person should act on, and when they begin and end.
///
/// Units: as storage::alarm says.
/// Threads: pure functions; a watch belongs to one thread.
/// Source: docs/operations/monitoring.md, Alarms.
#pragma once

#include "actors/live/counters.hpp"
#include "storage/activity.hpp"
#include "tools/furrowd/http/front_watch.hpp"

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace furrow::http {

/// `activity`: nullptr where the database has no pool.
[[nodiscard]] std::vector<storage::alarm> alarms_of(const actors::node_stats& stats,
                                                    const storage::store_activity* activity,
                                                    const front_figures& front = {});

/// Why /ready answers 503, as far as the actors know; empty: the node stores items.
[[nodiscard]] std::vector<std::string> unready_reasons(const actors::node_stats& stats);

struct alarm_change {
  storage::alarm alarm; // as last seen
  bool raised = false;  // false: it is over
};

/// Reports each alarm once when it is raised, and once when it is over. It is over when it was not seen for `quiet`, so
/// that an alarm that comes and goes does not fill the log.
class alarm_watch {
public:
  using time_point = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds quiet{60};

  [[nodiscard]] std::vector<alarm_change> look(time_point now,
                                               const std::vector<storage::alarm>& alarms);

private:
  struct raised_alarm {
    storage::alarm alarm;
    time_point seen;
  };
  std::map<std::string, raised_alarm> raised_; // by name
};

} // namespace furrow::http
