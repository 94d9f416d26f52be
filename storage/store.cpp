#include "storage/store.hpp"

#include "storage/digest_lane.hpp"
#include "storage/postgres_store.hpp"
#include "storage/pq_url.hpp"
#include "storage/sqlite_store.hpp"

namespace furrow::storage {

namespace {
constexpr std::string_view sqlite_scheme = "sqlite:";
const failure no_history{errc::misconfigured, "this store keeps no telemetry and no rollups"};
} // namespace

const char* to_string(errc code) {
  switch (code) {
  case errc::none:
    return "no error";
  case errc::retry_later:
    return "the database cannot do it now; try again later";
  case errc::reject_row:
    return "the database will never take this value";
  case errc::in_doubt:
    return "whether it was stored is not known; read before believing";
  case errc::fenced:
    return "a newer claim of the stream exists";
  case errc::misconfigured:
    return "the database is not set up for this; a person must act";
  case errc::not_found:
    return "there is no such thing";
  }
  return "unknown error";
}

std::size_t stream_append::bytes() const {
  std::size_t sum = sizeof *this;
  for (const auto& run : frames)
    sum += sizeof run + run.block.bytes();
  for (const auto& record : records)
    sum += sizeof record + record.record.body.size();
  for (const auto& item : quarantine)
    sum += sizeof item + item.reason.size() + item.bytes.size();
  for (const auto& bus : buses)
    sum += sizeof bus + bus.name.size();
  return sum;
}

std::unique_ptr<digest_lane> store::open_digest() {
  return nullptr;
}
void store::read_telemetry(history_query /*query*/, handler<telemetry_page> done) {
  done(no_history);
}
void store::read_rollup(history_query /*query*/,
                        std::string /*signal*/,
                        rollup_bucket /*bucket*/,
                        handler<rollup_page> done) {
  done(no_history);
}
void store::list_signals(std::string /*farm*/,
                         std::string /*equipment*/,
                         handler<std::vector<known_signal>> done) {
  done(no_history);
}
void store::digest_progress(handler<digest_status> done) {
  done(no_history);
}

result<std::unique_ptr<store>> open_store(const store_options& options) {
  if (options.url.starts_with(sqlite_scheme))
    return open_sqlite_store(options.url.substr(sqlite_scheme.size()), options);
  return open_postgres_store(options);
}

std::string redacted(const std::string& url) {
  return url.starts_with(sqlite_scheme) ? url : redacted_postgres(url);
}

} // namespace furrow::storage
