/// What the HTTP front sees of a node, without actors, on a store without a database.
///
/// Shape: public fields are the answers to the next call; set them before the call. A part that a test has of its own
///   stands in for the fake's. Reports come on a thread of the fake, as with a real node.
/// Threads: fields that a test changes while requests run are atomic.
#pragma once

#include "actors/live/actor_directory.hpp"
#include "actors/live/counters.hpp"
#include "actors/live/dbc_board.hpp"
#include "actors/live/live_machines.hpp"
#include "actors/live/live_place.hpp"
#include "actors/live/machine_reports.hpp"
#include "actors/live/node_meter.hpp"
#include "actors/live/readers.hpp"
#include "actors/node_parts.hpp"
#include "can/live/machine_monitor.hpp"
#include "tests/support/answer_thread.hpp"
#include "tests/support/fake_store.hpp"

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace furrow::tests {

class fake_node : public actors::node_meter,
                  public actors::live_machines,
                  public actors::machine_reports,
                  public actors::actor_directory {
public:
  fake_store database;
  actors::node_stats figures;
  std::vector<actors::actor_row> actor_rows;
  std::vector<actors::live_equipment> live;
  /// By FARM/NAME.
  std::map<std::string, can::machine_report> reports;
  std::atomic<bool> store_up = true;
  std::atomic<bool> silent = false;
  std::vector<std::uint64_t> killed;
  std::vector<std::uint64_t> restarted;
  actors::dbc_board own_files;
  actors::readers read_lately;
  storage::store* store = &database;
  actors::cluster_board* cluster = nullptr;
  actors::peer_nodes* others = nullptr;

  /// The parts as they are set now.
  [[nodiscard]] actors::shown_parts parts() {
    return {.store = *store,
            .meter = *this,
            .machines = *this,
            .reports = *this,
            .read_lately = read_lately,
            .actors = *this,
            .dbc = own_files,
            .cluster = cluster,
            .peers = others};
  }

  [[nodiscard]] actors::node_stats stats() const override {
    auto now = figures;
    now.store_up = store_up;
    return now;
  }
  [[nodiscard]] bool is_store_up() const override { return store_up; }
  [[nodiscard]] std::uint64_t items_quarantined() const override {
    return figures.items_quarantined;
  }
  [[nodiscard]] std::vector<actors::actor_row> rows() const override { return actor_rows; }
  bool kill(std::uint64_t id) override {
    killed.push_back(id);
    return std::erase_if(actor_rows, [id](const auto& row) { return row.id == id; }) > 0;
  }
  bool restart(std::uint64_t id) override {
    restarted.push_back(id);
    return std::any_of(actor_rows.begin(), actor_rows.end(),
                       [id](const auto& row) { return row.id == id; });
  }
  [[nodiscard]] std::shared_ptr<actors::machine_interest>
  interest_in(const std::string& /*farm*/, const std::string& /*equipment*/) override {
    return std::make_shared<actors::machine_interest>();
  }
  void look_at(std::string farm,
               std::string equipment,
               std::function<void(std::optional<can::machine_report>)> done) override {
    if (silent)
      return;
    thread_.post([this, key = farm + '/' + equipment, done] {
      const auto found = reports.find(key);
      done(found == reports.end() ? std::nullopt : std::optional{found->second});
    });
  }
  [[nodiscard]] std::vector<actors::live_snapshot> all() const override {
    std::vector<actors::live_snapshot> snapshots;
    for (const auto& one : live)
      snapshots.push_back(std::make_shared<const actors::live_equipment>(one));
    return snapshots;
  }
  [[nodiscard]] std::vector<actors::live_snapshot> of_farm(const std::string& farm) const override {
    auto found = all();
    std::erase_if(found, [&](const auto& one) { return one->farm != farm; });
    std::stable_sort(found.begin(), found.end(), [](const auto& left, const auto& right) {
      return left->equipment < right->equipment;
    });
    return found;
  }
  [[nodiscard]] std::vector<actors::live_snapshot> of(const std::string& farm,
                                                      const std::string& equipment) const override {
    auto found = all();
    std::erase_if(
      found, [&](const auto& one) { return one->farm != farm || one->equipment != equipment; });
    return found;
  }
  [[nodiscard]] std::vector<std::shared_ptr<actors::live_place>> places() const override {
    return {};
  }

private:
  answer_thread thread_;
};

} // namespace furrow::tests
