/// A database as nodes see it: one server, or a primary and a standby of which a keeper (Patroni and etcd in the real
/// world) makes one the leader.
///
/// Shape: a leader that does not work for `ttl` is replaced, with a new timeline, if the standby has what it must have.
///   With synchronous replication a standby that is away stops all commits. A server that was replaced learns of it
///   within two seconds of waking; until then it takes commits, and they are lost.
/// Threads: one.
#pragma once

#include "tests/simulation/database/server.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace furrow::simulation {

struct database_options {
  bool standby = false;
  bool synchronous = false;
  bool refuses_poison = false;
  milliseconds ttl{3'000};
};

class database {
public:
  database(stage& on, const std::string& name, const database_options& how);

  void start();
  [[nodiscard]] server& leader() { return *leader_; }
  [[nodiscard]] const server& leader() const { return *leader_; }
  /// The other server; the same one where there is no standby.
  [[nodiscard]] server& other();
  [[nodiscard]] const std::vector<std::unique_ptr<server>>& servers() const { return servers_; }
  [[nodiscard]] const database_options& options() const { return how_; }
  void restart(server& one);
  /// Called after each change of the leader.
  void on_promoted(task what) { promoted_ = std::move(what); }
  /// Whether the standby would become the leader if the leader died now.
  [[nodiscard]] bool could_promote();
  [[nodiscard]] std::uint64_t failovers() const { return failovers_; }

private:
  void watch();
  void promote();
  void demote_old();

  scheduler& time_;
  dice& chance_;
  database_options how_;
  std::vector<std::unique_ptr<server>> servers_;
  server* leader_ = nullptr;
  std::optional<time_point> ill_since_;
  bool demoting_ = false;
  std::uint64_t failovers_ = 0;
  task promoted_;
};

/// One connection of a node to its database, as the real node uses libpq: finds the primary, asks one question at a
/// time, and gives up a server that does not answer.
class database_client {
public:
  using request = std::function<void(server&, server::session_id, const answer&)>;

  database_client(network& net, process& owner, database& db, incarnation node)
    : net_{net}, owner_{owner}, db_{db}, node_{node} {}

  /// `to` is called once; `sent` when the question is on its way.
  void ask(request what, clock::duration limit, answer to, task sent = {});
  /// Something more for the question that is being asked.
  void also(std::function<void(server&, server::session_id)> what);
  void drop();

private:
  void connect(std::size_t which);
  void greeted(std::size_t which, server::session_id session, bool leads);
  void send();
  void answered(const reply& what);

  network& net_;
  process& owner_;
  database& db_;
  incarnation node_;
  socket_ptr line_;
  server* server_ = nullptr; // greeted
  bool connecting_ = false;
  server::session_id session_ = 0;
  std::uint64_t attempts_ = 0;
  std::uint64_t questions_ = 0;
  request what_;
  answer to_;
  task sent_;
};

} // namespace furrow::simulation
