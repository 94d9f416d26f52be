#include "storage/postgres/store.hpp"

#include "storage/postgres/care.hpp"
#include "storage/postgres/connection/job.hpp"
#include "storage/postgres/connection/query_pool.hpp"
#include "storage/postgres/connection/url.hpp"
#include "storage/postgres/repositories.hpp"
#include "storage/postgres/work.hpp"

#include <algorithm>
#include <mutex>
#include <thread>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>

namespace furrow::storage {

namespace {

constexpr std::chrono::hours migration_timeout{1};
constexpr std::chrono::minutes care_timeout{30}; // a large backfill moves to its partition at once

/// An append, and what it stored counted: once a batch.
task<result<append_outcome>> counted_append(pq_connection& db,
                                            std::shared_ptr<const append_batch> batch,
                                            std::shared_ptr<store_monitor> monitor) {
  auto outcome = co_await postgres_work::append(db, batch);
  if (!outcome)
    co_return outcome;
  std::uint64_t frames = 0;
  for (const auto& each : *batch) {
    const auto& fenced = outcome->fenced;
    if (std::find(fenced.begin(), fenced.end(), each.claim.stream) != fenced.end())
      continue;
    for (const auto& run : each.frames)
      frames += run.block.size();
  }
  monitor->frames_stored(frames, std::chrono::steady_clock::now());
  co_return outcome;
}

class postgres_appender : public appender {
public:
  postgres_appender(std::shared_ptr<postgres_pool> lane, std::shared_ptr<store_monitor> monitor)
    : lane_{std::move(lane)}, monitor_{std::move(monitor)} {}
  postgres_appender(const postgres_appender&) = delete;
  postgres_appender& operator=(const postgres_appender&) = delete;
  ~postgres_appender() override { postgres_pool::close(std::move(lane_)); }

  void append(std::shared_ptr<const append_batch> batch, handler<append_outcome> done) override {
    lane_->submit(job_of(true, std::move(done),
                         [batch = std::move(batch), monitor = monitor_](pq_connection& db) {
                           return counted_append(db, batch, monitor);
                         }));
  }

private:
  std::shared_ptr<postgres_pool> lane_;
  std::shared_ptr<store_monitor> monitor_;
};

/// The digest's own connection: it waits behind no query, and no query behind it.
class postgres_digest_lane : public digest_lane {
public:
  explicit postgres_digest_lane(std::shared_ptr<postgres_pool> lane) : lane_{std::move(lane)} {}
  postgres_digest_lane(const postgres_digest_lane&) = delete;
  postgres_digest_lane& operator=(const postgres_digest_lane&) = delete;
  ~postgres_digest_lane() override { postgres_pool::close(std::move(lane_)); }

  void pending(std::int32_t after,
               std::size_t count,
               handler<std::vector<digest_stream>> done) override {
    lane_->submit(job_of(false, std::move(done), [after, count](pq_connection& db) {
      return postgres_work::digest_pending(db, after, count);
    }));
  }
  void read(std::vector<digest_span> spans, handler<std::vector<digest_page>> done) override {
    lane_->submit(job_of(false, std::move(done), [spans = std::move(spans)](pq_connection& db) {
      return postgres_work::digest_read(db, spans);
    }));
  }
  void commit(std::shared_ptr<const digest_batch> what, handler<std::vector<bool>> done) override {
    lane_->submit(job_of(false, std::move(done), [what = std::move(what)](pq_connection& db) {
      return postgres_work::digest_write(db, what);
    }));
  }
  void signal_ids(std::vector<digest_signal> signals,
                  handler<std::vector<std::int32_t>> done) override {
    lane_->submit(job_of(false, std::move(done), [signals = std::move(signals)](pq_connection& db) {
      return postgres_work::digest_signals(db, signals);
    }));
  }

private:
  std::shared_ptr<postgres_pool> lane_;
};

class postgres_store : public store {
public:
  explicit postgres_store(const store_options& options)
    : options_{options}, claims_{make_lane("claims")},
      queries_{
        std::make_shared<query_pool>(context_, answered_, settings_of("query"), options.pool)},
      inserts_{make_lane("records")}, health_{make_lane("health")},
      migrations_{make_lane("migrate")}, sealer_{make_lane("seal")}, thread_{[this] {
        queries_->start();
        context_->run();
      }} {}
  postgres_store(const postgres_store&) = delete;
  postgres_store& operator=(const postgres_store&) = delete;
  ~postgres_store() override {
    {
      const std::lock_guard lock{mutex_};
      for (const auto& each : pools_)
        if (auto pool = each.lock())
          postgres_pool::close(std::move(pool));
    }
    query_pool::close(queries_);
    work_.reset();
    thread_.join(); // every job has been answered by then
  }

