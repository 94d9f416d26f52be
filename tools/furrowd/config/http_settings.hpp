/// The flags that limit the clients of HTTP.
///
/// Threads: at start.
#pragma once

#include "tools/furrowd/front/front_limits.hpp"

namespace CLI { // NOLINT(readability-identifier-naming): CLI11's
class App;
} // namespace CLI

namespace furrow::daemon {

/// `out` lives as long as the parser.
void add_http_flags(CLI::App& app, http::front_limits& out);

} // namespace furrow::daemon
