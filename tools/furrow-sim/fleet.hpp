/// `furrow-sim run`: many gateways in one process, with the uplink of furrow-edge and their items in memory.
///
/// Threads: one.
#pragma once

#include "tools/furrow-edge/run_command.hpp"
#include "tools/furrow-edge/uplink/connection.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace furrow::sim {

struct fleet_options {
  std::vector<std::string> nodes;
  std::string token;
  std::optional<edge::tls_files> tls;
  std::uint32_t machines = 1;
  std::string prefix = "SIM-";
  std::uint64_t seed = 1;
  std::uint32_t ids = 0;              // identifiers of a machine; 0: those of a tractor
  std::uint32_t block_frames = 4'096; // at most, when sending as fast as possible
  double rate = 0;                    // frames per second and machine; 0: as fast as possible
  std::uint64_t frames = 0;           // of each machine; 0: until `seconds` are over
  double seconds = 0;                 // 0: until `frames` are made
  std::uint64_t window_frames = 128U << 10U; // frames of a machine that are not acked
  std::chrono::milliseconds flush_interval{100};
  bool follows_pace = false; // of the node; it replaces flush_interval
  bool at_work = false;      // in fields, with implements; frames come by the clock
  double since_s = 0;        // at work: the frames begin so long ago
  bool until_durable = false;
  bool when_connected = false; // no frame is made before every machine is welcomed
  std::optional<std::chrono::milliseconds> timeout;
  bool json = false;
  std::string probe; // file: number of each block of the first machine, and when it was first sent
  // Faults.
  double disconnect_every_s = 0; // for each machine, on average
  bool duplicate = false;        // one batch in ten is sent twice
  bool bad_bytes = false;        // another client sends invalid bytes
};

[[nodiscard]] int run_fleet(const fleet_options& options);

} // namespace furrow::sim
