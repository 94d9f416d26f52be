#include "storage/append/quarantine.hpp"
#include "storage/postgres/connection/byte_buffer.hpp"
#include "storage/postgres/connection/locked_end.hpp"
#include "storage/postgres/connection/rows.hpp"
#include "storage/postgres/series/row_arrays.hpp"
#include "storage/postgres/work.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

namespace furrow::storage::postgres_work {

namespace {

/// A session that commits between the two halves of a claim makes the claim start again. After this
/// many rounds the caller retries.
constexpr int rounds_max = 8;
constexpr std::chrono::milliseconds first_pause{5};

using requests_ref = const std::vector<claim_request>&;

std::string uuid_array(requests_ref requests) {
  byte_buffer out;
  out.array_head(oid::uuid, requests.size());
  for (const auto& request : requests)
    out.bytes_field(
      {reinterpret_cast<const char*>(request.stream_id.data()), request.stream_id.size()});
  return std::string{out.view()};
}

std::string name_array(requests_ref requests) {
  byte_buffer out;
  out.array_head(oid::int8, requests.size(), true);
  for (const auto& request : requests) {
    if (request.iso_name)
      out.field(*request.iso_name);
    else
      out.null_field();
  }
  return std::string{out.view()};
}

template <class T, class Item, class Value>
std::string number_array(std::uint32_t type, const std::vector<Item>& items, Value value) {
  byte_buffer out;
  out.array<T>(type, items.size(), [&](std::size_t i) { return value(items[i]); });
  return std::string{out.view()};
}

/// The database's state for one request.
struct standing {
  claim_outcome outcome;
  std::int64_t epoch = 0;
  bool relayed = false; // what the machine's row says
};

struct offered_run {
  std::int32_t stream;
  can::run_mark mark;
};

task<result<std::vector<standing>>> enter(pq_connection& db, requests_ref requests) {
  pq_parameters parameters;
  parameters.add(oid::text_array, text_array(requests, &claim_request::farm))
    .add(oid::text_array, text_array(requests, &claim_request::equipment))
    .add(oid::uuid_array, uuid_array(requests))
    .add(oid::int8_array, name_array(requests));
  const auto answer = co_await committed(
    db,
    "select n.equipment, n.stream, n.epoch, n.seq, n.runs, n.run_seqs, n.moved_to, "
    "n.moved_version, (select e.relayed::int from furrow.equipment e where e.id = n.equipment) "
    "from furrow.enter($1, $2, $3, $4) n",
    parameters);
  if (!answer)
    co_return answer.error();
  const pq_rows rows{answer->get()};
  if (static_cast<std::size_t>(rows.size()) != requests.size())
    co_return failure{errc::retry_later, "streams were removed while they were claimed"};
  std::vector<standing> out(requests.size());
  std::vector<std::uint64_t> runs;
  std::vector<std::uint64_t> seqs;
  for (int row = 0; row < rows.size(); ++row) {
    auto& one = out[static_cast<std::size_t>(row)];
    const auto& request = requests[static_cast<std::size_t>(row)];
    if (!rows.null(row, 6)) {
      one.outcome.held = rows.bytes(row, 6).empty(); // the farm arrives
      if (!one.outcome.held)
        one.outcome.moved = farm_home{request.farm, rows.text(row, 6), rows.integer(row, 7)};
      continue;
    }
    one.outcome.claim.equipment = static_cast<std::int32_t>(rows.integer(row, 0));
    one.outcome.claim.stream = static_cast<std::int32_t>(rows.integer(row, 1));
    one.epoch = rows.integer(row, 2);
    one.outcome.durable_seq = rows.natural(row, 3);
    one.relayed = !rows.null(row, 8) && rows.integer(row, 8) != 0; // null: a new machine
    if (!rows.array(row, 4, runs) || !rows.array(row, 5, seqs) || runs.size() != seqs.size())
      co_return failure{errc::misconfigured, "furrow.enter gave an unexpected answer"};
    std::vector<can::run_mark> known;
    for (std::size_t i = 0; i < runs.size(); ++i)
      known.push_back({runs[i], seqs[i]});
    one.outcome.fork_seq = can::fork_point(known, request.runs, one.outcome.durable_seq);
  }
  co_return out;
}

/// Whether the request is answered without a claim.
bool is_refused(const standing& one) {
  const auto& outcome = one.outcome;
  return outcome.fork_seq || outcome.known || outcome.moved || outcome.held;
}

struct offered_source {
  std::size_t request;
  stream_claim claim;
  const can::source_mark* file;
};

constexpr const char* note_sources_sql =
  "with offered as (select * from unnest($1::int[], $2::int[], $3::text[], $4::text[]) with "
  "ordinality as o(equipment_id, stream, digest, name, nr)), "
  "known as (select o.nr, s.name, s.stored_at from offered o join furrow.source s on "
  "s.equipment_id = o.equipment_id and s.digest = o.digest join furrow.stream_watermark w on "
  "w.stream = s.stream where s.stream <> o.stream and w.seq > 0), "
  "noted as (insert into furrow.source as s (equipment_id, digest, stream, name) "
  "select distinct on (o.equipment_id, o.digest) o.equipment_id, o.digest, o.stream, o.name "
  "from offered o where not exists (select from known k where k.nr = o.nr) "
  "order by o.equipment_id, o.digest on conflict (equipment_id, digest) do update set stream = "
  "excluded.stream, name = excluded.name, stored_at = now() where s.stream <> excluded.stream) "
  "select k.nr, k.name, to_char(k.stored_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') "
  "from known k order by k.nr";

/// Marks the requests with a file that another stream with items holds. The other files are noted as files of the
/// requests' streams.
task<std::optional<failure>>
note_sources(pq_connection& db, requests_ref requests, std::vector<standing>& all) {
  std::vector<offered_source> files;
  for (std::size_t i = 0; i < requests.size(); ++i)
    if (!is_refused(all[i]))
      for (const auto& file : requests[i].sources)
        files.push_back({i, all[i].outcome.claim, &file});
  if (files.empty())
    co_return std::nullopt;
  pq_parameters parameters;
  parameters
    .add(oid::int4_array, number_array<std::int32_t>(
                            oid::int4, files, [](const auto& one) { return one.claim.equipment; }))
    .add(oid::int4_array, number_array<std::int32_t>(
                            oid::int4, files, [](const auto& one) { return one.claim.stream; }))
    .add(oid::text_array,
         text_array(files, [](const auto& one) -> const std::string& { return one.file->digest; }))
    .add(oid::text_array,
         text_array(files, [](const auto& one) -> const std::string& { return one.file->name; }));
  const auto answer = co_await committed(db, note_sources_sql, parameters);
  if (!answer)
    co_return answer.error();
  const pq_rows rows{answer->get()};
  for (int row = 0; row < rows.size(); ++row) {
    const auto& one = files.at(static_cast<std::size_t>(rows.integer(row, 0) - 1));
    auto& known = all[one.request].outcome.known;
    if (!known)
      known = known_source{one.file->name, rows.text(row, 1), rows.text(row, 2)};
  }
  co_return std::nullopt;
}

/// Machines that now come from a site, or no longer do. Few do: most claims send nothing.
task<std::optional<failure>>
note_relayed(pq_connection& db, requests_ref requests, const std::vector<standing>& all) {
  struct claimed_state {
    bool was = false;
    bool now = false;
  };
  std::map<std::int32_t, claimed_state>
    machines; // of several streams of a machine, the last one counts
  for (std::size_t i = 0; i < requests.size(); ++i)
    if (requests[i].relayed && !is_refused(all[i]))
      machines[all[i].outcome.claim.equipment] = {all[i].relayed, *requests[i].relayed};
  std::vector<std::pair<std::int32_t, bool>> changed;
  for (const auto& [machine, state] : machines)
    if (state.was != state.now)
      changed.emplace_back(machine, state.now);
  if (changed.empty())
    co_return std::nullopt;
  pq_parameters parameters;
  parameters
    .add(oid::int4_array,
         number_array<std::int32_t>(oid::int4, changed, [](const auto& one) { return one.first; }))
    .add(oid::int4_array, number_array<std::int32_t>(oid::int4, changed, [](const auto& one) {
           return one.second ? 1 : 0;
         }));
  const auto answer =
    co_await committed(db,
                       "update furrow.equipment e set relayed = r.relayed <> 0 from "
                       "unnest($1::int[], $2::int[]) r(id, relayed) where e.id = r.id",
                       parameters);
  if (!answer)
    co_return answer.error();
  co_return std::nullopt;
}

using epochs = std::unordered_map<std::int32_t, std::int64_t>;

/// The epoch of streams that another node has claimed since the request's own claim.
constexpr std::int64_t taken_epoch = -1;

/// Raises the epochs of the streams that are unchanged since they were read; answers those streams, and those taken.
task<result<epochs>> raise(pq_connection& db,
                           requests_ref requests,
                           const std::vector<const standing*>& wanted,
                           const standing* first,
                           const can::stream_id& owner) {
  const auto request_of = [&](const standing* one) -> const claim_request& {
    return requests[static_cast<std::size_t>(one - first)];
  };
  std::vector<offered_run> runs;
  for (const auto* one : wanted)
    for (const auto& mark : request_of(one).runs)
      runs.push_back({one->outcome.claim.stream, mark});
  pq_parameters parameters;
  parameters
    .add(oid::int4_array, number_array<std::int32_t>(
                            oid::int4, wanted, [](auto* one) { return one->outcome.claim.stream; }))
    .add(oid::int8_array,
         number_array<std::int64_t>(oid::int8, wanted, [](auto* one) { return one->epoch; }))
    .add(oid::int8_array, number_array<std::uint64_t>(
                            oid::int8, wanted, [](auto* one) { return one->outcome.durable_seq; }))
    .add(oid::int4_array,
         number_array<std::int32_t>(oid::int4, runs, [](const auto& run) { return run.stream; }))
    .add(oid::int8_array,
         number_array<std::uint64_t>(oid::int8, runs, [](const auto& run) { return run.mark.run; }))
    .add(oid::int8_array, number_array<std::uint64_t>(
                            oid::int8, runs, [](const auto& run) { return run.mark.first_seq; }))
    .add(oid::uuid, {reinterpret_cast<const char*>(owner.data()), owner.size()})
    .add(oid::int8_array, number_array<std::int64_t>(oid::int8, wanted, [&](auto* one) {
           return request_of(one).held_epoch;
         }));
  const auto answer = co_await committed(
    db, "select stream, coalesce(epoch, -1) from furrow.claim($1, $2, $3, $4, $5, $6, $7, $8)",
    parameters);
  if (!answer)
    co_return answer.error();
  const pq_rows rows{answer->get()};
  epochs raised;
  for (int row = 0; row < rows.size(); ++row)
    raised.emplace(static_cast<std::int32_t>(rows.integer(row, 0)), rows.integer(row, 1));
  co_return raised;
}

/// The last request of each stream that may be claimed: the newest session wins.
std::unordered_map<std::int32_t, const standing*> newest(const std::vector<standing>& all) {
  std::unordered_map<std::int32_t, const standing*> last;
  for (const auto& one : all)
    if (!is_refused(one))
      last[one.outcome.claim.stream] = &one;
  return last;
}

/// What became of each request: nothing where its stream has moved meanwhile, or where another transaction holds it.
using round_outcome = std::vector<std::optional<claim_outcome>>;

task<result<round_outcome>>
claim_round(pq_connection& db, requests_ref requests, const can::stream_id& owner) {
  auto all = co_await enter(db, requests);
  if (!all)
    co_return all.error();
  if (const auto failed = co_await note_sources(db, requests, *all))
    co_return *failed;
  if (const auto failed = co_await note_relayed(db, requests, *all))
    co_return *failed;
  const auto last = newest(*all);
  std::vector<const standing*> wanted;
  wanted.reserve(last.size());
  for (const auto& [stream, one] : last)
    wanted.push_back(one);
  epochs raised;
  if (!wanted.empty()) {
    const auto answer = co_await raise(db, requests, wanted, all->data(), owner);
    if (!answer)
      co_return answer.error();
    raised = *answer;
  }
  const bool parted = std::any_of(
    all->begin(), all->end(), [](const standing& one) { return one.outcome.fork_seq.has_value(); });
  if (raised.empty() && parted) {
    // No claim has been committed with it. A copy drops what its stream holds: that must be as durable as an ack.
    if (const auto failed = co_await make_certain(db))
      co_return *failed;
  }
  round_outcome out;
  for (const auto& one : *all) {
    auto& mine = out.emplace_back();
    const auto stream = one.outcome.claim.stream;
    const auto epoch = raised.find(stream);
    if (!is_refused(one) && epoch == raised.end())
      continue;
    mine = one.outcome;
    mine->taken = !is_refused(one) && epoch->second == taken_epoch;
    // An older session of the same batch has lost already: it gets an epoch that no watermark has.
    if (!is_refused(one) && !mine->taken)
      mine->claim.epoch = epoch->second - (last.at(stream) == &one ? 0 : 1);
  }
  co_return out;
}

/// Which requests are not settled yet.
std::vector<std::size_t> open_ones(const round_outcome& outcomes) {
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < outcomes.size(); ++i)
    if (!outcomes[i])
      open.push_back(i);
  return open;
}

/// What was not settled in time is held.
std::vector<claim_outcome> finished(const round_outcome& outcomes) {
  std::vector<claim_outcome> out;
  out.reserve(outcomes.size());
  for (const auto& one : outcomes) {
    out.push_back(one.value_or(claim_outcome{}));
    out.back().held = out.back().held || !one;
  }
  return out;
}

} // namespace

