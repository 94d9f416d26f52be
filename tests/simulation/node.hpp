/// A simulated node: the real stream_intake, claim_queue, append_queue and append_plan, with what actors and sessions do
/// around them.
///
/// Shape: as actors/ingest/equipment.cpp and tools/furrowd/gateway/session.cpp, without actors and without sockets. Its
///   memory is gone when the process dies; a new start is a new incarnation.
/// Threads: one.
#pragma once

#include "actors/cluster/placement.hpp"
#include "actors/ingest/stream_intake.hpp"
#include "actors/live/timeline_watch.hpp"
#include "tests/simulation/database/membership.hpp"
#include "tests/simulation/desk.hpp"
#include "tests/simulation/lane.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace furrow::simulation {

struct node_options {
  std::size_t lanes = 1;
  std::size_t budget_bytes = 1U << 20U;
  milliseconds flush{150};
};

class node {
public:
  node(stage& on, database& db, std::string name, std::vector<std::string> all, node_options how);

  process at;

  void start();
  void kill(bool unplug);
  void freeze_in_copy(bool yes);
  void kill_lane();
  void kill_desk();
  /// Sends its gateways away, waits until nothing is held, and ends.
  void drain();
  [[nodiscard]] incarnation self() const { return self_; }
  /// What it is doing, for a trace.
  [[nodiscard]] std::string described() const;

  /// A gateway has connected; `to_gateway` takes the bytes for it. Returns the session's number.
  using bytes_to = std::function<void(const std::string&)>;
  std::uint64_t accept(const socket_ptr& line, bytes_to to_gateway);
  void heard(std::uint64_t session, const std::string& bytes);

private:
  struct gateway_line {
    socket_ptr line;
    bytes_to to_gateway;
    std::string machine; // once it has greeted
    std::vector<std::string> unreachable;
    time_point greeted_at{};
    std::uint32_t slot = 0;
    time_point sent_at{};
    time_point heard_at{};
  };
  struct stream {
    can::stream_id id{};
    actors::stream_intake intake{8'192};
    bool flush_scheduled = false;
  };
  struct machine {
    can::machine_monitor monitor;
    std::map<std::uint32_t, stream> streams;
    std::uint32_t last_slot = 0;
  };
  struct memory {
    std::shared_ptr<actors::memory_budget> budget;
    std::map<std::uint64_t, gateway_line> sessions;
    std::map<std::string, machine> machines;
    std::vector<std::unique_ptr<lane>> lanes;
    std::unique_ptr<desk> claims;
    std::unique_ptr<node_lease> lease;
    actors::cluster_view view;
    actors::timeline_watch timeline;
    bool draining = false;
  };
  using event = std::function<void(actors::stream_intake&, actors::stream_intake::actions&)>;

  void greet(std::uint64_t session, proto::hello hello);
  void take_batch(std::uint64_t session, proto::batch batch, std::size_t bytes);
  void deliver(std::uint64_t session, proto::batch batch, actors::memory_lease lease);
  void end_session(std::uint64_t session);
  void send(std::uint64_t session, const proto::message& what);
  void tell(const actors::session_notice& notice);
  void send_pace(std::uint64_t session);
  void on_stream(const origin& of, const event& what);
  void perform(const origin& of, actors::stream_intake::actions actions);
  void send_claim(const origin& of, actors::claim_wish wish);
  void settle(const lane::ticket& of, append_result what);
  void
  check_yields(const origin& of, append_result what, const actors::stream_intake::actions& decided);
  void take_claim(const origin& of, std::uint64_t ticket, const desk::claim_result& what);
  void all_streams(const std::function<bool(const std::string&)>& which, const event& what);
  [[nodiscard]] std::size_t lane_of(const std::string& machine) const;
  [[nodiscard]] bool holds_nothing() const;
  void keep_alive();
  void end_when_empty(int checks);
  void end_at_once();
  void declared_dead();
  void hear_cluster(const reply& what);
  void send_to_places();

  stage& on_;
  database& db_;
  std::vector<std::string> all_;
  node_options how_;
  incarnation self_ = 0;
  std::uint64_t last_session_ = 0;
  dice paces_{0}; // how often gateways shall send
  std::unique_ptr<memory> memory_;
};

} // namespace furrow::simulation
