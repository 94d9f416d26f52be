#include "storage/maintenance.hpp"
#include "storage/move/database_move.hpp"
#include "tools/furrow/commands.hpp"
#include "tools/furrow/database/direct.hpp"
#include "tools/furrow/output.hpp"
#include "tools/furrow/progress.hpp"

#include <unistd.h>

#include <memory>
#include <optional>

#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

constexpr std::string_view sqlite_scheme = "sqlite:";

struct copy_options {
  std::string from;
  std::string to;
  bool migrate = false;
};

/// One line of progress for the copy and one for the check.
class two_progresses {
public:
  void at(const storage::copy_progress& now) {
    if (!shown_ || checking_ != now.checking) {
      end();
      checking_ = now.checking;
      shown_.emplace(now.total, ::isatty(STDERR_FILENO) != 0, checking_ ? "check: " : "");
    }
    done_ = now.done;
    shown_->at(done_);
  }
  void end() {
    if (shown_ && shown_->seconds() >= 1)
      shown_->at(done_, true);
  }

private:
  std::optional<progress> shown_;
  bool checking_ = false;
  std::uint64_t done_ = 0;
};

result<done> check_direction(const copy_options& options) {
  if (!options.from.starts_with(sqlite_scheme))
    return failure{errc::usage,
                   "--from: must be sqlite:PATH; between two PostgreSQL databases use `furrow db "
                   "backup` and `furrow db restore`"};
  if (options.to.starts_with(sqlite_scheme))
    return failure{errc::usage, "--to: must be PostgreSQL; `furrow db backup` makes another "
                                "SQLite file"};
  return done{};
}

json to_json(const copy_options& options, const storage::copy_outcome& moved, double seconds) {
  json tables = json::object();
  for (const auto& [name, rows] : moved.tables)
    tables[name] = rows;
  return {{"from", options.from},
          {"to", storage::redacted(options.to)},
          {"copied", !moved.known},
          {"same", true},
          {"frames", moved.frames},
          {"rows", moved.rows},
          {"machines", moved.machines},
          {"streams", moved.streams},
          {"quarantined", moved.quarantined},
          {"left_behind", moved.left_behind},
          {"partitions", moved.partitions},
          {"seconds", seconds},
          {"tables", std::move(tables)}};
}

failure move_failure(const storage::failure& why) {
  const auto code = why.code == storage::errc::retry_later ? errc::cannot_connect : errc::failed;
  return {code, why.code == storage::errc::in_doubt
                  ? why.detail + "; run it again: it then says whether everything was moved"
                  : why.detail};
}

result<int> copy(const globals& globals, const copy_options& options) {
  const auto direction = check_direction(options);
  if (!direction)
    return direction.error();
  storage::store_options to;
  to.url = options.to;
  to.application_name = "furrow/cli";
  if (options.migrate) {
    const auto sound = storage::check_copy_source(options.from.substr(sqlite_scheme.size()), to);
    if (!sound)
      return move_failure(sound.error());
    const auto migrated = migrate_directly(options.to, {});
    if (!migrated)
      return migrated.error();
  }
  const auto begun = std::chrono::steady_clock::now();
  two_progresses shown;
  const auto moved =
    storage::copy_database(options.from.substr(sqlite_scheme.size()), to,
                           [&](const storage::copy_progress& now) { shown.at(now); });
  shown.end();
  if (!moved)
    return move_failure(moved.error());
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  const auto answer = to_json(options, *moved, took.count());
  const table table{{"COPIED", "MACHINES", "STREAMS", "FRAMES", "ROWS", "QUARANTINED", "SAME"},
                    {{value_cell(answer.at("copied")),
                      number_cell(answer.at("machines")),
                      number_cell(answer.at("streams")),
                      number_cell(answer.at("frames")),
                      number_cell(answer.at("rows")),
                      number_cell(answer.at("quarantined")),
                      {"yes", colour::good}}}};
  const auto printed = print(answer, table, globals.format());
  if (!printed)
    return printed.error();
  return 0;
}

} // namespace

void add_database_copy(CLI::App& database, const globals& globals, int& exit_code) {
  auto* command =
    database.add_subcommand("copy", "move a SQLite database into an empty PostgreSQL database");
  auto options = std::make_shared<copy_options>();
  command
    ->add_option("--from", options->from,
                 "sqlite:PATH; only read; run the command as the file's owner")
    ->required();
  command
    ->add_option("--to", options->to, "postgresql://..., an empty database with the current schema")
    ->required();
  command->add_flag("--migrate", options->migrate, "migrate the schema of --to first");
  command->footer(
    "Stop the node first. Afterwards, start it with --database TO and put the file aside: gateways "
    "continue where they were. Everything is moved in one transaction. Before the commit, both "
    "sides are compared: rows, frames by their hashes, ledgers. A killed command leaves nothing "
    "behind. If you run it again after it has finished, it compares both sides and reports the "
    "result.\n"
    "Exit code 1 if the two differ: nothing is committed then.\n"
    "Examples:\n"
    "  furrow db copy --from sqlite:furrow.db --to postgresql://furrow@localhost/furrow --migrate\n"
    "  furrow db copy --from sqlite:/var/lib/furrow/furrow.db --to postgresql:///fleet -o json");
  command->callback(
    [&globals, &exit_code, options] { exit_code = code_of(copy(globals, *options)); });
}

} // namespace furrow::cli
