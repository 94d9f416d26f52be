#include "tools/furrow/client.hpp"
#include "tools/furrow/commands.hpp"
#include "tools/furrow/list_wish.hpp"
#include "tools/furrow/output.hpp"
#include "tools/furrow/rounds.hpp"

#include <algorithm>
#include <memory>

#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

/// Adds a column only if a row has a value other than zero. Nodes of older versions do not send it.
template <class Cell>
void add_column(
  const json& rows, table& shown, const char* heading, const char* name, Cell cell_of) {
  if (std::all_of(rows.begin(), rows.end(),
                  [name](const json& row) { return row.value(name, 0ULL) == 0; }))
    return;
  shown.headings.emplace_back(heading);
  for (std::size_t i = 0; i < rows.size(); ++i)
    shown.rows[i].push_back(cell_of(rows[i].value(name, json(0))));
}

result<int> ledger(const globals& globals, const std::string& equipment, const list_wish& order) {
  auto client = node_client::from(globals);
  if (!client)
    return client.error();
  auto answer = client->get(with_wish(
    "/api/v1/ledger" + (equipment.empty() ? "" : "?equipment=" + encoded(equipment)), order));
  if (!answer)
    return answer.error();
  const auto& rows = answer->at("ledger");
  table shown{
    {"EQUIPMENT", "STREAM", "SENT", "DURABLE", "STORED", "LOST", "DOUBLED", "QUARANTINED"},
    {},
    "no stream is known yet; a stream begins when a gateway connects"};
  bool sound = true;
  const auto must_be_zero = [&sound](const json& value) {
    const bool zero = value == 0;
    sound = sound && zero;
    return number_cell(value, zero ? colour::none : colour::bad);
  };
  for (const auto& row : rows)
    shown.rows.push_back({value_cell(row.at("equipment")), value_cell(row.at("stream_id")),
                          number_cell(row.at("sent")), number_cell(row.at("durable")),
                          number_cell(row.at("stored")), must_be_zero(row.at("lost")),
                          must_be_zero(row.at("doubled")), number_cell(row.at("quarantined"))});
  // These counts are rare, so each has a column only if there is something to show. A recorded loss still counts as
  // lost.
  add_column(rows, shown, "LOST AT GATEWAY", "lost_at_gateway", must_be_zero);
  add_column(rows, shown, "DROPPED", "dropped",
             [](const json& value) { return number_cell(value); });
  add_column(rows, shown, "EXPIRED", "expired",
             [](const json& value) { return number_cell(value); });
  add_column(rows, shown, "ELSEWHERE", "elsewhere",
             [](const json& value) { return number_cell(value); });
  add_wide_column(shown, rows, "FARM", "farm");
  const auto printed = print(rows, shown, globals.format());
  if (!printed)
    return printed.error();
  return sound ? 0 : static_cast<int>(errc::failed);
}

} // namespace

void add_ledger(CLI::App& app, const globals& globals, int& exit_code) {
  auto* command = app.add_subcommand("ledger", "show the proof that nothing is lost or doubled");
  auto equipment = std::make_shared<std::string>();
  command->add_option("EQUIPMENT", *equipment, "only this machine");
  // No limit: the exit code is about every stream.
  auto order = std::make_shared<list_wish>();
  command->add_option("--sort", order->sort,
                      "sort by equipment, lost, sent or another number of `-o json`; with - before "
                      "it in descending order");
  const auto plan = add_watch_plan(*command);
  command->footer("Exit code 1 if anything is lost (also at a gateway) or doubled.\n"
                  "Examples:\n"
                  "  furrow ledger\n"
                  "  furrow ledger --sort -lost\n"
                  "  furrow ledger T1 -o json");
  command->callback([&globals, &exit_code, equipment, order, plan] {
    exit_code = run_rounds(globals, *plan, [&] { return ledger(globals, *equipment, *order); });
  });
}

} // namespace furrow::cli
