#include "tools/furrowd/api/people/people.hpp"

#include <charconv>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

answer list_audit(api_context& of, call call) {
  auto* const log = storage::audit_of(of.node.store);
  if (log == nullptr)
    co_return co_await not_kept(of, std::move(call));
  storage::audit_query query;
  query.farm = listed_farm(call);
  if (const auto wrong = read_page_limit(call, query.rows_max))
    co_return to_response(*wrong);
  if (const auto* who = given(call, "who"))
    query.who = *who;
  if (const auto* action = given(call, "action"))
    query.action = *action;
  if (const auto* text = given(call, "before")) {
    const auto* const end = text->data() + text->size();
    const auto [at, error] = std::from_chars(text->data(), end, query.older_than);
    if (error != std::errc{} || at != end || query.older_than <= 0)
      co_return to_response(bad_parameter("before", *text, "it is the id of a row of the list"));
  }
  const auto start = [&](auto done) { log->list(query, std::move(done)); };
  const auto said = co_await ask_store<std::vector<storage::audit_row>>(start, answer_limit);
  if (const auto* wrong = std::get_if<problem>(&said))
    co_return to_response(*wrong);
  const auto& rows = std::get<std::vector<storage::audit_row>>(said);
  json list = json::array();
  for (const auto& row : rows)
    list.push_back(to_json(row));
  json next = rows.size() == query.rows_max ? json(rows.back().id) : json(nullptr);
  json answer{{"audit", std::move(list)}, {"next", std::move(next)}};
  co_return ok(answer);
}

} // namespace

void add_audit_route(router& to, api_context& of) {
  to.add({"GET",
          "/api/v1/audit",
          daemon::permission::manage,
          {"before", "limit", "who", "action"},
          on(of, list_audit)});
}

} // namespace furrow::http