  void claim(std::vector<claim_request> requests,
             handler<std::vector<claim_outcome>> done) override {
    claims_->submit(
      job_of(true, std::move(done), [requests = std::move(requests)](pq_connection& db) {
        return postgres_work::claim(db, requests);
      }));
  }

  std::unique_ptr<appender> open_appender(const std::string& lane) override {
    return std::make_unique<postgres_appender>(make_lane(lane), monitor_);
  }

  void read_frames(frames_query query, frames_cursor cursor, handler<frames_page> done) override {
    queries_->submit(
      job_of(false, std::move(done), [query = std::move(query), cursor](pq_connection& db) {
        return postgres_work::read_frames(db, query, cursor);
      }));
  }

  void read_ledger(std::string farm,
                   std::string equipment,
                   handler<std::vector<ledger_row>> done) override {
    queries_->submit(
      job_of(false, std::move(done),
             [farm = std::move(farm), equipment = std::move(equipment)](pq_connection& db) {
               return postgres_work::read_ledger(db, farm, equipment);
             }));
  }

  void list_equipment(std::string farm, handler<std::vector<equipment_row>> done) override {
    queries_->submit(job_of(false, std::move(done), [farm = std::move(farm)](pq_connection& db) {
      return postgres_work::list_equipment(db, farm);
    }));
  }

  void insert_records(record_batch batch, handler<record_batch_outcome> done) override {
    gatherer_->submit(std::move(batch), std::move(done));
  }

  void read_records(records_query query,
                    std::optional<records_cursor> after,
                    handler<records_page> done) override {
    queries_->submit(
      job_of(false, std::move(done), [query = std::move(query), after](pq_connection& db) {
        return postgres_work::read_records(db, query, after);
      }));
  }

  void list_quarantine(quarantine_query query,
                       std::optional<quarantine_id> after,
                       handler<quarantine_page> done) override {
    queries_->submit(
      job_of(false, std::move(done), [query = std::move(query), after](pq_connection& db) {
        return postgres_work::list_quarantine(db, query, after);
      }));
  }

  void show_quarantined(std::string farm, quarantine_id id, handler<quarantine_row> done) override {
    queries_->submit(
      job_of(false, std::move(done), [farm = std::move(farm), id](pq_connection& db) {
        return postgres_work::show_quarantined(db, farm, id);
      }));
  }

  void retry_quarantined(std::string farm, quarantine_id id, handler<retry_outcome> done) override {
    inserts_->submit(job_of(true, std::move(done), [farm = std::move(farm), id](pq_connection& db) {
      return postgres_work::retry_quarantined(db, farm, id);
    }));
  }

  void
  drop_quarantined(std::string farm, quarantine_id id, handler<furrow::done> dropped) override {
    inserts_->submit(
      job_of(true, std::move(dropped), [farm = std::move(farm), id](pq_connection& db) {
        return postgres_work::drop_quarantined(db, farm, id);
      }));
  }

  bool digests() const override { return true; }
  std::shared_ptr<digest_lane> open_digest() override {
    return std::make_shared<postgres_digest_lane>(make_lane("digest"));
  }

  void read_telemetry(history_query query, handler<telemetry_page> done) override {
    queries_->submit(job_of(false, std::move(done), [query = std::move(query)](pq_connection& db) {
      return postgres_work::read_telemetry(db, query);
    }));
  }

  void read_rollup(history_query query,
                   std::string signal,
                   rollup_bucket bucket,
                   handler<rollup_page> done) override {
    queries_->submit(
      job_of(false, std::move(done),
             [query = std::move(query), signal = std::move(signal), bucket](pq_connection& db) {
               return postgres_work::read_rollup(db, query, signal, bucket);
             }));
  }

  void list_signals(std::string farm,
                    std::string equipment,
                    handler<std::vector<known_signal>> done) override {
    queries_->submit(
      job_of(false, std::move(done),
             [farm = std::move(farm), equipment = std::move(equipment)](pq_connection& db) {
               return postgres_work::list_signals(db, farm, equipment);
             }));
  }

  void digest_progress(handler<digest_status> done) override {
    queries_->submit(job_of(false, std::move(done),
                            [](pq_connection& db) { return postgres_work::digest_progress(db); }));
  }

