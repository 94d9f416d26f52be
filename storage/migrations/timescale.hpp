/// The script timescale.sql, built into the program: what the schema is beside its numbered steps while telemetry and
/// rollups are hypertables of TimescaleDB.
#pragma once

namespace furrow::storage {

extern const char* const timescale_sql;

} // namespace furrow::storage
