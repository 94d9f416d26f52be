#include "storage/maintenance.hpp"

#include "tools/furrow/commands.hpp"
#include "tools/furrow/database/database_option.hpp"
#include "tools/furrow/database/direct.hpp"
#include "tools/furrow/output.hpp"
#include "tools/furrow/progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>

#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

struct care_options {
  std::string url;
  std::string file;
  bool replace = false;
};

storage::store_options store_of(const std::string& url) {
  storage::store_options out;
  out.url = url;
  out.application_name = "furrow/cli";
  return out;
}

/// Reads everything once, which takes a while.
auto validated(const std::string& url) {
  return with_progress(
    "validate", [] { return "checking the database"; },
    [&] { return storage::validate_database(store_of(url)); });
}

result<int> validate(const globals& globals, const care_options& options) {
  const auto findings = validated(options.url);
  if (!findings)
    return to_failure(findings.error(), options.url);
  json answer = json::array();
  table shown{{"WHAT", "SAYS", "SOUND"}, {}};
  std::size_t unsound = 0;
  for (const auto& each : *findings) {
    unsound += each.sound ? 0 : 1;
    answer.push_back({{"what", each.what}, {"says", each.says}, {"sound", each.sound}});
    shown.rows.push_back({value_cell(each.what),
                          value_cell(each.says),
                          {each.sound ? "yes" : "NO", each.sound ? colour::good : colour::bad}});
  }
  const auto printed = print(answer, shown, globals.format());
  if (!printed)
    return printed.error();
  if (unsound > 0)
    return failure{errc::failed,
                   fmt::format("{}: {} of {} checks failed (SOUND is NO)",
                               storage::redacted(options.url), unsound, findings->size())};
  return 0;
}

result<int> say(const globals& globals,
                const char* heading,
                const std::string& file,
                const storage::saved_file& saved) {
  const json answer{{"file", file}, {"bytes", saved.bytes}, {"by", saved.tool}};
  const table shown{{heading, "BYTES", "BY"},
                    {{value_cell(file), number_cell(saved.bytes), value_cell(saved.tool)}}};
  const auto printed = print(answer, shown, globals.format());
  if (!printed)
    return printed.error();
  return 0;
}

/// "12.3 MB"; how large the file is now.
std::string written_text(const std::string& file) {
  std::error_code none;
  const auto bytes = std::filesystem::file_size(file, none);
  return fmt::format("{:.1f} MB", none ? 0.0 : static_cast<double>(bytes) / 1e6);
}

result<int> backup(const globals& globals, const care_options& options) {
  const auto saved = with_progress(
    "backup", [&] { return written_text(options.file + ".partial"); },
    [&] { return storage::backup_database(store_of(options.url), options.file); });
  if (!saved)
    return to_failure(saved.error(), options.url);
  return say(globals, "BACKUP", options.file, *saved);
}

result<int> restore(const globals& globals, const care_options& options) {
  const auto restored = with_progress(
    "restore", [&] { return "from " + written_text(options.file); },
    [&] {
      return storage::restore_database(store_of(options.url), options.file, options.replace);
    });
  if (!restored)
    return to_failure(restored.error(), options.url);
  const auto findings = validated(options.url);
  if (!findings)
    return to_failure(findings.error(), options.url);
  for (const auto& each : *findings)
    if (!each.sound)
      return failure{
        errc::failed,
        fmt::format("restored, but {}: {} (`furrow db validate` shows all checks; if a "
                    "migration is missing: `furrow db migrate`)",
                    each.what, each.says)};
  return say(globals, "RESTORED FROM", options.file, *restored);
}

