#include "storage/partitions.hpp"
#include "storage/statistics.hpp"
#include "tools/furrow/commands.hpp"
#include "tools/furrow/database/database_option.hpp"
#include "tools/furrow/database/direct.hpp"
#include "tools/furrow/output.hpp"

#include <algorithm>
#include <cctype>
#include <memory>

#include <CLI/Validators.hpp>
#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

constexpr std::chrono::minutes sizes_timeout{30};

struct size_options {
  std::string url;
  std::uint32_t machines = 10;
};

struct partition_options {
  std::string url;
  std::string width;
  std::uint32_t ahead = 0;
  bool now = false;
};

json per_frame(std::uint64_t bytes, std::uint64_t frames) {
  if (frames == 0)
    return nullptr;
  return std::stod(fmt::format("{:.2f}", static_cast<double>(bytes) / static_cast<double>(frames)));
}

json to_json(const storage::database_statistics& stats) {
  json tables = json::array();
  for (const auto& one : stats.tables)
    tables.push_back({{"table", one.name},
                      {"kind", one.kind},
                      {"partition", one.partition},
                      {"bytes", one.bytes},
                      {"index_bytes", one.index_bytes},
                      {"rows", one.rows ? json(*one.rows) : json(nullptr)},
                      {"rows_estimated", one.rows_estimated}});
  json tiers = json::array();
  for (const auto& one : stats.tiers)
    tiers.push_back({{"tier", one.tier},
                     {"frames", one.frames},
                     {"rows", one.rows},
                     {"bytes", one.bytes},
                     {"bytes_per_frame", per_frame(one.bytes, one.frames)},
                     {"compression", per_frame(one.column_bytes, one.stored_bytes)}});
  json machines = json::array();
  for (const auto& one : stats.machines)
    machines.push_back({{"farm", one.farm},
                        {"equipment", one.equipment},
                        {"frames", one.frames},
                        {"bytes", one.bytes},
                        {"bytes_per_frame", per_frame(one.bytes, one.frames)}});
  return {{"bytes", stats.bytes}, {"tiers", tiers}, {"tables", tables}, {"machines", machines}};
}

/// Returns a table of these columns of the rows; numbers are aligned to the right.
table table_of(const json& rows, const std::vector<std::pair<const char*, const char*>>& columns) {
  table shown;
  for (const auto& [heading, name] : columns)
    shown.headings.emplace_back(heading);
  for (const auto& row : rows) {
    auto& cells = shown.rows.emplace_back();
    for (const auto& [heading, name] : columns)
      cells.push_back(row.at(name).is_number() ? number_cell(row.at(name))
                                               : value_cell(row.at(name)));
  }
  return shown;
}

/// Marks the numbers of rows that are estimates.
table tables_table(const json& rows) {
  auto shown = table_of(rows, {{"TABLE", "table"},
                               {"KIND", "kind"},
                               {"ROWS", "rows"},
                               {"BYTES", "bytes"},
                               {"OF INDEXES", "index_bytes"}});
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (const auto& count = rows[i].at("rows"); rows[i].at("rows_estimated") == true)
      shown.rows[i][2] = {count.is_null() ? "?" : "~" + count.dump(), colour::none, true};
  return shown;
}

result<int> stats(const globals& globals, const size_options& options) {
  const auto store = open_directly(options.url);
  if (!store)
    return store.error();
  const auto found = wait_for<storage::database_statistics>(
    [&](auto done) { (*store)->sizes()->statistics(options.machines, std::move(done)); },
    options.url, std::max<std::chrono::milliseconds>(globals.timeout(), sizes_timeout));
  if (!found)
    return found.error();
  const auto all = to_json(*found);
  if (!globals.for_people()) {
    const auto printed = print(all, tables_table(all.at("tables")), globals.format());
    if (!printed)
      return printed.error();
    return 0;
  }
  (void)write_out(fmt::format("{} bytes in total\n\n", found->bytes));
  const bool wide = globals.format() == output_format::wide;
  show_table(table_of(all.at("tiers"), {{"TIER", "tier"},
                                        {"FRAMES", "frames"},
                                        {"ROWS", "rows"},
                                        {"BYTES", "bytes"},
                                        {"BYTES A FRAME", "bytes_per_frame"},
                                        {"COMPRESSION", "compression"}}),
             wide);
  (void)write_out("\n");
  show_table(tables_table(all.at("tables")), wide);
  if (!all.at("machines").empty()) {
    (void)write_out("\n");
    show_table(table_of(all.at("machines"), {{"FARM", "farm"},
                                             {"EQUIPMENT", "equipment"},
                                             {"FRAMES", "frames"},
                                             {"BYTES", "bytes"},
                                             {"BYTES A FRAME", "bytes_per_frame"}}),
               wide);
  }
  const auto output = written();
  if (!output)
    return output.error();
  return 0;
}

