#include "tools/furrowd/api/answers.hpp"
#include "tools/furrowd/api/bodies/machine_json.hpp"
#include "tools/furrowd/api/resources.hpp"
#include "tools/furrowd/http/ask.hpp"
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

/// Actors of one machine are named after it, "equipment FARM/NAME"; the others belong to the node.
constexpr std::string_view equipment_mark = "equipment ";

bool is_shared(const actors::actor_row& row) {
  return !row.name.starts_with(equipment_mark);
}

bool may_see(const actors::actor_row& row, const daemon::credential& who) {
  if (is_shared(row))
    return true;
  const auto whole = std::string_view{row.name}.substr(equipment_mark.size());
  const auto slash = whole.find('/');
  return slash != std::string_view::npos && whole.substr(0, slash) == who.farm
         && who.covers(whole.substr(slash + 1));
}

boost::asio::awaitable<std::optional<std::vector<actors::actor_row>>>
visible_actors(api_context& of, daemon::credential who) {
  const auto start = [&of](auto done) { of.node.list_actors(std::move(done)); };
  auto rows = co_await ask<std::vector<actors::actor_row>>(start, answer_limit);
  if (!rows)
    co_return rows;
  std::erase_if(*rows, [&who](const auto& row) { return !may_see(row, who); });
  // What befell a shared actor may name machines of other farms.
  for (auto& row : *rows)
    if (is_shared(row) && !who.may(daemon::permission::watch))
      row.detail.clear();
  co_return rows;
}

answer list_actors(api_context& of, call call) {
  const auto rows = co_await visible_actors(of, call.who);
  if (!rows)
    co_return to_response(no_answer("node"));
  json list = json::array();
  for (const auto& row : *rows)
    list.push_back(to_json(row));
  co_return ok({{"actors", std::move(list)}});
}

answer kill_actor(api_context& of, call call) {
  const auto& text = call.path.at("id");
  std::uint64_t id = 0;
  const auto* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, id);
  if (error != std::errc{} || at != end)
    co_return to_response(bad_parameter("id", text, "it is the number that `furrow actors` shows"));
  const auto rows = co_await visible_actors(of, call.who);
  if (!rows)
    co_return to_response(no_answer("node"));
  const auto is_it = [id](const actors::actor_row& row) { return row.id == id; };
  const auto row = std::find_if(rows->begin(), rows->end(), is_it);
  // To kill what all farms share would cut off every farm.
  if (row != rows->end() && is_shared(*row) && !call.who.may(daemon::permission::govern))
    co_return to_response(
      {403, "not_permitted", "this token is for the actors of its own machines only",
       "an actor that all farms share takes a token with the role admin and farm = \"*\""});
  const auto start = [&](auto done) { of.node.kill_actor(id, std::move(done)); };
  std::optional<bool> killed = false;
  if (row != rows->end())
    killed = co_await ask<bool>(start, answer_limit);
  if (!killed)
    co_return to_response(no_answer("node"));
  if (!*killed)
    co_return to_response({404, "no_such_actor", fmt::format("there is no actor {}", id),
                           "`furrow actors` lists them; a restarted one has a new id"});
  co_return ok({{"killed", id}, {"name", row->name}});
}

} // namespace

void add_actor_routes(router& to, api_context& of) {
  using enum daemon::permission;
  to.add({"GET", "/api/v1/actors", read, {}, on(of, list_actors), false});
  to.add({"POST", "/api/v1/actors/{id}/kill", operate, {}, on(of, kill_actor), false});
}

} // namespace furrow::http
