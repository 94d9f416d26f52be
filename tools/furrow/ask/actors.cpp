#include "tools/furrow/client.hpp"
#include "tools/furrow/commands.hpp"
#include "tools/furrow/output.hpp"
#include "tools/furrow/rounds.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <CLI/Validators.hpp>
#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

/// An actor as people write it: `n2/17`, or `17` for the node that is asked.
struct actor_id {
  std::string node; // empty: the node that is asked
  std::uint64_t number = 0;
};

std::optional<actor_id> parse_id(const std::string& text) {
  const auto slash = text.rfind('/');
  actor_id made;
  if (slash != std::string::npos)
    made.node = text.substr(0, slash);
  const auto digits = slash == std::string::npos ? text : text.substr(slash + 1);
  const auto* end = digits.data() + digits.size();
  const auto [at, error] = std::from_chars(digits.data(), end, made.number);
  if (error != std::errc{} || at != end || (slash != std::string::npos && made.node.empty()))
    return std::nullopt;
  return made;
}

std::string id_fault(const std::string& text) {
  return parse_id(text) ? std::string{} : "an id as `furrow actors` shows it: 17, or n2/17";
}

cell state_cell(const json& state) {
  auto made = value_cell(state);
  made.colour = state == "running" ? colour::good : colour::bad;
  return made;
}

/// Draws the actors below `parent` as a tree.
class tree_drawing {
public:
  /// `before_id`: what stands before a number, `n2/` where several nodes are shown.
  tree_drawing(const json& rows, table& shown, std::string before_id)
    : shown_{shown}, before_id_{std::move(before_id)} {
    std::set<std::uint64_t> ids;
    for (const auto& row : rows)
      ids.insert(row.at("id").get<std::uint64_t>());
    for (const auto& row : rows) {
      // An actor whose parent is not among the rows is drawn as a root.
      const auto parent = row.at("parent").get<std::uint64_t>();
      below_[ids.contains(parent) ? parent : 0].push_back(&row);
    }
  }

  void draw(std::uint64_t parent, const std::string& before, unsigned depth) {
    const auto& rows = below_[parent];
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto& row = *rows[i];
      const bool last = i + 1 == rows.size();
      const auto branch = depth == 0 ? "" : (last ? "`- " : "|- ");
      shown_.rows.push_back(
        {cell{before + branch + row.at("name").get<std::string>()}, id_cell(row.at("id")),
         state_cell(row.at("state")), number_cell(row.at("restarts")), value_cell(row.at("detail")),
         value_cell(row.value("kind", json())), number_cell(row.value("waiting", json())),
         number_cell(row.value("oldest_ms", json())), number_cell(row.value("handled", json())),
         number_cell(row.value("busy_ms", json()))});
      // The node's tree has few levels; a cycle in its answer must not cause an endless loop.
      if (depth < 16)
        draw(row.at("id").get<std::uint64_t>(), before + (depth == 0 ? "" : (last ? "   " : "|  ")),
             depth + 1);
    }
  }

private:
  [[nodiscard]] cell id_cell(const json& id) const {
    auto made = number_cell(id);
    made.text.insert(0, before_id_);
    return made;
  }

  std::map<std::uint64_t, std::vector<const json*>> below_;
  table& shown_;
  std::string before_id_;
};

/// The rows of each node, in the order in which the answer has them.
std::vector<std::pair<std::string, json>> by_node(const json& rows) {
  std::vector<std::pair<std::string, json>> parts;
  for (const auto& row : rows) {
    const auto node = row.value("node", std::string{});
    if (parts.empty() || parts.back().first != node)
      parts.emplace_back(node, json::array());
    parts.back().second.push_back(row);
  }
  return parts;
}

std::string actors_target(const std::string& node) {
  return "/api/v1/actors" + (node.empty() ? "" : "?node=" + encoded(node));
}

