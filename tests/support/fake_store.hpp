/// A store without a database, for tests of its users.
///
/// Shape: public fields are the answers to the next call; set them before the call. Answers come on a
///   thread of the fake, as with a real store.
/// Threads: fields that a test changes while requests run are atomic.
#pragma once

#include "storage/activity.hpp"
#include "storage/frames.hpp"
#include "storage/history.hpp"
#include "storage/identity/identities.hpp"
#include "storage/quarantine.hpp"
#include "storage/records.hpp"
#include "storage/removal.hpp"
#include "storage/series/series.hpp"
#include "tests/support/answer_thread.hpp"
#include "tests/support/idle_store.hpp"

#include <algorithm>
#include <atomic>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace furrow::tests {

/// The activity of a database, with a value in every field.
inline storage::store_activity busy_activity() {
  storage::store_activity out;
  out.limits = *storage::pool_profile("production");
  out.pool.open = out.pool.in_use = out.in_use_peak = out.recent.in_use_peak = 15;
  out.pool.overflow_opened = 5;
  out.pool.opened = 20;
  out.pool.acquired = 300;
  out.pool.timeouts = 3;
  out.statements = out.recent.statements = 400;
  out.failed = 4;
  out.slow = out.recent.slow = 2;
  out.slow_after = std::chrono::milliseconds{500};
  out.acquire.add(std::chrono::microseconds{50});
  out.statement.add(std::chrono::milliseconds{2});
  out.slowest.push_back({"select '?' from t where a = $1", "furrow/n1/query", 1'700'000'000'000'000,
                         0.75, 12, "57014"});
  return out;
}

