/// The network between nodes as a peer actor sees it.
///
/// Threads: `ask` from any thread; `done` is called once, on any thread, at the latest after the port's own time-out.
#pragma once

#include "actors/cluster/peer_directory.hpp"
#include "proto/link.hpp"

#include <functional>

namespace furrow::actors {

class link_port {
public:
  using handler = std::function<void(proto::link::reply)>;

  link_port() = default;
  link_port(const link_port&) = delete;
  link_port& operator=(const link_port&) = delete;
  virtual ~link_port() = default;

  /// One page. A node that cannot be asked, or does not answer in time, makes a failed_answer.
  virtual void ask(const peer_info& whom, proto::link::wish what, handler done) = 0;
};

} // namespace furrow::actors
