/// The forwarder: carries out what forward_work decides, with one database of this site and the lines to head office.
///
/// Limits: those of forward_work; the forwarders of several databases share its lines_max, and each has lines_min. It never
///   waits: the store and the lines answer by message.
#pragma once

#include "actors/forward/forward_board.hpp"
#include "actors/forward/messages.hpp"
#include "actors/live/census.hpp"
#include "actors/live/metered_actor.hpp"
#include "storage/store.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <string>

namespace furrow::actors {

struct forwarder_parts {
  static constexpr std::size_t lines_min = 4;
  std::size_t home = 0; // the index of the database in storage/homes/home_stores.hpp
  storage::store* store = nullptr;
  std::shared_ptr<forward_port> port;
  std::shared_ptr<forward_board> board;
  std::shared_ptr<census> people;
  std::string node; // of several of a site, one forwards
};

struct forwarder_state {
  static constexpr const char* name = "forwarder";
  forwarder_parts parts;
  forward_work work;
  std::map<std::int32_t, std::unique_ptr<forward_line>> lines; // by stream
  bool retention_waits = false; // the store has noted where this site forwards to
  bool asking = false;
};

forwarder_actor::behavior_type forwarder(metered_pointer<forwarder_actor, forwarder_state> self,
                                         forwarder_parts parts);

} // namespace furrow::actors