class fake_store : public idle_store,
                   public storage::frame_store,
                   public storage::record_store,
                   public storage::quarantine_store,
                   public storage::history_store,
                   public storage::series_store,
                   public storage::series_keeper,
                   public storage::identity_keeper {
public:
  storage::identity_store* kept_identities = nullptr;
  storage::audit_store* kept_audit = nullptr;
  storage::identity_store* identities() override { return kept_identities; }
  storage::audit_store* audit() override { return kept_audit; }

  static constexpr std::size_t block_frames = 1'000;
  static constexpr std::size_t page_blocks = 8;

  std::vector<storage::equipment_row> equipment;
  std::vector<storage::ledger_row> rows;
  std::vector<storage::migration_row> migrations;
  /// The log of every machine in `equipment`: frames 1 .. frame_count, made as they are read.
  std::uint64_t frame_count = 0;
  std::function<void(can::frame_block&, std::uint64_t seq)> make_frame;
  std::vector<can::bus_name> buses{{0, "can0"}};
  std::vector<storage::record_row> record_rows; // of T1 of the farm default, all yield samples
  std::vector<storage::quarantine_row> quarantined;
  std::string retry_refusal; // the error that a retry gets; empty: the item is stored

  std::atomic<bool> away = false;   // every call fails with retry_later
  std::set<std::string> away_farms; // so does the list of their machines
  std::atomic<bool> silent = false; // no call is answered
  std::atomic<int> pages = 0;       // read so far
  std::atomic<int> unanswered = 0;  // calls while silent
  std::atomic<int> refused = 0;     // pages asked for while away
  std::atomic<int> pages_max = -1;  // number of pages before a permanent failure

  storage::repositories* kept = nullptr; // repositories of a real store, for tests with one

  storage::frame_store* frames() override { return this; }
  storage::record_store* records() override { return this; }
  storage::quarantine_store* quarantine() override { return this; }
  storage::history_store* history() override { return this; }
  storage::series_store* series() override { return this; }
  storage::repositories* farm() override { return kept; }
  storage::dbc_store* kept_dbc = nullptr;
  storage::dbc_store* dbc() override { return kept_dbc; }
  storage::forward_store* kept_forward = nullptr;
  storage::forward_store* forward() override { return kept_forward; }
  storage::removal_store* kept_removals = nullptr;
  storage::removal_store* removals() override { return kept_removals; }

  void read_frames(storage::frames_query query,
                   storage::frames_cursor cursor,
                   storage::handler<storage::frames_page> done) override {
    if (away)
      ++refused;
    answer<storage::frames_page>(std::move(done),
                                 [this, query, cursor]() { return page(query, cursor); });
  }
  void newest_frames(std::string farm,
                     std::string name,
                     std::size_t count,
                     storage::handler<std::vector<storage::stored_frame>> done) override {
    answer<std::vector<storage::stored_frame>>(
      std::move(done),
      [this, farm, name, count]() -> storage::result<std::vector<storage::stored_frame>> {
        if (!knows(farm, name))
          return storage::failure{storage::errc::not_found, "no machine " + name};
        storage::frames_page made;
        made.buses = buses;
        auto& run = made.runs.emplace_back();
        run.seq_first = frame_count - std::min<std::uint64_t>(frame_count, count) + 1;
        for (auto seq = run.seq_first; seq <= frame_count; ++seq)
          make_frame(run.block, seq);
        storage::newest_gatherer gathered{count};
        gathered.add(made);
        gathered.end_stream();
        return gathered.take();
      });
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
        if (away_farms.contains(farm))
          return storage::failure{storage::errc::retry_later, "its database is away"};
        std::vector<storage::equipment_row> found;
        for (const auto& row : equipment)
          if (farm.empty() || row.farm == farm)
            found.push_back(row);
        return found;
      });
  }
  std::vector<storage::record_batch> inserted; // once a key

  void insert_records(storage::record_batch batch,
                      storage::handler<storage::record_batch_outcome> done) override {
    answer<storage::record_batch_outcome>(
      std::move(done), [this, batch]() -> storage::result<storage::record_batch_outcome> {
        storage::record_batch_outcome outcome;
        outcome.refused.resize(batch.records.size());
        outcome.repeated = std::any_of(inserted.begin(), inserted.end(),
                                       [&](const auto& one) { return one.key == batch.key; });
        if (!outcome.repeated)
          inserted.push_back(batch);
        return outcome;
      });
  }
  void read_records(storage::records_query query,
                    std::optional<storage::records_cursor> after,
                    storage::handler<storage::records_page> done) override {
    answer<storage::records_page>(
      std::move(done), [this, query, after]() -> storage::result<storage::records_page> {
        if (query.farm != "default" || query.equipment != "T1")
          return storage::failure{storage::errc::not_found, "no equipment " + query.equipment};
        storage::records_page page;
        for (const auto& row : record_rows) {
          if (query.kind != can::record_kind_yield || (after && row.seq <= after->seq)
              || row.time_us < query.from_us.value_or(row.time_us)
              || row.time_us > query.to_us.value_or(row.time_us))
            continue;
          if (page.rows.size() == query.limit)
            break;
          page.rows.push_back(row);
        }
        if (page.rows.size() == query.limit)
          page.next = storage::records_cursor{page.rows.back().time_us, page.rows.back().stream,
                                              page.rows.back().seq};
        return page;
      });
  }
  void list_quarantine(storage::quarantine_query query,
                       std::optional<storage::quarantine_id> after,
                       storage::handler<storage::quarantine_page> done) override {
    answer<storage::quarantine_page>(
      std::move(done), [this, query, after]() -> storage::result<storage::quarantine_page> {
        storage::quarantine_page page;
        for (const auto& row : quarantined)
          if (row.farm == query.farm
              && (query.equipment.empty() || row.equipment == query.equipment)
              && (!after || row.id.seq > after->seq) && page.rows.size() < query.limit)
            page.rows.push_back(row);
        if (page.rows.size() == query.limit)
          page.next = page.rows.back().id;
        return page;
      });
  }
  void show_quarantined(std::string farm,
                        storage::quarantine_id id,
                        storage::handler<storage::quarantine_row> done) override {
    answer<storage::quarantine_row>(
      std::move(done), [this, farm, id]() -> storage::result<storage::quarantine_row> {
        for (const auto& row : quarantined)
          if (row.farm == farm && row.id.stream == id.stream && row.id.seq == id.seq)
            return row;
        return storage::failure{storage::errc::not_found, "no such item"};
      });
  }
  void retry_quarantined(std::string farm,
                         storage::quarantine_id id,
                         storage::author /*by*/,
                         storage::handler<storage::retry_outcome> done) override {
    answer<storage::retry_outcome>(
      std::move(done), [this, farm, id]() -> storage::result<storage::retry_outcome> {
        if (retry_refusal.empty())
          forget(farm, id);
        return storage::retry_outcome{retry_refusal.empty(), retry_refusal};
      });
  }
  void drop_quarantined(std::string farm,
                        storage::quarantine_id id,
                        storage::author /*by*/,
                        storage::handler<furrow::done> dropped) override {
    answer<furrow::done>(std::move(dropped), [this, farm, id]() -> storage::result<furrow::done> {
      forget(farm, id);
      return furrow::done{};
    });
  }
  std::vector<storage::telemetry_point> telemetry; // of every machine in `equipment`
  std::vector<storage::rollup_point> rollups;      // of its signal "EEC1.engine_speed"
  static constexpr std::size_t history_page = 2;
  std::string rollup_zone; // of the last question

  void read_telemetry(storage::history_query query,
                      storage::handler<storage::telemetry_page> done) override {
    answer<storage::telemetry_page>(std::move(done), [this, query] {
      return page_of<storage::telemetry_page>(query, telemetry);
    });
  }
  void read_rollup(storage::history_query query,
                   std::string signal,
                   storage::rollup_bucket /*bucket*/,
                   storage::handler<storage::rollup_page> done) override {
    rollup_zone = query.zone;
    answer<storage::rollup_page>(
      std::move(done), [this, query, signal]() -> storage::result<storage::rollup_page> {
        if (signal != "EEC1.engine_speed")
          return storage::failure{storage::errc::not_found, "no signal " + signal};
        return page_of<storage::rollup_page>(query, rollups);
      });
  }
  storage::telemetry_series series_rows; // of every machine in `equipment`, whatever is asked
  storage::telemetry_wish series_wish;   // the last one
  storage::signal_series signal_points;  // of its signal "EEC1.engine_speed"
  storage::signal_wish signal_asked;     // the last one
  storage::token_sums sums;              // of the farm default
  storage::token_sums_wish sums_asked;   // the last one

  void read_telemetry_series(storage::telemetry_wish wish,
                             storage::handler<storage::telemetry_series> done) override {
    answer<storage::telemetry_series>(
      std::move(done), [this, wish]() -> storage::result<storage::telemetry_series> {
        if (!knows(wish.farm, wish.equipment))
          return storage::failure{storage::errc::not_found, "no machine " + wish.equipment};
        series_wish = wish;
        auto made = series_rows;
        made.columns.resize(wish.columns.size(), std::vector<double>(made.time_us.size(), 1.5));
        if (!wish.mode)
          made.modes.clear();
        return made;
      });
  }
  void read_signal_series(storage::signal_wish wish,
                          storage::handler<storage::signal_series> done) override {
    answer<storage::signal_series>(
      std::move(done), [this, wish]() -> storage::result<storage::signal_series> {
        if (!knows(wish.farm, wish.equipment))
          return storage::failure{storage::errc::not_found, "no machine " + wish.equipment};
        if (wish.signal != "EEC1.engine_speed")
          return storage::failure{storage::errc::not_found, "no signal " + wish.signal};
        signal_asked = wish;
        return signal_points;
      });
  }
  void read_token_sums(storage::token_sums_wish wish,
                       storage::handler<storage::token_sums> done) override {
    answer<storage::token_sums>(
      std::move(done), [this, wish]() -> storage::result<storage::token_sums> {
        if (!wish.equipment.empty() && !knows(wish.farm, wish.equipment))
          return storage::failure{storage::errc::not_found, "no machine " + wish.equipment};
        sums_asked = wish;
        return wish.farm == "default" ? sums : storage::token_sums{};
      });
  }
  std::vector<storage::bus_fault> bus_faults;

  void read_faults(storage::faults_query query,
                   storage::handler<storage::faults_page> done) override {
    answer<storage::faults_page>(
      std::move(done), [this, query]() -> storage::result<storage::faults_page> {
        storage::faults_page page;
        for (const auto& row : bus_faults)
          if ((query.farm.empty() || row.farm == query.farm)
              && (query.equipment.empty() || row.equipment == query.equipment)
              && (!query.active || !row.cleared_us))
            page.rows.push_back(row);
        constexpr std::size_t page_size = 2;
        page.rows.erase(page.rows.begin(), page.rows.begin()
                                             + static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(
                                               query.skip, page.rows.size())));
        if (page.rows.size() > page_size) {
          page.rows.resize(page_size);
          page.next = query.skip + page_size;
        }
        return page;
      });
  }
  void list_signals(std::string farm,
                    std::string name,
                    storage::handler<std::vector<storage::known_signal>> done) override {
    answer<std::vector<storage::known_signal>>(
      std::move(done), [this, farm, name]() -> storage::result<std::vector<storage::known_signal>> {
        if (!knows(farm, name))
          return storage::failure{storage::errc::not_found, "no machine " + name};
        return std::vector<storage::known_signal>{{"EEC1.engine_speed", 1450.5, 0}};
      });
  }
  std::optional<storage::store_activity> measured; // nothing: as a database without a pool
  void activity(storage::handler<storage::store_activity> done) override {
    if (!measured)
      return store::activity(std::move(done));
    done(*measured);
  }
  void digest_progress(storage::handler<storage::digest_status> done) override {
    answer<storage::digest_status>(std::move(done),
                                   []() -> storage::result<storage::digest_status> {
                                     return storage::digest_status{3, 1, 77, 1'588'310'400'000'000};
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
  void forget(const std::string& farm, storage::quarantine_id id) {
    std::erase_if(quarantined, [&](const auto& row) {
      return row.farm == farm && row.id.stream == id.stream && row.id.seq == id.seq;
    });
  }

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

  [[nodiscard]] bool knows(const std::string& farm, const std::string& name) const {
    return std::any_of(equipment.begin(), equipment.end(),
                       [&](const auto& row) { return row.farm == farm && row.name == name; });
  }

  template <class Page, class Rows>
  storage::result<Page> page_of(const storage::history_query& query, const Rows& rows_of_it) {
    if (!knows(query.farm, query.equipment))
      return storage::failure{storage::errc::not_found, "no machine " + query.equipment};
    Page made;
    for (const auto& row : rows_of_it) {
      if ((query.from_us && row.time_us < *query.from_us)
          || (query.to_us && row.time_us > *query.to_us)
          || (query.after_us && row.time_us <= *query.after_us))
        continue;
      if (made.rows.size() == history_page) {
        made.next_us = made.rows.back().time_us;
        break;
      }
      made.rows.push_back(row);
    }
    return made;
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

  answer_thread thread_; // last, so that it ends before the members that its calls read
};

} // namespace furrow::tests
