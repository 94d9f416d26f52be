/// The routes of history in columns: telemetry thinned by time, a signal as wide as a chart, tracks; sums of used tokens.
///
/// Errors, threads: as tools/furrowd/api/resources.hpp.
#pragma once

#include "tools/furrowd/api/resources.hpp"

namespace furrow::http {

void add_telemetry_series_route(router& to, api_context& of);
void add_signal_series_route(router& to, api_context& of);
void add_token_sums_route(router& to, api_context& of);
void add_track_route(router& to, api_context& of); // GeoJSON

} // namespace furrow::http
