#include "tools/furrow/commands.hpp"
#include "tools/furrow/database/database_option.hpp"
#include "tools/furrow/database/direct.hpp"
#include "tools/furrow/database/import_stream.hpp"
#include "tools/furrow/output.hpp"
#include "tools/furrow/progress.hpp"
#include "tools/json/rfc3339.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>

#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

constexpr std::size_t rows_shown = 10;
constexpr std::chrono::minutes ledger_timeout{10};

struct import_options {
  std::string from;
  std::string map;
  std::string unit;
  std::string name;
  std::string farm = "default";
  std::string database;
  storage::row_query query;
  bool rehearse = false;
  bool unchecked = false;
  bool again = false;
};

result<done> read_map(const std::string& map, storage::row_query& out) {
  const std::map<std::string, std::string*> places{
    {"time", &out.time},   {"equipment", &out.equipment}, {"can_id", &out.can_id},
    {"data", &out.data},   {"farm", &out.farm},           {"bus", &out.bus},
    {"order", &out.order}, {"extended", &out.extended}};
  std::size_t at = 0;
  while (at <= map.size()) {
    const auto end = std::min(map.find(',', at), map.size());
    const auto part = map.substr(at, end - at);
    at = end + 1;
    const auto equals = part.find('=');
    const auto place = places.find(part.substr(0, equals));
    if (equals == std::string::npos || place == places.end() || equals + 1 == part.size())
      return failure{errc::usage,
                     fmt::format("--map: \"{}\" is not WHAT=COLUMN, where WHAT is one of time, "
                                 "equipment, can_id, data, farm, bus, order, extended",
                                 part)};
    *place->second = part.substr(equals + 1);
  }
  for (const auto* needed : {"time", "equipment", "can_id", "data"})
    if (places.at(needed)->empty())
      return failure{errc::usage, fmt::format("--map: {}=COLUMN is missing", needed)};
  return done{};
}

struct totals {
  std::uint64_t rows = 0;
  std::uint64_t frames = 0;
  std::uint64_t quarantined = 0;
  std::uint64_t known = 0;
  std::uint64_t machines = 0;
  std::uint64_t unsound = 0;
};

/// Imports all rows of one machine, in order.
result<done> import_group(storage::row_source& source,
                          const import_options& options,
                          import_stream& stream,
                          std::uint64_t count,
                          totals& sum,
                          progress& shown) {
  storage::source_row row;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto more = source.next(row);
    if (!more)
      return stopped_halfway(more.error(), options.from);
    if (!*more)
      return failure{errc::failed,
                     "the source has fewer rows than were counted: run the import again"};
    const auto added = stream.add(row, source.unit());
    if (!added)
      return stopped_halfway(added.error(), options.database);
    shown.at(++sum.rows);
  }
  const auto finished = stream.finish();
  if (!finished)
    return stopped_halfway(finished.error(), options.database);
  sum.frames += stream.frames;
  sum.quarantined += stream.quarantined;
  sum.known += std::min(stream.known, stream.rows);
  ++sum.machines;
  return done{};
}

/// A failure if a machine has a stream of as many items already: most likely the same table under another name.
std::optional<failure> imported_before(storage::store& store,
                                       const import_options& options,
                                       const std::vector<storage::source_group>& groups) {
  for (auto group : groups) {
    if (group.farm.empty())
      group.farm = options.farm;
    const auto rows = wait_for<std::vector<storage::ledger_row>>(
      [&](auto done) { store.read_ledger(group.farm, group.equipment, std::move(done)); },
      options.database, ledger_timeout);
    if (!rows)
      continue; // a machine that is not known yet
    const auto own = import_stream::stream_of(options.name, group);
    const auto is_own = [&](const auto& row) { return row.stream_id == own; };
    if (std::any_of(rows->begin(), rows->end(), is_own))
      continue; // this import goes on
    for (const auto& row : *rows)
      if (row.durable == group.rows && row.expired < row.durable)
        return failure{
          errc::failed,
          fmt::format(
            "nothing was imported: {}/{} has a stream of {} items already ({}): is it the "
            "same table? `furrow stream remove` removes a stream, --again imports the "
            "table once more",
            printable(group.farm), printable(group.equipment), group.rows,
            can::to_string(row.stream_id))};
  }
  return std::nullopt;
}

