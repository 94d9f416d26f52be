#include "storage/sqlite/store.hpp"

#include "storage/dbc/dbc_files.hpp"
#include "storage/digest_store.hpp"
#include "storage/farm/repositories.hpp"
#include "storage/forward/forward_store.hpp"
#include "storage/frames.hpp"
#include "storage/history.hpp"
#include "storage/identity/identities.hpp"
#include "storage/quarantine.hpp"
#include "storage/records.hpp"
#include "storage/removal.hpp"
#include "storage/retention.hpp"
#include "storage/sqlite/areas.hpp"
#include "storage/sqlite/connection.hpp"
#include "storage/sqlite/migrate.hpp"
#include "storage/sqlite/node_lock.hpp"
#include "storage/sqlite/series/series.hpp"
#include "storage/sqlite/work.hpp"
#include "storage/statistics.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>

namespace furrow::storage {

namespace sqlite_work {

result<std::vector<ledger_row>>
read_ledger(sqlite_db& db, const std::string& farm, const std::string& equipment) {
  std::vector<ledger_row> out;
  auto rows = db.statement("select farm, equipment, stream_id, sent, durable, stored, lost, "
                           "doubled, quarantined, dropped, lost_at_gateway, expired from ledger "
                           "where (?1 = '' or farm = ?1) and (?2 = '' or equipment = ?2) order by "
                           "farm, equipment, stream");
  rows.with(farm, equipment);
  while (rows.step()) {
    auto& row = out.emplace_back();
    row.farm = rows.bytes(0);
    row.equipment = rows.bytes(1);
    std::memcpy(row.stream_id.data(), rows.bytes(2).data(),
                std::min(row.stream_id.size(), rows.bytes(2).size()));
    row.sent = rows.natural(3);
    row.durable = rows.natural(4);
    row.stored = rows.natural(5);
    row.lost = rows.natural(6);
    row.doubled = rows.natural(7);
    row.quarantined = rows.natural(8);
    row.dropped = rows.natural(9);
    row.lost_at_gateway = rows.natural(10);
    row.expired = rows.natural(11);
  }
  if (out.empty() && !equipment.empty())
    return failure{errc::not_found, "no equipment " + equipment};
  return out;
}

namespace {

std::string equipment_select() {
  std::string columns;
  for (const auto& column : can::telemetry_columns)
    columns += ", t." + std::string{column.name};
  return "select f.name, e.name, e.iso_name, count(s.id), coalesce(sum(w.seq), 0), "
         "max((select time_last from can_block b where b.stream = s.id order by seq_first desc "
         "limit 1)), e.relayed, t.heard, t.mode"
         + columns
         + " from equipment e join farm f on f.id = e.farm_id "
           "left join stream s on s.equipment_id = e.id "
           "left join stream_watermark w on w.stream = s.id "
           "left join equipment_state t on t.equipment_id = e.id "
           "where (?1 = '' or f.name = ?1) and e.id not in (select equipment_id from "
           "hidden_equipment) group by e.id order by f.name, e.name";
}

telemetry_point state_in(sqlite_statement& rows, int first) {
  telemetry_point state;
  state.time_us = rows.integer(first);
  state.mode = rows.bytes(first + 1);
  for (std::size_t column = 0; column < state.values.size(); ++column)
    if (const auto at = first + 2 + static_cast<int>(column); !rows.null(at))
      state.values[column] = rows.real(at);
  return state;
}

result<std::vector<equipment_row>> list_equipment(sqlite_db& db, const std::string& farm) {
  static const auto text = equipment_select();
  std::vector<equipment_row> out;
  auto rows = db.statement(text.c_str());
  rows.with(farm);
  while (rows.step()) {
    auto& row = out.emplace_back();
    row.farm = rows.bytes(0);
    row.name = rows.bytes(1);
    if (!rows.null(2))
      row.iso_name = rows.natural(2);
    row.streams = rows.natural(3);
    row.durable = rows.natural(4);
    if (!rows.null(5))
      row.last_frame_us = rows.integer(5);
    row.relayed = rows.integer(6) != 0;
    if (!rows.null(7))
      row.state = state_in(rows, 7);
  }
  return out;
}

store_health health(sqlite_db& db) {
  const auto begun = std::chrono::steady_clock::now();
  store_health out;
  out.mode = std::string{"sqlite "} + sqlite3_libversion();
  try {
    db.run("begin immediate; rollback"); // a database that is readable but not writable is not up
    out.up = true;
  } catch (const sqlite_error& error) {
    out.detail = error.detail;
  }
  out.latency =
    std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begun);
  return out;
}

} // namespace

} // namespace sqlite_work

