/// The commands of `furrow` that ask a node or its database. Each command registers itself and sets the exit code when
/// it runs. Each command has its own file; to add a command, declare it here and call it in main.cpp.
///
/// Errors: one line on standard error that says what to do next; exit codes as in exit_code.hpp.
#pragma once

#include "tools/furrow/client.hpp"
#include "tools/furrow/globals.hpp"

#include <cstdint>
#include <optional>
#include <string>

#include <CLI/App.hpp>

namespace furrow::cli {

void add_ledger(CLI::App& app, const globals& globals, int& exit_code);
void add_frames(CLI::App& app, const globals& globals, int& exit_code);
void add_telemetry(CLI::App& app, const globals& globals, int& exit_code);
void add_signals(CLI::App& app, const globals& globals, int& exit_code);
void add_records(CLI::App& app, const globals& globals, int& exit_code);
void add_token_usage(CLI::App& app, const globals& globals, int& exit_code);
void add_faults(CLI::App& app, const globals& globals, int& exit_code);
void add_quarantine(CLI::App& app, const globals& globals, int& exit_code);
void add_equipment(CLI::App& app, const globals& globals, int& exit_code);
void add_equipment_set(CLI::App& app,
                       const globals& globals,
                       int& exit_code); // after add_equipment
void add_farm(CLI::App& app, const globals& globals, int& exit_code);
void add_field(CLI::App& app, const globals& globals, int& exit_code);
void add_site(CLI::App& app, const globals& globals, int& exit_code);
void add_nodes(CLI::App& app, const globals& globals, int& exit_code);
void add_equipment_move(CLI::App& app,
                        const globals& globals,
                        int& exit_code); // after add_equipment
void add_config(CLI::App& app, const globals& globals, int& exit_code);
void add_log(CLI::App& app, const globals& globals, int& exit_code);
void add_actors(CLI::App& app, const globals& globals, int& exit_code);
void add_gateways(CLI::App& app, const globals& globals, int& exit_code);
void add_database(CLI::App& app, const globals& globals, int& exit_code);
void add_front(CLI::App& app, const globals& globals, int& exit_code);
void add_farms(CLI::App& app, const globals& globals, int& exit_code);     // after add_farm
void add_farm_move(CLI::App& app, const globals& globals, int& exit_code); // after add_farm
void add_doctor(CLI::App& app, const globals& globals, int& exit_code);
void add_import(CLI::App& app, const globals& globals, int& exit_code);
void add_bench(CLI::App& app, const globals& globals, int& exit_code);
/// Under `dbc`.
void add_dbc_load(CLI::App& dbc, const globals& globals, int& exit_code);
void add_dbc_files(CLI::App& dbc, const globals& globals, int& exit_code);
void add_dbc_apply(CLI::App& dbc, const globals& globals, int& exit_code);
/// Under `db`.
void add_database_care(CLI::App& database, const globals& globals, int& exit_code);
void add_database_copy(CLI::App& database, const globals& globals, int& exit_code);
void add_farm_databases(CLI::App& database, const globals& globals, int& exit_code);
void add_seal(CLI::App& database, const globals& globals, int& exit_code);
void add_report(CLI::App& app, const globals& globals, int& exit_code);
/// Under `db`: stats and partitions.
void add_sizes(CLI::App& database, const globals& globals, int& exit_code);
void add_archive(CLI::App& app, const globals& globals, int& exit_code);
void add_export(CLI::App& app, const globals& globals, int& exit_code);
/// Under `archive`.
void add_archive_import(CLI::App& archive, const globals& globals, int& exit_code);
void add_removals(CLI::App& app, const globals& globals, int& exit_code); // after add_equipment
/// Under `db`.
void add_audit(CLI::App& database, const globals& globals, int& exit_code);
void add_retention(CLI::App& app, const globals& globals, int& exit_code);
void add_watch(CLI::App& app, const globals& globals, int& exit_code);
void add_top(CLI::App& app, const globals& globals, int& exit_code);
void add_health(CLI::App& app, const globals& globals, int& exit_code);
void add_check(CLI::App& app, const globals& globals, int& exit_code);
/// Prints the line of `furrow check` for what says nothing of the node; returns its exit code.
[[nodiscard]] int report_unknown(const std::string& why);
void add_audit_log(CLI::App& app, const globals& globals, int& exit_code);
void add_context(CLI::App& app, const globals& globals, int& exit_code);
void add_login(CLI::App& app, const globals& globals, int& exit_code);
void add_token(CLI::App& app, const globals& globals, int& exit_code);
void add_users(CLI::App& app, const globals& globals, int& exit_code);
void add_version(CLI::App& app, const globals& globals, int& exit_code);
void add_completion(CLI::App& app, int& exit_code);

/// `db migrate` on the database itself, with options that a node does not offer.
struct migrate_options {
  std::optional<std::uint32_t> to;
  bool rehearse = false;
  std::string backup;     // file for a backup before the migration; empty: no backup
  bool timescale = false; // then make hypertables
};
[[nodiscard]] result<json> migrate_directly(const std::string& url, const migrate_options& options);

/// Returns the exit code of a command; prints the error if there is one.
[[nodiscard]] inline int code_of(const result<int>& outcome) {
  return outcome ? *outcome : report(outcome.error());
}

} // namespace furrow::cli