result<totals> import_all(storage::row_source& source,
                          const import_options& options,
                          const std::vector<storage::source_group>& groups,
                          progress& shown) {
  const auto store = open_directly(options.database, "furrow/import");
  if (!store)
    return store.error();
  if (!options.again)
    if (const auto before = imported_before(**store, options, groups))
      return *before;
  const auto lane = (*store)->open_appender("import");
  totals sum;
  for (auto group : groups) {
    if (group.farm.empty())
      group.farm = options.farm;
    const auto stream = import_stream::claim(**store, *lane, options.name, group);
    if (!stream)
      return stopped_halfway(stream.error(), options.database);
    const auto stored = import_group(source, options, **stream, group.rows, sum, shown);
    if (!stored)
      return stored.error();
    if (options.unchecked)
      continue;
    const auto difference = (*stream)->difference();
    if (!difference)
      return stopped_halfway(difference.error(), options.database);
    if (difference->empty())
      continue;
    ++sum.unsound;
    fmt::print(stderr, "furrow: {}/{}: {}\n", printable(group.farm), printable(group.equipment),
               *difference);
  }
  return sum;
}

/// Shows ten rows as the import would store them.
result<int> rehearse(const globals& globals,
                     const import_options& options,
                     storage::row_source& source,
                     const std::vector<storage::source_group>& groups) {
  std::uint64_t rows = 0;
  for (const auto& group : groups)
    rows += group.rows;
  json answer{{"name", options.name},
              {"rows", rows},
              {"machines", groups.size()},
              {"examples", json::array()}};
  table shown{{"EQUIPMENT", "TIME", "BUS", "CAN ID", "BYTES", "QUARANTINED BECAUSE"}, {}};
  can::bus_table buses;
  storage::source_row row;
  for (std::size_t i = 0; i < rows_shown; ++i) {
    const auto more = source.next(row);
    if (!more)
      return to_failure(more.error(), options.from);
    if (!*more)
      break;
    imported_frame frame;
    const auto reason = read_row(row, source.unit(), buses, frame);
    const bool sound = reason.empty();
    const json each{
      {"equipment", std::string{row.equipment.value_or("")}},
      {"time", frame.dated ? json(json_rows::format_time(frame.time_us)) : json(nullptr)},
      {"bus", sound ? json(std::string{buses.name_of(frame.header.bus())}) : json(nullptr)},
      {"can_id",
       sound ? json(fmt::format("{:0{}X}", frame.header.id(), frame.header.extended() ? 8 : 3))
             : json(nullptr)},
      {"bytes", sound ? json(frame.header.length()) : json(nullptr)},
      {"quarantined_because", sound ? json(nullptr) : json(reason)}};
    std::vector<cell> cells;
    for (const auto& value : each)
      cells.push_back(value_cell(value));
    shown.rows.push_back(std::move(cells));
    answer["examples"].push_back(each);
  }
  if (globals.for_people())
    (void)write_out(fmt::format("{} rows of {} machines; the import is named \"{}\"\n", rows,
                                groups.size(), printable(options.name)));
  const auto printed = print(answer, shown, globals.format());
  if (!printed)
    return printed.error();
  return 0;
}

