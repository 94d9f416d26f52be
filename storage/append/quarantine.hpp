/// The bytes in which quarantine keeps an item.
///
/// Shape: a frame is 8 bytes of time (microseconds since 1970, little-endian), 8 bytes of header
///   (can/frame/frame.hpp, little-endian), then its payload; a record is its original body; a
///   line that a gateway could not read is the line.
#pragma once

#include "can/frame/frame.hpp"
#include "can/frame/frame_block.hpp"
#include "can/frame/stream.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace furrow::storage {

inline constexpr std::size_t quarantine_reason_bytes_max = 1'000;

[[nodiscard]] std::string quarantine_bytes(const can::frame_view& frame);
[[nodiscard]] std::string quarantine_bytes(const can::record& record);

/// The frame that quarantine_bytes wrote, as a block of one; absent when the bytes are not a valid
/// frame.
[[nodiscard]] std::optional<can::frame_block> frame_of_quarantine(std::string_view bytes);

/// Why a record does not fit its kind, or the reason of a rejected line; absent when it fits, or the kind is unknown.
[[nodiscard]] std::optional<std::string> record_refusal(const can::record& record);

/// UTF-8 without NUL: the text that both databases accept.
[[nodiscard]] bool is_text(std::string_view bytes);
/// The text with '?' for each invalid byte, cut to `bytes_max`.
[[nodiscard]] std::string as_text(std::string_view bytes,
                                  std::size_t bytes_max = quarantine_reason_bytes_max);

} // namespace furrow::storage
