/// Which nodes share the database: a lease for each, renewed once a second and judged by the clock of the database; and
/// which node serves a machine.
///
/// Shape: a node asks through one connection of its own, one question at a time. SQLite has one node and no such area.
///   What people want is noted in the audit log, under `by`, in the transaction that stores it.
/// Errors: as storage/store.hpp. A question fails within about a second while the database does not answer.
/// Threads: as storage/store.hpp.
/// Limits: nodes_listed_max nodes in an answer; homes_at_once machines in one call of `settle`.
/// Source: docs/cluster.md.
#pragma once

#include "storage/errc.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace furrow::storage {

struct author; // storage/identity/audit.hpp

inline constexpr std::size_t nodes_listed_max = 1'000;
inline constexpr std::size_t homes_at_once = 1'000;
inline constexpr std::size_t homes_listed_max = 100'000;
inline constexpr std::size_t pins_listed_max = 10'000;

using uuid_bytes = std::array<std::uint8_t, 16>;

/// A name and the process that has it; each start of a node is another incarnation.
struct node_identity {
  std::string name;
  uuid_bytes incarnation{};
  friend bool operator==(const node_identity&, const node_identity&) = default;
};

/// What a node says of itself with each beat.
struct node_card {
  std::string gateway; // addresses for gateways, with commas in between; empty: none is known
  std::string http;
  std::string link;
  std::string build;
  std::uint32_t wire_min = 0;
  std::uint32_t wire_max = 0;
  friend bool operator==(const node_card&, const node_card&) = default;
};

struct node_load {
  std::uint64_t sessions = 0;
  std::uint64_t frames_s = 0;
  std::uint64_t lag_ms = 0; // age of the oldest item that is received and not yet durable
};

enum class node_status : std::uint8_t { alive = 0, draining = 1, left = 2, dead = 3 };
[[nodiscard]] const char* to_string(node_status status);

struct node_row {
  node_identity who;
  node_card card;
  node_load load;
  node_status status = node_status::alive;
  bool drain = false;         // people want it to take no sessions
  std::int64_t lease_ms = 0;  // what is left of the lease; negative: past
  std::uint32_t weight = 100; // its share of the machines, in relation to the others
  std::int64_t since_us = 0;  // of the status
  std::string judged_by;      // who declared it dead
};

struct beat_request {
  node_identity who;
  bool joins = false; // takes the name, also from another process that has it
  bool ends = false;  // the process drains and is to end
  node_card card;
  node_load load;
};

struct beat_outcome {
  std::uint64_t view = 0;      // counts the changes of status
  std::uint64_t timeline = 0;  // of the database: a failover raises it
  bool known = false;          // there is a row of this name
  bool mine = false;           // and it is of this incarnation, with a lease
  std::vector<node_row> nodes; // the asking one first, then those with a lease
};

struct judgement {
  std::string refused; // why nobody was judged; empty: those whose lease is past were
  std::vector<node_identity> dead;
};

/// What people want of a node.
struct node_wish {
  enum class kind : std::uint8_t { drain = 0, undrain = 1, weigh = 2 } what = kind::drain;
  std::uint32_t weight = 100; // of weigh
};

/// The machines that a node has begun to serve.
using machine_names = std::vector<std::pair<std::string, std::string>>; // farm and name

struct machine_home {
  std::string farm;
  std::string name;
  std::string node; // empty: only pinned
  uuid_bytes incarnation{};
  std::int64_t since_us = 0;
  std::string pinned_to; // empty: nowhere
};

class membership_store {
public:
  virtual ~membership_store() = default;

  virtual void beat(beat_request request, handler<beat_outcome> done) = 0;
  virtual void judge(node_identity judge, handler<judgement> done) = 0;
  /// Ends what a dead process has left open in the database: a frozen one would hold its locks for hours. `judge` does so in
  /// the main one. Returns how many connections were ended.
  virtual void end_sessions(uuid_bytes incarnation, handler<std::uint64_t> done);
  virtual void leave(node_identity who, handler<furrow::done> done) = 0;
  /// The status that follows; not_found without such a node.
  virtual void steer(std::string node, node_wish wish, author by, handler<node_status> done) = 0;
  /// Returns those whose home the node is now. A machine that the database does not know is not among them, and neither
  /// is one whose database does not answer while another does.
  virtual void settle(node_identity who, machine_names machines, handler<machine_names> done) = 0;
  /// Returns those that have no home at that node any more, as `settle`.
  virtual void unsettle(node_identity who, machine_names machines, handler<machine_names> done) = 0;
  /// Empty farm: every farm.
  virtual void homes(std::string farm, handler<std::vector<machine_home>> done) = 0;
  /// All of them, or a failure: who has the list replaces its own by it.
  virtual void pins(handler<std::vector<machine_home>> done) = 0;
  /// Whether there is a row of a node.
  virtual void has_node(std::string node, handler<bool> done);
  /// Empty node: takes the pin away. not_found without such a machine, or such a node. Where no node has a row, as in a
  /// database that only keeps farms, any name will do: ask `has_node` of the main database first.
  virtual void pin(std::string farm,
                   std::string machine,
                   std::string node,
                   author by,
                   handler<furrow::done> done) = 0;
};

} // namespace furrow::storage
