/// The other nodes of the cluster as this node knows them: the list that membership or a setting gives.
///
/// Shape: membership, or a setting, calls `set`; the listener is told of the new list.
/// Threads: safe from any. A listener is called on the thread of `set`, and must not call the directory.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace furrow::actors {

struct peer_info {
  std::string name;
  std::string incarnation; // of its process; empty: not known, any will do
  std::string link;        // HOST:PORT; empty: it has none
  bool alive = false;      // or draining; false: dead or left

  bool operator==(const peer_info&) const = default;
};

class peer_directory {
public:
  using list = std::vector<peer_info>;
  using listener = std::function<void(const list&)>;

  void set(list peers) {
    const std::lock_guard lock{mutex_};
    peers_ = std::move(peers);
    if (listener_)
      listener_(peers_);
  }
  /// Called at once with the list as it is, then at each change; empty: nobody any more.
  void listen(listener told) {
    const std::lock_guard lock{mutex_};
    listener_ = std::move(told);
    if (listener_)
      listener_(peers_);
  }
  [[nodiscard]] list all() const {
    const std::lock_guard lock{mutex_};
    return peers_;
  }
  /// A node that is alive.
  [[nodiscard]] std::optional<peer_info> find(std::string_view name) const {
    const std::lock_guard lock{mutex_};
    for (const auto& one : peers_)
      if (one.alive && one.name == name)
        return one;
    return std::nullopt;
  }

private:
  mutable std::mutex mutex_;
  list peers_;
  listener listener_;
};

} // namespace furrow::actors
