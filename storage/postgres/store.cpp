#include "storage/postgres/store.hpp"

#include "storage/dbc/dbc_files.hpp"
#include "storage/digest_store.hpp"
#include "storage/farm/repositories.hpp"
#include "storage/forward/forward_store.hpp"
#include "storage/history.hpp"
#include "storage/homes/directory.hpp"
#include "storage/identity/identities.hpp"
#include "storage/membership.hpp"
#include "storage/partitions.hpp"
#include "storage/postgres/areas.hpp"
#include "storage/postgres/connection/job.hpp"
#include "storage/postgres/connection/query_pool.hpp"
#include "storage/postgres/connection/rows.hpp"
#include "storage/postgres/connection/url.hpp"
#include "storage/postgres/migrate.hpp"
#include "storage/postgres/series/series.hpp"
#include "storage/postgres/work.hpp"
#include "storage/quarantine.hpp"
#include "storage/records.hpp"
#include "storage/removal.hpp"
#include "storage/retention.hpp"
#include "storage/sealing.hpp"
#include "storage/statistics.hpp"

#include <algorithm>
#include <bit>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>

namespace furrow::storage {

namespace postgres_work {

namespace {

task<result<std::vector<ledger_row>>>
read_ledger(pq_connection& db, const std::string& farm, const std::string& equipment) {
  const auto reply = co_await db.query(
    "select farm, equipment, stream_id, sent, durable, stored, lost, doubled, quarantined, "
    "dropped, "
    "lost_at_gateway, expired, elsewhere from furrow.ledger "
    "where ($1 = '' or farm = $1) and ($2 = '' or equipment = $2) order by farm, equipment, stream",
    pq_parameters{}.text(farm).text(equipment));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  if (rows.size() == 0 && !equipment.empty())
    co_return failure{errc::not_found, "no equipment " + equipment};
  std::vector<ledger_row> out(static_cast<std::size_t>(rows.size()));
  for (int i = 0; i < rows.size(); ++i) {
    auto& row = out[static_cast<std::size_t>(i)];
    row.farm = rows.text(i, 0);
    row.equipment = rows.text(i, 1);
    const auto id = rows.bytes(i, 2);
    std::copy_n(id.begin(), std::min(id.size(), row.stream_id.size()), row.stream_id.begin());
    row.sent = rows.natural(i, 3);
    row.durable = rows.natural(i, 4);
    row.stored = rows.natural(i, 5);
    row.lost = rows.natural(i, 6);
    row.doubled = rows.natural(i, 7);
    row.quarantined = rows.natural(i, 8);
    row.dropped = rows.natural(i, 9);
    row.lost_at_gateway = rows.natural(i, 10);
    row.expired = rows.natural(i, 11);
    row.elsewhere = rows.natural(i, 12);
  }
  co_return out;
}

telemetry_point state_in(const pq_rows& rows, int row, int first) {
  telemetry_point state;
  state.time_us = rows.integer(row, first) + epoch_2000_us;
  state.mode = rows.text(row, first + 1);
  for (std::size_t column = 0; column < state.values.size(); ++column)
    if (const auto at = first + 2 + static_cast<int>(column); !rows.null(row, at))
      state.values[column] = std::bit_cast<double>(rows.integer(row, at));
  return state;
}

std::string equipment_text() {
  std::string columns;
  for (const auto& column : can::telemetry_columns)
    columns += ", t." + std::string{column.name} + "::float8";
  return "select f.name, e.name, e.iso_name, count(s.id), coalesce(sum(w.seq), 0)::bigint, "
         "max(l.time_last), e.relayed::int, t.heard, t.mode"
         + columns
         + " from furrow.equipment e join furrow.farm f on f.id = e.farm_id left join "
           "furrow.stream s on s.equipment_id = e.id "
           "left join furrow.stream_watermark w on w.stream = s.id "
           "left join furrow.equipment_state t on t.equipment_id = e.id "
           "left join lateral (select coalesce((select b.time_last from furrow.can_block b where "
           "b.stream = s.id order by b.seq_first desc limit 1), (select c.time_last from "
           "furrow.can_chunk c where c.stream = s.id order by c.seq_first desc limit 1)) as "
           "time_last) l on true "
           "where ($1 = '' or f.name = $1) and f.home_state <> 'gone' and not exists (select from "
           "furrow.hidden_equipment h "
           "where h.equipment_id = e.id) group by f.name, e.id, t.equipment_id "
           "order by f.name, e.name";
}

task<result<std::vector<equipment_row>>> list_equipment(pq_connection& db,
                                                        const std::string& farm) {
  static const auto text = equipment_text();
  const auto reply = co_await db.query(text.c_str(), pq_parameters{}.text(farm));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  std::vector<equipment_row> out(static_cast<std::size_t>(rows.size()));
  for (int i = 0; i < rows.size(); ++i) {
    auto& row = out[static_cast<std::size_t>(i)];
    row.farm = rows.text(i, 0);
    row.name = rows.text(i, 1);
    if (!rows.null(i, 2))
      row.iso_name = rows.natural(i, 2);
    row.streams = rows.natural(i, 3);
    row.durable = rows.natural(i, 4);
    if (!rows.null(i, 5))
      row.last_frame_us = rows.integer(i, 5) + epoch_2000_us;
    row.relayed = rows.integer(i, 6) != 0;
    if (!rows.null(i, 7))
      row.state = state_in(rows, i, 7);
  }
  co_return out;
}

task<result<store_health>> health(pq_connection& db) {
  const auto begun = std::chrono::steady_clock::now();
  // As furrow.wal_timeline(), but there may be no schema yet, and a standby has no current WAL.
  const auto reply = co_await db.query(
    "select case when pg_is_in_recovery() then 0 else "
    "('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint end, "
    "(select e.extversion from pg_extension e where e.extname = 'timescaledb' and "
    "to_regprocedure('furrow.is_hypertable(text)') is not null)");
  store_health out;
  out.latency =
    std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begun);
  out.mode = "postgresql";
  if (reply.error) {
    out.detail = reply.error->message;
    co_return out;
  }
  out.up = true;
  const pq_rows row{reply.rows.get()};
  out.timeline = row.natural(0, 0);
  const char* version = PQparameterStatus(db.raw(), "server_version");
  if (version != nullptr)
    out.mode += " " + std::string{version}.substr(0, std::string_view{version}.find(' '));
  if (!row.null(0, 1))
    out.mode += ", timescaledb " + row.text(0, 1);
  co_return out;
}

} // namespace

} // namespace postgres_work

