/// Asking the other nodes from a handler: any node answers for all.
///
/// Errors: who does not answer within actors::peer_limit is named; a node that is alone asks nobody.
/// Threads: as resources.hpp.
#pragma once

#include "actors/cluster/peer_nodes.hpp"
#include "actors/live/live_place.hpp"
#include "tools/furrowd/api/resources.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace furrow::can {
struct machine_report; // can/live/machine_monitor.hpp
} // namespace furrow::can

namespace furrow::http {

/// What the other node may show and do for this caller.
[[nodiscard]] proto::link::scope scope_of(const daemon::credential& who);

[[nodiscard]] boost::asio::awaitable<actors::peers_said> ask_peers(api_context& of,
                                                                   proto::link::wish wish);
/// The answer of one other node, or why there is none.
[[nodiscard]] boost::asio::awaitable<std::variant<proto::link::reply, problem>>
ask_peer(api_context& of, std::string node, proto::link::wish wish);

[[nodiscard]] problem no_such_node(std::string_view node);

/// A live machine and the node that it is at.
struct placed_machine {
  actors::live_snapshot machine;
  std::string node;
};
struct placed_machines {
  std::vector<placed_machine>
    machines;                          // each machine at one node only: where its newest session is
  std::vector<std::string> incomplete; // nodes that did not answer
};
/// The caller's live machines at all nodes. `only`: one of them, by its name; the caller must cover it, and the other
/// nodes are asked for it alone.
[[nodiscard]] boost::asio::awaitable<placed_machines>
live_machines_of(api_context& of, daemon::credential who, std::optional<std::string> only);

/// A machine's report as this API shows it.
[[nodiscard]] std::string report_text(const can::machine_report& report);

} // namespace furrow::http
