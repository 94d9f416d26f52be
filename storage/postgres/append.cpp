#include "storage/append/append_plan.hpp"
#include "storage/append/quarantine.hpp"
#include "storage/failpoint.hpp"
#include "storage/postgres/copy_format.hpp"
#include "storage/postgres/work.hpp"

#include <algorithm>
#include <charconv>
#include <functional>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace furrow::storage::postgres_work {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t chunk_bytes = 1U << 20U;
constexpr std::string_view lock_not_available = "55P03";
/// The pause of the failpoint between compare-and-set and commit: the server sleeps while this
/// process dies.
constexpr milliseconds after_cas_pause{100};
constexpr const char* after_cas_sleep = "; select pg_catalog.pg_sleep(0.3)";

template <class Item, class Value>
std::string int_array(const std::vector<Item>& items, Value value) {
  std::string out = "'{";
  for (const auto& item : items) {
    if (out.size() > 2)
      out += ',';
    out += std::to_string(value(item));
  }
  return out + "}'";
}

/// A table that a transaction copies into; the known kinds of records come after `typed`.
enum copy_target : std::size_t { frames = 0, records, quarantine, batches, typed };

/// In the order in which the tables are copied.
std::vector<std::size_t> copies_of(const append_attempt& attempt) {
  std::vector<std::size_t> out;
  if (attempt.check)
    return out;
  const auto add = [&out](std::size_t target, bool any) {
    if (any)
      out.push_back(target);
  };
  add(frames, !attempt.frames.empty());
  add(records, !attempt.records.empty());
  for (std::size_t kind = 0; kind < attempt.typed.size(); ++kind)
    add(typed + kind, !attempt.typed[kind].empty());
  add(quarantine, !attempt.quarantine.empty());
  add(batches, !attempt.batches.empty());
  return out;
}

std::string copy_statement(std::size_t target) {
  switch (target) {
  case frames:
    return postgres_copy::can_block_statement;
  case records:
    return postgres_copy::item_record_statement;
  case quarantine:
    return postgres_copy::quarantine_statement;
  case batches:
    return postgres_copy::record_batch_statement;
  default:
    return postgres_copy::typed_statement(target - typed);
  }
}

/// The last statements: move the watermarks and commit, or roll back.
std::string tail_of(const append_attempt& attempt, std::string_view also) {
  if (attempt.trial)
    return "select furrow.only_tried()";
  std::string sql;
  const auto& gone = attempt.releases;
  if (!gone.empty())
    sql += "select furrow.release(" + int_array(gone, [](const auto& one) { return one.stream; })
           + ',' + int_array(gone, [](const auto& one) { return one.seq; }) + ");";
  sql += also;
  if (!also.empty())
    sql += ';';
  if (!attempt.check && !attempt.gone.empty()) {
    // Inserted only, and never merged with other ranges: retention may be merging those at this moment.
    const auto& numbers = attempt.gone;
    sql += "insert into furrow.expired (stream, first, last) select * from unnest("
           + int_array(numbers, [](const auto& one) { return one.stream; }) + "::int[],"
           + int_array(numbers, [](const auto& one) { return one.first; }) + "::bigint[],"
           + int_array(numbers, [](const auto& one) { return one.last; }) + "::bigint[]);";
  }
  const auto& steps = attempt.steps;
  if (steps.empty())
    return sql;
  return sql + "select furrow.advance("
         + int_array(steps, [](const auto& step) { return step.claim.stream; }) + ','
         + int_array(steps, [](const auto& step) { return step.claim.epoch; }) + ','
         + int_array(steps, [](const auto& step) { return step.from; }) + ','
         + int_array(steps, [&](const auto& step) { return attempt.check ? step.from : step.to; })
         + ',' + int_array(steps, [](const auto& step) { return step.sent; }) + ')';
}

