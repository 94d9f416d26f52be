/// A simulated gateway: the real uplink_protocol and node_list over a spool model, with what tools/furrow-edge/uplink
/// does around them.
///
/// Threads: one.
#pragma once

#include "tests/simulation/node.hpp"
#include "tests/simulation/spool_model.hpp"
#include "tools/furrow-edge/uplink/uplink_protocol.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace furrow::simulation {

struct gateway_options {
  milliseconds pace{400};  // between two blocks of items
  std::uint32_t items = 8; // of a block, at most
};

class gateway {
public:
  gateway(stage& on,
          std::uint64_t number,
          std::vector<node*> nodes,
          gateway_options how,
          spool_model::ack_check check);

  process at;
  spool_model spool;

  void start();
  void kill(bool unplug);
  /// No more items from now on.
  void stop_producing() { producing_ = false; }
  /// Everything that was numbered counts as durable.
  [[nodiscard]] bool satisfied() const { return spool.acked_seq() == spool.last_seq(); }
  [[nodiscard]] const std::string& node_name() const;
  [[nodiscard]] std::string machine() const { return "machine" + std::to_string(number_); }
  /// What it is doing, for a trace.
  [[nodiscard]] std::string described() const;

private:
  void produce();
  void numbered(std::uint32_t count);
  void act();
  void arm();
  void fill();
  void connect(const std::string& to);
  void heard(std::uint64_t attempt, const std::string& bytes);
  void send(const std::string& bytes);
  void stopped(const edge::failure& why);

  stage& on_;
  std::uint64_t number_;
  std::vector<node*> nodes_;
  gateway_options how_;
  bool producing_ = true;
  std::optional<edge::uplink_protocol> uplink_;
  socket_ptr line_;
  node* peer_ = nullptr;
  std::shared_ptr<std::uint64_t> session_; // its number at the peer
  std::uint64_t attempts_ = 0;
  std::optional<time_point> armed_;
  std::string none_;
};

} // namespace furrow::simulation
