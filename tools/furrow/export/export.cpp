// `furrow export`: rows of a machine as a file for other programs.
#include "tools/furrow/commands.hpp"
#include "tools/furrow/database/database_option.hpp"
#include "tools/furrow/export/export_run.hpp"
#include "tools/furrow/time_option.hpp"

#include <memory>
#include <string>

#include <CLI/Validators.hpp>

namespace furrow::cli {

namespace {

constexpr const char* common_footer =
  "The end of FILE says the format. The rows are written to FILE.part, which is renamed at the "
  "end. "
  "After an interruption --resume goes on (CSV and JSON lines). Absent values are empty or null, "
  "never 0. Times are in UTC.\n";

/// Adds one kind of rows as a command of its own.
CLI::App* add_kind(CLI::App& group,
                   const globals& globals,
                   int& exit_code,
                   const std::string& kind,
                   const std::string& what,
                   const std::shared_ptr<export_request>& options,
                   const std::string& examples) {
  options->kind = kind;
  auto* command = group.add_subcommand(kind, what);
  const auto* database = add_database_option(*command)->required();
  command->add_option("--farm", options->farm,
                      "farm; needed if several farms have a machine of this name");
  command->add_option("--equipment", options->equipment, "name of the machine")->required();
  const auto* from = add_time_option(*command, "--from", options->from, first_time_help);
  const auto* to = add_time_option(*command, "--to", options->to, last_time_help);
  command
    ->add_option("-o,--output", options->file,
                 "FILE.csv, FILE.jsonl or FILE.parquet; - for standard output")
    ->required()
    ->type_name("FILE");
  command->add_option("--format", options->format, "csv, jsonl or parquet; default: by FILE")
    ->check(CLI::IsMember({"csv", "jsonl", "parquet"}));
  auto* resume =
    command->add_flag("--resume", options->resume, "go on with FILE.part of the same export");
  command->add_flag("--force", options->force, "replace FILE, and an unfinished FILE.part")
    ->excludes(resume);
  command->footer(common_footer + std::string{"Examples:\n"} + examples);
  command->callback([&globals, &exit_code, options, database, from, to] {
    const auto typed = [](const CLI::Option* option) {
      return option->count() == 0 ? std::string{} : option->results().front();
    };
    options->url = url_of(database);
    options->typed_from = typed(from);
    options->typed_to = typed(to);
    exit_code = code_of(run_export(*options, globals.timeout()));
  });
  return command;
}

void add_signal_export(CLI::App& group, const globals& globals, int& exit_code) {
  const auto options = std::make_shared<export_request>();
  auto* command = add_kind(
    group, globals, exit_code, "signals", "decoded signals, one row a value or one column a signal",
    options,
    "  furrow export signals --database URL --equipment T1 --from -1d -o t1.parquet\n"
    "  furrow export signals --database URL --equipment T1 --signals 'EEC1.*,engine_load' --wide "
    "-o t1.csv");
  command
    ->add_option("--signals", options->signals.names,
                 "Message.Signal or Signal, * and ? stand for anything, with commas between; "
                 "default: all")
    ->delimiter(',')
    ->allow_extra_args(false);
  auto* wide = command->add_flag(
    "--wide", options->signals.wide,
    "one column a signal, one row a time; default for the columns: the signals that were sent");
  command
    ->add_flag_function(
      "--long", [](std::int64_t) {},
      "one row a value: time, signal, value, unit, label, state (the default)")
    ->excludes(wide);
}

} // namespace

void add_export(CLI::App& app, const globals& globals, int& exit_code) {
  auto* group = app.add_subcommand(
    "export", "export a machine's history to a CSV, JSON lines or Parquet file of any size");
  group->require_subcommand(1);
  group->footer("It reads the database, without a node. See docs/export.md.\n"
                "Example:\n"
                "  furrow export telemetry --database URL --equipment T1 --from -7d -o t1.csv");
  add_signal_export(*group, globals, exit_code);
  const auto add = [&](const std::string& kind, const std::string& what, const std::string& file) {
    add_kind(*group, globals, exit_code, kind, what, std::make_shared<export_request>(),
             "  furrow export " + kind + " --database URL --equipment T1 --from 2026-05-01 -o "
               + file);
  };
  add("telemetry", "the kept quantities, one row a second", "t1.csv");
  add("frames", "CAN frames, in the order of their streams and numbers", "t1-frames.parquet");
  add("faults", "faults of control units, seen in the frames (DM1)", "t1-faults.csv");
  add("yield", "yield samples", "t1-yield.csv");
  add("sensor", "sensor readings", "t1-sensors.jsonl");
  add("tokens", "uses of tokens", "t1-tokens.csv");
}

} // namespace furrow::cli