result<int> show_tree(const globals& globals, const std::string& node) {
  auto client = node_client::from(globals);
  if (!client)
    return client.error();
  const auto answer = client->get(actors_target(node));
  if (!answer)
    return answer.error();
  const auto& rows = answer->at("actors");
  table shown{{"ACTOR", "ID", "STATE", "RESTARTS", "DETAIL", "KIND", "WAITING", "OLDEST ms",
               "HANDLED", "BUSY ms"},
              {}};
  shown.wide_only = 5;
  const auto parts = by_node(rows);
  const bool several = parts.size() > 1 || !node.empty();
  for (const auto& [name, own] : parts)
    tree_drawing{own, shown, several ? name + "/" : std::string{}}.draw(0, "", 0);
  const auto printed = print(rows, shown, globals.format());
  if (printed)
    warn_of_missing_nodes(*answer, "incomplete", "its actors are not shown");
  return printed ? result<int>{0} : printed.error();
}

result<int> show_one(const globals& globals, const actor_id& id) {
  auto client = node_client::from(globals);
  if (!client)
    return client.error();
  const auto row = client->get(
    fmt::format("/api/v1/actors/{}{}", id.node.empty() ? "" : encoded(id.node) + "/", id.number));
  if (!row)
    return row.error();
  table shown{{"WHAT", "VALUE"}, {}};
  for (const auto& [name, value] : row->items())
    shown.rows.push_back({cell{name}, {value_cell(value).text}});
  const auto printed = print(*row, shown, globals.format());
  return printed ? result<int>{0} : printed.error();
}

result<int> end_one(const globals& globals, const actor_id& id, bool restart) {
  auto client = node_client::from(globals);
  if (!client)
    return client.error();
  const auto* const deed = restart ? "restart" : "kill";
  const auto answer = client->post(fmt::format(
    "/api/v1/actors/{}{}/{}", id.node.empty() ? "" : encoded(id.node) + "/", id.number, deed));
  if (!answer)
    return answer.error();
  const table shown{
    {restart ? "RESTARTED" : "KILLED", "NAME"},
    {{number_cell(answer->at(restart ? "restarted" : "killed")), value_cell(answer->at("name"))}}};
  const auto printed = print(*answer, shown, globals.format());
  return printed ? result<int>{0} : printed.error();
}

} // namespace

void add_actors(CLI::App& app, const globals& globals, int& exit_code) {
  auto* command = app.add_subcommand(
    "actors", "the actors of all nodes: show the tree, show one, kill or restart one");
  command->require_subcommand(0, 1);
  command->footer("Nothing is lost when an actor is killed: its supervisor starts it again. A "
                  "restart is the same "
                  "in good order, and no supervisor counts it.\n"
                  "Examples:\n"
                  "  furrow actors\n"
                  "  furrow actors tree --node n2\n"
                  "  furrow actors show 12\n"
                  "  furrow actors kill n2/12");
  auto* tree = command->add_subcommand("tree", "show all actors below their supervisors");
  auto node = std::make_shared<std::string>();
  tree->add_option("--node", *node, "only the actors of this node");
  // The tree is also what `furrow actors` shows.
  const auto plan = add_watch_plan(*command);
  const auto tree_plan = add_watch_plan(*tree);
  auto* show = command->add_subcommand("show", "show one actor: its mailbox, work and last error");
  auto* kill = command->add_subcommand("kill", "kill one actor");
  auto* restart =
    command->add_subcommand("restart", "let the supervisor of one actor start it again");
  auto id = std::make_shared<std::string>();
  for (auto* one : {show, kill, restart})
    one->add_option("ID", *id, "id of the actor, from the tree: 17, or n2/17 at another node")
      ->required()
      ->check(CLI::Validator{[](std::string& text) { return id_fault(text); }, "ID"});
  // CLI11 calls the parent's callback after the subcommand's.
  command->callback([&globals, &exit_code, id, node, plan, tree_plan, tree, show, kill, restart] {
    if (show->parsed())
      exit_code = code_of(show_one(globals, *parse_id(*id)));
    else if (kill->parsed() || restart->parsed())
      exit_code = code_of(end_one(globals, *parse_id(*id), restart->parsed()));
    else
      exit_code = run_rounds(globals, tree->parsed() ? *tree_plan : *plan,
                             [&] { return show_tree(globals, *node); });
  });
}

} // namespace furrow::cli
