#include "can/records/body.hpp"
#include "storage/append/append_plan.hpp"
#include "storage/append/frame_row.hpp"
#include "storage/append/quarantine.hpp"
#include "storage/append/record_columns.hpp"
#include "storage/failpoint.hpp"
#include "storage/sqlite/work.hpp"

#include <thread>

namespace furrow::storage::sqlite_work {

namespace {

void insert_frames(sqlite_db& db, const append_attempt& attempt) {
  can::frame_block scratch;
  for (const auto& slice : attempt.frames) {
    const auto row = row_of(slice, scratch);
    std::optional<std::span<const std::uint8_t>> long_payload;
    if (!row.long_payload.empty())
      long_payload = row.long_payload;
    db.statement("insert into can_block (stream, seq_first, equipment_id, frames, time_first, "
                 "time_last, time_base, "
                 "headers, header_index, time_offset, payload, long_payload) "
                 "values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .with(row.claim.stream, row.seq_first, row.claim.equipment, std::uint64_t{row.slots.size()},
            row.time_first_us, row.time_last_us, row.time_base_us, row.headers, row.header_index,
            row.time_offset_us, row.slots, long_payload)
      .run();
    if (failpoint::hit(failpoint::in_copy))
      throw sqlite_error{SQLITE_IOERR, "failpoint"};
  }
}

void insert_records(sqlite_db& db, const append_attempt& attempt) {
  for (const auto& [claim, item] : attempt.records) {
    const auto& record = item->record;
    if (!is_text(record.body))
      throw sqlite_error{SQLITE_MISMATCH, "the body is not text (UTF-8 without NUL)"};
    db.statement("insert into item_record (stream, seq, equipment_id, time, kind, body) values (?, "
                 "?, ?, ?, ?, ?)")
      .with(claim.stream, item->seq, claim.equipment, record.time_us, std::int64_t{record.kind},
            record.body)
      .run();
  }
}

struct value_bind {
  sqlite_statement& to;
  void operator()(std::monostate) const { to.with(nullptr); }
  void operator()(bool value) const { to.with(std::int64_t{value ? 1 : 0}); }
  void operator()(std::int64_t value) const { to.with(value); }
  void operator()(double value) const { to.with(value); }
  void operator()(const std::string& value) const { to.with(value); }
};

std::vector<std::string> make_typed_statements() {
  std::vector<std::string> made;
  for (const auto& kind : can::record_kinds()) {
    auto& sql = made.emplace_back("insert into ");
    sql.append(kind.table).append(" (stream, seq, equipment_id, time");
    std::string places = "?, ?, ?, ?";
    for (const auto& column : record_columns(kind)) {
      sql.append(", ").append(column);
      places += ", ?";
    }
    sql += ") values (" + places + ")";
  }
  return made;
}

void insert_typed(sqlite_db& db, const append_attempt& attempt) {
  static const auto statements = make_typed_statements();
  can::record_values values;
  for (std::size_t kind = 0; kind < statements.size(); ++kind)
    for (const auto& [claim, item] : attempt.typed[kind]) {
      // The plan has checked it.
      (void)can::read_body(can::record_kinds()[kind], item->record.body, values);
      auto insert = db.statement(statements[kind].c_str());
      insert.with(claim.stream, item->seq, claim.equipment, item->record.time_us);
      // Texts are bound where they are: the values must live until the row is inserted.
      const auto columns = column_values(can::record_kinds()[kind], values);
      for (const auto& value : columns)
        std::visit(value_bind{insert}, value);
      insert.run();
    }
}

void insert_quarantine(sqlite_db& db, const append_attempt& attempt) {
  for (const auto& [claim, item] : attempt.quarantine) {
    const auto reason = as_text(item->reason);
    db.statement(
        "insert into quarantine (stream, seq, equipment_id, time, reason, bytes, kind) values "
        "(?, ?, ?, ?, ?, ?, ?)")
      .with(claim.stream, item->seq, claim.equipment, item->time_us, reason, std::span{item->bytes},
            item->kind ? std::optional<std::int64_t>{*item->kind} : std::nullopt)
      .run();
  }
}

void insert_gone(sqlite_db& db, const append_attempt& attempt) {
  for (const auto& range : attempt.gone)
    db.statement("insert into expired (stream, first, last) values (?, ?, ?)")
      .with(range.stream, range.first, range.last)
      .run();
}

} // namespace

void insert_rows(sqlite_db& db, const append_attempt& attempt) {
  insert_frames(db, attempt);
  insert_records(db, attempt);
  insert_typed(db, attempt);
  insert_quarantine(db, attempt);
  insert_gone(db, attempt);
}

namespace {

void upsert_buses(sqlite_db& db, const append_batch& batch) {
  for (const auto& append : batch)
    for (const auto& [bus, name] : append.buses) {
      const auto text = as_text(name);
      db.statement("insert into bus (stream, bus, name) values (?, ?, ?) on conflict do update set "
                   "name = excluded.name")
        .with(append.claim.stream, std::int64_t{bus}, text)
        .run();
    }
}

/// Moves the watermarks; answers the streams with another watermark or epoch.
std::vector<std::int32_t> advance(sqlite_db& db, const append_attempt& attempt) {
  std::vector<std::int32_t> fenced;
  for (const auto& step : attempt.steps) {
    db.statement("update stream_watermark set seq = ?4, sent = max(sent, ?5) where stream = ?1 and "
                 "epoch = ?2 and seq = ?3")
      .with(step.claim.stream, step.claim.epoch, step.from, attempt.check ? step.from : step.to,
            step.sent)
      .run();
    if (db.changes() != 1)
      fenced.push_back(step.claim.stream);
  }
  return fenced;
}

void try_attempt(sqlite_db& db, append_plan& plan, const append_batch& batch) {
  const auto& attempt = *plan.next();
  bool committing = false;
  try {
    if (failpoint::hit(failpoint::before_begin))
      return plan.failed(errc::retry_later, "failpoint");
    sqlite_transaction transaction{db};
    if (!attempt.check) {
      insert_rows(db, attempt);
      upsert_buses(db, batch);
    }
    const auto fenced = advance(db, attempt);
    if (!fenced.empty())
      return plan.fenced(fenced);
    committing = !attempt.check;
    if (failpoint::hit(failpoint::after_cas))
      throw sqlite_error{SQLITE_IOERR, "failpoint"};
    if (committing)
      transaction.commit();
    if (failpoint::hit(failpoint::committed))
      throw sqlite_error{SQLITE_IOERR, "failpoint"};
    plan.stored();
  } catch (const sqlite_error& error) {
    const auto why = judge_sqlite(error.code);
    if (committing && why != verdict::again)
      return plan.failed(errc::in_doubt, error.detail);
    plan.refused(why, error.detail);
  }
}

} // namespace

result<append_outcome> append(sqlite_db& db, const std::shared_ptr<const append_batch>& batch) {
  append_plan plan{batch};
  while (plan.next() != nullptr) {
    std::this_thread::sleep_for(plan.pause());
    try_attempt(db, plan, *batch);
  }
  return plan.outcome();
}

} // namespace furrow::storage::sqlite_work
