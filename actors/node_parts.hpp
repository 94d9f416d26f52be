/// The parts of a node, each for one area. Who needs an area takes its part, not the node.
///
/// Shape: references and pointers to interfaces and boards; the headers named here say what each of them does.
/// Threads: every part may be used from any thread.
/// Limits: the parts live as long as the node.
#pragma once

#include "actors/live/counters.hpp"

namespace furrow::storage {
class home_stores; // storage/homes/home_stores.hpp
class store;       // storage/store.hpp
} // namespace furrow::storage

namespace furrow::actors {

class actor_directory; // actors/live/actor_directory.hpp
class cluster_board;   // actors/cluster/cluster_board.hpp
class database_checks; // actors/live/database_checks.hpp
class dbc_board;       // actors/live/dbc_board.hpp
class forward_board;   // actors/forward/forward_board.hpp
class gate;            // actors/session/gate.hpp
class live_machines;   // actors/live/live_machines.hpp
class machine_reports; // actors/live/machine_reports.hpp
class node_meter;      // actors/live/node_meter.hpp
class peer_nodes;      // actors/cluster/peer_nodes.hpp
class readers;         // actors/live/readers.hpp

/// What people see of a node over HTTP, and what they steer.
struct shown_parts {
  storage::store& store; // all databases as one
  node_meter& meter;
  live_machines& machines;
  machine_reports& reports;
  readers& read_lately;
  actor_directory& actors;
  dbc_board& dbc;                      // which of people's own DBC files the node decodes with
  cluster_board* cluster = nullptr;    // nullptr: this node is alone
  peer_nodes* peers = nullptr;         // what the other nodes say; nullptr: it asks none
  forward_board* forwarding = nullptr; // nullptr: this node does not forward to head office
};

struct node_parts : shown_parts {
  gate& gateways;
  storage::home_stores& homes; // the databases by themselves
  database_checks& checks;
  host_gauges& host;
};

} // namespace furrow::actors
