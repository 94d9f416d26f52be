/// `furrow-edge run`: moves items from the sources to the spool and to a node, until it is stopped or everything is
/// durable. SIGHUP reloads the configuration, unless the program has a terminal.
#pragma once

#include "can/records/kind.hpp"
#include "tools/config/layers.hpp"
#include "tools/furrow-edge/console.hpp"
#include "tools/furrow-edge/source/spooler.hpp"
#include "tools/furrow-edge/spool/spool.hpp"
#include "tools/furrow-edge/uplink/connection.hpp"
#include "tools/furrow-edge/uplink/uplink_protocol.hpp"
#include "tools/logs/log_clock.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace furrow::edge {

/// Exit codes of all programs of Furrow.
enum exit_code : int {
  exit_ok = 0,
  exit_failed = 1,
  exit_usage = 2,
  exit_cannot_connect = 3,
  exit_timed_out = 5
};

struct run_options {
  spool_options spool;
  uplink_config uplink;
  std::optional<tls_files> tls;
  std::string from;    // a file, `-`, `can:IF[,IF]`; empty: only the content of the spool
  std::string records; // a file or `-`; empty: none
  std::optional<can::record_kind> record_kind; // of all records; none: each names its own
  bool again = false;    // read a file from its beginning even if it was spooled before
  logs::log_times times; // of a log
  std::chrono::milliseconds delay = spooler::delay_default; // before frames are saved and sent
  double speed = 0;                                         // of a log; 0: as fast as possible
  bool until_durable = false;
  std::optional<std::chrono::milliseconds> timeout;
};

/// The options, and where their values come from.
struct fresh_options {
  run_options options;
  int verbosity = 1; // of the console
  config::in_force values;
};

/// `reread` reads the configuration once more, for SIGHUP.
[[nodiscard]] int
run(const fresh_options& first, console& out, std::function<result<fresh_options>()> reread);

} // namespace furrow::edge
