// A store that keeps no records, as those of tests above it.
#include "storage/records.hpp"

namespace furrow::storage {

namespace {

failure no_records() {
  return {errc::misconfigured, "this store keeps no records"};
}

} // namespace

void record_store::insert_records(record_batch /*batch*/, handler<record_batch_outcome> done) {
  done(no_records());
}

void record_store::read_records(records_query /*query*/,
                                std::optional<records_cursor> /*after*/,
                                handler<records_page> done) {
  done(no_records());
}

void record_store::list_quarantine(quarantine_query /*query*/,
                                   std::optional<quarantine_id> /*after*/,
                                   handler<quarantine_page> done) {
  done(no_records());
}

void record_store::show_quarantined(std::string /*farm*/,
                                    quarantine_id /*id*/,
                                    handler<quarantine_row> done) {
  done(no_records());
}

void record_store::retry_quarantined(std::string /*farm*/,
                                     quarantine_id /*id*/,
                                     handler<retry_outcome> done) {
  done(no_records());
}

void record_store::drop_quarantined(std::string /*farm*/,
                                    quarantine_id /*id*/,
                                    handler<furrow::done> dropped) {
  dropped(no_records());
}

} // namespace furrow::storage
