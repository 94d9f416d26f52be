#include "storage/append/quarantine.hpp"
#include "storage/append/record_batch.hpp"
#include "storage/append/record_columns.hpp"
#include "storage/postgres/areas.hpp"
#include "storage/postgres/connection/job.hpp"
#include "storage/postgres/connection/query_pool.hpp"
#include "storage/postgres/connection/rows.hpp"
#include "storage/postgres/record_group.hpp"
#include "storage/postgres/work.hpp"

#include <algorithm>
#include <utility>

namespace furrow::storage::postgres_work {

namespace {

/// A batch starts again when another session numbers records of the same machine. After this many rounds the caller
/// retries.
constexpr int rounds_max = 8;
constexpr const char* only_tried_sqlstate = "FW003";

/// The stream of a machine's direct records, and the stored answer for a batch's key.
struct direct_standing {
  stream_claim claim;
  std::uint64_t seq = 0;
  std::optional<known_batch> known;
};

task<result<direct_standing>> stand(pq_connection& db, const record_batch& batch) {
  const std::string_view id{reinterpret_cast<const char*>(direct_stream.data()),
                            direct_stream.size()};
  const auto reply = co_await db.query(
    "select e.equipment, e.stream, e.epoch, e.seq, b.records, b.refused, b.sha256, e.moved_to "
    "from furrow.enter(array[$1], array[$2], array[$3], array[null::bigint]) e "
    "left join lateral (select o.records, o.refused, o.sha256 from furrow.record_batch o "
    "where o.stream = e.stream and o.key = $4 limit 1) b on true",
    pq_parameters{}.text(batch.farm).text(batch.equipment).add(oid::uuid, id).text(batch.key));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  if (rows.size() != 1)
    co_return failure{errc::retry_later, "the machine was removed in the meantime"};
  if (!rows.null(0, 7))
    co_return lives_elsewhere(batch.farm, rows.text(0, 7));
  direct_standing out;
  out.claim = {static_cast<std::int32_t>(rows.integer(0, 0)),
               static_cast<std::int32_t>(rows.integer(0, 1)), rows.integer(0, 2)};
  out.seq = rows.natural(0, 3);
  if (!rows.null(0, 4))
    out.known = {rows.natural(0, 4), rows.text(0, 5), rows.text(0, 6)};
  co_return out;
}

struct span_of_rows {
  std::size_t first;
  std::size_t count;
};

/// Finds the rows that the database rejects, by transactions that store nothing: halves until each is alone.
task<result<done>> find_refused(pq_connection& db,
                                const stream_claim& claim,
                                const std::vector<numbered_record>& rows,
                                std::vector<std::string>& reasons) {
  std::vector<span_of_rows> left{{0, rows.size()}};
  while (!left.empty()) {
    const auto now = left.back();
    left.pop_back();
    append_attempt attempt;
    attempt.trial = true;
    for (std::size_t i = now.first; i < now.first + now.count; ++i)
      attempt.add_record({claim, &rows[i]});
    const auto error = co_await run_attempt(db, attempt);
    if (error && error->sqlstate == only_tried_sqlstate)
      continue;
    const auto why = error ? error->judge() : verdict::retry_later;
    if (why != verdict::poison && why != verdict::duplicate)
      co_return error ? error->as_failure() : failure{errc::retry_later, "a trial was stored"};
    if (now.count == 1) {
      reasons[now.first] = error->message;
      continue;
    }
    const auto half = now.count / 2;
    left.push_back({now.first + half, now.count - half});
    left.push_back({now.first, half});
  }
  co_return done{};
}

/// Gives each row's reason to its record.
void refuse(record_batch_outcome& outcome, const std::vector<std::string>& reasons) {
  std::size_t row = 0;
  for (auto& refused : outcome.refused)
    if (refused.empty())
      refused = as_text(reasons[row++]);
}

/// The next step for a batch, from the result of the last transaction.
enum class next_step : std::uint8_t { finished, again, find };

next_step after(const std::optional<pq_error>& error, int& duplicates) {
  if (!error)
    return next_step::finished;
  switch (error->lost ? verdict::retry_later : error->judge()) {
  case verdict::again:
  case verdict::held:
  case verdict::fenced:
    return next_step::again;
  case verdict::
    duplicate: // the key or a number: known in the next round. Twice: a foreign constraint
    return ++duplicates > 1 ? next_step::find : next_step::again;
  case verdict::poison:
    return next_step::find;
  case verdict::retry_later:
  case verdict::misconfigured:
    break;
  }
  return next_step::finished;
}

std::string select_of(const can::record_kind* kind) {
  std::string sql = "select time, stream, seq";
  if (kind == nullptr)
    sql += ", body::text from furrow.item_record where kind = $7 and equipment_id = $1";
  else {
    for (const auto& column : record_columns(*kind))
      sql.append(", ").append(column);
    sql.append(" from furrow.").append(kind->table).append(" where $7 = $7 and equipment_id = $1");
  }
  return sql
         + " and time >= greatest($2, $4) and time <= $3 and (time, stream, seq) > ($4, $5, $6)"
           " order by time, stream, seq limit $8";
}

} // namespace

task<result<record_batch_outcome>> insert_records(pq_connection& db, const record_batch& batch) {
  auto judged = judge_batch(batch);
  if (!judged)
    co_return judged.error();
  auto outcome = std::move(*judged);
  failure last{errc::retry_later, "other sessions kept storing records of this machine"};
  int duplicates = 0;
  for (int round = 0; round < rounds_max; ++round) {
    const auto standing = co_await stand(db, batch);
    if (!standing)
      co_return standing.error();
    if (standing->known)
      co_return known_outcome(batch, *standing->known);
    const auto rows = numbered(batch, outcome, standing->seq);
    if (rows.empty())
      co_return outcome; // there is no key to recognise
    const auto attempt = attempt_of(batch, outcome, standing->claim, standing->seq, rows);
    const auto error = co_await run_attempt(db, attempt);
    const auto next = after(error, duplicates);
    if (next == next_step::finished) {
      if (!error)
        co_return outcome;
      co_return error->lost ? failure{errc::in_doubt, error->message} : error->as_failure();
    }
    last.detail = error->message;
    if (next == next_step::again)
      continue;
    std::vector<std::string> reasons(rows.size());
    const auto found = co_await find_refused(db, standing->claim, rows, reasons);
    if (!found)
      co_return found.error();
    refuse(outcome, reasons);
  }
  co_return last;
}

namespace {

task<result<records_page>> read_records(pq_connection& db,
                                        const records_query& query,
                                        const std::optional<records_cursor>& after) {
  const auto equipment = co_await find_equipment(db, query.farm, query.equipment);
  if (!equipment)
    co_return equipment.error();
  const auto* kind = can::find_record_kind(query.kind);
  const auto limit = std::clamp<std::size_t>(query.limit, 1, page_rows_max);
  const auto sql = select_of(kind);
  const auto reply = co_await db.query(
    sql.c_str(), pq_parameters{}
                   .int4(*equipment)
                   .timestamptz(from_bound(query.from_us))
                   .timestamptz(to_bound(query.to_us))
                   .timestamptz(from_bound(after ? std::optional{after->time_us} : std::nullopt))
                   .int4(after ? after->stream : 0)
                   .int8(after ? static_cast<std::int64_t>(after->seq) : 0)
                   .int4(static_cast<std::int16_t>(query.kind)) // smallint keeps the same 16 bits
                   .int8(static_cast<std::int64_t>(limit)));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  records_page page;
  page.rows.resize(static_cast<std::size_t>(rows.size()));
  for (int i = 0; i < rows.size(); ++i) {
    auto& row = page.rows[static_cast<std::size_t>(i)];
    row.time_us = rows.integer(i, 0) + epoch_2000_us;
    row.stream = static_cast<std::int32_t>(rows.integer(i, 1));
    row.seq = rows.natural(i, 2);
    if (kind == nullptr)
      row.values.emplace_back(rows.text(i, 3));
    else
      row.values = fields_in(pq_row{rows, i}, 3, *kind);
  }
  if (page.rows.size() == limit)
    page.next =
      records_cursor{page.rows.back().time_us, page.rows.back().stream, page.rows.back().seq};
  co_return page;
}

/// Reads on the query pool; groups of batches have their own connection.
class postgres_records : public record_store {
public:
  postgres_records(std::shared_ptr<query_pool> queries,
                   const std::shared_ptr<postgres_pool>& inserts)
    : queries_{std::move(queries)}, gatherer_{std::make_shared<record_gatherer>(
                                      [inserts](record_group group,
                                                handler<record_group_outcomes> done) {
                                        inserts->submit(
                                          job_of(true, std::move(done),
                                                 [group = std::move(group)](pq_connection& db) {
                                                   return insert_record_group(db, group);
                                                 }));
                                      })} {}

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

private:
  std::shared_ptr<query_pool> queries_;
  std::shared_ptr<record_gatherer> gatherer_;
};

} // namespace

std::unique_ptr<record_store> make_records(std::shared_ptr<query_pool> queries,
                                           const std::shared_ptr<postgres_pool>& inserts) {
  return std::make_unique<postgres_records>(std::move(queries), inserts);
}

} // namespace furrow::storage::postgres_work
