/// Records in either database: bodies of each kind, and steps for tests of a store.
#pragma once

#include "storage/identity/audit.hpp"
#include "storage/quarantine.hpp"
#include "storage/records.hpp"
#include "tests/storage/suite/store_bed.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace furrow::tests {

inline constexpr std::int64_t record_start_us = 1'777'617'000'000'000;

inline const std::string sensor_body =
  R"({"sensor":"soil-1","type":"soil","quantity":"moisture","value":23.5,"unit":"%"})";
inline const std::string yield_body =
  R"({"mass_flow_kgps":7.25,"width_m":9.1,"speed_mps":1.8,"latitude_deg":52.1,"longitude_deg":11.6})";
inline const std::string tokens_body =
  R"({"agent":"scout","model":"m-1","prompt_tokens":1200,"completion_tokens":88})";
inline const std::string fault_body = R"({"source":3,"spn":190,"fmi":2,"active":true})";

inline can::record record_at(std::int64_t seconds, std::uint16_t kind, std::string body) {
  return {record_start_us + seconds * 1'000'000, kind, std::move(body)};
}

/// Records numbered from `from` + 1 as one append.
inline storage::stream_append append_records(const storage::stream_claim& claim,
                                             std::uint64_t from,
                                             std::vector<can::record> records) {
  storage::stream_append out;
  out.claim = claim;
  out.from = from;
  for (auto& record : records)
    out.records.push_back({++from, std::move(record)});
  out.to = out.sent = from;
  return out;
}

inline storage::records_page page_of(storage::store& store,
                                     std::uint16_t kind,
                                     std::size_t limit = 1'000,
                                     std::optional<storage::records_cursor> after = {}) {
  storage::records_query query{"default", "T1", kind, {}, {}, limit};
  return must(answer_of<storage::records_page>(
    [&](auto done) { store.records()->read_records(query, after, done); }));
}

inline std::vector<storage::quarantine_row> quarantined(storage::store& store,
                                                        const std::string& farm = "default") {
  return must(answer_of<storage::quarantine_page>([&](auto done) {
           store.quarantine()->list_quarantine({farm, "", 1'000}, {}, done);
         }))
    .rows;
}

inline storage::result<storage::retry_outcome>
retry(storage::store& store, storage::quarantine_id id, const std::string& farm = "default") {
  return answer_of<storage::retry_outcome>([&](auto done) {
    store.quarantine()->retry_quarantined(farm, id, {"anna", "10.0.0.9"}, done);
  });
}

inline storage::result<storage::record_batch_outcome> insert(storage::store& store,
                                                             storage::record_batch batch) {
  return answer_of<storage::record_batch_outcome>(
    [&](auto done) { store.records()->insert_records(std::move(batch), done); });
}

inline storage::ledger_row only_ledger(storage::store& store) {
  const auto rows = ledger(store, "T1");
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].lost == 0);
  CHECK(rows[0].doubled == 0);
  CHECK(rows[0].stored + rows[0].dropped + rows[0].lost_at_gateway == rows[0].durable);
  return rows[0];
}

inline bool is_postgres(const store_bed& bed) {
  return !bed.url().starts_with("sqlite:");
}

/// From now on the database itself rejects a fault of SPN 666.
inline void refuse_spn_666(store_bed& bed) {
  bed.tamper(is_postgres(bed) ? "alter table fault add constraint no_666 check (spn <> 666)"
                              : "create trigger no_666 before insert on fault when new.spn = 666 "
                                "begin select raise(abort, 'no_666'); end");
}

inline void allow_spn_666(store_bed& bed) {
  bed.tamper(is_postgres(bed) ? "alter table fault drop constraint no_666" : "drop trigger no_666");
}

inline std::string fault_of_spn(int spn) {
  return R"({"source":3,"spn":)" + std::to_string(spn) + R"(,"fmi":2,"active":true})";
}

} // namespace furrow::tests
