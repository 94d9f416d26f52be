/// `furrowd migrate`: what a node does with the schema at its start, without the node.
///
/// Shape: an upgrade runs it with the new program while the old node serves, and replaces the node only if it succeeds.
///   With --no-migrate it only checks the schema.
///   It migrates main and every other database of the directory.
/// Errors: a line on standard error for each database, exit code 1. Another database that does not answer is no error, unless
///   with --no-migrate: a node migrates it when it answers.
#pragma once

#include "tools/furrowd/config/settings.hpp"

namespace furrow::daemon {

[[nodiscard]] int migrate_schema(const settings& settings);

} // namespace furrow::daemon
