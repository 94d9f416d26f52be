#include "tools/furrow/commands.hpp"
#include "tools/furrow/database/database_option.hpp"
#include "tools/furrow/output.hpp"
#include "tools/furrow/people/people_desk.hpp"
#include "tools/furrow/rounds.hpp"

#include <memory>

#include <CLI/Validators.hpp>

namespace furrow::cli {

namespace {

result<int> list_changes(const globals& globals, const std::string& url, std::size_t limit) {
  auto desk = open_desk(globals, url);
  if (!desk)
    return desk.error();
  const auto rows = (*desk)->audit(globals.farm, limit);
  if (!rows)
    return rows.error();
  table shown{{"TIME", "WHO", "FROM", "ACTION", "OBJECT", "DETAIL"}, {}, "nothing was changed yet"};
  for (const auto& row : *rows) {
    const auto& after = row.at("after");
    shown.rows.push_back(
      {value_cell(row.at("time")), value_cell(row.at("who")), value_cell(row.at("from")),
       value_cell(row.at("action")), value_cell(row.at("object")),
       after.is_null() ? value_cell(row.at("detail")) : cell{printable(after.dump())}});
  }
  add_wide_column(shown, *rows, "ID", "id");
  add_wide_column(shown, *rows, "FARM", "farm");
  const auto printed = print(*rows, shown, globals.format());
  return printed ? result<int>{0} : printed.error();
}

} // namespace

void add_audit_log(CLI::App& app, const globals& globals, int& exit_code) {
  auto* command = app.add_subcommand("audit", "show who changed what, from where, newest first");
  const auto* url =
    add_database_option(*command, "ask the database itself: postgresql://... or sqlite:PATH");
  auto limit = std::make_shared<std::size_t>(100);
  command->add_option("--limit", *limit, "most rows to show")
    ->check(CLI::Range(1, 1'000))
    ->capture_default_str();
  command->footer(
    "With -o json, `before` and `after` hold the values.\nExample:\n  furrow audit --limit 20");
  const auto plan = add_watch_plan(*command);
  command->callback([&globals, &exit_code, url, limit, plan] {
    exit_code =
      run_rounds(globals, *plan, [&] { return list_changes(globals, url_of(url), *limit); });
  });
}

} // namespace furrow::cli
