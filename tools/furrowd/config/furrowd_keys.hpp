/// The keys of furrowd's configuration file, and which of them a reload applies.
///
/// Threads: constant data.
#pragma once

#include "tools/config/keys.hpp"

namespace furrow::daemon {

[[nodiscard]] const config::program& furrowd_program();

} // namespace furrow::daemon