result<int> import_rows(const globals& globals, import_options options) {
  const auto mapped = read_map(options.map, options.query);
  if (!mapped)
    return mapped.error();
  const std::map<std::string, storage::time_unit> units{{"", storage::time_unit::unsaid},
                                                        {"s", storage::time_unit::seconds},
                                                        {"ms", storage::time_unit::milliseconds},
                                                        {"us", storage::time_unit::microseconds},
                                                        {"utc", storage::time_unit::utc}};
  options.query.unit = units.at(options.unit);
  storage::store_options from;
  from.url = options.from;
  from.application_name = "furrow/cli";
  const auto source = storage::row_source::open(from, options.query);
  if (!source)
    return to_failure(source.error(), options.from);
  if (options.name.empty())
    options.name = (*source)->identity();
  const auto groups = (*source)->groups();
  if (!groups)
    return to_failure(groups.error(), options.from);
  if (options.rehearse)
    return rehearse(globals, options, **source, *groups);
  std::uint64_t rows = 0;
  for (const auto& group : *groups)
    rows += group.rows;
  progress shown{rows, ::isatty(STDERR_FILENO) != 0};
  const auto sum = import_all(**source, options, *groups, shown);
  if (!sum)
    return sum.error();
  shown.at(sum->rows, true);
  const json answer{{"name", options.name},       {"rows", sum->rows},
                    {"frames", sum->frames},      {"quarantined", sum->quarantined},
                    {"known_before", sum->known}, {"machines", sum->machines},
                    {"seconds", shown.seconds()}, {"checked", !options.unchecked},
                    {"unsound", sum->unsound}};
  const table table{
    {"ROWS", "FRAMES", "QUARANTINED", "KNOWN BEFORE", "MACHINES", "UNSOUND"},
    {{number_cell(sum->rows), number_cell(sum->frames), number_cell(sum->quarantined),
      number_cell(sum->known), number_cell(sum->machines), number_cell(sum->unsound)}}};
  const auto printed = print(answer, table, globals.format());
  if (!printed)
    return printed.error();
  return sum->unsound == 0 ? 0 : static_cast<int>(errc::failed);
}

} // namespace

void add_import(CLI::App& app, const globals& globals, int& exit_code) {
  auto* command = app.add_subcommand("import", "import a table with one frame per row");
  auto options = std::make_shared<import_options>();
  command->add_option("--from", options->from, "database to read: postgresql://... or sqlite:PATH")
    ->required();
  command->add_option("--table", options->query.table, "table to read: NAME or SCHEMA.NAME")
    ->required();
  command
    ->add_option("--map", options->map,
                 "time=COLUMN,equipment=COLUMN,can_id=COLUMN,data=COLUMN"
                 "[,farm=..,bus=..,extended=..,order=..]")
    ->required();
  const auto* database =
    add_database_option(*command, "Furrow's database: postgresql://... or sqlite:PATH")->required();
  command
    ->add_option("--time-unit", options->unit,
                 "unit of times: s, ms or us since 1970 for numbers; utc for times without a zone")
    ->check(CLI::IsMember({"s", "ms", "us", "utc"}));
  command->add_option("--farm", options->farm, "farm for rows that name none")
    ->capture_default_str();
  command->add_option("--as", options->name,
                      "name of the import, under which it continues (default: database and table)");
  command->add_flag("--dry-run", options->rehearse,
                    "show ten rows as they would be stored; store nothing");
  command->add_flag("--again", options->again,
                    "import although a machine has a stream of as many items already");
  command->add_flag("--no-check", options->unchecked, "do not read the stored frames back");
  command->footer(
    "Each row is stored once, even if the import is killed and run again. Run it again to add "
    "newer rows. Rows that cannot be frames go to quarantine with the reason.\n"
    "Examples:\n"
    "  furrow import --from postgresql://me@old/fleet --table can_messages_raw --map "
    "time=timestamp,equipment=tractor_id,can_id=can_id,data=data --dry-run --database "
    "postgresql:///furrow\n"
    "  furrow import --from sqlite:old.db --table frames --map "
    "time=ts,equipment=machine,can_id=id,data=payload --time-unit ms --database sqlite:furrow.db");
  command->callback([&globals, &exit_code, options, database] {
    options->database = url_of(database);
    exit_code = code_of(import_rows(globals, *options));
  });
}

} // namespace furrow::cli