/// The whole transaction as one message. Only integers are formatted into it, and `also`; everything else goes by COPY.
std::string transaction_text(const append_attempt& attempt, std::string_view also) {
  std::string sql;
  for (const auto target : copies_of(attempt))
    sql += copy_statement(target);
  sql += tail_of(attempt, also);
  if (failpoint::pending(failpoint::after_cas))
    sql += after_cas_sleep;
  return sql;
}

/// The running transaction of a lane.
struct transaction {
  pq_connection& db;
  const append_attempt& attempt;
  byte_buffer& buffer;
  std::string_view also = {};
};

/// Sends rows as the buffer fills, so that a batch is in memory only once.
template <class Items, class Row>
task<bool> put_rows(transaction& now, const Items& items, Row row) {
  for (const auto& item : items) {
    row(item);
    if (now.buffer.size() < chunk_bytes)
      continue;
    const bool taken = co_await now.db.put(now.buffer.view());
    now.buffer.clear();
    if (!taken || failpoint::hit(failpoint::in_copy))
      co_return false;
  }
  co_return true;
}

task<bool> put_target(transaction& now, std::size_t target) {
  auto& buffer = now.buffer;
  const auto plain = [&buffer](const auto& row) { postgres_copy::put(buffer, row); };
  if (target == frames) {
    can::frame_block scratch;
    co_return co_await put_rows(now, now.attempt.frames, [&](const frame_slice& slice) {
      postgres_copy::put(buffer, row_of(slice, scratch));
    });
  }
  if (target == records)
    co_return co_await put_rows(now, now.attempt.records, plain);
  if (target == quarantine)
    co_return co_await put_rows(now, now.attempt.quarantine, plain);
  if (target == batches)
    co_return co_await put_rows(now, now.attempt.batches, plain);
  const auto kind = target - typed;
  can::record_values scratch;
  co_return co_await put_rows(now, now.attempt.typed[kind], [&](const record_ref& record) {
    postgres_copy::put_typed(buffer, record, kind, scratch);
  });
}

/// Answers the COPY that the server has just asked for, in the order of the statements.
task<bool> put_copy(transaction& now, std::size_t target) {
  auto& buffer = now.buffer;
  buffer.clear();
  postgres_copy::begin(buffer);
  bool taken = co_await put_target(now, target);
  if (!taken)
    co_return false;
  postgres_copy::end(buffer);
  taken = co_await now.db.put(buffer.view());
  if (!taken || failpoint::hit(failpoint::in_copy))
    co_return false;
  co_return co_await now.db.end_copy();
}

/// Everything that the server needs for the commit is sent. False: a failpoint says to act as if
/// the connection were cut.
task<bool> all_sent() {
  if (failpoint::pending(failpoint::after_cas))
    co_await pause_for(after_cas_pause);
  co_return !failpoint::hit(failpoint::after_cas) && !failpoint::hit(failpoint::commit_sent);
}

pq_error line_lost(pq_connection& db, const char* where) {
  std::string why = db.raw() != nullptr ? PQerrorMessage(db.raw()) : "";
  why.erase(std::min(why.find('\n'), why.size()));
  db.close();
  return {true, {}, std::string{where} + ": " + (why.empty() ? "connection lost" : why), {}};
}

task<std::optional<pq_error>> run_transaction(transaction now) {
  auto failed = co_await now.db.begin(transaction_text(now.attempt, now.also));
  if (failed)
    co_return failed;
  const auto copies = copies_of(now.attempt);
  std::size_t copied = 0;
  bool sent = !copies.empty();
  if (!sent)
    sent = co_await all_sent();
  for (;;) {
    if (!sent)
      co_return line_lost(now.db, "append");
    auto reply = co_await now.db.next();
    if (reply.error) {
      if (!failed || reply.error->lost)
        failed = std::move(reply.error);
      if (failed->lost)
        co_return failed;
      continue;
    }
    if (!reply.rows)
      break;
    if (PQresultStatus(reply.rows.get()) != PGRES_COPY_IN)
      continue;
    reply.rows.reset();
    if (copied == copies.size())
      co_return line_lost(now.db, "an unexpected COPY");
    sent = co_await put_copy(now, copies[copied++]);
    if (sent && copied == copies.size())
      sent = co_await all_sent();
  }
  now.db.finish();
  // A warning means doubt: it may say that the wait for a standby was cut short.
  if (now.db.warned() || (!failed && !now.db.idle())) {
    failed = pq_error{true, {}, "commit: " + now.db.warning(), {}};
    now.db.close();
  }
  co_return failed;
}

