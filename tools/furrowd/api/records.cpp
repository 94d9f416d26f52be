#include "tools/furrowd/api/records.hpp"

#include "storage/quarantine.hpp"
#include "storage/records.hpp"
#include "tools/furrowd/api/answers.hpp"
#include "tools/furrowd/api/records_json.hpp"
#include "tools/furrowd/http/ask.hpp"
#include "tools/furrowd/http/store_problem.hpp"
#include "tools/json/rfc3339.hpp"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr std::chrono::milliseconds record_limit = 10s;
constexpr std::size_t rows_default = 1'000;
constexpr const char* id_hint = "write STREAM:SEQ as `furrow quarantine list` shows it";

std::optional<problem> read_limit(const call& call, std::size_t& limit) {
  const auto* text = given(call, "limit");
  if (text == nullptr)
    return std::nullopt;
  const auto* const end = text->data() + text->size();
  const auto [at, error] = std::from_chars(text->data(), end, limit);
  if (error != std::errc{} || at != end || limit == 0 || limit > storage::page_rows_max)
    return bad_parameter("limit", *text, fmt::format("use 1 to {}", storage::page_rows_max));
  return std::nullopt;
}

struct records_request {
  storage::records_query query;
  std::optional<storage::records_cursor> after;
};

std::variant<records_request, problem> to_records_request(const call& call) {
  records_request wanted;
  auto& query = wanted.query;
  query.limit = rows_default;
  query.farm = call.who.farm;
  const auto* equipment = given(call, "equipment");
  const auto* kind = given(call, "kind");
  if (equipment == nullptr || equipment->empty())
    return problem{400, "missing_parameter", "the parameter equipment is missing",
                   "add equipment=NAME"};
  if (kind == nullptr)
    return problem{400, "missing_parameter", "the parameter kind is missing",
                   "add kind= one of " + can::record_kind_names() + ", or a number"};
  query.equipment = *equipment;
  const auto number = parse_kind(*kind);
  if (!number)
    return bad_parameter("kind", *kind, "use one of " + can::record_kind_names() + ", or a number");
  query.kind = *number;
  for (const auto& [name, end] : {std::pair{"from", &query.from_us}, std::pair{"to", &query.to_us}})
    if (const auto* text = given(call, name)) {
      *end = parse_time(*text);
      if (!*end)
        return bad_parameter(name, *text,
                             "write times as 2026-05-01T06:30:00Z, at most with microseconds");
    }
  if (auto wrong = read_limit(call, query.limit))
    return *wrong;
  if (const auto* text = given(call, "after")) {
    wanted.after = parse_cursor(*text);
    if (!wanted.after)
      return bad_parameter("after", *text, "use `next` of the previous page");
  }
  return wanted;
}

/// Asks the store; a problem when it does not answer or fails.
template <class T, class Start>
asio::awaitable<std::variant<T, problem>> ask_store(Start start) {
  auto said = co_await ask<storage::result<T>>(start, record_limit);
  if (!said)
    co_return no_answer("database");
  if (!*said)
    co_return to_problem(said->error());
  co_return std::move(**said);
}

asio::awaitable<response> records(actors::node& node, call call) {
  auto wanted = to_records_request(call);
  if (const auto* wrong = std::get_if<problem>(&wanted))
    co_return to_response(*wrong);
  const auto& [query, after] = std::get<records_request>(wanted);
  if (!call.who.covers(query.equipment))
    co_return to_response(not_covered(query.equipment));
  const auto start = [&node, &wanted](auto done) {
    const auto& asked = std::get<records_request>(wanted);
    node.store().records()->read_records(asked.query, asked.after, std::move(done));
  };
  const auto said = co_await ask_store<storage::records_page>(start);
  if (const auto* wrong = std::get_if<problem>(&said))
    co_return to_response(*wrong);
  const auto& page = std::get<storage::records_page>(said);
  const auto* kind = can::find_record_kind(query.kind);
  json list = json::array();
  for (const auto& row : page.rows)
    list.push_back(to_json(row, kind));
  co_return ok({{"kind", kind_text(query.kind)},
                {"records", std::move(list)},
                {"next", page.next ? json(cursor_text(*page.next)) : json(nullptr)}});
}

