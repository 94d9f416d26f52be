#include "storage/sqlite/store.hpp"

#include "storage/append/record_gatherer.hpp"
#include "storage/sqlite/care.hpp"
#include "storage/sqlite/repositories.hpp"
#include "storage/sqlite/work.hpp"
#include "storage/sqlite/work_queue.hpp"

#include <atomic>
#include <utility>

namespace furrow::storage {

namespace {

const failure closing_failure{errc::retry_later, "the store is closing"};

/// One connection and the thread that uses it. Lanes share it, so that it lives as long as the last
/// of them.
struct connection {
  explicit connection(std::unique_ptr<sqlite_db> opened) : db{std::move(opened)} {}

  std::unique_ptr<sqlite_db> db;
  work_queue queue; // last: closes before the database goes

  template <class T, class Work>
  void submit(handler<T> done, Work work) {
    queue.post([this, done = std::move(done), work = std::move(work)](bool closing) {
      done(closing ? result<T>{closing_failure} : guarded<T>(work));
    });
  }

  template <class T, class Work>
  result<T> guarded(const Work& work) {
    try {
      return work(*db);
    } catch (const sqlite_error& error) {
      return error.as_failure();
    }
  }
};

class sqlite_appender : public appender {
public:
  explicit sqlite_appender(std::shared_ptr<connection> writer) : writer_{std::move(writer)} {}
  sqlite_appender(const sqlite_appender&) = delete;
  sqlite_appender& operator=(const sqlite_appender&) = delete;
  ~sqlite_appender() override { *cut_ = true; }

  void append(std::shared_ptr<const append_batch> batch, handler<append_outcome> done) override {
    writer_->submit(
      std::move(done),
      [cut = cut_, batch = std::move(batch)](sqlite_db& db) -> result<append_outcome> {
        if (*cut)
          return failure{errc::retry_later, "the lane was cut before this batch"};
        return sqlite_work::append(db, batch);
      });
  }

private:
  std::shared_ptr<connection> writer_;
  std::shared_ptr<std::atomic<bool>> cut_ = std::make_shared<std::atomic<bool>>(false);
};

/// Reads where queries read, writes where appends write, between them.
class sqlite_digest_lane : public digest_lane {
public:
  sqlite_digest_lane(std::shared_ptr<connection> writer, std::shared_ptr<connection> reader)
    : writer_{std::move(writer)}, reader_{std::move(reader)} {}

  void pending(std::int32_t after,
               std::size_t count,
               handler<std::vector<digest_stream>> done) override {
    reader_->submit(std::move(done), [after, count](sqlite_db& db) {
      return sqlite_work::digest_pending(db, after, count);
    });
  }
  void read(std::vector<digest_span> spans, handler<std::vector<digest_page>> done) override {
    reader_->submit(std::move(done), [spans = std::move(spans)](sqlite_db& db) {
      return sqlite_work::digest_read(db, spans);
    });
  }
  void commit(std::shared_ptr<const digest_batch> what, handler<std::vector<bool>> done) override {
    writer_->submit(std::move(done), [what = std::move(what)](sqlite_db& db) {
      return sqlite_work::digest_write(db, *what);
    });
  }
  void signal_ids(std::vector<digest_signal> signals,
                  handler<std::vector<std::int32_t>> done) override {
    writer_->submit(std::move(done), [signals = std::move(signals)](sqlite_db& db) {
      return sqlite_work::digest_signals(db, signals);
    });
  }

private:
  std::shared_ptr<connection> writer_;
  std::shared_ptr<connection> reader_;
};

/// Retention goes step by step, each a job of its own, so that appends come in between.
class sqlite_care_lane : public care_lane {
public:
  sqlite_care_lane(std::shared_ptr<connection> writer, std::shared_ptr<connection> reader)
    : writer_{std::move(writer)}, reader_{std::move(reader)} {}