result<int> partitions(const globals& globals, const partition_options& options) {
  const auto store = open_directly(options.url);
  if (!store)
    return store.error();
  auto* const kept = (*store)->partitions();
  if (kept == nullptr)
    return to_failure(
      {storage::errc::misconfigured, "SQLite has no partitions: they need PostgreSQL"},
      options.url);
  auto plan = wait_for<storage::partition_plan>(
    [&](auto done) { kept->read_partition_plan(std::move(done)); }, options.url, globals.timeout());
  if (!plan)
    return plan.error();
  if (!options.width.empty() || options.ahead > 0) {
    if (!options.width.empty())
      plan->width =
        options.width == "day" ? storage::partition_width::day : storage::partition_width::week;
    if (options.ahead > 0)
      plan->ahead = options.ahead;
    const auto set =
      wait_for<done>([&](auto done) { kept->set_partition_plan(*plan, std::move(done)); },
                     options.url, globals.timeout());
    if (!set)
      return set.error();
  }
  json answer{{"width", plan->width == storage::partition_width::day ? "day" : "week"},
              {"ahead", plan->ahead}};
  table shown{{"WIDTH", "AHEAD"}, {{value_cell(answer["width"]), number_cell(answer["ahead"])}}};
  bool sound = true;
  if (options.now) {
    const auto made = wait_for<storage::partition_outcome>(
      [&](auto done) { kept->keep_partitions(std::nullopt, std::move(done)); }, options.url,
      sizes_timeout);
    if (!made)
      return made.error();
    const std::pair<const char*, std::uint64_t> columns[] = {{"made", made->made},
                                                             {"moved", made->moved},
                                                             {"waiting", made->waiting},
                                                             {"stray", made->stray}};
    for (const auto& [name, value] : columns) {
      answer[name] = value;
      std::string heading{name};
      std::transform(heading.begin(), heading.end(), heading.begin(),
                     [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
      shown.headings.push_back(heading);
      shown.rows[0].push_back(number_cell(answer[name]));
    }
    answer["fault"] = made->fault.empty() ? json(nullptr) : json(made->fault);
    if (!made->fault.empty())
      fmt::print(stderr, "furrow: some partitions were not created: {}\n", made->fault);
    sound = made->waiting == 0;
  }
  const auto printed = print(answer, shown, globals.format());
  if (!printed)
    return printed.error();
  return sound ? 0 : static_cast<int>(errc::failed);
}

} // namespace

void add_sizes(CLI::App& database, const globals& globals, int& exit_code) {
  auto* command =
    database.add_subcommand("stats", "show the sizes of tables and tiers, and the bytes per frame");
  auto options = std::make_shared<size_options>();
  const auto* url = add_database_option(*command)->required();
  command->add_option("--top", options->machines, "number of machines to list, largest first")
    ->check(CLI::Range(0, 10'000))
    ->capture_default_str();
  command->footer(
    "The command counts every frame, and the rows of tables, which takes minutes on a large "
    "database. For PostgreSQL tables above 32 MiB it shows the planner's estimate of the rows, "
    "marked with ~.\n"
    "Examples:\n"
    "  furrow db stats --database postgresql://furrow@localhost/furrow\n"
    "  furrow db stats --database sqlite:furrow.db -o json");
  command->callback([&globals, &exit_code, options, url] {
    options->url = url_of(url);
    exit_code = code_of(stats(globals, *options));
  });

  auto* parts = database.add_subcommand(
    "partitions",
    "show or change the partitions of sealed frames and telemetry by time, or create them now "
    "(PostgreSQL)");
  auto chosen = std::make_shared<partition_options>();
  const auto* where = add_database_option(*parts, "postgresql://...")->required();
  parts->add_option("--width", chosen->width, "width of new partitions: day or week")
    ->check(CLI::IsMember({"day", "week"}));
  parts->add_option("--ahead", chosen->ahead, "number of partitions after the present one")
    ->check(CLI::Range(1, 60));
  parts->add_flag("--now", chosen->now, "create the wanted partitions, and move rows into them");
  parts->footer("Nodes do this by themselves (furrowd --care-interval). Exit code 1 if a wanted "
                "partition could not be created.\n"
                "Examples:\n"
                "  furrow db partitions --database postgresql://furrow@localhost/furrow --now\n"
                "  furrow db partitions --database URL --width day --ahead 14");
  parts->callback([&globals, &exit_code, chosen, where] {
    chosen->url = url_of(where);
    exit_code = code_of(partitions(globals, *chosen));
  });
}

} // namespace furrow::cli