std::vector<std::int32_t> named_streams(const std::string& detail) {
  std::vector<std::int32_t> streams;
  const char* at = detail.data();
  const char* const end = at + detail.size();
  while (at < end) {
    std::int32_t stream = 0;
    const auto [next, error] = std::from_chars(at, end, stream);
    if (error != std::errc{})
      break;
    streams.push_back(stream);
    at = next + 1;
  }
  return streams;
}

/// What FW001 says of one stream: the epoch here, and the incarnation that claimed it last.
struct fence {
  std::int32_t stream = 0;
  std::int64_t epoch = 0;
  std::string_view owner; // empty: a program that does not say
};

/// The next number of "stream:epoch:seq:owner"; `at` goes behind its colon.
template <class Number>
bool take_number(std::string_view& at, Number& out) {
  const auto [next, error] = std::from_chars(at.data(), at.data() + at.size(), out);
  if (error != std::errc{} || next == at.data() + at.size() || *next != ':')
    return false;
  at.remove_prefix(static_cast<std::size_t>(next - at.data()) + 1);
  return true;
}

std::vector<fence> fences_in(std::string_view hint) {
  std::vector<fence> out;
  while (!hint.empty()) {
    const auto end = std::min(hint.find(','), hint.size());
    auto one = hint.substr(0, end);
    hint.remove_prefix(std::min(end + 1, hint.size()));
    fence each;
    std::int64_t seq = 0;
    if (!take_number(one, each.stream) || !take_number(one, each.epoch) || !take_number(one, seq))
      continue;
    each.owner = one;
    out.push_back(each);
  }
  return out;
}

/// Streams that another incarnation has claimed since this attempt's claim. An older epoch is that of a standby that was
/// promoted with less than the primary had: nobody else serves the stream.
std::vector<std::int32_t>
taken_streams(const append_attempt& attempt, const std::string& hint, const std::string& owner) {
  std::vector<std::int32_t> out;
  for (const auto& found : fences_in(hint)) {
    const auto step =
      std::find_if(attempt.steps.begin(), attempt.steps.end(),
                   [&](const watermark_step& each) { return each.claim.stream == found.stream; });
    if (step != attempt.steps.end() && found.epoch > step->claim.epoch && found.owner != owner)
      out.push_back(found.stream);
  }
  return out;
}

void conclude(append_plan& plan, const std::optional<pq_error>& error, const std::string& owner) {
  if (!error) {
    if (!plan.next()->check && failpoint::hit(failpoint::committed))
      return plan.failed(errc::in_doubt, "failpoint");
    return plan.stored();
  }
  if (error->lost)
    return plan.failed(errc::in_doubt, error->message);
  const auto why = error->judge();
  if (why == verdict::fenced)
    return plan.fenced(named_streams(error->detail),
                       taken_streams(*plan.next(), error->hint, owner));
  if (why == verdict::held || error->sqlstate == "55P03") // a wait for a lock has ended
    return plan.held(named_streams(error->detail), error->message);
  plan.refused(why, error->message);
}

using named_buses = std::vector<std::pair<std::int32_t, const can::bus_name*>>;

