/// A quarantined item on its way back: what it is, and the one transaction that makes it that.
///
/// Shape: `attempt` stores the item under its number and takes it out of quarantine; no watermark moves, the number is
///   durable already.
/// Errors: `refusal` says why the item still cannot be what it is; then there is no attempt.
/// Threads: a plain value; what `attempt` points to lives as long as this.
#pragma once

#include "storage/append/append_plan.hpp"
#include "storage/quarantine.hpp"
#include "storage/records.hpp"

#include <string>

namespace furrow::storage {

[[nodiscard]] failure not_in_quarantine(quarantine_id id);

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
