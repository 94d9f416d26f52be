#include "tools/furrowd/api/answers.hpp"
#include "tools/furrowd/api/lists/row_page.hpp"
#include "tools/furrowd/api/resources.hpp"
#include "tools/furrowd/cache/summaries.hpp"
#include "tools/furrowd/http/ask.hpp"
#include "tools/furrowd/http/store_problem.hpp"

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

response ledger_page(json list, const row_page_wish& page) {
  if (!page.is_given())
    return ok({{"ledger", std::move(list)}});
  const auto next = cut_to_page(list, page, "stream_id");
  json body{{"ledger", std::move(list)}, {"next", next}};
  return ok(body);
}

/// Of one machine: never from the cache, so that who has just sent something sees it.
answer
machine_ledger(api_context& of, daemon::credential who, std::string equipment, row_page_wish page) {
  if (!who.covers(equipment))
    co_return to_response(not_covered(equipment));
  const auto start = [&](auto done) {
    of.node.store.read_ledger(who.farm, equipment, std::move(done));
  };
  const auto rows =
    co_await ask<storage::result<std::vector<storage::ledger_row>>>(start, 6 * answer_limit);
  if (!rows)
    co_return to_response(no_answer("database"));
  if (!*rows)
    co_return to_response(to_problem(rows->error()));
  json list = json::array();
  for (const auto& row : **rows)
    if (who.covers(row.equipment))
      list.push_back(json_rows::to_json(row));
  if (list.empty())
    co_return to_response(no_such_equipment(equipment));
  co_return ledger_page(std::move(list), page);
}

constexpr std::array<std::string_view, 11> ledger_keys{
  "equipment", "stream_id",   "sent",    "durable", "stored",   "lost",
  "doubled",   "quarantined", "dropped", "expired", "elsewhere"};

answer ledger(api_context& of, call call) {
  const auto asked = read_row_page(call, ledger_keys);
  if (const auto* wrong = std::get_if<problem>(&asked))
    co_return to_response(*wrong);
  const auto& page = std::get<row_page_wish>(asked);
  if (const auto* equipment = given(call, "equipment"))
    co_return co_await machine_ledger(of, call.who, *equipment, page);
  const auto rows =
    co_await farm_ledger(of.cache, of.node.store, of.node.meter, call.who.farm, 6 * answer_limit);
  if (const auto* wrong = std::get_if<problem>(&rows))
    co_return to_response(*wrong);
  json list = json::array();
  for (const auto& row : *std::get<std::shared_ptr<const json>>(rows))
    if (call.who.covers(row.at("equipment").get_ref<const std::string&>()))
      list.push_back(row);
  co_return ledger_page(std::move(list), page);
}

} // namespace

void add_ledger_route(router& to, api_context& of) {
  to.add({"GET",
          "/api/v1/ledger",
          daemon::permission::read,
          {"equipment", "sort", "limit", "after"},
          on_history(of, ledger)});
}

} // namespace furrow::http
