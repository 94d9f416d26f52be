/// What a gateway's session and the equipment actor that owns its stream say to each other.
///
/// Shape: the session attaches with a `greeting` and gets an `equipment_link`; the actor answers through the session's
///   `session_port`.
/// Threads: ports are called on threads of the actor system and must not block; a link may be used from any thread.
#pragma once

#include "actors/session/memory_budget.hpp"
#include "proto/wire.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace furrow::actors {

/// What an equipment actor says to the gateway's session. Implemented by the listener.
class session_port {
public:
  virtual ~session_port() = default;
  /// The stream is claimed: the conversation starts (again) at resume_from.
  virtual void welcome(std::int64_t epoch, std::uint64_t resume_from) = 0;
  virtual void ack(std::uint64_t durable_seq) = 0;
  virtual void rewind(std::uint64_t from_seq) = 0;
  /// The last word; the session closes after it.
  virtual void reject(proto::reject reason) = 0;
  /// The owner has gone: close without a word, the gateway comes again.
  virtual void drop() = 0;
};

/// A gateway's greeting after its credential was checked.
struct greeting {
  std::string farm; // from the credential
  std::string peer; // address, for people
  proto::hello hello;
};

/// A batch with the memory that it was given room for; the room is free again when this is
/// destroyed.
struct received_batch {
  proto::batch batch;
  std::vector<memory_lease> leases; // the session's own and the node's
  std::chrono::steady_clock::time_point received_at;
};

/// One session's line to the equipment actor that owns its stream. Destroying it says that the
/// session has ended.
class equipment_link {
public:
  virtual ~equipment_link() = default;
  virtual void deliver(received_batch batch) = 0;
};

} // namespace furrow::actors