  std::shared_ptr<repositories> open_repositories() override {
    return make_postgres_repositories(queries_);
  }

  std::shared_ptr<care_lane> open_care() override { return make_postgres_care(make_lane("care")); }

  void migrate(handler<std::vector<migration_row>> done) override {
    migrations_->submit(
      job_of(true, std::move(done), [](pq_connection& db) { return postgres_work::migrate(db); }));
  }

  void migration_status(handler<std::vector<migration_row>> done) override {
    health_->submit(job_of(false, std::move(done),
                           [](pq_connection& db) { return postgres_work::migration_status(db); }));
  }

  void health(handler<store_health> done) override {
    auto job = job_of(false, done, [](pq_connection& db) { return postgres_work::health(db); });
    // A database that cannot be reached is an answer here, not a failure.
    job.refuse = [done = std::move(done)](const failure& why) {
      store_health down;
      down.mode = "postgresql";
      down.detail = why.detail;
      done(std::move(down));
    };
    health_->submit(std::move(job));
  }

  void activity(handler<store_activity> done) override {
    if (context_->stopped())
      return done(failure{errc::retry_later, "the store is closed"});
    asio::post(*context_, [this, done = std::move(done)] { done(read_activity()); });
  }

  bool seals() const override { return true; }
  void seal(seal_request request, handler<seal_outcome> done) override {
    sealer_->submit(
      job_of(false, std::move(done), [request = std::move(request)](pq_connection& db) {
        return postgres_work::seal(db, request);
      }));
  }

private:
  store_activity read_activity() const {
    auto out = monitor_->read(std::chrono::steady_clock::now());
    out.limits = options_.pool;
    out.pool = queries_->numbers();
    out.lanes -= std::min(out.lanes, out.pool.open);
    out.recent.in_use_peak = std::max(out.recent.in_use_peak, out.pool.in_use);
    out.lock_timeout = options_.lock_timeout;
    out.statement_timeout = options_.statement_timeout;
    return out;
  }

  pq_connection::settings settings_of(const std::string& lane) const {
    return {options_.url,
            options_.application_name + "/" + lane,
            options_.connect_timeout,
            options_.lock_timeout,
            options_.statement_timeout,
            monitor_};
  }

  std::shared_ptr<postgres_pool> make_lane(const std::string& lane) {
    auto settings = settings_of(lane);
    if (lane == "migrate")
      settings.lock_timeout = settings.statement_timeout = migration_timeout;
    if (lane == "care")
      settings.statement_timeout = care_timeout;
    auto pool = std::make_shared<postgres_pool>(context_, answered_, settings, 1);
    asio::post(*context_, [pool] { pool->start(); });
    const std::lock_guard lock{mutex_};
    std::erase_if(pools_, [](const auto& each) { return each.expired(); });
    pools_.push_back(pool);
    return pool;
  }

  const store_options options_;
  std::shared_ptr<asio::io_context> context_ = std::make_shared<asio::io_context>(1);
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_->get_executor()};
  // Both are used on the thread of context_ only.
  last_answer answered_ = std::make_shared<std::chrono::steady_clock::time_point>();
  std::shared_ptr<store_monitor> monitor_ =
    std::make_shared<store_monitor>(options_.slow_statement, std::chrono::steady_clock::now());
  std::mutex mutex_;
  std::vector<std::weak_ptr<postgres_pool>> pools_;
  std::shared_ptr<postgres_pool> claims_;
  std::shared_ptr<query_pool> queries_;
  std::shared_ptr<postgres_pool> inserts_; // of records that come by themselves
  std::shared_ptr<record_gatherer> gatherer_ = std::make_shared<record_gatherer>(
    [pool = inserts_](record_group group, handler<record_group_outcomes> done) {
      pool->submit(job_of(true, std::move(done), [group = std::move(group)](pq_connection& db) {
        return postgres_work::insert_record_group(db, group);
      }));
    });
  std::shared_ptr<postgres_pool> health_; // and what a person asks of a node that is busy
  std::shared_ptr<postgres_pool> migrations_;
  std::shared_ptr<postgres_pool> sealer_;
  std::thread thread_; // last: it uses all the others
};

} // namespace

result<std::unique_ptr<store>> open_postgres_store(const store_options& options) {
  const auto url = check_postgres_url(options.url);
  if (!url)
    return url.error();
  return std::unique_ptr<store>{std::make_unique<postgres_store>(options)};
}

} // namespace furrow::storage
