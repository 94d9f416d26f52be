/// The living actors of a node, for operators: who is there, and an end for one of them.
///
/// Threads: safe from any; an answer comes also when an actor hangs.
#pragma once

#include <cstdint>
#include <vector>

namespace furrow::actors {

struct actor_row; // actors/live/live_view.hpp

class actor_directory {
public:
  actor_directory() = default;
  actor_directory(const actor_directory&) = delete;
  actor_directory& operator=(const actor_directory&) = delete;
  virtual ~actor_directory() = default;

  [[nodiscard]] virtual std::vector<actor_row> rows() const = 0;
  /// Sends the actor a kill; false when no actor has that number.
  virtual bool kill(std::uint64_t id) = 0;
  /// Ends the actor; its supervisor starts it again at once and does not count it. False as `kill`.
  virtual bool restart(std::uint64_t id) = 0;
};

} // namespace furrow::actors
