#include "actors/cluster/peer_rows.hpp"
#include "actors/cluster/scope.hpp"
#include "actors/live/actor_directory.hpp"
#include "tools/furrowd/api/answers.hpp"
#include "tools/furrowd/api/bodies/machine_json.hpp"
#include "tools/furrowd/api/peers.hpp"
#include "tools/furrowd/api/resources.hpp"
#include "tools/furrowd/http/store_problem.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

using actor_rows = std::vector<actors::actor_row>;

actor_rows visible_actors(const api_context& of, const daemon::credential& who) {
  auto rows = of.node.actors.rows();
  actors::narrow(rows, scope_of(who));
  return rows;
}

void add_rows(json& list, const actor_rows& rows, const std::string& node) {
  for (const auto& row : rows)
    list.push_back(to_json(row, node));
}

void add_rows(json& list, const proto::link::reply& reply, const std::string& node) {
  if (const auto* page = std::get_if<proto::link::actors_page_answer>(&reply))
    for (const auto& row : page->rows)
      list.push_back(to_json(actors::from_wire(row), node));
}

answer actors_of_peer(api_context& of, daemon::credential who, std::string node) {
  // Named, here and below: gcc 12 destroys a temporary in a co_await expression twice.
  proto::link::wish wish{scope_of(who), proto::link::actors_wish{}};
  const auto said = co_await ask_peer(of, node, std::move(wish));
  if (const auto* fault = std::get_if<problem>(&said))
    co_return to_response(*fault);
  json list = json::array();
  add_rows(list, std::get<proto::link::reply>(said), node);
  co_return ok(
    {{"node", of.node_name}, {"actors", std::move(list)}, {"incomplete", json::array()}});
}

answer list_actors(api_context& of, call call) {
  const auto* wanted = given(call, "node");
  if (wanted != nullptr && *wanted != of.node_name)
    co_return co_await actors_of_peer(of, call.who, *wanted);
  json list = json::array();
  add_rows(list, visible_actors(of, call.who), of.node_name);
  actors::peers_said said;
  if (wanted == nullptr) {
    proto::link::wish wish{scope_of(call.who), proto::link::actors_wish{}};
    said = co_await ask_peers(of, std::move(wish));
  }
  for (const auto& [node, reply] : said.answers)
    add_rows(list, *reply, node);
  co_return ok(
    {{"node", of.node_name}, {"actors", std::move(list)}, {"incomplete", said.incomplete}});
}

problem no_such_actor(std::uint64_t id) {
  return {404, "no_such_actor", fmt::format("there is no actor {}", id),
          "`furrow actors` lists them; a restarted one has a new id"};
}

/// To end what all farms share would cut off every farm.
problem shared_actor() {
  return {403, "not_permitted", "this token is for the actors of its own machines only",
          "an actor that all farms share takes a token with the role admin and farm = \"*\""};
}

json ended(const proto::link::end_wish& wish, const std::string& name, const std::string& node) {
  return {{wish.restart ? "restarted" : "killed", wish.actor}, {"name", name}, {"node", node}};
}

response end_here(const api_context& of, const call& call, const proto::link::end_wish& wish) {
  const auto rows = visible_actors(of, call.who);
  const auto is_it = [&wish](const actors::actor_row& row) { return row.id == wish.actor; };
  const auto row = std::find_if(rows.begin(), rows.end(), is_it);
  if (row == rows.end())
    return to_response(no_such_actor(wish.actor));
  if (actors::is_shared(*row) && !call.who.may(daemon::permission::govern))
    return to_response(shared_actor());
  auto& here = of.node.actors;
  if (!(wish.restart ? here.restart(wish.actor) : here.kill(wish.actor)))
    return to_response(no_such_actor(wish.actor));
  return ok(ended(wish, row->name, of.node_name));
}

answer end_at_peer(api_context& of, call call, proto::link::end_wish wish) {
  using outcome = proto::link::ended_answer::kind;
  const auto node = call.path.at("node");
  proto::link::wish asked{scope_of(call.who), wish};
  const auto said = co_await ask_peer(of, node, std::move(asked));
  if (const auto* fault = std::get_if<problem>(&said))
    co_return to_response(*fault);
  const auto* told = std::get_if<proto::link::ended_answer>(&std::get<proto::link::reply>(said));
  if (told == nullptr || told->outcome == outcome::no_such_actor)
    co_return to_response(no_such_actor(wish.actor));
  if (told->outcome == outcome::not_permitted)
    co_return to_response(shared_actor());
  co_return ok(ended(wish, told->name, node));
}

std::variant<std::uint64_t, problem> actor_id_in(const call& call) {
  const auto& text = call.path.at("id");
  std::uint64_t id = 0;
  const auto* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, id);
  if (error != std::errc{} || at != end)
    return bad_parameter("id", text, "it is the number that `furrow actors` shows");
  return id;
}

/// Whether the path names this node, or no node.
bool is_here(const api_context& of, const call& call) {
  const auto node = call.path.find("node");
  return node == call.path.end() || node->second == of.node_name;
}

answer show_actor(api_context& of, call call) {
  const auto id = actor_id_in(call);
  if (const auto* wrong = std::get_if<problem>(&id))
    co_return to_response(*wrong);
  const auto wanted = std::get<std::uint64_t>(id);
  json rows = json::array();
  if (is_here(of, call)) {
    add_rows(rows, visible_actors(of, call.who), of.node_name);
  } else {
    proto::link::wish wish{scope_of(call.who), proto::link::actors_wish{}};
    const auto said = co_await ask_peer(of, call.path.at("node"), std::move(wish));
    if (const auto* fault = std::get_if<problem>(&said))
      co_return to_response(*fault);
    add_rows(rows, std::get<proto::link::reply>(said), call.path.at("node"));
  }
  for (const auto& row : rows)
    if (row.at("id") == wanted)
      co_return ok(row);
  co_return to_response(no_such_actor(wanted));
}

answer end_actor(api_context& of, call call, bool restart) {
  const auto id = actor_id_in(call);
  if (const auto* wrong = std::get_if<problem>(&id))
    co_return to_response(*wrong);
  proto::link::end_wish wish{std::get<std::uint64_t>(id), restart};
  if (is_here(of, call))
    co_return end_here(of, call, wish);
  co_return co_await end_at_peer(of, std::move(call), wish);
}

answer kill_actor(api_context& of, call call) {
  return end_actor(of, std::move(call), false);
}

answer restart_actor(api_context& of, call call) {
  return end_actor(of, std::move(call), true);
}

} // namespace

void add_actor_routes(router& to, api_context& of) {
  using enum daemon::permission;
  to.add({"GET", "/api/v1/actors", read, {"node"}, on(of, list_actors), false});
  to.add({"GET", "/api/v1/actors/{id}", read, {}, on(of, show_actor), false});
  to.add({"GET", "/api/v1/actors/{node}/{id}", read, {}, on(of, show_actor), false});
  to.add(
    {"POST", "/api/v1/actors/{id}/kill", operate, {}, on(of, kill_actor), false, "actor kill"});
  to.add({"POST",
          "/api/v1/actors/{id}/restart",
          operate,
          {},
          on(of, restart_actor),
          false,
          "actor restart"});
  to.add({"POST",
          "/api/v1/actors/{node}/{id}/kill",
          operate,
          {},
          on(of, kill_actor),
          false,
          "actor kill"});
  to.add({"POST",
          "/api/v1/actors/{node}/{id}/restart",
          operate,
          {},
          on(of, restart_actor),
          false,
          "actor restart"});
}

} // namespace furrow::http