namespace {

class sqlite_appender : public appender {
public:
  explicit sqlite_appender(std::shared_ptr<sqlite_connection> writer)
    : writer_{std::move(writer)} {}
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
  std::shared_ptr<sqlite_connection> writer_;
  std::shared_ptr<std::atomic<bool>> cut_ = std::make_shared<std::atomic<bool>>(false);
};

class sqlite_store : public store, public identity_keeper, public series_keeper {
public:
  sqlite_store(node_lock lock, std::unique_ptr<sqlite_db> writer, std::unique_ptr<sqlite_db> reader)
    : lock_{std::move(lock)}, writer_{std::make_shared<sqlite_connection>(std::move(writer))},
      reader_{std::make_shared<sqlite_connection>(std::move(reader))} {}
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
  size_store* sizes() override { return sizes_.get(); }
  forward_store* forward() override { return forward_.get(); }

private:
  node_lock lock_; // first: released after SQLite has closed the file
  std::shared_ptr<sqlite_connection> writer_;
  std::shared_ptr<sqlite_connection> reader_;
  const sqlite_connections both_{writer_, reader_};
  std::unique_ptr<frame_store> frames_ = sqlite_work::make_frames(both_);
  std::unique_ptr<record_store> records_ = sqlite_work::make_records(both_);
  std::unique_ptr<quarantine_store> quarantine_ = sqlite_work::make_quarantine(both_);
  std::unique_ptr<history_store> history_ = sqlite_work::make_history(both_);
  std::unique_ptr<series_store> series_ = sqlite_work::make_series(both_);
  std::unique_ptr<digest_store> digest_ = sqlite_work::make_digest(both_);
  std::unique_ptr<repositories> farm_ = sqlite_work::make_repositories(both_);
  std::unique_ptr<retention_store> retention_ = sqlite_work::make_retention(both_);
  std::unique_ptr<removal_store> removals_ = sqlite_work::make_removals(both_);
  std::unique_ptr<identity_store> identities_ = sqlite_work::make_identities(both_);
  std::unique_ptr<audit_store> audit_ = sqlite_work::make_audit(both_);
  std::unique_ptr<dbc_store> dbc_ = sqlite_work::make_dbc(both_);
  std::unique_ptr<forward_store> forward_ = sqlite_work::make_forward(both_);
  std::unique_ptr<size_store> sizes_ = sqlite_work::make_sizes(both_);
};

} // namespace

result<done> check_sqlite_path(const std::string& path) {
  if (path.empty() || path == ":memory:" || path.starts_with("file:"))
    return failure{errc::misconfigured, "sqlite:" + path + ": must be a plain file name"};
  return done{};
}

result<std::unique_ptr<store>> open_sqlite_store(const std::string& path,
                                                 const store_options& options) {
  const auto named = check_sqlite_path(path);
  if (!named)
    return named.error();
  node_lock lock;
  if (options.for_node) {
    auto taken = node_lock::take(path);
    if (!taken)
      return taken.error();
    lock = std::move(*taken);
  }
  auto writer = sqlite_db::open(path, sqlite_db::access::write, options.lock_timeout);
  if (!writer)
    return writer.error();
  auto reader = sqlite_db::open(path, sqlite_db::access::read, options.lock_timeout);
  if (!reader)
    return reader.error();
  return std::unique_ptr<store>{
    std::make_unique<sqlite_store>(std::move(lock), std::move(*writer), std::move(*reader))};
}

} // namespace furrow::storage
