/// Supervision as data: a list of children, each with a start function and a restart policy.
///
/// Shape: a tree: a child without `start` is a supervisor of its own `children`. One for one:
///   children start in order and stop in reverse. A child that dies is restarted after a wait. When
///   its budget is spent, the supervisor ends with that child's reason, and the supervisor above
///   decides.
///   A child may be added while the supervisor runs (`child_order`). It is restarted as the others are.
/// Threads: an actor; `start` and `started` run in it.
/// Limits: added_max children are added; further ones are ignored.
#pragma once

#include "actors/live/census.hpp"
#include "actors/live/metered_actor.hpp"
#include "actors/supervision/restart_policy.hpp"

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/event_based_actor.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace furrow::actors {

struct child_spec {
  std::string id;
  /// Spawns the child; `census_id` is the child's number in the census. Empty: the child is a
  /// supervisor of `children`.
  std::function<caf::actor(caf::event_based_actor* supervisor, std::uint64_t census_id)> start;
  /// Tells the child's collaborators its new handle; called after every start.
  std::function<void(const caf::actor& child)> started = [](const caf::actor&) {};
  restart_policy restart;
  std::vector<child_spec> children = {};
  /// The database that this child serves, where that is not main. Its failures concern some of the farms: they raise an
  /// alarm, and the node stays ready.
  std::string database = {};
};

/// Starts one more child; ignored when there is a child with that id.
struct child_order {
  child_spec child;
};

struct supervisor_state {
  static constexpr const char* name = "supervisor";
  static constexpr std::size_t added_max = 64; // storage::databases_max
  struct child {
    child_spec spec;
    caf::actor handle;
    std::uint64_t census_id = 0;
    restart_account account;
    bool running = false;
  };
  std::vector<child> children;
  std::size_t added = 0;
  std::uint64_t census_id = 0;
  std::shared_ptr<census> people;
  ~supervisor_state();
};

/// `census_id`: this supervisor's own number in the census.
caf::behavior supervisor(metered_actor<supervisor_state>* self,
                         std::uint64_t census_id,
                         const std::vector<child_spec>& children,
                         std::shared_ptr<census> people);

} // namespace furrow::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::child_order)
