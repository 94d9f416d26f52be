/// One database server of a simulated world, as PostgreSQL behaves where it matters for exactly once.
///
/// Shape: an append comes in two parts, as COPY does. Rows take their keys when they arrive, and hold them until the
///   transaction ends; who wants such a key waits. A client that is frozen between the parts holds its keys for ever.
///   The second part locks the watermarks, compares and sets them, flushes, and waits for the standby where replication
///   is synchronous; locks are held until then. A crash keeps what is flushed, and nothing else.
/// Threads: one. Every request runs at the server's process.
/// Source: storage/migrations/0011_hardening.sql (advance, claim), storage/postgres/append.cpp.
#pragma once

#include "tests/simulation/database/tables.hpp"
#include "tests/simulation/stage/stage.hpp"

#include <memory>
#include <optional>

namespace furrow::simulation {

enum class server_role : std::uint8_t { primary, standby };

struct server_options {
  bool synchronous = false; // commits wait for the standby
  bool refuses_poison = false;
};

class server {
public:
  static constexpr milliseconds lock_timeout{1'000};

  server(stage& on, std::string name, server_options how);

  process at;

  void start(server_role role, std::uint32_t timeline);
  void crash(bool unplug);
  void become_primary(std::uint32_t timeline);
  /// Ends all sessions; the server then follows another one.
  void become_standby();
  /// Another server leads now; this one does not know it yet.
  void retire() { retired_ = true; }
  [[nodiscard]] bool leads() const { return role_ == server_role::primary && !retired_; }
  [[nodiscard]] server_role role() const { return role_; }
  [[nodiscard]] std::uint32_t timeline() const { return timeline_; }
  [[nodiscard]] time_point started_at() const { return started_at_; }

  /// What is on the disk, committed or waiting for the standby.
  [[nodiscard]] const tables& disk() const { return disk_; }
  // Of a client.
  using session_id = std::uint64_t;
  session_id open(const socket_ptr& line, incarnation node);
  void copy(session_id session, append_request what, std::size_t rows_now, answer to);
  void finish(session_id session);
  void
  claim(session_id session, const std::vector<storage::claim_request>& wishes, const answer& to);
  /// Ends the sessions of other nodes that have waited for their own client for 2 s inside a transaction.
  void reap(session_id session, const answer& to);
  /// Renews the lease of the session's node. Does not wait for the standby.
  /// `clock`: what the node's clock says; nobody looks at it.
  void
  beat(session_id session, const std::string& node, bool joins, time_point clock, const answer& to);
  /// Declares nodes dead whose lease is past, and ends their sessions. Does not wait for the standby.
  void judge(session_id session, const std::string& node, time_point clock, const answer& to);
  /// People want the machine at that node; an empty name: at any.
  void pin(const std::string& machine, const std::string& node);
  [[nodiscard]] const tables& visible() const { return visible_; }
  [[nodiscard]] incarnation node_of(session_id session) const;

  // Of the standby.
  /// Takes all that the primary has, then what it flushes.
  void follow(server& primary);
  [[nodiscard]] time_point slow_until() const { return slow_until_; }
  void set_lag(milliseconds lag) { lag_ = lag; }
  void set_flush(milliseconds longest);

private:
  struct transaction {
    append_request what;
    answer to;
    std::size_t arrived = 0; // rows
    std::size_t inserted = 0;
    bool finished = false; // the client has sent everything
    bool committing = false;
    time_point begun{};
    std::vector<std::int32_t> locks;
  };
  struct session {
    socket_ptr line;
    incarnation node = 0;
    std::optional<transaction> now;
    std::uint64_t waits = 0; // changes with each wait for a lock
    bool waiting = false;
  };
  struct waiting_commit {
    std::uint64_t lsn = 0;
    task done;
  };

  void set_free();
  void end_session(session_id id);
  void end_sessions_of(incarnation node);
  void say(session_id id, const answer& to, reply what);
  void push_on(session_id id);
  bool insert_rows(session_id id, transaction& now);
  void advance(session_id id, transaction& now);
  bool lock_steps(session_id id, transaction& now);
  void wait_for_lock(session_id id);
  void abort(session_id id, reply why);
  void release(session_id id);
  void wake();
  void commit(session_id id);
  void flush(change noted, change what, bool waits, task done);
  void confirmed(std::uint64_t lsn);
  std::optional<stream_row> standing_of(const storage::claim_request& wish);
  [[nodiscard]] time_point moment(time_point clock_of_node) const;
  [[nodiscard]] std::int64_t next_epoch(const stream_row& row) const;
  void stored(const append_request& what, incarnation node);
  void feed(server& standby, const socket_ptr& line);
  void say_status(const socket_ptr& line);
  void confirm(std::uint64_t lsn);
  void send_to_standby();
  void take(std::uint64_t lsn, const std::shared_ptr<const change>& what);

  stage& on_;
  scheduler& time_;
  network& net_;
  dice& chance_;
  oracle& truth_;
  broken_rule broken_;
  server_options how_;
  server_role role_ = server_role::standby;
  std::uint32_t timeline_ = 0;
  time_point started_at_{};
  milliseconds flush_longest_{5};
  time_point slow_until_{}; // when the disk was last slow
  milliseconds lag_{0};

  tables disk_;    // all of log_
  tables visible_; // what queries see
  std::vector<std::shared_ptr<const change>> log_;
  std::vector<waiting_commit> waiting_;
  std::uint64_t confirmed_ = 0;

  std::map<session_id, session> sessions_;
  session_id last_session_ = 0;
  std::map<std::pair<std::int32_t, std::uint64_t>, session_id> keys_; // uncommitted
  std::map<std::int32_t, session_id> locks_;                          // of watermarks
  std::set<std::pair<std::string, can::stream_id>> begun_streams_;    // made, not visible yet
  std::int32_t last_stream_ = 0;
  std::uint64_t standing_ = 0; // changes with each role
  bool retired_ = false;

  socket_ptr standby_line_; // of the primary: where the log goes
  server* standby_ = nullptr;
  std::uint64_t sent_ = 0;
  socket_ptr primary_line_; // of the standby
  server* primary_ = nullptr;
  time_point replay_due_{};
};

} // namespace furrow::simulation
