/// The conversation between a gateway's session and the equipment actor that owns its stream.
///
/// Shape: the session attaches with a `greeting` and gets an `equipment_link`. The actor answers
///   through the session's `session_port`.
/// Threads: ports are called on threads of the actor system and must not block. A link may be used
///   from any thread.
#pragma once

#include "actors/session/memory_budget.hpp"
#include "proto/wire.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace furrow::actors {

/// The messages of an equipment actor to the gateway's session. The listener implements it.
class session_port {
public:
  virtual ~session_port() = default;
  /// The stream is claimed: the gateway sends from resume_from on. May be called again.
  virtual void welcome(std::int64_t epoch, std::uint64_t resume_from) = 0;
  virtual void ack(std::uint64_t durable_seq) = 0;
  virtual void rewind(std::uint64_t from_seq) = 0;
  /// The last message; the session closes after it.
  virtual void reject(proto::reject reason) = 0;
  /// The owner has ended: close without a message. The gateway reconnects.
  virtual void drop() = 0;
  /// Another node serves the stream: close without a message.
  virtual void yield() = 0;
};

/// A gateway's greeting, sent on after the credential check.
struct greeting {
  std::string farm; // from the credential
  std::string peer; // address, for logs
  proto::hello hello;
  bool relayed = false; // a site forwards the machine, maybe with a delay of weeks
};

/// A batch with the leases of its memory; destroying it releases them.
struct received_batch {
  proto::batch batch;
  std::vector<memory_lease> leases; // the session's own and the node's
  std::chrono::steady_clock::time_point received_at;
};

/// The same for a sample: it is only shown.
struct received_sample {
  proto::sample sample;
  std::vector<memory_lease> leases;
};

/// The connection of one session to the equipment actor that owns its stream. Destroying it tells the
/// actor that the session has ended.
class equipment_link {
public:
  virtual ~equipment_link() = default;
  virtual void deliver(received_batch batch) = 0;
  virtual void show(received_sample sample) = 0;
  /// The gateway is to leave, and goes when it has its acks: what came goes to the database at once.
  virtual void hurry() = 0;
};

} // namespace furrow::actors
