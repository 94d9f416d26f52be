#include "tools/furrow/client.hpp"
#include "tools/furrow/commands.hpp"
#include "tools/furrow/output.hpp"
#include "tools/furrow/rounds.hpp"

#include <memory>
#include <vector>

#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

const std::string route = "/api/v1/quarantine";

struct quarantine_options {
  std::string equipment;
  std::vector<std::string> ids;
  bool all = false;
};

/// Returns every item, page by page.
result<json> items(const node_client& client, const std::string& equipment) {
  json all = json::array();
  const auto target =
    route + "?limit=5000" + (equipment.empty() ? "" : "&equipment=" + encoded(equipment));
  std::string after;
  do {
    auto page = client.get(target + after);
    if (!page)
      return page.error();
    for (auto& row : page->at("quarantine"))
      all.push_back(std::move(row));
    const auto& next = page->at("next");
    after = next.is_null() ? "" : "&after=" + encoded(next.get<std::string>());
  } while (!after.empty());
  return all;
}

result<int> list(const globals& globals, const quarantine_options& wanted) {
  auto client = node_client::from(globals);
  if (!client)
    return client.error();
  const auto rows = items(*client, wanted.equipment);
  if (!rows)
    return rows.error();
  table shown{
    {"ID", "EQUIPMENT", "TIME", "KIND", "BYTES", "REASON"}, {}, "no item is in quarantine"};
  for (const auto& row : *rows)
    shown.rows.push_back({value_cell(row.at("id")), value_cell(row.at("equipment")),
                          value_cell(row.at("time")), value_cell(row.at("kind")),
                          number_cell(row.at("size")), value_cell(row.at("reason"))});
  const auto printed = print(*rows, shown, globals.format());
  return printed ? result<int>{0} : printed.error();
}

result<int> show_item(const globals& globals, const quarantine_options& wanted) {
  auto client = node_client::from(globals);
  if (!client)
    return client.error();
  const auto row = client->get(route + "/" + encoded(wanted.ids.at(0)));
  if (!row)
    return row.error();
  table shown{{"WHAT", "VALUE"}, {}};
  for (const auto& [name, value] : row->items())
    shown.rows.push_back({cell{name}, {value_cell(value).text}});
  const auto printed = print(*row, shown, globals.format());
  return printed ? result<int>{0} : printed.error();
}

result<int> retry_items(const globals& globals, const quarantine_options& wanted) {
  auto client = node_client::from(globals);
  if (!client)
    return client.error();
  if (wanted.all != wanted.ids.empty())
    return failure{errc::usage, "give the ids of items, or --all"};
  auto ids = wanted.ids;
  if (wanted.all) {
    const auto rows = items(*client, wanted.equipment);
    if (!rows)
      return rows.error();
    for (const auto& row : *rows)
      ids.push_back(row.at("id"));
  }
  json answers = json::array();
  table shown{{"ID", "STORED", "REASON"}, {}};
  bool stored = true;
  for (const auto& id : ids) {
    auto answer = client->post(route + "/" + encoded(id) + "/retry");
    if (!answer)
      return answer.error();
    const bool done = answer->at("stored");
    stored = stored && done;
    shown.rows.push_back({cell{id},
                          {done ? "yes" : "no", done ? colour::good : colour::bad},
                          value_cell(answer->at("reason"))});
    answers.push_back(std::move(*answer));
  }
  const auto printed = print(answers, shown, globals.format());
  if (!printed)
    return printed.error();
  return stored ? 0 : static_cast<int>(errc::failed);
}

result<int> drop_items(const globals& globals, const quarantine_options& wanted) {
  auto client = node_client::from(globals);
  if (!client)
    return client.error();
  json answers = json::array();
  table shown{{"DROPPED"}, {}};
  for (const auto& id : wanted.ids) {
    auto answer = client->post(route + "/" + encoded(id) + "/drop");
    if (!answer)
      return answer.error();
    shown.rows.push_back({cell{id}});
    answers.push_back(std::move(*answer));
  }
  const auto printed = print(answers, shown, globals.format());
  return printed ? result<int>{0} : printed.error();
}

} // namespace

void add_quarantine(CLI::App& app, const globals& globals, int& exit_code) {
  auto* command =
    app.add_subcommand("quarantine", "items that could not be stored: list, show, retry, drop");
  command->require_subcommand(1);
  command->footer(
    "An ID is STREAM:SEQ, as list shows it.\n"
    "Examples:\n"
    "  furrow quarantine list T1\n"
    "  furrow quarantine show 3:4711\n"
    "  furrow quarantine retry 3:4711      # exit code 1 if the item stays\n"
    "  furrow quarantine retry --all --equipment T1\n"
    "  furrow quarantine drop 3:4711       # deletes its bytes; needs the role admin");
  auto wanted = std::make_shared<quarantine_options>();
  auto* listed = command->add_subcommand("list", "list all items");
  listed->add_option("EQUIPMENT", wanted->equipment, "only this machine");
  auto* shown = command->add_subcommand("show", "show one item with its content");
  shown->add_option("ID", wanted->ids, "STREAM:SEQ")->required()->expected(1);
  auto* retried = command->add_subcommand("retry", "check items again, and store those that pass");
  retried->add_option("ID", wanted->ids, "STREAM:SEQ");
  retried->add_flag("--all", wanted->all, "retry every item");
  retried->add_option("--equipment", wanted->equipment, "only items of this machine");
  auto* dropped =
    command->add_subcommand("drop", "delete the bytes of items; the ledger counts them");
  dropped->add_option("ID", wanted->ids, "STREAM:SEQ")->required();
  const auto on = [&](CLI::App* sub, auto run) {
    sub->callback(
      [&globals, &exit_code, wanted, run] { exit_code = code_of(run(globals, *wanted)); });
  };
  const auto plan = add_watch_plan(*listed);
  listed->callback([&globals, &exit_code, wanted, plan] {
    exit_code = run_rounds(globals, *plan, [&] { return list(globals, *wanted); });
  });
  on(shown, show_item);
  on(retried, retry_items);
  on(dropped, drop_items);
}

} // namespace furrow::cli