  void keep_partitions(std::optional<std::int64_t> /*at_us*/,
                       handler<partition_outcome> done) override {
    done(partition_outcome{});
  }
  void read_partition_plan(handler<partition_plan> done) override { done(no_partitions()); }
  void set_partition_plan(partition_plan /*plan*/, handler<furrow::done> done) override {
    done(no_partitions());
  }
  void list_retention(handler<std::vector<retention_rule>> done) override {
    reader_->submit(std::move(done), [](sqlite_db& db) { return sqlite_work::list_retention(db); });
  }
  void set_retention(retention_rule rule, handler<furrow::done> done) override {
    writer_->submit(std::move(done), [rule = std::move(rule)](sqlite_db& db) {
      return sqlite_work::set_retention(db, rule);
    });
  }
  void clear_retention(std::string farm, data_kind kind, handler<furrow::done> done) override {
    writer_->submit(std::move(done), [farm = std::move(farm), kind](sqlite_db& db) {
      return sqlite_work::clear_retention(db, farm, kind);
    });
  }
  void preview_retention(std::optional<std::int64_t> at_us,
                         handler<retention_preview> done) override {
    reader_->submit(std::move(done),
                    [at_us](sqlite_db& db) { return sqlite_work::preview_retention(db, at_us); });
  }
  void expire(expire_request request, handler<expire_outcome> done) override {
    step(writer_, request, 0, {}, std::move(done));
  }
  void statistics(std::uint32_t machines_max, handler<database_statistics> done) override {
    reader_->submit(std::move(done), [machines_max](sqlite_db& db) {
      return sqlite_work::statistics(db, machines_max);
    });
  }

private:
  static failure no_partitions() {
    return {errc::misconfigured, "SQLite has no partitions: they need PostgreSQL"};
  }

  static void step(const std::shared_ptr<connection>& writer,
                   const expire_request& request,
                   std::uint32_t steps,
                   const expire_outcome& so_far,
                   handler<expire_outcome> done) {
    handler<expire_outcome> next = [writer, request, steps, so_far,
                                    done = std::move(done)](storage::result<expire_outcome> part) {
      if (!part) {
        done(std::move(part));
        return;
      }
      auto total = so_far;
      total.chunks += part->chunks;
      total.frames += part->frames;
      total.records += part->records;
      total.telemetry += part->telemetry;
      total.rollup += part->rollup;
      total.more = part->more && request.steps_max > 0 && steps + 1 >= request.steps_max;
      if (!part->more || total.more)
        done(total);
      else
        step(writer, request, steps + 1, total, done);
    };
    writer->submit(std::move(next),
                   [at_us = request.at_us](sqlite_db& db) -> result<expire_outcome> {
                     return sqlite_work::expire_step(db, at_us);
                   });
  }

  std::shared_ptr<connection> writer_;
  std::shared_ptr<connection> reader_;
};

class sqlite_store : public store {
public:
  sqlite_store(std::unique_ptr<sqlite_db> writer, std::unique_ptr<sqlite_db> reader)
    : writer_{std::make_shared<connection>(std::move(writer))}, reader_{
                                                                  std::make_shared<connection>(
                                                                    std::move(reader))} {}
  sqlite_store(const sqlite_store&) = delete;
  sqlite_store& operator=(const sqlite_store&) = delete;
  ~sqlite_store() override {
    writer_->queue.close();
    reader_->queue.close();
  }

  void claim(std::vector<claim_request> requests,
             handler<std::vector<claim_outcome>> done) override {
    writer_->submit(std::move(done), [requests = std::move(requests)](sqlite_db& db) {
      return sqlite_work::claim(db, requests);
    });
  }

  std::unique_ptr<appender> open_appender(const std::string& /*lane*/) override {
    return std::make_unique<sqlite_appender>(writer_);
  }

  void read_frames(frames_query query, frames_cursor cursor, handler<frames_page> done) override {
    reader_->submit(std::move(done), [query = std::move(query), cursor](sqlite_db& db) {
      return sqlite_work::read_frames(db, query, cursor);
    });
  }

  void read_ledger(std::string farm,
                   std::string equipment,
                   handler<std::vector<ledger_row>> done) override {
    reader_->submit(std::move(done),
                    [farm = std::move(farm), equipment = std::move(equipment)](sqlite_db& db) {
                      return sqlite_work::read_ledger(db, farm, equipment);
                    });
  }

  void list_equipment(std::string farm, handler<std::vector<equipment_row>> done) override {
    reader_->submit(std::move(done), [farm = std::move(farm)](sqlite_db& db) {
      return sqlite_work::list_equipment(db, farm);
    });
  }

  void insert_records(record_batch batch, handler<record_batch_outcome> done) override {
    gatherer_->submit(std::move(batch), std::move(done));
  }

  void read_records(records_query query,
                    std::optional<records_cursor> after,
                    handler<records_page> done) override {
    reader_->submit(std::move(done), [query = std::move(query), after](sqlite_db& db) {
      return sqlite_work::read_records(db, query, after);
    });
  }

  void list_quarantine(quarantine_query query,
                       std::optional<quarantine_id> after,
                       handler<quarantine_page> done) override {
    reader_->submit(std::move(done), [query = std::move(query), after](sqlite_db& db) {
      return sqlite_work::list_quarantine(db, query, after);
    });
  }

