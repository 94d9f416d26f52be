/// The life of a node's process: open the store, serve, say ready, drain on a signal.
///
/// Shape: one io thread runs both listeners; the actors and the store have threads of their own.
/// Errors: returns the exit code; what is wrong is said in one line on stderr first.
#pragma once

#include "tools/furrowd/config/settings.hpp"

namespace furrow::daemon {

[[nodiscard]] int run(const settings& settings);

} // namespace furrow::daemon
