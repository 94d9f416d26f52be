/// What a node needs to speak to others; without a port it is alone.
#pragma once

#include <functional>
#include <memory>
#include <string>

namespace furrow::can {
struct machine_report; // can/live/machine_monitor.hpp
} // namespace furrow::can

namespace furrow::actors {

class link_port;      // actors/cluster/link_port.hpp
class peer_directory; // actors/cluster/peer_directory.hpp

struct link_parts {
  std::shared_ptr<peer_directory> directory;
  std::shared_ptr<link_port> port;
  /// A machine's report as HTTP shows it.
  std::function<std::string(const can::machine_report&)> report_text;
};

} // namespace furrow::actors
