#include "storage/farm/repositories.hpp"

#include "storage/farm/json_check.hpp"
#include "tools/furrowd/api/answers.hpp"
#include "tools/furrowd/api/bodies/repository_json.hpp"
#include "tools/furrowd/api/lists/row_page.hpp"
#include "tools/furrowd/api/resources.hpp"
#include "tools/furrowd/http/ask_store.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

using namespace std::chrono_literals;
using storage::action;
using storage::entity;
using storage::record;
using store_rows = storage::repositories*;

constexpr std::chrono::milliseconds repository_limit = 10s;
constexpr int depth_max = 40; // nesting of a body; the store allows 32 levels inside it

problem no_repositories() {
  return {501, "not_kept", "the store of this node has no fields and no equipment records", ""};
}

/// A caller has one farm; rows of the others are named in the path.
std::string name_in(const call& call, entity what) {
  return what == entity::farm ? call.who.farm : call.path.at("name");
}

/// A token for some machines may change the records of those machines, and neither a field nor the farm.
std::optional<problem> row_not_covered(const call& call, entity what, const std::string& name) {
  if (what == entity::equipment ? call.who.covers(name) : call.who.equipment.empty())
    return std::nullopt;
  return problem{403, "not_permitted",
                 fmt::format("this token is not for the {} \"{}\"", storage::to_string(what), name),
                 "use a token for the whole farm"};
}

std::variant<json, problem> parse_body(const std::string& body) {
  using event = json::parse_event_t;
  bool too_deep = false;
  const auto keep = [&](int depth, event what, json&) {
    const bool opens = what == event::object_start || what == event::array_start;
    too_deep = too_deep || (opens && depth >= depth_max);
    return !too_deep; // so that nothing that walks the value goes deeper either
  };
  auto parsed = json::parse(storage::shield_numbers(body), keep, false);
  if (too_deep)
    return problem{400, "bad_body", "the body is nested too deeply", ""};
  if (parsed.is_discarded())
    return problem{400, "bad_body", "the body is not valid JSON", "send a JSON object"};
  return parsed;
}

/// Numbers of attributes are handed on as they are stored, also those that a double cannot hold.
response exactly(const json& shown) {
  auto made = ok(shown);
  made.body = storage::unshield_numbers(made.body);
  return made;
}

/// Nothing when the text is not exactly one number.
template <class Number>
std::optional<Number> number_of(std::string_view text) {
  Number value{};
  const auto* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  return error == std::errc{} && at == end ? std::optional{value} : std::nullopt;
}

boost::asio::awaitable<response>
carry_out(store_rows rows, const call& call, storage::unit_of_work work, json shown) {
  work.by = author_of(call);
  const auto start = [&](auto done) {
    rows->apply(call.who.farm, std::move(work), std::move(done));
  };
  const auto outcome =
    co_await ask<storage::result<storage::unit_outcome>>(start, repository_limit);
  if (!outcome)
    co_return to_response(no_answer("database"));
  if (!*outcome)
    co_return to_response(to_problem(outcome->error()));
  if (!(**outcome).committed)
    co_return to_response(to_problem((**outcome).rejections.front()));
  co_return exactly(shown);
}

boost::asio::awaitable<std::variant<record, problem>>
read_one(store_rows rows, std::string farm, entity what, std::string name) {
  const auto start = [&](auto done) { rows->get(farm, what, name, std::move(done)); };
  auto found = co_await ask<storage::result<record>>(start, repository_limit);
  if (!found)
    co_return no_answer("database");
  if (!*found && found->code() == storage::errc::not_found && what == entity::farm) {
    storage::farm_record row; // the first machine or change makes it
    row.name = std::move(name);
    co_return record{std::move(row)};
  }
  if (!*found && found->code() == storage::errc::not_found)
    co_return problem{404, "not_found",
                      fmt::format("there is no {} \"{}\"", storage::to_string(what), name),
                      fmt::format("`furrow {} list` shows them", storage::to_string(what))};
  if (!*found)
    co_return to_problem(found->error());
  co_return std::move(**found);
}

