#include "tools/furrow/client.hpp"
#include "tools/furrow/commands.hpp"
#include "tools/furrow/output.hpp"
#include "tools/furrow/rounds.hpp"

#include <string>

#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

void say_where(const json& answer) {
  const auto& target = answer.at("target");
  if (target.is_null()) {
    note("this node forwards to no head office (furrowd --forward)");
    return;
  }
  note("head office: " + target.get<std::string>()
       + (answer.at("forwarding") == true ? "" : "; this node does not forward now"));
  if (!answer.at("fault").is_null())
    note("fault: " + answer.at("fault").get<std::string>());
}

result<int> site_status(const globals& globals) {
  auto client = node_client::from(globals);
  if (!client)
    return client.error();
  const auto answer = client->get("/api/v1/site");
  if (!answer)
    return answer.error();
  const auto& rows = answer->at("streams");
  table shown{{"EQUIPMENT", "STREAM", "DURABLE", "ACKED", "WAITING", "OLDEST WAITING", "ACKED AT"},
              {},
              "no stream is known yet; a stream begins when a gateway connects"};
  for (const auto& row : rows)
    shown.rows.push_back({value_cell(row.at("equipment")), value_cell(row.at("stream_id")),
                          number_cell(row.at("durable")), number_cell(row.at("acked")),
                          number_cell(row.at("waiting")), value_cell(row.at("oldest_waiting")),
                          value_cell(row.at("acked_at"))});
  add_wide_column(shown, rows, "NEWEST", "newest");
  add_wide_column(shown, rows, "FARM", "farm");
  if (globals.format() == output_format::table || globals.format() == output_format::wide)
    say_where(*answer);
  const auto printed = print(rows, shown, globals.format());
  return printed ? result<int>{0} : printed.error();
}

} // namespace

void add_site(CLI::App& app, const globals& globals, int& exit_code) {
  auto* site = app.add_subcommand("site", "show how a site forwards its data to head office");
  site->require_subcommand(1);
  auto* status = site->add_subcommand(
    "status", "show of each stream what head office has, and what waits for it");
  const auto plan = add_watch_plan(*status);
  status->footer("Examples:\n"
                 "  furrow site status\n"
                 "  furrow site status -o json");
  status->callback([&globals, &exit_code, plan] {
    exit_code = run_rounds(globals, *plan, [&] { return site_status(globals); });
  });
}

} // namespace furrow::cli
