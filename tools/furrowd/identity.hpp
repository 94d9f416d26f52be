/// Who this process is, as the database, gateways and other nodes know it; and which nodes it knows.
///
/// Threads: plain functions.
#pragma once

#include "actors/cluster/cluster_board.hpp"
#include "actors/cluster/peer_directory.hpp"
#include "can/frame/stream.hpp"
#include "tools/furrowd/config/settings.hpp"

#include <string>

namespace furrow::daemon {

/// Names this process among all that serve the database: each start is another incarnation. Its lease, its streams and
/// its links carry it (furrow.node.incarnation, furrow.stream_watermark.owner).
[[nodiscard]] can::stream_id new_incarnation();

/// The name of this process's sessions in the database, with the first eight digits of the incarnation. As the server
/// shows it: ASCII, at most 63 bytes with the lane's name.
[[nodiscard]] std::string application_name(const std::string& node,
                                           const can::stream_id& incarnation);

/// Where gateways or people reach this node. An address that listens everywhere says nothing of that; and a certificate
/// is for names.
[[nodiscard]] std::string reachable(const std::string& bound, bool certified);

/// The nodes that --link-peer names.
[[nodiscard]] actors::peer_directory::list named_peers(const settings& settings);

/// The other nodes, as their leases name them.
[[nodiscard]] actors::peer_directory::list leased_peers(const actors::cluster_view& view);

} // namespace furrow::daemon