asio::awaitable<response> list_quarantine(actors::node& node, call call) {
  storage::quarantine_query query;
  query.farm = call.who.farm;
  query.limit = rows_default;
  std::optional<storage::quarantine_id> after;
  if (const auto* equipment = given(call, "equipment"))
    query.equipment = *equipment;
  if (!query.equipment.empty() && !call.who.covers(query.equipment))
    co_return to_response(not_covered(query.equipment));
  if (const auto wrong = read_limit(call, query.limit))
    co_return to_response(*wrong);
  if (const auto* text = given(call, "after")) {
    after = parse_id(*text);
    if (!after)
      co_return to_response(bad_parameter("after", *text, "use `next` of the previous page"));
  }
  const auto start = [&](auto done) {
    node.store().quarantine()->list_quarantine(query, after, std::move(done));
  };
  const auto said = co_await ask_store<storage::quarantine_page>(start);
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
asio::awaitable<std::variant<storage::quarantine_row, problem>> named_item(actors::node& node,
                                                                           const call& call) {
  const auto& text = call.path.at("id");
  const auto id = parse_id(text);
  if (!id)
    co_return bad_parameter("id", text, id_hint);
  const auto start = [&](auto done) {
    node.store().quarantine()->show_quarantined(call.who.farm, *id, std::move(done));
  };
  auto said = co_await ask_store<storage::quarantine_row>(start);
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

asio::awaitable<response> show_quarantined(actors::node& node, call call) {
  const auto item = co_await named_item(node, call);
  if (const auto* wrong = std::get_if<problem>(&item))
    co_return to_response(*wrong);
  co_return ok(to_json(std::get<storage::quarantine_row>(item), true));
}

asio::awaitable<response> retry_quarantined(actors::node& node, call call) {
  const auto item = co_await named_item(node, call);
  if (const auto* wrong = std::get_if<problem>(&item))
    co_return to_response(*wrong);
  const auto id = std::get<storage::quarantine_row>(item).id;
  const auto start = [&](auto done) {
    node.store().quarantine()->retry_quarantined(call.who.farm, id, std::move(done));
  };
  const auto said = co_await ask_store<storage::retry_outcome>(start);
  if (const auto* wrong = std::get_if<problem>(&said))
    co_return to_response(*wrong);
  const auto& outcome = std::get<storage::retry_outcome>(said);
  co_return ok({{"id", id_text(id)},
                {"stored", outcome.stored},
                {"reason", outcome.stored ? json(nullptr) : json(outcome.reason)}});
}

asio::awaitable<response> drop_quarantined(actors::node& node, call call) {
  const auto item = co_await named_item(node, call);
  if (const auto* wrong = std::get_if<problem>(&item))
    co_return to_response(*wrong);
  const auto id = std::get<storage::quarantine_row>(item).id;
  const auto start = [&](auto dropped) {
    node.store().quarantine()->drop_quarantined(call.who.farm, id, std::move(dropped));
  };
  const auto said = co_await ask_store<done>(start);
  if (const auto* wrong = std::get_if<problem>(&said))
    co_return to_response(*wrong);
  co_return ok({{"id", id_text(id)}, {"dropped", true}});
}

asio::awaitable<response> no_records(actors::node& /*node*/, call /*call*/) {
  co_return to_response({501, "not_kept", "this node's database keeps no records", ""});
}

} // namespace

void add_record_routes(router& to, actors::node& node) {
  using enum daemon::permission;
  const auto with = [&node](asio::awaitable<response> (*run)(actors::node&, call)) -> handler {
    const auto has = node.store().capabilities();
    return [&node, run = has.records && has.quarantine ? run : &no_records](call call) {
      return run(node, std::move(call));
    };
  };
  to.add({"GET",
          "/api/v1/records",
          read,
          {"equipment", "kind", "from", "to", "limit", "after"},
          with(records)});
  to.add(
    {"GET", "/api/v1/quarantine", read, {"equipment", "limit", "after"}, with(list_quarantine)});
  to.add({"GET", "/api/v1/quarantine/{id}", read, {}, with(show_quarantined)});
  to.add({"POST", "/api/v1/quarantine/{id}/retry", operate, {}, with(retry_quarantined)});
  to.add({"POST", "/api/v1/quarantine/{id}/drop", administer, {}, with(drop_quarantined)});
}

} // namespace furrow::http
