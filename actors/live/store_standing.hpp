/// Whether this node's work reaches the database: what /ready, the alarm `store` and the metric `furrow_store_up` say.
///
/// Shape: appends, claims and health checks fail each by itself. Only an append that succeeds clears a failed append, and
///   only a claim clears a failed claim: a server that still answers `select 1` stores nothing on a full disk. One that
///   failed and has not failed again for `forgotten_after` no longer counts: there was nothing to store, and a node that is
///   not ready may get no gateways that could show that it stores again.
/// Threads: any.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace furrow::actors {

enum class store_work : std::uint8_t { append = 0, claim = 1, check = 2 };

class store_standing {
public:
  using time_point = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds forgotten_after{30};

  /// What a piece of work has changed.
  enum class change : std::uint8_t { none, came_up, went_down };

  change succeeded(store_work what, time_point now);
  /// `why` is shown to people who need no token: see in_public.
  change failed(store_work what, const std::string& why, time_point now);

  [[nodiscard]] bool up() const;
  /// Whether something fails; false before the first answer.
  [[nodiscard]] bool failing() const;
  /// "the last append failed: ..."; empty when everything succeeds. Before the first success: that nothing is known.
  [[nodiscard]] std::string fault() const;

private:
  struct standing {
    std::string why; // empty: it succeeds
    time_point at{}; // of the last failure
  };
  change settle();
  standing& of(store_work what) { return work_[static_cast<std::size_t>(what)]; }

  mutable std::mutex mutex_;
  std::array<standing, 3> work_;
  bool known_ = false; // something has succeeded
  bool up_ = false;
};

/// The words of a failure without the server's address.
[[nodiscard]] std::string in_public(const std::string& why);

} // namespace furrow::actors