boost::asio::awaitable<response> show(store_rows rows, entity what, call call) {
  if (rows == nullptr)
    co_return to_response(no_repositories());
  const auto name = name_in(call, what);
  if (what == entity::equipment && !call.who.covers(name))
    co_return to_response(*row_not_covered(call, what, name));
  const auto found = co_await read_one(rows, call.who.farm, what, name);
  if (const auto* wrong = std::get_if<problem>(&found))
    co_return to_response(*wrong);
  co_return exactly(to_json(std::get<record>(found)));
}

std::optional<problem> read_query(const call& call, storage::record_query& query) {
  for (const auto& [name, value] : call.query) {
    if (name == "after")
      query.after = value;
    else if (name == "prefix")
      query.name_prefix = value;
    else if (name == "sort")
      continue; // read_order has read it
    else if (name != "limit")
      query.filters.emplace_back(name, value);
    else if (const auto rows = number_of<std::size_t>(value);
             rows && *rows >= 1 && *rows <= storage::repository_page_max)
      query.rows_max = *rows;
    else
      return problem{400, "bad_parameter", fmt::format("invalid value: limit=\"{}\"", value),
                     fmt::format("use 1 to {}", storage::repository_page_max)};
  }
  return std::nullopt;
}

constexpr std::array<std::string_view, 5> field_keys{"name", "crop", "soil", "season", "area_m2"};
constexpr std::array<std::string_view, 7> equipment_record_keys{
  "name", "kind", "status", "maker", "model", "serial", "firmware"};

/// The order that the call asks for. With `sort`, `after` is the `next` of a page of this order; without, a name.
std::variant<row_page_wish, problem>
read_order(const call& call, entity what, storage::record_query& query) {
  const std::span<const std::string_view> keys =
    what == entity::field ? std::span<const std::string_view>{field_keys}
                          : std::span<const std::string_view>{equipment_record_keys};
  if (given(call, "sort") == nullptr)
    return row_page_wish{};
  auto asked = read_row_page(call, keys);
  const auto* const wish = std::get_if<row_page_wish>(&asked);
  if (wish == nullptr)
    return asked;
  query.sort = wish->key;
  query.is_descending = wish->is_descending;
  if (wish->after) {
    if (!wish->after->value.is_string() || !wish->after->identity.is_string())
      return bad_parameter("after", call.query.at("after"),
                           "use `next` of the previous page, with its `sort`");
    query.after = wish->after->identity.get<std::string>();
    query.after_value = wish->after->value.get<std::string>();
  }
  return asked;
}

boost::asio::awaitable<response> list(store_rows rows, entity what, call call) {
  if (rows == nullptr)
    co_return to_response(no_repositories());
  storage::record_query query;
  if (const auto wrong = read_query(call, query))
    co_return to_response(*wrong);
  const auto asked = read_order(call, what, query);
  if (const auto* wrong = std::get_if<problem>(&asked))
    co_return to_response(*wrong);
  const auto& order = std::get<row_page_wish>(asked);
  const auto start = [&](auto done) { rows->list(call.who.farm, what, query, std::move(done)); };
  const auto page = co_await ask<storage::result<storage::record_page>>(start, repository_limit);
  if (!page)
    co_return to_response(no_answer("database"));
  if (!*page)
    co_return to_response(to_problem(page->error()));
  json shown = json::array();
  for (const auto& row : (**page).rows)
    if (what != entity::equipment || call.who.covers(storage::name_of(row)))
      shown.push_back(to_json(row));
  json next = nullptr;
  if ((**page).next)
    next = order.is_given() ? next_of(order, (**page).next_value.value_or(""), *(**page).next)
                            : *(**page).next;
  co_return exactly({{"rows", std::move(shown)}, {"next", std::move(next)}});
}

boost::asio::awaitable<response> fields_at(store_rows rows, call call) {
  if (rows == nullptr)
    co_return to_response(no_repositories());
  const auto& text = call.query["position"];
  const auto comma = std::min(text.find(','), text.size());
  const auto longitude = number_of<double>(std::string_view{text}.substr(0, comma));
  const auto latitude =
    number_of<double>(std::string_view{text}.substr(std::min(comma + 1, text.size())));
  if (!longitude || !latitude || !(*longitude >= -180 && *longitude <= 180)
      || !(*latitude >= -90 && *latitude <= 90))
    co_return to_response(
      {400, "bad_parameter", "invalid position", "write position=LONGITUDE,LATITUDE in degrees"});
  const auto start = [&](auto done) {
    rows->fields_at(call.who.farm, {*longitude, *latitude}, std::move(done));
  };
  const auto found =
    co_await ask<storage::result<std::vector<storage::field_record>>>(start, repository_limit);
  if (!found)
    co_return to_response(no_answer("database"));
  if (!*found)
    co_return to_response(to_problem(found->error()));
  json shown = json::array();
  for (const auto& row : **found)
    shown.push_back(to_json(record{row}));
  co_return exactly({{"rows", std::move(shown)}, {"next", nullptr}});
}

