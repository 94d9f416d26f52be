/// The command line settings of what is outside this node: other nodes of the cluster, head office, servers of map tiles.
///
/// Errors: one line that names the flag.
/// Threads: at start, and at a reload on one thread.
#pragma once

#include "tools/furrowd/config/settings.hpp"

#include <optional>
#include <string>

#include <CLI/App.hpp>

namespace furrow::daemon {

/// Each adds its options to `app`. `out` must outlive the parsing.
void add_link_flags(CLI::App& app, settings& out);
void add_forward_flags(CLI::App& app, settings& out);
void add_map_flags(CLI::App& app, settings& out);

/// `--forward none` names no node: retention is to stop waiting for head office.
void take_end_of_forwarding(settings& out);
/// An error line when these settings contradict each other, or a value can be seen to be invalid.
[[nodiscard]] std::optional<std::string> invalid_remote(const settings& given);

} // namespace furrow::daemon