task<result<std::vector<claim_outcome>>>
claim(pq_connection& db, requests_ref requests, can::stream_id owner) {
  for (const auto& request : requests)
    if (!is_text(request.farm) || !is_text(request.equipment) || request.farm.empty()
        || request.equipment.empty())
      co_return failure{errc::reject_row,
                        "a farm or equipment has an invalid name: " + as_text(request.equipment)};
  round_outcome settled(requests.size());
  std::optional<failure> last;
  for (int round = 0; round < rounds_max; ++round) {
    const auto open = open_ones(settled);
    if (open.empty())
      break;
    if (round > 1)
      co_await pause_for(first_pause * (1 << (round - 2)));
    std::vector<claim_request> asked;
    asked.reserve(open.size());
    for (const auto i : open)
      asked.push_back(requests[i]);
    const auto outcome = co_await claim_round(db, asked, owner);
    last.reset();
    if (!outcome) {
      last = outcome.error();
      if (!db.connected() || !db.idle() || last->code != errc::retry_later)
        co_return *last; // else a deadlock or a lock: the next round may pass
      continue;
    }
    for (std::size_t i = 0; i < open.size(); ++i)
      settled[open[i]] = (*outcome)[i];
  }
  if (last)
    co_return *last;
  co_return finished(settled);
}

} // namespace furrow::storage::postgres_work
