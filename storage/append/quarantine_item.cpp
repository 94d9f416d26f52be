#include "storage/append/quarantine_item.hpp"

#include "storage/append/quarantine.hpp"

#include <utility>

namespace furrow::storage {

failure not_in_quarantine(quarantine_id id) {
  return {errc::not_found, "no item " + std::to_string(id.stream) + ":" + std::to_string(id.seq)
                             + " is in quarantine"};
}

audit_row audit_of_quarantine(const author& by, const char* action, const quarantine_row& item) {
  audit_row row{0, by.who, action, item.farm + "/" + item.equipment + " "};
  row.object += std::to_string(item.id.stream) + ":" + std::to_string(item.id.seq);
  row.detail = "it was in quarantine because: " + item.reason;
  row.farm = item.farm;
  row.origin = by.origin;
  return row;
}

restored_item::restored_item(const quarantine_row& row,
                             const stream_claim& claim,
                             std::int64_t time_us_min) {
  if (row.kind)
    take_record(row, claim, time_us_min);
  else
    take_frame(row, claim, time_us_min);
  attempt_.releases.push_back({row.id.stream, row.id.seq});
}

void restored_item::take_frame(const quarantine_row& row,
                               const stream_claim& claim,
                               std::int64_t time_us_min) {
  auto block = frame_of_quarantine(row.bytes);
  if (!block) {
    refusal_ = "it is not a valid frame: " + row.reason;
    return;
  }
  block_ = std::move(*block);
  if (block_.time_us(0) < time_us_min)
    refusal_ = "its time is earlier than this database can store";
  attempt_.frames.push_back({claim, row.id.seq, &block_, 0, 1});
}

void restored_item::take_record(const quarantine_row& row,
                                const stream_claim& claim,
                                std::int64_t time_us_min) {
  if (*row.kind == can::record_kind_rejected_line) {
    refusal_ = row.reason; // a line needs the form of its file: the gateway must send it again
    return;
  }
  if (!row.time_us || *row.time_us < time_us_min) {
    refusal_ = "its time is earlier than this database can store";
    return;
  }
  record_ = {row.id.seq, {*row.time_us, *row.kind, row.bytes}};
  refusal_ = is_text(row.bytes) ? record_refusal(record_.record).value_or("")
                                : "the body is not text (UTF-8 without NUL)";
  attempt_.add_record({claim, &record_});
}

} // namespace furrow::storage