std::variant<storage::change, problem>
field_change(const call& call, const json& item, action what) {
  storage::field_record field;
  if (item.is_object() && item.contains("name") && item["name"].is_string())
    field.name = item["name"].get<std::string>();
  if (auto wrong = row_not_covered(call, entity::field, field.name))
    return *wrong;
  record row{std::move(field)};
  if (auto wrong = merge(row, item))
    return *wrong;
  return storage::change{what, std::move(row)};
}

json refused(std::size_t index, const problem& why) {
  return {{"index", index},
          {"status", why.status},
          {"error", {{"code", why.code}, {"message", why.message}, {"hint", why.hint}}}};
}

constexpr std::size_t fields_each_max = 1'000;

/// Stores the sound items of a list in one transaction; an invalid one alone is left out.
boost::asio::awaitable<response>
add_each_field(store_rows rows, const call& call, const json& items) {
  if (items.empty() || items.size() > fields_each_max)
    co_return to_response(
      {400, "bad_body", "the list has " + std::to_string(items.size()) + " fields",
       "1 to " + std::to_string(fields_each_max) + " fields can be stored one by one"});
  json results = json::array();
  std::vector<std::size_t> places; // of the item by the place of its change
  storage::unit_of_work work;
  for (const auto& item : items) {
    auto made = field_change(call, item, action::upsert);
    if (const auto* wrong = std::get_if<problem>(&made)) {
      results.push_back(refused(results.size(), *wrong));
      continue;
    }
    places.push_back(results.size());
    results.push_back({{"index", results.size()}, {"status", 200}, {"error", nullptr}});
    storage::unit_of_work one;
    one.changes.push_back(std::move(std::get<storage::change>(made)));
    one.may_fail = true;
    work.units.push_back(std::move(one));
  }
  auto changed = places.size();
  if (changed > 0) {
    work.by = author_of(call);
    const auto start = [&](auto done) {
      rows->apply(call.who.farm, std::move(work), std::move(done));
    };
    const auto said = co_await ask_store<storage::unit_outcome>(start, repository_limit);
    if (const auto* wrong = std::get_if<problem>(&said))
      co_return to_response(*wrong);
    const auto& outcome = std::get<storage::unit_outcome>(said);
    if (!outcome.committed)
      co_return to_response(to_problem(outcome.rejections.front()));
    for (const auto& why : outcome.rejections) {
      const auto index = places.at(why.place);
      results[index] = refused(index, to_problem(why));
      --changed;
    }
  }
  json shown{{"changed", changed}, {"results", std::move(results)}};
  co_return ok(shown);
}

/// An object creates a field. A list is applied in one transaction: new fields are created, known ones changed.
boost::asio::awaitable<response> add_fields(store_rows rows, call call) {
  if (rows == nullptr)
    co_return to_response(no_repositories());
  const auto body = parse_body(call.body);
  if (const auto* wrong = std::get_if<problem>(&body))
    co_return to_response(*wrong);
  const auto& given = std::get<json>(body);
  const auto each = call.query.find("each");
  if (each != call.query.end() && each->second != "true" && each->second != "false")
    co_return to_response(bad_parameter("each", each->second, "write true or false"));
  const auto items = given.is_array() ? given : json::array({given});
  if (each != call.query.end() && each->second == "true")
    co_return co_await add_each_field(rows, call, items);
  storage::unit_of_work work;
  for (const auto& item : items) {
    auto made = field_change(call, item, given.is_array() ? action::upsert : action::create);
    if (const auto* wrong = std::get_if<problem>(&made))
      co_return to_response(*wrong);
    work.changes.push_back(std::move(std::get<storage::change>(made)));
  }
  json shown{{"changed", work.changes.size()}}; // g++ 12 rejects braces beside co_await
  co_return co_await carry_out(rows, call, std::move(work), std::move(shown));
}