/// In ASCII a '?' stands for each other byte. A row that says the same already is left alone: nobody's lock on it matters.
task<pq_reply> upsert(pq_connection& db, const named_buses& buses, bool ascii) {
  byte_buffer streams;
  byte_buffer numbers;
  byte_buffer names;
  streams.array<std::int32_t>(oid::int4, buses.size(),
                              [&](std::size_t i) { return buses[i].first; });
  numbers.array<std::int32_t>(oid::int4, buses.size(),
                              [&](std::size_t i) { return buses[i].second->bus; });
  names.array_head(oid::text, buses.size());
  for (const auto& [stream, bus] : buses) {
    auto name = as_text(bus->name);
    if (ascii)
      std::replace_if(
        name.begin(), name.end(), [](char letter) { return (letter & 0x80) != 0; }, '?');
    names.bytes_field(name);
  }
  pq_parameters parameters;
  parameters.add(oid::int4_array, streams.view())
    .add(oid::int4_array, numbers.view())
    .add(oid::text_array, names.view());
  co_return co_await db.query(
    "insert into furrow.bus (stream, bus, name) select distinct on (r.stream, r.bus) r.stream, "
    "r.bus, r.name from unnest($1, $2, $3) with ordinality r(stream, bus, name, ordinal) "
    "where not exists (select from furrow.bus o where o.stream = r.stream and o.bus = r.bus and "
    "o.name = r.name) order by r.stream, r.bus, r.ordinal desc "
    "on conflict (stream, bus) do update set name = excluded.name where furrow.bus.name <> "
    "excluded.name",
    parameters);
}

/// Names are harmless when the append then fails, and have no place in the one message: they are
/// text.
task<std::optional<failure>> upsert_buses(pq_connection& db, const append_batch& batch) {
  named_buses buses;
  for (const auto& append : batch)
    for (const auto& bus : append.buses)
      buses.emplace_back(append.claim.stream, &bus);
  if (buses.empty())
    co_return std::nullopt;
  auto reply = co_await upsert(db, buses, false);
  // A database of another encoding than UTF-8 cannot hold every name. The frames matter more.
  if (reply.error && reply.error->judge() == verdict::poison)
    reply = co_await upsert(db, buses, true);
  if (reply.error)
    co_return reply.error->as_failure();
  co_return std::nullopt;
}

/// Ends the lanes of other nodes that have waited for their own client for 2 s inside a transaction. Such a client is
/// frozen or cut off: its COPY holds keys that this lane waits for, and no time-out of the server ends it. A client
/// that lives only has its batch in doubt, claims again and sends it again.
task<void> end_frozen_lanes(pq_connection& db) {
  const auto& name = db.application_name();
  (void)co_await db.query(
    "select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity "
    "where datname = pg_catalog.current_database() and usename = current_user "
    "and application_name ~ '^furrow/(.*/)?w[0-9]+$' "
    "and not pg_catalog.starts_with(application_name, $1) and wait_event = 'ClientRead' "
    "and xact_start < pg_catalog.clock_timestamp() - interval '2 s'",
    pq_parameters{}.text(std::string_view{name}.substr(0, name.rfind('/') + 1)));
}

} // namespace

task<result<append_outcome>>
append(pq_connection& db, std::shared_ptr<const append_batch> batch, can::stream_id owner) {
  append_plan plan{batch, time_us_min};
  const auto me = can::to_string(owner);
  byte_buffer buffer;
  const auto unnamed = co_await upsert_buses(db, *batch);
  if (unnamed)
    plan.failed(unnamed->code == errc::misconfigured ? errc::misconfigured : errc::retry_later,
                unnamed->detail);
  while (const auto* attempt = plan.next()) {
    if (plan.pause().count() > 0)
      co_await pause_for(plan.pause());
    if (failpoint::hit(failpoint::before_begin)) {
      plan.failed(errc::retry_later, "failpoint");
      break;
    }
    const transaction now{db, *attempt, buffer};
    const auto error = co_await run_transaction(now);
    if (error && error->sqlstate == lock_not_available)
      co_await end_frozen_lanes(db);
    conclude(plan, error, me);
  }
  co_return plan.outcome();
}

task<std::optional<pq_error>>
run_attempt(pq_connection& db, const append_attempt& attempt, std::string_view also) {
  byte_buffer buffer;
  const transaction now{db, attempt, buffer, also};
  co_return co_await run_transaction(now);
}

} // namespace furrow::storage::postgres_work