namespace {

constexpr std::chrono::hours migration_timeout{1};
constexpr std::chrono::hours care_timeout{6};          // a table of years is checked at once
constexpr std::chrono::milliseconds beat_timeout{900}; // a lease lasts three seconds
constexpr std::chrono::milliseconds beat_lock_timeout{500};
constexpr std::chrono::milliseconds beat_grace{100}; // no beat waits for a standby
constexpr std::chrono::milliseconds beat_reconnect_max{500};

/// An append that counts what it stored, once per batch.
task<result<append_outcome>> counted_append(pq_connection& db,
                                            std::shared_ptr<const append_batch> batch,
                                            std::shared_ptr<store_monitor> monitor,
                                            can::stream_id owner) {
  auto outcome = co_await postgres_work::append(db, batch, owner);
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
  postgres_appender(std::shared_ptr<postgres_pool> lane,
                    std::shared_ptr<store_monitor> monitor,
                    can::stream_id owner)
    : lane_{std::move(lane)}, monitor_{std::move(monitor)}, owner_{owner} {}
  postgres_appender(const postgres_appender&) = delete;
  postgres_appender& operator=(const postgres_appender&) = delete;
  ~postgres_appender() override { postgres_pool::close(std::move(lane_)); }

  void append(std::shared_ptr<const append_batch> batch, handler<append_outcome> done) override {
    lane_->submit(
      job_of(true, std::move(done),
             [batch = std::move(batch), monitor = monitor_, owner = owner_](pq_connection& db) {
               return counted_append(db, batch, monitor, owner);
             }));
  }

private:
  std::shared_ptr<postgres_pool> lane_;
  std::shared_ptr<store_monitor> monitor_;
  can::stream_id owner_;
};

/// Of a program that names no incarnation.
can::stream_id random_incarnation() {
  std::random_device random;
  can::stream_id out{};
  for (auto& byte : out)
    byte = static_cast<std::uint8_t>(random());
  return out;
}

class postgres_store : public store, public identity_keeper, public series_keeper {
public:
  explicit postgres_store(const store_options& options)
    : options_{options}, owner_{options.incarnation == can::stream_id{} ? random_incarnation()
                                                                        : options.incarnation},
      claims_{make_lane("claims", connection_use::claim)},
      queries_{std::make_shared<query_pool>(
        context_, answered_, settings_of("query"), options.pool, room_)},
      inserts_{make_lane("records")}, health_{make_lane("health", connection_use::health)},
      migrations_{make_lane("migrate")}, upkeep_{make_lane("care")}, thread_{[this] {
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
    asio::post(*context_, [watch = watch_] { watch->stop(); });
    work_.reset();
    thread_.join(); // every job has been answered by then
  }

  void claim(std::vector<claim_request> requests,
             handler<std::vector<claim_outcome>> done) override {
    claims_->submit(job_of(true, std::move(done),
                           [requests = std::move(requests), owner = owner_](pq_connection& db) {
                             return postgres_work::claim(db, requests, owner);
                           }));
  }

  std::unique_ptr<appender> open_appender(const std::string& lane) override {
    return std::make_unique<postgres_appender>(
      make_lane(lane, connection_use::append,
                options_.lane_lock_timeout.value_or(options_.lock_timeout)),
      monitor_, owner_);
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
    // An unreachable database is an answer here, not a failure.
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

  frame_store* frames() override { return frames_.get(); }
  record_store* records() override { return records_.get(); }
  quarantine_store* quarantine() override { return quarantine_.get(); }
  history_store* history() override { return history_.get(); }
  series_store* series() override { return series_.get(); }
  digest_store* digest() override { return digest_.get(); }
  repositories* farm() override { return farm_.get(); }
  retention_store* retention() override { return retention_.get(); }
  removal_store* removals() override { return removals_.get(); }
  identity_store* identities() override { return identities_.get(); }
  audit_store* audit() override { return audit_.get(); }
  dbc_store* dbc() override { return dbc_.get(); }
  partition_store* partitions() override { return partitions_.get(); }
  size_store* sizes() override { return sizes_.get(); }
  forward_store* forward() override { return forward_.get(); }
  seal_store* sealing() override { return sealing_.get(); }
  membership_store* membership() override { return membership_.get(); }
  directory_store* directory() override { return directory_.get(); }

private:
  store_activity read_activity() const {
    auto out = monitor_->read(std::chrono::steady_clock::now());
    out.limits = options_.pool;
    out.pool = queries_->numbers();
    out.connections_granted = room_->limit();
    out.lanes -= std::min(out.lanes, out.pool.open);
    out.recent.in_use_peak = std::max(out.recent.in_use_peak, out.pool.in_use);
    out.lock_timeout = options_.lock_timeout;
    out.statement_timeout = options_.statement_timeout;
    return out;
  }

  pq_connection::settings settings_of(const std::string& lane) const {
    pq_connection::settings out;
    out.url = options_.url;
    out.application_name = options_.application_name + "/" + lane;
    out.connect_timeout = options_.connect_timeout;
    out.lock_timeout = options_.lock_timeout;
    out.statement_timeout = options_.statement_timeout;
    out.monitor = monitor_;
    out.watch = watch_;
    return out;
  }

  std::shared_ptr<postgres_pool> make_lane(const std::string& lane,
                                           connection_use use = connection_use::rest) {
    return make_lane(lane, use, options_.lock_timeout);
  }

  std::shared_ptr<postgres_pool>
  make_lane(const std::string& lane, connection_use use, std::chrono::milliseconds lock_timeout) {
    auto settings = settings_of(lane);
    settings.lock_timeout = lock_timeout;
    const bool cares = lane == "care" || lane == "removal";
    settings.lane = lane != "migrate" && !cares; // those take long by nature
    if (lane == "migrate")
      settings.lock_timeout = settings.statement_timeout = migration_timeout;
    if (cares)
      settings.statement_timeout = care_timeout;
    if (lane == "beat") {
      settings.connect_timeout = std::min(settings.connect_timeout, 2 * beat_timeout);
      settings.statement_timeout = beat_timeout;
      settings.lock_timeout = beat_lock_timeout;
      settings.answer_grace = beat_grace;
      settings.reconnect_max = beat_reconnect_max;
    }
    auto pool = std::make_shared<postgres_pool>(context_, answered_, settings, 1, room_, use);
    asio::post(*context_, [pool] { pool->start(); });
    const std::lock_guard lock{mutex_};
    std::erase_if(pools_, [](const auto& each) { return each.expired(); });
    pools_.push_back(pool);
    return pool;
  }

  const store_options options_;
  const can::stream_id owner_;
  std::shared_ptr<asio::io_context> context_ = std::make_shared<asio::io_context>(1);
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_->get_executor()};
  // Both are used on the thread of context_ only.
  last_answer answered_ = std::make_shared<std::chrono::steady_clock::time_point>();
  std::shared_ptr<store_monitor> monitor_ =
    std::make_shared<store_monitor>(options_.slow_statement, std::chrono::steady_clock::now());
  std::shared_ptr<server_watch> watch_ =
    std::make_shared<server_watch>(options_.append_timeout, options_.statement_timeout);
  std::shared_ptr<connection_room> room_ = std::make_shared<connection_room>(monitor_);
  std::mutex mutex_;
  std::vector<std::weak_ptr<postgres_pool>> pools_;
  std::shared_ptr<postgres_pool> claims_;
  std::shared_ptr<query_pool> queries_;
  std::shared_ptr<postgres_pool> inserts_; // for records of clients
  std::shared_ptr<postgres_pool> health_;  // also for queries about a busy node
  std::shared_ptr<postgres_pool> migrations_;
  std::shared_ptr<postgres_pool> upkeep_;
  std::unique_ptr<frame_store> frames_ = postgres_work::make_frames(queries_);
  std::unique_ptr<record_store> records_ = postgres_work::make_records(queries_, inserts_);
  std::unique_ptr<quarantine_store> quarantine_ =
    postgres_work::make_quarantine(queries_, inserts_);
  std::unique_ptr<history_store> history_ = postgres_work::make_history(queries_);
  std::unique_ptr<series_store> series_ = postgres_work::make_series(queries_);
  std::unique_ptr<digest_store> digest_ = postgres_work::make_digest(make_lane("digest"));
  std::unique_ptr<repositories> farm_ = postgres_work::make_repositories(queries_);
  std::unique_ptr<retention_store> retention_ = postgres_work::make_retention(upkeep_);
  std::unique_ptr<removal_store> removals_ =
    postgres_work::make_removals(make_lane("removal")); // long ones hold nobody up
  std::unique_ptr<identity_store> identities_ = postgres_work::make_identities(health_, queries_);
  std::unique_ptr<audit_store> audit_ = postgres_work::make_audit(queries_);
  std::unique_ptr<dbc_store> dbc_ = postgres_work::make_dbc(upkeep_);
  std::unique_ptr<partition_store> partitions_ = postgres_work::make_partitions(upkeep_);
  std::unique_ptr<directory_store> directory_ = postgres_work::make_directory(health_, queries_);
  std::unique_ptr<forward_store> forward_ = postgres_work::make_forward(queries_);
  std::unique_ptr<size_store> sizes_ = postgres_work::make_sizes(upkeep_);
  std::unique_ptr<seal_store> sealing_ = postgres_work::make_sealing(make_lane("seal"));
  std::unique_ptr<membership_store> membership_ =
    postgres_work::make_membership(make_lane("beat", connection_use::health), queries_);
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
