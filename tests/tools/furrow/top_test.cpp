/// What `furrow top` makes of a node's answers, how it sorts, and what it draws; without a terminal.
#include "tools/furrow/logs/columns.hpp"
#include "tools/furrow/top/figures.hpp"
#include "tools/furrow/top/view.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

namespace furrow::cli {

namespace {

json fleet_answer(std::uint64_t t1_frames, std::uint64_t t2_frames) {
  return {{"equipment",
           {{{"name", "T1"},
             {"farm", "north"},
             {"node", "n1"},
             {"frames", t1_frames},
             {"sent_seq", 90},
             {"durable_seq", 40},
             {"last_frame_age_ms", 1'500},
             {"fault_count", 0}},
            {{"name", "T2"},
             {"farm", "north"},
             {"node", "n1"},
             {"frames", t2_frames},
             {"sent_seq", nullptr},
             {"durable_seq", nullptr},
             {"last_frame_age_ms", nullptr},
             {"fault_count", 2}}}}};
}

json actor_answer(std::uint64_t handled, std::uint64_t busy_ms) {
  return {{"actors",
           {{{"node", "n1"},
             {"id", 1},
             {"name", "node"},
             {"kind", "node"},
             {"state", "running"},
             {"restarts", 0},
             {"waiting", 0},
             {"oldest_ms", 0},
             {"handled", 5},
             {"busy_ms", 1},
             {"detail", ""}},
            {{"node", "n1"},
             {"id", 2},
             {"name", "writer-0"},
             {"kind", "writer"},
             {"state", "restarting"},
             {"restarts", 3},
             {"waiting", 12},
             {"oldest_ms", 250},
             {"handled", handled},
             {"busy_ms", busy_ms},
             {"detail", "connection lost"}}}}};
}

const top_pane& pane_of(const std::vector<top_pane>& panes, const std::string& name) {
  return *std::find_if(panes.begin(), panes.end(),
                       [&name](const auto& one) { return one.name == name; });
}

std::string first_of(const top_pane& pane) {
  return pane.rows.at(0).at(pane.columns[0].member).get<std::string>();
}

top_figures two_rounds() {
  top_figures figures;
  figures.take("equipment", fleet_answer(1'000, 500), 10);
  figures.take("actors", actor_answer(100, 2'000), 10);
  figures.take("equipment", fleet_answer(3'000, 400), 12);
  figures.take("actors", actor_answer(150, 2'500), 12);
  return figures;
}

std::string text_of(const std::vector<top_line>& lines) {
  std::string text;
  for (const auto& line : lines)
    text += line.text + "\n";
  return text;
}

} // namespace

TEST_CASE("top: rates are the difference of two answers, and absent where there are none") {
  top_figures figures;
  figures.take("equipment", fleet_answer(1'000, 500), 10);
  CHECK_FALSE(figures.has_rates());
  CHECK(pane_of(figures.panes(), "machines").rows[0]["frames_per_s"].is_null());
  figures = two_rounds();
  CHECK(figures.has_rates());
  const auto panes = figures.panes();
  const auto& machines = pane_of(panes, "machines");
  CHECK(machines.rows[0]["frames_per_s"] == 1'000.0);
  CHECK(machines.rows[1]["frames_per_s"].is_null()); // it began again
  CHECK(machines.rows[0]["ack_lag"] == 50);
  CHECK(machines.rows[1]["ack_lag"].is_null());
  const auto& writers = pane_of(panes, "writers");
  REQUIRE(writers.rows.size() == 1);
  CHECK(writers.rows[0]["handled_per_s"] == 25.0);
  CHECK(writers.rows[0]["busy_pct"] == 25.0);
  CHECK(writers.rows[0]["mailbox"] == 12);
  CHECK(writers.rows[0]["bad"] == true);
  CHECK(pane_of(panes, "actors").rows.size() == 2);
}

TEST_CASE("top: an answer that a node gives twice is no round of its own") {
  auto figures = two_rounds();
  figures.take("equipment", fleet_answer(3'000, 400), 13);
  CHECK(pane_of(figures.panes(), "machines").rows[0]["frames_per_s"] == 1'000.0);
  figures.take("equipment", fleet_answer(5'000, 400), 14);
  CHECK(pane_of(figures.panes(), "machines").rows[0]["frames_per_s"] == 1'000.0);
}

TEST_CASE("top: the rate of a node that is alone is that of its machines; losses come from the "
          "ledger") {
  auto figures = two_rounds();
  figures.take("nodes",
               {{"nodes",
                 {{{"name", "n1"}, {"state", "alive"}, {"sessions", 2}, {"frames_per_s", nullptr}},
                  {{"name", "n2"}, {"state", "dead"}, {"sessions", 0}, {"frames_per_s", 7}}}}},
               12);
  figures.take("ledger",
               {{"ledger",
                 {{{"farm", "north"}, {"equipment", "T1"}, {"lost", 2}, {"doubled", 0}},
                  {{"farm", "north"}, {"equipment", "T1"}, {"lost", 1}, {"doubled", 1}}}}},
               12);
  const auto panes = figures.panes();
  CHECK(pane_of(panes, "nodes").rows[0]["frames_per_s"] == 1'000.0);
  CHECK(pane_of(panes, "nodes").rows[1]["frames_per_s"] == 7);
  CHECK(pane_of(panes, "nodes").rows[1]["bad"] == true);
  CHECK(pane_of(panes, "machines").rows[0]["lost"] == 3);
  CHECK(pane_of(panes, "machines").rows[0]["bad"] == true);
  CHECK(pane_of(panes, "machines").rows[1]["lost"].is_null());
}

TEST_CASE("top: a list that cannot be had keeps its rows and says why") {
  auto figures = two_rounds();
  figures.miss("equipment", "no answer");
  const auto panes = figures.panes();
  CHECK(pane_of(panes, "machines").fault == "no answer");
  CHECK(pane_of(panes, "machines").rows.size() == 2);
  CHECK(pane_of(panes, "pool").rows.empty());
  figures.take("database", {{"pool", nullptr}, {"statements", nullptr}, {"alarms", json::array()}},
               1);
  CHECK(pane_of(figures.panes(), "pool").fault == "this database has no pool");
  figures.take("database",
               {{"pool", {{"open", 4}, {"waited", 10}}},
                {"statements", {{"count", 100}}},
                {"alarms", {{{"name", "pool_full"}, {"value", 1}, {"text", "full"}}}}},
               2);
  figures.take("database",
               {{"pool", {{"open", 5}, {"waited", 30}}},
                {"statements", {{"count", 300}}},
                {"alarms", json::array()}},
               4);
  const auto pool = pane_of(figures.panes(), "pool");
  REQUIRE(pool.rows.size() == 3);
  CHECK(pool.rows[0]["now"] == 5);
  CHECK(pool.rows[0]["per_s"].is_null());
  CHECK(pool.rows[1]["per_s"] == 10.0);
  CHECK(pool.rows[2]["per_s"] == 100.0);
}

TEST_CASE(
  "top: numbers sort from the largest, texts from the first, and what is absent comes last") {
  auto machines = pane_of(two_rounds().panes(), "machines");
  sort_rows(machines, 3, false); // ACK LAG: 50 and none
  CHECK(first_of(machines) == "T1");
  sort_rows(machines, 3, true);
  CHECK(first_of(machines) == "T1");
  sort_rows(machines, 9, false); // FAULTS: 0 and 2
  CHECK(first_of(machines) == "T2");
  sort_rows(machines, 0, false);
  CHECK(first_of(machines) == "T1");
  sort_rows(machines, 0, true);
  CHECK(first_of(machines) == "T2");
  sort_rows(machines, 99, false);
  CHECK(first_of(machines) == "T2");
}

TEST_CASE("top: keys choose pane, row and sort column; Enter shows all of a row, Esc goes back") {
  top_view view{"http://n1", "machines"};
  CHECK(text_of(view.lines(24, 80)).find("asking the node") != std::string::npos);
  view.press(top_key::enter); // nothing to show yet
  view.show(two_rounds().panes(), "12:00:00");
  CHECK(view.pane_name() == "machines");
  CHECK(view.sorted_by() == "ACK LAG");
  view.press(top_key::sort_column);
  CHECK(view.sorted_by() == "SENT");
  view.press(top_key::sort_back);
  view.press(top_key::sort_back);
  CHECK(view.sorted_by() == "FRAMES/S");
  view.press(top_key::down);
  view.press(top_key::down); // there are two rows
  view.press(top_key::enter);
  const auto detail = text_of(view.lines(24, 80));
  CHECK(detail.find("> MACHINES T2") != std::string::npos);
  CHECK(detail.find("\n  farm ") != std::string::npos);
  view.press(top_key::back);
  CHECK(text_of(view.lines(24, 80)).find("> MACHINES 2") != std::string::npos);
  view.press(top_key::next_pane);
  CHECK(view.pane_name() == "writers");
  view.press(top_key::last_pane);
  view.press(top_key::last_pane);
  CHECK(view.pane_name() == "actors");
  CHECK_FALSE(view.is_over());
  view.press(top_key::quit);
  CHECK(view.is_over());
}

TEST_CASE("top: the chosen row stays the same machine when the order changes") {
  top_view view{"http://n1", "machines"};
  view.show(two_rounds().panes(), "12:00:00");
  view.press(top_key::down);
  view.press(top_key::reverse);
  view.press(top_key::sort_back);
  view.press(top_key::sort_back);
  view.press(top_key::sort_back); // by name, from the last: T2 is first
  CHECK(view.sorted_by() == "MACHINE");
  view.press(top_key::enter);
  CHECK(text_of(view.lines(24, 80)).find("> MACHINES T2") != std::string::npos);
}

TEST_CASE("top: fits every window") {
  top_view view{"http://n1", "actors"};
  view.show(two_rounds().panes(), "12:00:00");
  for (const std::size_t rows : {1, 2, 3, 5, 8, 24, 60})
    for (const std::size_t columns : {1, 10, 80, 300}) {
      const auto lines = view.lines(rows, columns);
      CHECK(lines.size() == rows);
      for (const auto& line : lines)
        CHECK(columns_of(line.text) <= columns);
    }
  CHECK(text_of(view.lines(60, 120)).find("WRITERS 1") != std::string::npos);
  CHECK(text_of(view.lines(8, 120)).find("WRITERS 1") == std::string::npos);
}

} // namespace furrow::cli
