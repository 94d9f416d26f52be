/// What both databases share for a batch of records from a client other than a gateway.
///
/// Shape: the database numbers these records, in one stream per machine whose id is `direct_stream`. Table record_batch
///   keeps a batch's key, its rejected records, one per line, and a checksum of the request.
/// Errors: reject_row for a batch that is invalid as a whole.
/// Threads: pure functions.
#pragma once

#include "storage/append/append_plan.hpp"
#include "storage/records.hpp"
#include "storage/store.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace furrow::storage {

/// "furrow", version 8 of RFC 9562, "direct".
inline constexpr can::stream_id direct_stream{0x66, 0x75, 0x72, 0x72, 0x6F, 0x77, 0x80, 0x00,
                                              0x80, 0x00, 0x64, 0x69, 0x72, 0x65, 0x63, 0x74};

/// Checks each record of a batch as far as possible without a database.
[[nodiscard]] result<record_batch_outcome> judge_batch(const record_batch& batch);

/// The records that are not rejected, numbered from after + 1.
[[nodiscard]] std::vector<numbered_record>
numbered(const record_batch& batch, const record_batch_outcome& outcome, std::uint64_t after);

/// Rows, key and watermark step. The rows must outlive the attempt.
[[nodiscard]] append_attempt attempt_of(const record_batch& batch,
                                        const record_batch_outcome& outcome,
                                        const stream_claim& claim,
                                        std::uint64_t after,
                                        const std::vector<numbered_record>& rows);

/// `3 moisture_pct: ...`, a line for each rejected record.
[[nodiscard]] std::string refused_lines(const record_batch_outcome& outcome);
/// What table record_batch has of a key.
struct known_batch {
  std::uint64_t records = 0;
  std::string refused;
  std::string sha256; // empty: not known
};
/// The answer to a known key.
[[nodiscard]] record_batch_outcome known_outcome(const record_batch& batch,
                                                 const known_batch& known);

} // namespace furrow::storage
