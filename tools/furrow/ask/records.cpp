#include "can/records/kind.hpp"
#include "tools/furrow/client.hpp"
#include "tools/furrow/commands.hpp"
#include "tools/furrow/output.hpp"
#include "tools/furrow/rounds.hpp"
#include "tools/furrow/time_option.hpp"

#include <algorithm>
#include <limits>
#include <memory>

#include <CLI/Validators.hpp>
#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

constexpr std::uint64_t page_rows = 5'000;

struct records_options {
  std::string equipment;
  std::string kind;
  std::string from;
  std::string to;
  std::uint64_t limit = 1'000;
};

table shown(const json& rows) {
  table out;
  if (rows.empty())
    return out;
  for (const auto& [name, value] : rows[0].items()) {
    out.headings.push_back(name);
    for (auto& c : out.headings.back())
      c = c == '_' ? ' ' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  for (const auto& row : rows) {
    auto& cells = out.rows.emplace_back();
    for (const auto& [name, value] : row.items())
      cells.push_back(value.is_number()   ? number_cell(value)
                      : value.is_object() ? cell{value.dump()}
                                          : value_cell(value));
  }
  return out;
}

result<int> records(const globals& globals, const records_options& wanted) {
  auto client = node_client::from(globals);
  if (!client)
    return client.error();
  auto target =
    "/api/v1/records?equipment=" + encoded(wanted.equipment) + "&kind=" + encoded(wanted.kind);
  const auto add = [&target](const char* name, const std::string& value) {
    if (!value.empty())
      target += std::string{"&"} + name + "=" + encoded(value);
  };
  add("from", wanted.from);
  add("to", wanted.to);
  const bool as_they_come = globals.format() == output_format::jsonl;
  auto left = wanted.limit == 0 ? std::numeric_limits<std::uint64_t>::max() : wanted.limit;
  json all = json::array();
  std::string after;
  do {
    auto page = client->get(target + "&limit=" + std::to_string(std::min(left, page_rows)) + after);
    if (!page)
      return page.error();
    auto& rows = page->at("records");
    left -= std::min<std::uint64_t>(left, rows.size());
    if (as_they_come) {
      const auto printed = print(rows, {}, globals.format());
      if (!printed)
        return printed.error();
    } else {
      for (auto& row : rows)
        all.push_back(std::move(row));
    }
    const auto& next = page->at("next");
    after = next.is_null() ? "" : "&after=" + encoded(next.get<std::string>());
  } while (!after.empty() && left > 0);
  if (as_they_come)
    return 0;
  auto found = shown(all);
  found.nothing = wanted.equipment + " has no records of kind " + wanted.kind
                  + (wanted.from.empty() && wanted.to.empty() ? "" : " in this time");
  const auto printed = print(all, found, globals.format());
  return printed ? result<int>{0} : printed.error();
}

} // namespace

void add_records(CLI::App& app, const globals& globals, int& exit_code) {
  auto* command = app.add_subcommand(
    "records", "print stored sensor readings, yield samples, token usage, faults");
  auto wanted = std::make_shared<records_options>();
  command->add_option("EQUIPMENT", wanted->equipment, "name of the machine")->required();
  command
    ->add_option("--kind", wanted->kind,
                 can::record_kind_names() + ", or the number of a user's own kind")
    ->required();
  add_time_option(*command, "--from", wanted->from, first_time_help);
  add_time_option(*command, "--to", wanted->to, last_time_help);
  command->add_option("--limit", wanted->limit, "most records to print, earliest first; 0: all")
    ->check(CLI::NonNegativeNumber);
  const auto plan = add_watch_plan(*command);
  command->footer(
    "Examples:\n"
    "  furrow records T1 --kind yield -o json\n"
    "  furrow records F1 --kind sensor --from 2026-05-01T00:00:00Z --limit 0 -o jsonl");
  command->callback([&globals, &exit_code, wanted, plan] {
    exit_code = run_rounds(globals, *plan, [&] { return records(globals, *wanted); });
  });
}

} // namespace furrow::cli