/// Says on standard error how far it is.
result<json> make_hypertables(const std::string& url) {
  work_progress progress{"timescale"};
  const auto made = storage::make_hypertables(store_of(url), [&](const auto& at) {
    progress.at([&] {
      return fmt::format("{}: {} rows, {:.0f} %", at.table, at.rows,
                         at.blocks == 0 ? 100.0
                                        : 100.0 * static_cast<double>(at.blocks_done)
                                            / static_cast<double>(at.blocks));
    });
  });
  progress.end();
  if (!made)
    return to_failure(made.error(), url);
  for (const auto& table : made->made)
    fmt::print(stderr, "furrow: {} is a hypertable now, with {} rows\n", table.name, table.rows);
  if (made->made.empty())
    fmt::print(stderr,
               "furrow: telemetry and rollup were hypertables already; nothing was changed\n");
  json list = json::array();
  for (const auto& table : made->made)
    list.push_back({{"table", table.name}, {"rows", table.rows}});
  return json{{"version", made->version}, {"made", list}};
}

} // namespace

result<json> migrate_directly(const std::string& url, const migrate_options& options) {
  const auto store = store_of(url);
  if (options.timescale) {
    const auto version = storage::timescale_version(store);
    if (!version)
      return to_failure(version.error(), url);
  }
  if (!options.backup.empty() && !options.rehearse) {
    const auto saved = with_progress(
      "backup", [&] { return written_text(options.backup + ".partial"); },
      [&] { return storage::backup_database(store, options.backup); });
    if (!saved)
      return failure{to_failure(saved.error(), url).code,
                     fmt::format("nothing was migrated: the backup failed: {}: {}",
                                 storage::redacted(url), saved.error().detail)};
  }
  const auto rows = with_progress(
    "migrate", [] { return "applying the steps"; },
    [&] { return storage::migrate_database(store, {options.to}, options.rehearse); });
  if (!rows)
    return to_failure(rows.error(), url);
  json list = json::array();
  for (const auto& row : *rows)
    list.push_back({{"number", row.number},
                    {"name", row.name},
                    {"checksum", row.checksum},
                    {"applied", row.applied},
                    {"fault", row.fault.empty() ? json(nullptr) : json(row.fault)}});
  if (options.rehearse)
    for (auto& row : list)
      row["would_apply"] =
        row["applied"] == false && row["number"] <= options.to.value_or(UINT32_MAX);
  json answer{{"migrations", list}};
  if (options.timescale) {
    const auto made = make_hypertables(url);
    if (!made)
      return made.error();
    answer["timescale"] = *made;
  }
  return answer;
}

void add_database_care(CLI::App& database, const globals& globals, int& exit_code) {
  auto options = std::make_shared<care_options>();
  const auto add = [&](const char* name, const char* what, const char* footer, auto run) {
    auto* command = database.add_subcommand(name, what);
    const auto* url = add_database_option(*command)->required();
    command->footer(footer);
    command->callback([&globals, &exit_code, options, run, url] {
      options->url = url_of(url);
      exit_code = code_of(run(globals, *options));
    });
    return command;
  };
  add("validate", "check migrations, tables, indexes, functions and their content",
      "The command reads everything once; nodes may keep running. Exit code 1 if a check fails.\n"
      "Example:\n"
      "  furrow db validate --database postgresql://furrow@localhost/furrow",
      validate);
  auto* save = add(
    "backup", "save the whole database in one file, and read the file back",
    "PostgreSQL: needs pg_dump of the server's version (saves the schema furrow, without owners "
    "and grants). Nodes may keep running.\n"
    "Examples:\n"
    "  furrow db backup furrow.dump --database postgresql://furrow@localhost/furrow\n"
    "  furrow db backup copy.db --database sqlite:furrow.db",
    backup);
  save->add_option("file", options->file, "file to create; it must not exist yet")->required();
  auto* bring =
    add("restore", "restore a backup, whole or not at all",
        "Stop the nodes first. Afterwards the database holds what the file holds, or what "
        "it held before.\n"
        "Examples:\n"
        "  furrow db restore furrow.dump --database postgresql://furrow@localhost/empty\n"
        "  furrow db restore copy.db --replace --database sqlite:furrow.db",
        restore);
  bring->add_option("file", options->file, "file that `furrow db backup` wrote")->required();
  bring->add_flag("--replace", options->replace,
                  "restore although the database holds machines, and drop them");
}

} // namespace furrow::cli
