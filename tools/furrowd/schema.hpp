/// `furrowd migrate`: what a node does with the schema at its start, without the node.
///
/// Shape: an upgrade runs it with the new program while the old node serves, and replaces the node only if it succeeds.
///   With --no-migrate it only checks the schema.
/// Errors: one line on standard error, exit code 1: also when the database does not answer.
#pragma once

#include "tools/furrowd/config/settings.hpp"

namespace furrow::daemon {

[[nodiscard]] int migrate_schema(const settings& settings);

} // namespace furrow::daemon
