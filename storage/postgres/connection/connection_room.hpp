/// Shares the connections of a store among its lanes and its pool when the server grants fewer than they want.
///
/// Shape: the room learns the limit when the server refuses a connection (SQLSTATE 53300). From then on who wants a
///   connection asks first. Where none is free, an idle one of somebody else is closed for it: the least important
///   first. Appends, claims and health checks may take any idle connection, and after a while a busy one when its job
///   ends; the rest takes from the rest, and from those three only what has been idle for `calm`, or for a part of it
///   after it has waited for some seconds. So with few connections, even with one, frames are stored, streams are
///   claimed, and the health is known.
/// Errors: `why` says what the server said.
/// Threads: the thread of the store's io_context.
/// Limits: one attempt beyond the limit in `probe_every` asks whether the server grants more again.
#pragma once

#include "storage/errc.hpp"
#include "storage/postgres/connection/store_monitor.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace furrow::storage {

/// By importance.
enum class connection_use : std::uint8_t { append = 0, claim = 1, health = 2, rest = 3 };

class connection_room {
public:
  using clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds poll{20}; // for who waits
  static constexpr std::chrono::milliseconds calm{500};
  static constexpr std::chrono::milliseconds patience{
    100}; // then a busy one is taken after its job
  static constexpr std::chrono::seconds probe_every{5};

  struct tenant {
    connection_use use = connection_use::rest;
    /// Since when a connection of it is idle; nothing when it has no idle one.
    std::function<std::optional<clock::time_point>()> idle_since;
    std::function<void()> close_idle;
  };
  using id = std::size_t;

  explicit connection_room(std::shared_ptr<const store_monitor> monitor)
    : monitor_{std::move(monitor)} {}

  [[nodiscard]] id enter(tenant who);
  void leave(id who);

  /// Whether `who` may try to connect now; if not, ask again after `poll`. `urgent`: a job waits for it.
  [[nodiscard]] bool may_open(id who, bool urgent, clock::time_point now);
  /// The attempt has ended: connected, refused because the server grants no more, or failed otherwise.
  void settled(id who, const std::optional<failure>& refused, clock::time_point now);
  /// `who` waits no longer.
  void gave_up(id who);
  /// Whether `who`, whose job has just ended, closes its connection for somebody who has waited.
  [[nodiscard]] bool must_yield(id who, clock::time_point now) const;

  /// What the server grants, when that is fewer than was wanted.
  [[nodiscard]] std::optional<std::size_t> limit() const { return limit_; }
  [[nodiscard]] failure why() const;

private:
  struct entry {
    tenant who;
    bool here = false;
    std::optional<clock::time_point> waits_since;
    std::size_t connecting = 0; // attempts under way
  };
  [[nodiscard]] bool may_take(const entry& taker,
                              connection_use holder,
                              clock::duration idle,
                              clock::time_point now) const;
  void make_one_free(const entry& taker, clock::time_point now);
  [[nodiscard]] std::size_t open() const { return monitor_->lanes_open(); }
  [[nodiscard]] std::size_t connecting() const;
  /// Others who wait and are more important, or as important and waiting for longer.
  [[nodiscard]] std::size_t before(const entry& who) const;

  std::vector<entry> entries_;
  std::shared_ptr<const store_monitor> monitor_; // which counts the open ones
  std::optional<std::size_t> limit_;
  clock::time_point probe_at_{};
  clock::time_point freed_at_{};
  std::string said_;
};

} // namespace furrow::storage
