/// A quarantined item that is stored again: the item, and the one transaction that stores it.
///
/// Shape: `attempt` stores the item under its number and removes it from quarantine. No watermark moves: the number is
///   durable already.
/// Errors: `refusal` says why the item still cannot be stored; then there is no attempt.
/// Threads: a plain value; `attempt` points into it.
#pragma once

#include "storage/append/append_plan.hpp"
#include "storage/identity/audit.hpp"
#include "storage/quarantine.hpp"
#include "storage/records.hpp"

#include <string>

namespace furrow::storage {

[[nodiscard]] failure not_in_quarantine(quarantine_id id);
/// What the audit log says of a change of the item.
[[nodiscard]] audit_row
audit_of_quarantine(const author& by, const char* action, const quarantine_row& item);

class restored_item {
public:
  restored_item(const quarantine_row& row, const stream_claim& claim, std::int64_t time_us_min);
  restored_item(const restored_item&) = delete;
  restored_item& operator=(const restored_item&) = delete;

  [[nodiscard]] const std::string& refusal() const { return refusal_; }
  [[nodiscard]] const append_attempt& attempt() const { return attempt_; }

private:
  void take_frame(const quarantine_row& row, const stream_claim& claim, std::int64_t time_us_min);
  void take_record(const quarantine_row& row, const stream_claim& claim, std::int64_t time_us_min);

  std::string refusal_;
  can::frame_block block_;
  numbered_record record_;
  append_attempt attempt_;
};

} // namespace furrow::storage
