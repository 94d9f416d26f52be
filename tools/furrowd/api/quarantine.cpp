#include "storage/quarantine.hpp"

#include "tools/furrowd/api/answers.hpp"
#include "tools/furrowd/api/bodies/records_json.hpp"
#include "tools/furrowd/api/resources.hpp"
#include "tools/furrowd/http/ask_store.hpp"

#include <optional>
#include <utility>
#include <variant>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

constexpr const char* id_hint = "write STREAM:SEQ as `furrow quarantine list` shows it";

answer list_quarantine(api_context& of, call call) {
  storage::quarantine_query query;
  query.farm = call.who.farm;
  query.limit = page_rows_default;
  std::optional<storage::quarantine_id> after;
  if (const auto* equipment = given(call, "equipment"))
    query.equipment = *equipment;
  if (!query.equipment.empty() && !call.who.covers(query.equipment))
    co_return to_response(not_covered(query.equipment));
  if (const auto wrong = read_page_limit(call, query.limit))
    co_return to_response(*wrong);
  if (const auto* text = given(call, "after")) {
    after = parse_id(*text);
    if (!after)
      co_return to_response(bad_parameter("after", *text, "use `next` of the previous page"));
  }
  const auto start = [&](auto done) {
    of.node.store.quarantine()->list_quarantine(query, after, std::move(done));
  };
  const auto said = co_await ask_store<storage::quarantine_page>(start, answer_limit);
  if (const auto* wrong = std::get_if<problem>(&said))
    co_return to_response(*wrong);
  const auto& page = std::get<storage::quarantine_page>(said);
  json list = json::array();
  for (const auto& row : page.rows)
    if (call.who.covers(row.equipment))
      list.push_back(to_json(row, false));
  co_return ok({{"quarantine", std::move(list)},
                {"next", page.next ? json(id_text(*page.next)) : json(nullptr)}});
}

/// The item of the path, after a check that the token covers its machine.
boost::asio::awaitable<std::variant<storage::quarantine_row, problem>>
named_item(api_context& of, const call& call) {
  const auto& text = call.path.at("id");
  const auto id = parse_id(text);
  if (!id)
    co_return bad_parameter("id", text, id_hint);
  const auto start = [&](auto done) {
    of.node.store.quarantine()->show_quarantined(call.who.farm, *id, std::move(done));
  };
  auto said = co_await ask_store<storage::quarantine_row>(start, answer_limit);
  if (auto* wrong = std::get_if<problem>(&said)) {
    if (wrong->status == 404)
      *wrong = {404, "not_in_quarantine", wrong->message,
                "`furrow quarantine list` shows the quarantined items"};
    co_return *wrong;
  }
  if (const auto& row = std::get<storage::quarantine_row>(said); !call.who.covers(row.equipment))
    co_return not_covered(row.equipment);
  co_return said;
}

answer show_quarantined(api_context& of, call call) {
  const auto item = co_await named_item(of, call);
  if (const auto* wrong = std::get_if<problem>(&item))
    co_return to_response(*wrong);
  co_return ok(to_json(std::get<storage::quarantine_row>(item), true));
}

answer retry_quarantined(api_context& of, call call) {
  const auto item = co_await named_item(of, call);
  if (const auto* wrong = std::get_if<problem>(&item))
    co_return to_response(*wrong);
  const auto id = std::get<storage::quarantine_row>(item).id;
  const auto start = [&](auto done) {
    of.node.store.quarantine()->retry_quarantined(call.who.farm, id, author_of(call),
                                                  std::move(done));
  };
  const auto said = co_await ask_store<storage::retry_outcome>(start, answer_limit);
  if (const auto* wrong = std::get_if<problem>(&said))
    co_return to_response(*wrong);
  const auto& outcome = std::get<storage::retry_outcome>(said);
  co_return ok({{"id", id_text(id)},
                {"stored", outcome.stored},
                {"reason", outcome.stored ? json(nullptr) : json(outcome.reason)}});
}

answer drop_quarantined(api_context& of, call call) {
  const auto item = co_await named_item(of, call);
  if (const auto* wrong = std::get_if<problem>(&item))
    co_return to_response(*wrong);
  const auto id = std::get<storage::quarantine_row>(item).id;
  const auto start = [&](auto dropped) {
    of.node.store.quarantine()->drop_quarantined(call.who.farm, id, author_of(call),
                                                 std::move(dropped));
  };
  const auto said = co_await ask_store<done>(start, answer_limit);
  if (const auto* wrong = std::get_if<problem>(&said))
    co_return to_response(*wrong);
  co_return ok({{"id", id_text(id)}, {"dropped", true}});
}

} // namespace

void add_quarantine_routes(router& to, api_context& of) {
  using enum daemon::permission;
  const bool kept = of.node.store.quarantine() != nullptr;
  const auto with = [&](answer (*run)(api_context&, call)) {
    return on(of, kept ? run : not_kept);
  };
  to.add(
    {"GET", "/api/v1/quarantine", read, {"equipment", "limit", "after"}, with(list_quarantine)});
  to.add({"GET", "/api/v1/quarantine/{id}", read, {}, with(show_quarantined)});
  to.add({"POST", "/api/v1/quarantine/{id}/retry", operate, {}, with(retry_quarantined)});
  to.add({"POST", "/api/v1/quarantine/{id}/drop", administer, {}, with(drop_quarantined)});
}

} // namespace furrow::http
