#include "storage/store.hpp"

#include "storage/activity.hpp"
#include "storage/membership.hpp"

namespace furrow::storage {

const char* to_string(errc code) {
  switch (code) {
  case errc::none:
    return "no error";
  case errc::retry_later:
    return "the database cannot do it now; try again later";
  case errc::reject_row:
    return "the database rejects this value";
  case errc::in_doubt:
    return "it is unknown whether it was stored; read what is stored";
  case errc::fenced:
    return "a newer claim of the stream exists";
  case errc::misconfigured:
    return "the database is not set up for this; a person must act";
  case errc::not_found:
    return "it does not exist";
  }
  return "unknown error";
}

const char* to_string(node_status status) {
  switch (status) {
  case node_status::alive:
    return "alive";
  case node_status::draining:
    return "draining";
  case node_status::left:
    return "left";
  case node_status::dead:
    return "dead";
  }
  return "unknown";
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): those that override it keep what they are given
void membership_store::end_sessions(uuid_bytes /*incarnation*/, handler<std::uint64_t> done) {
  done(std::uint64_t{0});
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): as above
void membership_store::has_node(std::string /*node*/, handler<bool> done) {
  done(true);
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
  sum += gone.size() * sizeof(can::gone_range);
  return sum;
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): those that override it keep what they are given
void store::activity(handler<store_activity> done) {
  done(failure{errc::misconfigured, "this database has no pool, and its statements are not timed"});
}

store_capabilities store::capabilities() {
  store_capabilities out;
  out.frames = frames() != nullptr;
  out.records = records() != nullptr;
  out.quarantine = quarantine() != nullptr;
  out.history = history() != nullptr;
  out.digest = digest() != nullptr;
  out.farm = farm() != nullptr;
  out.retention = retention() != nullptr;
  out.partitions = partitions() != nullptr;
  out.sizes = sizes() != nullptr;
  out.sealing = sealing() != nullptr;
  out.membership = membership() != nullptr;
  out.directory = directory() != nullptr;
  return out;
}

} // namespace furrow::storage
