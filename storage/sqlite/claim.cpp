#include "storage/append/quarantine.hpp"
#include "storage/sqlite/work.hpp"

#include <algorithm>

namespace furrow::storage::sqlite_work {

namespace {

std::span<const std::uint8_t> blob_of(const can::stream_id& id) {
  return id;
}

std::int64_t id_of(sqlite_statement& statement) {
  return statement.step() ? statement.integer(0) : 0;
}

} // namespace

stream_claim find_or_make(sqlite_db& db, const claim_request& request) {
  db.statement("insert into farm (name) values (?) on conflict do nothing")
    .with(request.farm)
    .run();
  const auto farm = id_of(db.statement("select id from farm where name = ?").with(request.farm));
  db.statement("insert into equipment (farm_id, name) values (?, ?) on conflict do nothing")
    .with(farm, request.equipment)
    .run();
  stream_claim claim;
  claim.equipment = static_cast<std::int32_t>(
    id_of(db.statement("select id from equipment where farm_id = ? and name = ?")
            .with(farm, request.equipment)));
  if (request.iso_name)
    db.statement("update equipment set iso_name = ?2 where id = ?1 and iso_name is not ?2")
      .with(claim.equipment, *request.iso_name)
      .run();
  db.statement("insert into stream (equipment_id, stream_id) values (?, ?) on conflict do nothing")
    .with(claim.equipment, blob_of(request.stream_id))
    .run();
  claim.stream = static_cast<std::int32_t>(
    id_of(db.statement("select id from stream where equipment_id = ? and stream_id = ?")
            .with(claim.equipment, blob_of(request.stream_id))));
  db.statement("insert into stream_watermark (stream) values (?) on conflict do nothing")
    .with(claim.stream)
    .run();
  return claim;
}

namespace {

std::vector<can::run_mark> known_runs(sqlite_db& db, std::int32_t stream) {
  std::vector<can::run_mark> runs;
  auto rows =
    db.statement("select run, first_seq from stream_run where stream = ? order by ordinal");
  rows.with(stream);
  while (rows.step())
    runs.push_back({rows.natural(0), rows.natural(1)});
  return runs;
}

/// The first of these files that another stream with items holds. The others are noted as files of this stream.
std::optional<known_source>
note_sources(sqlite_db& db, const stream_claim& claim, const std::vector<can::source_mark>& files) {
  std::optional<known_source> found;
  for (const auto& file : files) {
    auto rows = db.statement(
      "select s.name, strftime('%Y-%m-%dT%H:%M:%SZ', s.stored_at, 'unixepoch') from source s join "
      "stream_watermark w on w.stream = s.stream where s.equipment_id = ?1 and s.digest = ?2 and "
      "s.stream <> ?3 and w.seq > 0");
    rows.with(claim.equipment, file.digest, claim.stream);
    if (rows.step()) {
      if (!found)
        found = known_source{file.name, std::string{rows.bytes(0)}, std::string{rows.bytes(1)}};
      continue;
    }
    db.statement("insert into source (equipment_id, digest, stream, name) values (?1, ?2, ?3, ?4) "
                 "on conflict do update set stream = excluded.stream, name = excluded.name, "
                 "stored_at = excluded.stored_at where stream <> excluded.stream")
      .with(claim.equipment, file.digest, claim.stream, file.name)
      .run();
  }
  return found;
}

claim_outcome claim_one(sqlite_db& db, const claim_request& request) {
  claim_outcome out{find_or_make(db, request), 0, std::nullopt};
  const auto stream = out.claim.stream;
  out.durable_seq = static_cast<std::uint64_t>(
    id_of(db.statement("select seq from stream_watermark where stream = ?").with(stream)));
  const auto known = known_runs(db, stream);
  out.fork_seq = can::fork_point(known, request.runs, out.durable_seq);
  if (out.fork_seq)
    return out;
  out.known = note_sources(db, out.claim, request.sources);
  if (out.known)
    return out;
  db.statement("update stream_watermark set epoch = epoch + 1 where stream = ?").with(stream).run();
  out.claim.epoch =
    id_of(db.statement("select epoch from stream_watermark where stream = ?").with(stream));
  if (request.relayed)
    db.statement("update equipment set relayed = ?2 where id = ?1 and relayed <> ?2")
      .with(out.claim.equipment, *request.relayed ? 1 : 0)
      .run();
  // After the newest run, whatever the numbers before it are: the order of runs identifies copies.
  for (const auto& run : request.runs)
    db.statement(
        "insert into stream_run (stream, run, first_seq, ordinal) "
        "select ?, ?, ?, coalesce(max(ordinal), 0) + 1 from stream_run where stream = ? on "
        "conflict do nothing")
      .with(stream, run.run, run.first_seq, stream)
      .run();
  return out;
}

} // namespace

result<std::vector<claim_outcome>> claim(sqlite_db& db,
                                         const std::vector<claim_request>& requests) {
  for (const auto& request : requests)
    if (!is_text(request.farm) || !is_text(request.equipment) || request.farm.empty()
        || request.equipment.empty())
      return failure{errc::reject_row,
                     "a farm or equipment has an invalid name: " + as_text(request.equipment)};
  std::vector<claim_outcome> out;
  out.reserve(requests.size());
  sqlite_transaction transaction{db};
  for (const auto& request : requests)
    out.push_back(claim_one(db, request));
  transaction.commit();
  return out;
}

} // namespace furrow::storage::sqlite_work
