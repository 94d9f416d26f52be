#include "tools/furrow/commands.hpp"
#include "tools/furrow/interrupt.hpp"
#include "tools/furrow/output.hpp"
#include "tools/furrow/rounds.hpp"
#include "tools/furrow/top/asker.hpp"
#include "tools/furrow/top/screen.hpp"
#include "tools/furrow/top/view.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include <CLI/Validators.hpp>

namespace furrow::cli {

namespace {

constexpr std::chrono::milliseconds look_at_keys{100};
/// Longer than a node gives the same answer (furrowd --cache-ms, 1 s).
constexpr std::chrono::milliseconds between_answers{1'200};

struct top_options {
  bool once = false;
  std::string pane;
  std::string every = "1s";
};

result<int> print_pane(const top_pane& pane, output_format format) {
  const auto printed = print(json(pane.rows), table_of(pane), format);
  return printed ? result<int>{0} : printed.error();
}

json to_json(const std::vector<top_pane>& panes, const std::string& at) {
  json all{{"at", at}};
  for (const auto& pane : panes)
    all[pane.name] = pane.rows;
  json faults = json::object();
  for (const auto& pane : panes)
    if (!pane.fault.empty())
      faults[pane.name] = pane.fault;
  all["faults"] = faults;
  return all;
}

/// Two rounds of answers, because a rate needs two; prints the second.
result<int> show_once(const globals& globals, const top_options& wanted) {
  if (globals.format() == output_format::csv && wanted.pane.empty())
    return failure{errc::usage, "csv has one table: --pane names it (machines, for example)"};
  const auto client = node_client::from(globals);
  if (!client)
    return client.error();
  top_figures figures;
  for (int round = 0; round < 2; ++round) {
    if (round > 0)
      std::this_thread::sleep_for(between_answers);
    if (const auto asked = ask_lists(*client, figures); !asked)
      return asked.error();
  }
  auto panes = figures.panes();
  if (!wanted.pane.empty()) {
    const auto chosen = std::find_if(panes.begin(), panes.end(),
                                     [&](const auto& pane) { return pane.name == wanted.pane; });
    if (!chosen->fault.empty())
      note(chosen->name + ": " + chosen->fault);
    return print_pane(*chosen, globals.format());
  }
  if (!globals.for_people()) {
    const auto printed = print(to_json(panes, globals.at), {}, globals.format());
    return printed ? result<int>{0} : printed.error();
  }
  bool first = true;
  for (const auto& pane : panes) {
    std::string title = pane.name;
    std::transform(title.begin(), title.end(), title.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    (void)write_out((first ? "" : "\n") + title + "\n");
    first = false;
    if (!pane.fault.empty() && !pane.rows.empty())
      note(pane.name + ": " + pane.fault);
    show_table(table_of(pane), globals.format() == output_format::wide);
  }
  const auto printed = written();
  return printed ? result<int>{0} : printed.error();
}

result<int> show_live(const globals& globals, const top_options& wanted) {
  if (::isatty(STDIN_FILENO) != 1 || ::isatty(STDOUT_FILENO) != 1)
    return failure{errc::usage, "top draws on a terminal, and this is none; `furrow top --once` "
                                "prints one round"};
  if (!globals.for_people())
    return failure{errc::usage, "-o " + globals.output + " needs --once"};
  const auto client = node_client::from(globals);
  if (!client)
    return client.error();
  // A node that cannot be reached is said before the screen is taken.
  if (const auto alive = client->get("/health"); !alive)
    return alive.error();
  if (!note_interrupts())
    return failure{errc::failed, "cannot handle signals"};
  const auto screen = top_screen::open();
  if (!screen)
    return screen.error();
  top_view view{globals.at, wanted.pane};
  top_asker asker{*client, parse_interval(wanted.every).value_or(std::chrono::seconds{1})};
  top_asker::news news;
  std::size_t rows = 0;
  std::size_t columns = 0;
  for (auto key = top_key::none; !view.is_over() && !interrupted();
       key = (*screen)->wait(look_at_keys)) {
    view.press(key);
    bool is_changed = key != top_key::none;
    if (asker.take(news)) {
      is_changed = true;
      view.show(news.panes, news.fault.empty() ? news.time : news.time + "  " + news.fault);
    }
    is_changed = is_changed || rows != (*screen)->rows() || columns != (*screen)->columns();
    rows = (*screen)->rows();
    columns = (*screen)->columns();
    if (is_changed)
      (*screen)->draw(view.lines(rows, columns));
  }
  return 0;
}

} // namespace

void add_top(CLI::App& app, const globals& globals, int& exit_code) {
  auto* command = app.add_subcommand(
    "top", "nodes, actors, machines, writers and the pool on one screen, each second");
  auto wanted = std::make_shared<top_options>();
  command->add_flag("--once", wanted->once, "print one round as tables, and end");
  command->add_option("--pane", wanted->pane, "the pane to begin with; with --once, the only one")
    ->check(CLI::IsMember({"nodes", "actors", "machines", "writers", "pool"}));
  command->add_option("--every", wanted->every, "time between two rounds, as 500ms or 2s")
    ->capture_default_str()
    ->check(CLI::Validator{[](std::string& text) {
                             return parse_interval(text)
                                      ? std::string{}
                                      : "\"" + text + "\" is not a time between 50ms and 1h";
                           },
                           "TIME"});
  command->footer(
    "Keys: q ends; Tab and left, right choose the pane; up, down, Page Up, Page Down the row;\n"
    "s and S the column to sort by; r reverses; Enter shows all of a row; Esc goes back.\n"
    "A rate is the difference of two answers. ACK LAG: items that were sent and are not durable.\n"
    "Examples:\n"
    "  furrow top\n"
    "  furrow top --pane machines\n"
    "  furrow top --once --pane machines -o csv\n"
    "  furrow top --once -o json | jq '.writers[].mailbox'");
  command->callback([&globals, &exit_code, wanted] {
    exit_code = code_of(wanted->once ? show_once(globals, *wanted) : show_live(globals, *wanted));
  });
}

} // namespace furrow::cli
