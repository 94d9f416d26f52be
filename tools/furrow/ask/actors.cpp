#include "tools/furrow/client.hpp"
#include "tools/furrow/commands.hpp"
#include "tools/furrow/output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <vector>

#include <CLI/Validators.hpp>
#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

const json* find_actor(const json& rows, std::uint64_t id) {
  const auto found =
    std::find_if(rows.begin(), rows.end(), [id](const json& row) { return row.at("id") == id; });
  return found == rows.end() ? nullptr : &*found;
}

cell state_cell(const json& state) {
  auto made = value_cell(state);
  made.colour = state == "running" ? colour::good : colour::bad;
  return made;
}

/// Draws the actors below `parent` as a tree.
class tree_drawing {
public:
  tree_drawing(const json& rows, table& shown) : shown_{shown} {
    for (const auto& row : rows) {
      // An actor whose parent is not among the rows is drawn as a root.
      const auto parent = row.at("parent").get<std::uint64_t>();
      below_[find_actor(rows, parent) != nullptr ? parent : 0].push_back(&row);
    }
  }

  void draw(std::uint64_t parent, const std::string& before, unsigned depth) {
    const auto& rows = below_[parent];
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto& row = *rows[i];
      const bool last = i + 1 == rows.size();
      const auto branch = depth == 0 ? "" : (last ? "`- " : "|- ");
      shown_.rows.push_back({cell{before + branch + row.at("name").get<std::string>()},
                             number_cell(row.at("id")), state_cell(row.at("state")),
                             number_cell(row.at("restarts")), value_cell(row.at("detail"))});
      // The node's tree has few levels; a cycle in its answer must not cause an endless loop.
      if (depth < 16)
        draw(row.at("id").get<std::uint64_t>(), before + (depth == 0 ? "" : (last ? "   " : "|  ")),
             depth + 1);
    }
  }

private:
  std::map<std::uint64_t, std::vector<const json*>> below_;
  table& shown_;
};

result<int> show_tree(const globals& globals) {
  auto client = node_client::from(globals);
  if (!client)
    return client.error();
  const auto answer = client->get("/api/v1/actors");
  if (!answer)
    return answer.error();
  const auto& rows = answer->at("actors");
  table shown{{"ACTOR", "ID", "STATE", "RESTARTS", "DETAIL"}, {}};
  tree_drawing{rows, shown}.draw(0, "", 0);
  const auto printed = print(rows, shown, globals.format());
  return printed ? result<int>{0} : printed.error();
}

result<int> show_one(const globals& globals, std::uint64_t id) {
  auto client = node_client::from(globals);
  if (!client)
    return client.error();
  const auto answer = client->get("/api/v1/actors");
  if (!answer)
    return answer.error();
  const auto* row = find_actor(answer->at("actors"), id);
  if (row == nullptr)
    return failure{errc::not_found,
                   fmt::format("there is no actor {} (`furrow actors` lists them; a "
                               "restarted actor has a new id)",
                               id)};
  table shown{{"WHAT", "VALUE"}, {}};
  for (const auto& [name, value] : row->items())
    shown.rows.push_back({cell{name}, {value_cell(value).text}});
  const auto printed = print(*row, shown, globals.format());
  return printed ? result<int>{0} : printed.error();
}

result<int> kill_one(const globals& globals, std::uint64_t id) {
  auto client = node_client::from(globals);
  if (!client)
    return client.error();
  const auto answer = client->post(fmt::format("/api/v1/actors/{}/kill", id));
  if (!answer)
    return answer.error();
  const table shown{{"KILLED", "NAME"},
                    {{number_cell(answer->at("killed")), value_cell(answer->at("name"))}}};
  const auto printed = print(*answer, shown, globals.format());
  return printed ? result<int>{0} : printed.error();
}

} // namespace

void add_actors(CLI::App& app, const globals& globals, int& exit_code) {
  auto* command =
    app.add_subcommand("actors", "the node's actors: show the tree, show one, kill one");
  command->require_subcommand(0, 1);
  command->footer("Nothing is lost when an actor is killed: its supervisor starts it again.\n"
                  "Examples:\n"
                  "  furrow actors\n"
                  "  furrow actors show 12\n"
                  "  furrow actors kill 12");
  command->add_subcommand("tree", "show all actors below their supervisors");
  auto* show = command->add_subcommand("show", "show one actor");
  auto* kill = command->add_subcommand("kill", "kill one actor");
  auto id = std::make_shared<std::uint64_t>(0);
  show->add_option("ID", *id, "id of the actor, from the tree")
    ->required()
    ->check(CLI::NonNegativeNumber);
  kill->add_option("ID", *id, "id of the actor, from the tree")
    ->required()
    ->check(CLI::NonNegativeNumber);
  // CLI11 calls the parent's callback after the subcommand's.
  command->callback([&globals, &exit_code, id, show, kill] {
    if (show->parsed())
      exit_code = code_of(show_one(globals, *id));
    else if (kill->parsed())
      exit_code = code_of(kill_one(globals, *id));
    else
      exit_code = code_of(show_tree(globals));
  });
}

} // namespace furrow::cli
