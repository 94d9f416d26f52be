#include "actors/cluster/cluster_board.hpp"
#include "actors/live/node_meter.hpp"
#include "actors/log/levels.hpp"
#include "storage/membership.hpp"
#include "tools/furrowd/api/answers.hpp"
#include "tools/furrowd/api/lists/row_page.hpp"
#include "tools/furrowd/api/resources.hpp"
#include "tools/furrowd/http/ask_store.hpp"
#include "tools/json/rfc3339.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

constexpr std::int64_t lease_ms = 3'000;
constexpr std::size_t wish_bytes_max = 4U << 10U; // a body with one value
constexpr std::int64_t weight_max = 10'000;

/// Of a node that shares its database with nobody.
json lone_node(const api_context& of) {
  const auto stats = of.node.meter.stats();
  return {{"name", of.node_name},
          {"state", "alive"},
          {"this", true},
          {"sessions", stats.sessions},
          {"frames_per_s", nullptr},
          {"lag_ms", stats.stalled_s * 1'000},
          {"lease_age_ms", nullptr},
          {"weight", nullptr},
          {"gateway", nullptr},
          {"http", nullptr},
          {"build", of.version},
          {"wire_versions", nullptr},
          {"since", nullptr},
          {"judged_by", nullptr},
          {"incarnation", nullptr}};
}

json or_null(const std::string& text) {
  return text.empty() ? json(nullptr) : json(text);
}

json node_json(const actors::cluster_view& view,
               const storage::node_row& row,
               std::int64_t age_ms) {
  using storage::node_status;
  const bool own = row.who == view.self;
  const bool here = row.status == node_status::alive || row.status == node_status::draining;
  const auto renewed_ms = lease_ms - row.lease_ms + age_ms;
  std::string state = own ? actors::to_string(view.state) : storage::to_string(row.status);
  if (!own && here && row.lease_ms < 0)
    state = "late";
  const auto& id = row.who.incarnation;
  return {{"name", row.who.name},
          {"state", state},
          {"this", own},
          {"sessions", row.load.sessions},
          {"frames_per_s", row.load.frames_s},
          {"lag_ms", row.load.lag_ms},
          {"lease_age_ms", here ? json(std::max<std::int64_t>(renewed_ms, 0)) : json(nullptr)},
          {"weight", row.weight},
          {"gateway", or_null(row.card.gateway)},
          {"http", or_null(row.card.http)},
          {"build", or_null(row.card.build)},
          {"wire_versions", fmt::format("{}-{}", row.card.wire_min, row.card.wire_max)},
          {"since", json_rows::format_time(row.since_us)},
          {"judged_by", or_null(row.judged_by)},
          {"incarnation", fmt::format("{:02x}{:02x}{:02x}{:02x}", id[0], id[1], id[2], id[3])}};
}

/// By name; from memory, so that it is answered while the database is away.
json all_nodes(const api_context& of) {
  const auto* cluster = of.node.cluster;
  if (cluster == nullptr)
    return json::array({lone_node(of)});
  const auto view = cluster->latest();
  const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(
    std::chrono::steady_clock::now() - view->asked_at);
  json list = json::array();
  for (const auto& row : view->nodes)
    list.push_back(node_json(*view, row, age.count()));
  std::sort(list.begin(), list.end(),
            [](const json& one, const json& other) { return one.at("name") < other.at("name"); });
  return list;
}

problem no_such_node(const std::string& name) {
  return {404, "no_such_node", fmt::format("there is no node \"{}\"", name),
          "`furrow nodes` lists them"};
}

constexpr std::array<std::string_view, 10> node_keys{
  "name",         "state",  "sessions", "frames_per_s", "lag_ms",
  "lease_age_ms", "weight", "since",    "build",        "gateway"};

answer list_nodes(api_context& of, call call) {
  const auto asked = read_row_page(call, node_keys);
  if (const auto* wrong = std::get_if<problem>(&asked))
    co_return to_response(*wrong);
  const auto& page = std::get<row_page_wish>(asked);
  const auto* cluster = of.node.cluster;
  auto list = all_nodes(of);
  const auto next = page.is_given() ? cut_to_page(list, page, "name") : json(nullptr);
  json body{{"nodes", std::move(list)},
            {"view", cluster == nullptr ? json(nullptr) : json(cluster->latest()->view)}};
  if (page.is_given())
    body["next"] = next;
  co_return ok(body);
}

answer one_node(api_context& of, call call) {
  const auto& name = call.path.at("name");
  for (const auto& row : all_nodes(of))
    if (row.at("name") == name)
      co_return ok(row);
  co_return to_response(no_such_node(name));
}

/// The only value of a small body.
std::variant<json, problem> wish_in(const std::string& body, const char* name, const char* hint) {
  auto given = body.size() > wish_bytes_max ? json() : json::parse(body, nullptr, false);
  if (!given.is_object() || given.size() != 1 || !given.contains(name))
    return problem{400, "bad_body", fmt::format("the body must have \"{}\" and nothing else", name),
                   hint};
  return given.at(name);
}

problem no_cluster() {
  return {409, "no_cluster", "this node shares its database with no other node",
          "several nodes need PostgreSQL"};
}

answer steer(api_context& of, call call, storage::node_wish wish) {
  const auto& name = call.path.at("name");
  auto* const members = of.node.store.membership();
  if (members == nullptr)
    co_return to_response(no_cluster());
  const auto start = [&](auto done) {
    members->steer(name, wish, author_of(call), std::move(done));
  };
  auto said = co_await ask<storage::result<storage::node_status>>(start, answer_limit);
  if (!said)
    co_return to_response(no_answer("database"));
  if (!*said)
    co_return to_response(said->code() == storage::errc::not_found ? no_such_node(name)
                                                                   : to_problem(said->error()));
  const auto status = **said;
  if (wish.what != storage::node_wish::kind::weigh
      && (status == storage::node_status::left || status == storage::node_status::dead))
    co_return to_response({409, "node_is_gone",
                           fmt::format("node \"{}\" is {}", name, storage::to_string(status)),
                           "a node that starts takes machines again"});
  json shown{{"name", name}, {"state", storage::to_string(status)}};
  if (wish.what == storage::node_wish::kind::weigh)
    shown["weight"] = wish.weight;
  co_return ok(shown);
}

answer drain_node(api_context& of, call call) {
  const storage::node_wish wish{storage::node_wish::kind::drain};
  co_return co_await steer(of, std::move(call), wish);
}

answer undrain_node(api_context& of, call call) {
  const storage::node_wish wish{storage::node_wish::kind::undrain};
  co_return co_await steer(of, std::move(call), wish);
}

answer weigh_node(api_context& of, call call) {
  constexpr const char* hint = "send {\"weight\": N} with N from 0 to 10000";
  const auto given = wish_in(call.body, "weight", hint);
  if (const auto* wrong = std::get_if<problem>(&given))
    co_return to_response(*wrong);
  const auto& weight = std::get<json>(given);
  if (!weight.is_number_integer() || weight < 0 || weight > weight_max)
    co_return to_response({400, "bad_body", "weight is not a number from 0 to 10000", hint});
  const storage::node_wish wish{storage::node_wish::kind::weigh, weight.get<std::uint32_t>()};
  co_return co_await steer(of, std::move(call), wish);
}

answer move_machine(api_context& of, call call) {
  const auto& machine = call.path.at("name");
  if (!call.who.covers(machine))
    co_return to_response(not_covered(machine));
  const auto given = wish_in(call.body, "to", "send {\"to\": \"NODE\"}, or {\"to\": \"\"} for any");
  if (const auto* wrong = std::get_if<problem>(&given))
    co_return to_response(*wrong);
  const auto& to = std::get<json>(given);
  if (!to.is_string() || to.get_ref<const std::string&>().find('\0') != std::string::npos)
    co_return to_response({400, "bad_body", "to is not the name of a node", ""});
  auto* const members = of.node.store.membership();
  if (members == nullptr)
    co_return to_response(no_cluster());
  const auto start = [&](auto done) {
    members->pin(call.who.farm, machine, to.get<std::string>(), author_of(call), std::move(done));
  };
  auto said = co_await ask<storage::result<furrow::done>>(start, answer_limit);
  of.homes.forget(call.who.farm); // also after a failure: the change may have been made
  if (!said)
    co_return to_response(no_answer("database"));
  if (!*said && said->code() == storage::errc::not_found)
    co_return to_response({404, "not_found", said->error().detail,
                           "`furrow equipment` and `furrow nodes` show the names"});
  if (!*said)
    co_return to_response(to_problem(said->error()));
  co_return ok({{"equipment", machine}, {"pinned_to", or_null(to.get<std::string>())}});
}

json shown_levels() {
  json modules = json::array();
  for (std::size_t i = 0; i < log::module_count; ++i) {
    const auto module = static_cast<log::module_name>(i);
    modules.push_back(
      {{"module", log::to_string(module)}, {"level", log::setting_of(log::lowest_of(module))}});
  }
  return {{"levels", log::levels()}, {"modules", std::move(modules)}};
}

answer show_log_levels(api_context& /*of*/, call /*call*/) {
  co_return ok(shown_levels());
}

answer set_log_levels(api_context& /*of*/, call call) {
  constexpr const char* hint = "send {\"levels\": \"info,gateway=debug\"}";
  const auto given = wish_in(call.body, "levels", hint);
  if (const auto* wrong = std::get_if<problem>(&given))
    co_return to_response(*wrong);
  const auto& levels = std::get<json>(given);
  if (!levels.is_string())
    co_return to_response({400, "bad_body", "levels is not a text", hint});
  if (const auto fault = log::set_levels(levels.get<std::string>()))
    co_return to_response({400, "bad_levels", *fault, hint});
  co_return ok(shown_levels());
}

} // namespace

void add_node_routes(router& to, api_context& of) {
  using enum daemon::permission;
  to.add({"GET", "/api/v1/nodes", watch, {"sort", "limit", "after"}, on(of, list_nodes), false});
  to.add({"GET", "/api/v1/nodes/{name}", watch, {}, on(of, one_node), false});
  to.add({"POST", "/api/v1/nodes/{name}/drain", govern, {}, on(of, drain_node)});
  to.add({"POST", "/api/v1/nodes/{name}/undrain", govern, {}, on(of, undrain_node)});
  to.add({"PUT", "/api/v1/nodes/{name}/weight", govern, {}, on(of, weigh_node)});
  to.add({"GET", "/api/v1/log-levels", watch, {}, on(of, show_log_levels), false});
  route levels{"PUT", "/api/v1/log-levels", govern, {}, on(of, set_log_levels), false, "log level"};
  levels.noted_before = [] { return json{{"levels", log::levels()}}.dump(); };
  to.add(std::move(levels));
  to.add({"POST", "/api/v1/equipment/{name}/move", operate, {}, on(of, move_machine)});
}

} // namespace furrow::http
