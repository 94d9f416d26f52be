/// A line of input that a gateway could not read as a record, on its way to quarantine.
///
/// Shape: it travels as a record of kind record_kind_rejected_line. The body is a JSON object: `reason`, and the first
///   bytes of the line in hexadecimal digits, `line`. The time is when the gateway read the line.
/// Errors: a body of any other form is no rejected line.
/// Threads: pure functions.
/// Limits: rejected_line_bytes_max of the line and rejected_reason_bytes_max of the reason are kept, so that the body
///   fits into a record.
#pragma once

#include "can/frame/stream.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace furrow::can {

inline constexpr std::size_t rejected_line_bytes_max = 28U << 10U;
inline constexpr std::size_t rejected_reason_bytes_max = 1'000;

struct rejected_line {
  std::string reason;
  std::string bytes;
};

/// `reason` must be UTF-8. If the line is cut, the reason says so.
[[nodiscard]] std::string write_rejected_line(std::string_view reason, std::string_view line);
[[nodiscard]] std::optional<rejected_line> read_rejected_line(std::string_view body);

} // namespace furrow::can
