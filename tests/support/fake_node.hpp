/// A node and a store without actors and without a database, for tests of what stands in front of
/// them.
///
/// Shape: public fields are what the next call answers; set them before the call. Answers come on a
///   thread of the fake's own, as they do in life.
/// Threads: fields that a test changes while requests run are atomic.
#pragma once

#include "actors/node.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace furrow::tests {

/// Runs what it is given, in order, on one thread.
class answer_thread {
public:
  answer_thread() : thread_{[this] { run(); }} {}
  ~answer_thread() {
    {
      const std::scoped_lock lock{mutex_};
      ended_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  answer_thread(const answer_thread&) = delete;
  answer_thread& operator=(const answer_thread&) = delete;

  void post(std::function<void()> call) {
    {
      const std::scoped_lock lock{mutex_};
      calls_.push_back(std::move(call));
    }
    wake_.notify_one();
  }

private:
  void run() {
    while (true) {
      std::unique_lock lock{mutex_};
      wake_.wait(lock, [this] { return ended_ || !calls_.empty(); });
      if (ended_)
        return;
      auto call = std::move(calls_.front());
      calls_.pop_front();
      lock.unlock();
      call();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> calls_;
  bool ended_ = false;
  std::thread thread_;
};

class fake_store : public storage::store {
public:
  static constexpr std::size_t block_frames = 1'000;
  static constexpr std::size_t page_blocks = 8;

  std::vector<storage::equipment_row> equipment;
  std::vector<storage::ledger_row> rows;
  std::vector<storage::migration_row> migrations;
  /// The log of every machine in `equipment`: frames 1 .. frame_count, made as they are read.
  std::uint64_t frame_count = 0;
  std::function<void(can::frame_block&, std::uint64_t seq)> make_frame;
  std::vector<can::bus_name> buses{{0, "can0"}};

  std::atomic<bool> away = false;   // everything fails with retry_later
  std::atomic<bool> silent = false; // nothing is ever answered
  std::atomic<int> pages = 0;       // read so far
  std::atomic<int> unanswered = 0;  // calls while silent
  std::atomic<int> refused = 0;     // pages asked for while away
  std::atomic<int> pages_max = -1;  // the page after so many fails for good

  std::shared_ptr<storage::repositories> kept; // of a real store, when a test has one
  [[nodiscard]] std::shared_ptr<storage::repositories> open_repositories() override { return kept; }

  void claim(std::vector<storage::claim_request>,
             storage::handler<std::vector<storage::claim_outcome>>) override {
    throw std::logic_error{"not asked for in these tests"};
  }
  [[nodiscard]] std::unique_ptr<storage::appender> open_appender(const std::string&) override {
    throw std::logic_error{"not asked for in these tests"};
  }

  void read_frames(storage::frames_query query,
                   storage::frames_cursor cursor,
                   storage::handler<storage::frames_page> done) override {
    if (away)
      ++refused;
    answer<storage::frames_page>(std::move(done),
                                 [this, query, cursor]() { return page(query, cursor); });
  }
  void read_ledger(std::string farm,
                   std::string name,
                   storage::handler<std::vector<storage::ledger_row>> done) override {
    answer<std::vector<storage::ledger_row>>(
      std::move(done), [this, farm, name]() -> storage::result<std::vector<storage::ledger_row>> {
        std::vector<storage::ledger_row> found;
        for (const auto& row : rows)
          if (row.farm == farm && (name.empty() || row.equipment == name))
            found.push_back(row);
        return found;
      });
  }
  void list_equipment(std::string farm,
                      storage::handler<std::vector<storage::equipment_row>> done) override {
    answer<std::vector<storage::equipment_row>>(
      std::move(done), [this, farm]() -> storage::result<std::vector<storage::equipment_row>> {
        std::vector<storage::equipment_row> found;
        for (const auto& row : equipment)
          if (row.farm == farm)
            found.push_back(row);
        return found;
      });
  }
  void migrate(storage::handler<std::vector<storage::migration_row>> done) override {
    answer<std::vector<storage::migration_row>>(
      std::move(done), [this]() -> storage::result<std::vector<storage::migration_row>> {
        for (auto& row : migrations)
          row.applied = true;
        return migrations;
      });
  }
  void migration_status(storage::handler<std::vector<storage::migration_row>> done) override {
    answer<std::vector<storage::migration_row>>(
      std::move(done),
      [this]() -> storage::result<std::vector<storage::migration_row>> { return migrations; });
  }
  void health(storage::handler<storage::store_health> done) override {
    if (!silent)
      thread_.post([this, done] {
        done(storage::store_health{!away, "fake 1", away ? "connection refused" : "",
                                   std::chrono::microseconds{250}});
      });
  }

private:
  template <class T>
  void answer(storage::handler<T> done, std::function<storage::result<T>()> make) {
    if (silent) {
      ++unanswered;
      return;
    }
    thread_.post([this, done, make] {
      done(away ? storage::failure{storage::errc::retry_later, "08006: connection refused"}
                : make());
    });
  }

  storage::result<storage::frames_page> page(const storage::frames_query& query,
                                             storage::frames_cursor cursor) {
    bool known = false;
    for (const auto& row : equipment)
      known = known || (row.farm == query.farm && row.name == query.equipment);
    if (!known)
      return storage::failure{storage::errc::not_found, "no machine " + query.equipment};
    if (pages_max >= 0 && pages >= pages_max)
      return storage::failure{storage::errc::misconfigured, "42P01: no such table"};
    ++pages;
    storage::frames_page made;
    made.buses = buses;
    auto seq = cursor.seq;
    for (std::size_t i = 0; i < page_blocks && seq < frame_count; ++i) {
      storage::frame_run run;
      run.seq_first = seq + 1;
      while (run.block.size() < block_frames && seq < frame_count)
        make_frame(run.block, ++seq);
      made.runs.push_back(std::move(run));
    }
    if (seq < frame_count)
      made.next = storage::frames_cursor{1, seq};
    return made;
  }

  answer_thread thread_; // last: it ends before what its calls read
};

class fake_node : public actors::node {
public:
  fake_store database;
  actors::node_stats figures;
  std::vector<actors::actor_row> actor_rows;
  std::vector<actors::live_equipment> live;
  std::atomic<bool> store_up = true;
  std::atomic<bool> silent = false;
  std::vector<std::uint64_t> killed;

  [[nodiscard]] std::unique_ptr<actors::equipment_link>
  attach(actors::greeting, std::shared_ptr<actors::session_port>) override {
    throw std::logic_error{"not asked for in these tests"};
  }
  [[nodiscard]] std::shared_ptr<actors::memory_budget> budget() override {
    throw std::logic_error{"not asked for in these tests"};
  }
  [[nodiscard]] storage::store& store() override { return database; }
  [[nodiscard]] actors::node_stats stats() const override {
    auto now = figures;
    now.store_up = store_up;
    return now;
  }
  void note_store(bool up) override { figures.store_up = up; }
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
  void list_live(std::function<void(std::vector<actors::live_equipment>)> done) override {
    if (!silent)
      thread_.post([this, done] { done(live); });
  }
  void drain(std::chrono::milliseconds, std::function<void()> done) override { done(); }
  void on_failure(std::function<void(std::string)>) override {}

private:
  answer_thread thread_;
};

} // namespace furrow::tests