/// Creates the record of an unknown machine; a field must exist, and a farm always does. Changes the version that was read, unless the client
/// names a version.
boost::asio::awaitable<response> change_one(store_rows rows, entity what, call call) {
  if (rows == nullptr)
    co_return to_response(no_repositories());
  const auto name = name_in(call, what);
  if (const auto wrong = row_not_covered(call, what, name))
    co_return to_response(*wrong);
  const auto body = parse_body(call.body);
  if (const auto* wrong = std::get_if<problem>(&body))
    co_return to_response(*wrong);
  auto found = co_await read_one(rows, call.who.farm, what, name);
  const auto* missing = std::get_if<problem>(&found);
  const bool make = missing != nullptr && missing->status == 404 && what == entity::equipment;
  if (missing != nullptr && !make)
    co_return to_response(*missing);
  storage::equipment_record fresh;
  fresh.name = name;
  auto row = make ? record{fresh} : std::get<record>(std::move(found));
  if (const auto wrong = merge(row, std::get<json>(body)))
    co_return to_response(*wrong);
  auto work = storage::unit_of(make ? action::create : action::update, std::move(row));
  auto changed = co_await carry_out(rows, call, std::move(work), nullptr);
  if (changed.status != 200)
    co_return changed;
  const auto now = co_await read_one(rows, call.who.farm, what, name);
  if (const auto* wrong = std::get_if<problem>(&now))
    co_return to_response(*wrong);
  co_return exactly(to_json(std::get<record>(now)));
}

boost::asio::awaitable<response> remove_field(store_rows rows, call call) {
  if (rows == nullptr)
    co_return to_response(no_repositories());
  storage::field_record field;
  field.name = call.path.at("name");
  if (const auto wrong = row_not_covered(call, entity::field, field.name))
    co_return to_response(*wrong);
  if (call.query.contains("version")) {
    const auto version = number_of<std::int64_t>(call.query["version"]);
    if (!version)
      co_return to_response({400, "bad_parameter", "invalid version", "write a whole number"});
    field.version = *version;
  }
  json shown{{"removed", field.name}};
  auto work = storage::unit_of(action::remove, field);
  co_return co_await carry_out(rows, call, std::move(work), std::move(shown));
}

} // namespace

void add_repository_routes(router& routes, api_context& of) {
  using enum daemon::permission;
  auto* const rows = of.node.store.farm();
  const auto on = [rows](auto run, entity what) -> handler {
    return [rows, run, what](call call) { return run(rows, what, std::move(call)); };
  };
  routes.add({"GET", "/api/v1/farm", read, {}, on(show, entity::farm)});
  routes.add({"PATCH", "/api/v1/farm", operate, {}, on(change_one, entity::farm)});
  routes.add({"GET",
              "/api/v1/fields",
              read,
              {"after", "limit", "sort", "prefix", "crop", "soil", "season"},
              on(list, entity::field)});
  routes.add({"POST", "/api/v1/fields", operate, {"each"}, [rows](call call) {
                return add_fields(rows, std::move(call));
              }});
  routes.add({"GET", "/api/v1/fields-at", read, {"position"}, [rows](call call) {
                return fields_at(rows, std::move(call));
              }});
  routes.add({"GET", "/api/v1/fields/{name}", read, {}, on(show, entity::field)});
  routes.add({"PATCH", "/api/v1/fields/{name}", operate, {}, on(change_one, entity::field)});
  routes.add({"DELETE", "/api/v1/fields/{name}", operate, {"version"}, [rows](call call) {
                return remove_field(rows, std::move(call));
              }});
  routes.add({"PATCH", "/api/v1/equipment/{name}", operate, {}, on(change_one, entity::equipment)});
  routes.add({"GET",
              "/api/v1/equipment-records",
              read,
              {"after", "limit", "sort", "prefix", "kind", "status", "maker"},
              on(list, entity::equipment)});
  routes.add({"GET", "/api/v1/equipment-records/{name}", read, {}, on(show, entity::equipment)});
}

} // namespace furrow::http
