#include "storage/postgres_store.hpp"

#include "storage/postgres_job.hpp"
#include "storage/postgres_repositories.hpp"
#include "storage/postgres_work.hpp"
#include "storage/pq_url.hpp"

#include <mutex>
#include <thread>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>

namespace furrow::storage {

namespace {

constexpr std::chrono::hours migration_timeout{1};

class postgres_appender : public appender {
public:
  explicit postgres_appender(std::shared_ptr<postgres_pool> lane) : lane_{std::move(lane)} {}
  postgres_appender(const postgres_appender&) = delete;
  postgres_appender& operator=(const postgres_appender&) = delete;
  ~postgres_appender() override { postgres_pool::close(std::move(lane_)); }

  void append(std::shared_ptr<const append_batch> batch, handler<append_outcome> done) override {
    lane_->submit(job_of(true, std::move(done), [batch = std::move(batch)](pq_connection& db) {
      return postgres_work::append(db, batch);
    }));
  }

private:
  std::shared_ptr<postgres_pool> lane_;
};

class postgres_store : public store {
public:
  explicit postgres_store(const store_options& options)
    : options_{options}, claims_{make_pool("claims", 1)}, queries_{make_pool(
                                                            "query", options.query_connections)},
      migrations_{make_pool("migrate", 1)}, thread_{[this] { context_->run(); }} {}
  postgres_store(const postgres_store&) = delete;
  postgres_store& operator=(const postgres_store&) = delete;
  ~postgres_store() override {
    {
      const std::lock_guard lock{mutex_};
      for (const auto& each : pools_)
        if (auto pool = each.lock())
          postgres_pool::close(std::move(pool));
    }
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
    return std::make_unique<postgres_appender>(make_pool(lane, 1));
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

  std::shared_ptr<repositories> open_repositories() override {
    return make_postgres_repositories(make_pool("repository", options_.query_connections));
  }

  void migrate(handler<std::vector<migration_row>> done) override {
    migrations_->submit(
      job_of(true, std::move(done), [](pq_connection& db) { return postgres_work::migrate(db); }));
  }

  void migration_status(handler<std::vector<migration_row>> done) override {
    queries_->submit(job_of(false, std::move(done),
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
    queries_->submit(std::move(job));
  }

private:
  std::shared_ptr<postgres_pool> make_pool(const std::string& lane, unsigned connections) {
    pq_connection::settings settings{options_.url, options_.application_name + "/" + lane,
                                     options_.connect_timeout, options_.lock_timeout,
                                     options_.statement_timeout};
    if (lane == "migrate")
      settings.lock_timeout = settings.statement_timeout = migration_timeout;
    auto pool = std::make_shared<postgres_pool>(context_, outage_, settings, connections);
    asio::post(*context_, [pool] { pool->start(); });
    const std::lock_guard lock{mutex_};
    std::erase_if(pools_, [](const auto& each) { return each.expired(); });
    pools_.push_back(pool);
    return pool;
  }

  const store_options options_;
  std::shared_ptr<asio::io_context> context_ = std::make_shared<asio::io_context>(1);
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_->get_executor()};
  std::shared_ptr<outage> outage_ =
    std::make_shared<outage>(); // used on the thread of context_ only
  std::mutex mutex_;
  std::vector<std::weak_ptr<postgres_pool>> pools_;
  std::shared_ptr<postgres_pool> claims_;
  std::shared_ptr<postgres_pool> queries_;
  std::shared_ptr<postgres_pool> migrations_;
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
