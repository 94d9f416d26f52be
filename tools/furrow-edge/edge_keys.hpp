/// The keys of furrow-edge's configuration file, and which of them a reload applies.
///
/// Threads: constant data.
#pragma once

#include "tools/config/keys.hpp"

namespace furrow::edge {

[[nodiscard]] const config::program& edge_program();

} // namespace furrow::edge
