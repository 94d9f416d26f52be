/// The network of a simulated world: connections as TCP gives them, and links that are slow, lossy or cut.
///
/// Shape: a message is a task that runs at the receiver. Messages of a connection arrive in order. A link has two
///   directions, each with faults of its own. What is sent over a cut link waits, as TCP sends it again; after
///   `give_up` the sender's end is reset. A killed process's kernel closes its connections; a host without power says
///   nothing. The kernel of a frozen process still accepts connections and takes data.
/// Threads: one.
#pragma once

#include "tests/simulation/stage/scheduler.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace furrow::simulation {

class network;

/// One end of a connection. Calls on an end that is closed do nothing.
class socket : public std::enable_shared_from_this<socket> {
public:
  struct events {
    task opened;
    task closed; // by the other end, or lost; never after an own close()
  };
  socket(network& net, process& owner);

  void send(std::size_t bytes, task at_peer);
  void close();
  [[nodiscard]] bool open() const { return open_; }
  /// Bytes that have not arrived.
  [[nodiscard]] std::size_t queued() const { return queued_; }
  /// Set by the holder of the end.
  events on;

private:
  friend class network;
  struct packet {
    time_point due;
    std::size_t bytes;
    bool end;
    task what;
  };
  void push(std::size_t bytes, bool end, task what);
  void lost();
  [[nodiscard]] bool of_this_life() const { return life_ == owner_->life(); }

  network& net_;
  process* owner_;
  std::uint64_t life_;
  std::shared_ptr<socket> peer_;
  bool open_ = false;
  bool wanted_ = true;
  bool moving_ = false;
  std::deque<packet> packets_;
  std::size_t queued_ = 0;
  std::optional<time_point> stalled_;
  std::function<void(const std::shared_ptr<socket>&)> accepted_; // until it is
};

using socket_ptr = std::shared_ptr<socket>;

class network {
public:
  static constexpr milliseconds give_up{12'000};

  network(scheduler& time, dice& chance) : time_{time}, chance_{chance} {}
  network(const network&) = delete;
  network& operator=(const network&) = delete;
  ~network();

  /// `accepted` runs at `to` with its end; it sets `on` there.
  socket_ptr connect(process& from,
                     process& to,
                     std::function<void(const socket_ptr&)> accepted,
                     socket::events on);
  /// Ends all connections of a process that has just been killed.
  void killed(const process& who);

  /// Each call of `cut`, `slow`, `drop` needs its own call with -1.
  void cut(const process& from, const process& to, int count) { changed(from, to).cuts += count; }
  void slow(const process& from, const process& to, int count) { changed(from, to).slows += count; }
  void drop(const process& from, const process& to, int count) { changed(from, to).drops += count; }
  [[nodiscard]] bool is_cut(const process& from, const process& to) {
    return link(from, to).cuts > 0;
  }
  /// Whether both directions have worked as they should since then.
  [[nodiscard]] bool sound_since(time_point when, const process& a, const process& b);
  void heal();

private:
  friend class socket;
  struct direction {
    int cuts = 0;
    int slows = 0;
    int drops = 0;
    time_point changed{};
  };
  direction& changed(const process& from, const process& to) {
    auto& one = link(from, to);
    one.changed = time_.now();
    return one;
  }
  direction& link(const process& from, const process& to) {
    return links_[{from.name(), to.name()}];
  }
  clock::duration latency(const process& from, const process& to);
  void attempt(const socket_ptr& from, int tries);
  void move(const socket_ptr& from);
  void arrive(const socket_ptr& from);
  void deliver(const socket_ptr& from, socket::packet what);
  bool stalls(const socket_ptr& from);

  scheduler& time_;
  dice& chance_;
  std::map<std::pair<std::string, std::string>, direction> links_; // by the names of the two
  std::vector<socket_ptr> sockets_;
};

} // namespace furrow::simulation
