#include "tools/furrowd/api/peers.hpp"

#include "actors/cluster/peer_rows.hpp"
#include "actors/live/live_machines.hpp"
#include "tools/furrowd/api/bodies/machine_json.hpp"
#include "tools/furrowd/http/ask.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

/// The peers' own limit comes first; this one only holds a handler that nobody would call back.
constexpr std::chrono::milliseconds longest_wait = 2 * actors::peer_limit;

std::int64_t wall_now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
           std::chrono::system_clock::now().time_since_epoch())
    .count();
}

/// Keeps of each machine only what the node says that has its newest session.
class newest_places {
public:
  void add(actors::live_snapshot machine, const std::string& node) {
    auto& known = by_name_[machine->equipment];
    if (!known.empty() && known.front().node != node) {
      if (!actors::is_newer(*machine, *newest(known)))
        return;
      known.clear();
    }
    known.push_back({std::move(machine), node});
  }

  [[nodiscard]] std::vector<placed_machine> take() {
    std::vector<placed_machine> all;
    for (auto& [name, known] : by_name_)
      std::move(known.begin(), known.end(), std::back_inserter(all));
    return all;
  }

private:
  static const actors::live_snapshot& newest(const std::vector<placed_machine>& known) {
    return std::max_element(known.begin(), known.end(),
                            [](const auto& left, const auto& right) {
                              return actors::is_newer(*right.machine, *left.machine);
                            })
      ->machine;
  }
  std::map<std::string, std::vector<placed_machine>> by_name_;
};

/// Those that are live at this node.
std::vector<placed_machine> own_machines(api_context& of,
                                         const daemon::credential& who,
                                         const std::optional<std::string>& only) {
  std::vector<placed_machine> own;
  auto all = only ? of.node.machines.of(who.farm, *only) : of.node.machines.of_farm(who.farm);
  own.reserve(all.size());
  for (auto& one : all)
    if (who.covers(one->equipment))
      own.push_back({std::move(one), of.node_name});
  return own;
}

} // namespace

proto::link::scope scope_of(const daemon::credential& who) {
  return {who.farm, who.equipment, who.may(daemon::permission::watch),
          who.may(daemon::permission::govern)};
}

boost::asio::awaitable<actors::peers_said> ask_peers(api_context& of, proto::link::wish wish) {
  auto* const others = of.node.peers;
  if (others == nullptr)
    co_return actors::peers_said{};
  const auto start = [others, &wish](auto done) {
    others->ask_peers(std::move(wish), std::move(done));
  };
  auto said = co_await ask<actors::peers_said>(start, longest_wait);
  co_return said ? std::move(*said) : actors::peers_said{};
}

problem no_such_node(std::string_view node) {
  return {404, "no_such_node", fmt::format("there is no living node \"{}\"", node),
          "`furrow actors` shows the nodes that answer"};
}

boost::asio::awaitable<std::variant<proto::link::reply, problem>>
ask_peer(api_context& of, std::string node, proto::link::wish wish) {
  auto* const others = of.node.peers;
  if (others == nullptr)
    co_return no_such_node(node);
  const auto start = [others, &node, &wish](auto done) {
    others->ask_peer(node, std::move(wish), std::move(done));
  };
  const auto said = co_await ask<actors::peers_said>(start, longest_wait);
  if (said && said->unknown)
    co_return no_such_node(node);
  if (!said || said->answers.empty())
    co_return problem{504, "no_answer", fmt::format("node {} did not answer in time", node),
                      "try again; `furrow actors` names the nodes that do not answer"};
  co_return *said->answers.front().second;
}

boost::asio::awaitable<placed_machines>
live_machines_of(api_context& of, daemon::credential who, std::optional<std::string> only) {
  // Named: gcc 12 destroys a temporary in a co_await expression twice.
  proto::link::wish wish{scope_of(who), proto::link::machines_wish{}};
  if (only)
    wish.who.equipment = {*only};
  auto said = co_await ask_peers(of, std::move(wish));
  if (said.answers.empty())
    co_return placed_machines{own_machines(of, who, only), std::move(said.incomplete)};
  newest_places places;
  for (auto& one : own_machines(of, who, only))
    places.add(std::move(one.machine), of.node_name);
  for (const auto& [node, reply] : said.answers)
    if (const auto* page = std::get_if<proto::link::machines_page_answer>(reply.get()))
      for (const auto& row : page->rows)
        if (who.covers(row.equipment) && (!only || row.equipment == *only))
          places.add(actors::from_wire(row, who.farm), node);
  co_return placed_machines{places.take(), std::move(said.incomplete)};
}

std::string report_text(const can::machine_report& report) {
  return json_rows::to_text(to_json(report, wall_now_us()));
}

} // namespace furrow::http
