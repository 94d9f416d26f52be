/// A node without actors, on a store without a database, for tests of its users.
///
/// Shape: public fields are the answers to the next call; set them before the call. Answers come on a
///   thread of the fake, as with a real node.
/// Threads: fields that a test changes while requests run are atomic.
#pragma once

#include "actors/live/dbc_board.hpp"
#include "actors/node.hpp"
#include "tests/support/answer_thread.hpp"
#include "tests/support/fake_store.hpp"

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace furrow::tests {

class fake_node : public actors::node {
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
  actors::peer_nodes* others = nullptr;

  [[nodiscard]] std::unique_ptr<actors::equipment_link>
  attach(actors::greeting, std::shared_ptr<actors::session_port>) override {
    throw std::logic_error{"not asked for in these tests"};
  }
  [[nodiscard]] std::shared_ptr<actors::memory_budget> budget() override {
    throw std::logic_error{"not asked for in these tests"};
  }
  [[nodiscard]] actors::arrival_room arrivals() override {
    throw std::logic_error{"not asked for in these tests"};
  }
  [[nodiscard]] storage::store& store() override { return database; }
  [[nodiscard]] actors::node_stats stats() const override {
    auto now = figures;
    now.store_up = store_up;
    return now;
  }
  void note_store(bool up, const std::string& why) override {
    figures.store_up = up;
    figures.store_fault = why;
  }
  void list_actors(std::function<void(std::vector<actors::actor_row>)> done) override {
    if (!silent)
      thread_.post([this, done] { done(actor_rows); });
  }
  void kill_actor(std::uint64_t id, std::function<void(bool)> done) override {
    thread_.post([this, id, done] {
      killed.push_back(id);
      done(std::erase_if(actor_rows, [id](const auto& row) { return row.id == id; }) > 0);
    });
  }
  void restart_actor(std::uint64_t id, std::function<void(bool)> done) override {
    thread_.post([this, id, done] {
      restarted.push_back(id);
      done(std::any_of(actor_rows.begin(), actor_rows.end(),
                       [id](const auto& row) { return row.id == id; }));
    });
  }
  [[nodiscard]] actors::peer_nodes* peers() override { return others; }
  actors::dbc_board own_files;
  [[nodiscard]] actors::dbc_board* dbc() override { return &own_files; }
  /// Empty: nobody is interested in anything.
  std::function<std::shared_ptr<actors::machine_interest>(const std::string&, const std::string&)>
    interest;
  [[nodiscard]] std::shared_ptr<actors::machine_interest>
  interest_in(const std::string& farm, const std::string& equipment) override {
    return interest ? interest(farm, equipment) : node::interest_in(farm, equipment);
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
  [[nodiscard]] std::vector<actors::live_snapshot> live_machines() const override {
    std::vector<actors::live_snapshot> snapshots;
    for (const auto& one : live)
      snapshots.push_back(std::make_shared<const actors::live_equipment>(one));
    return snapshots;
  }
  void drain(std::chrono::milliseconds, std::function<void()> done) override { done(); }
  void on_failure(std::function<void(std::string)>) override {}

private:
  answer_thread thread_;
};

} // namespace furrow::tests