  void show_quarantined(std::string farm, quarantine_id id, handler<quarantine_row> done) override {
    reader_->submit(std::move(done), [farm = std::move(farm), id](sqlite_db& db) {
      return sqlite_work::show_quarantined(db, farm, id);
    });
  }

  void retry_quarantined(std::string farm, quarantine_id id, handler<retry_outcome> done) override {
    writer_->submit(std::move(done), [farm = std::move(farm), id](sqlite_db& db) {
      return sqlite_work::retry_quarantined(db, farm, id);
    });
  }

  void
  drop_quarantined(std::string farm, quarantine_id id, handler<furrow::done> dropped) override {
    writer_->submit(std::move(dropped), [farm = std::move(farm), id](sqlite_db& db) {
      return sqlite_work::drop_quarantined(db, farm, id);
    });
  }

  bool digests() const override { return true; }
  std::shared_ptr<digest_lane> open_digest() override {
    return std::make_shared<sqlite_digest_lane>(writer_, reader_);
  }

  void read_telemetry(history_query query, handler<telemetry_page> done) override {
    reader_->submit(std::move(done), [query = std::move(query)](sqlite_db& db) {
      return sqlite_work::read_telemetry(db, query);
    });
  }

  void read_rollup(history_query query,
                   std::string signal,
                   rollup_bucket bucket,
                   handler<rollup_page> done) override {
    reader_->submit(std::move(done),
                    [query = std::move(query), signal = std::move(signal), bucket](sqlite_db& db) {
                      return sqlite_work::read_rollup(db, query, signal, bucket);
                    });
  }

  void list_signals(std::string farm,
                    std::string equipment,
                    handler<std::vector<known_signal>> done) override {
    reader_->submit(std::move(done),
                    [farm = std::move(farm), equipment = std::move(equipment)](sqlite_db& db) {
                      return sqlite_work::list_signals(db, farm, equipment);
                    });
  }

  void digest_progress(handler<digest_status> done) override {
    reader_->submit(std::move(done),
                    [](sqlite_db& db) { return sqlite_work::digest_progress(db); });
  }

  std::shared_ptr<repositories> open_repositories() override {
    const auto run_on = [](connection& on, sqlite_job job) {
      on.queue.post(
        [&on, job = std::move(job)](bool closing) { job(closing ? nullptr : on.db.get()); });
    };
    return make_sqlite_repositories(
      [this, run_on](sqlite_job job) { run_on(*writer_, std::move(job)); },
      [this, run_on](sqlite_job job) { run_on(*reader_, std::move(job)); });
  }

  std::shared_ptr<care_lane> open_care() override {
    return std::make_shared<sqlite_care_lane>(writer_, reader_);
  }

  void migrate(handler<std::vector<migration_row>> done) override {
    writer_->submit(std::move(done), [](sqlite_db& db) { return sqlite_work::migrate(db); });
  }

  void migration_status(handler<std::vector<migration_row>> done) override {
    reader_->submit(std::move(done),
                    [](sqlite_db& db) { return sqlite_work::migration_status(db); });
  }

  void health(handler<store_health> done) override {
    writer_->submit(std::move(done),
                    [](sqlite_db& db) -> result<store_health> { return sqlite_work::health(db); });
  }

private:
  std::shared_ptr<connection> writer_;
  std::shared_ptr<connection> reader_;
  // A plain reference: an answer, on the writer's own thread, must not be what keeps it alive.
  std::shared_ptr<record_gatherer> gatherer_ = std::make_shared<record_gatherer>(
    [&writer = *writer_](record_group group, handler<record_group_outcomes> done) {
      writer.submit(std::move(done), [group = std::move(group)](sqlite_db& db) {
        return sqlite_work::insert_record_group(db, *group);
      });
    });
};

} // namespace

result<std::unique_ptr<store>> open_sqlite_store(const std::string& path,
                                                 const store_options& options) {
  if (path.empty() || path == ":memory:" || path.starts_with("file:"))
    return failure{errc::misconfigured, "sqlite:" + path + ": a plain file name is wanted"};
  auto writer = sqlite_db::open(path, sqlite_db::access::write, options.lock_timeout);
  if (!writer)
    return writer.error();
  auto reader = sqlite_db::open(path, sqlite_db::access::read, options.lock_timeout);
  if (!reader)
    return reader.error();
  return std::unique_ptr<store>{
    std::make_unique<sqlite_store>(std::move(*writer), std::move(*reader))};
}

} // namespace furrow::storage
