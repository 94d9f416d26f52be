/// PEAK trace files (PCAN-View, PCAN-Explorer), versions 1.0, 1.1, 1.2, 1.3, 2.0 and 2.1, read and written.
///
/// Shape: the values of the heading (`;$FILEVERSION`, `;$STARTTIME`, `;$COLUMNS`) are kept for the lines below it. A
///   file without a version has version 1.0, which has neither start nor direction: its times count from 0.
/// Units: microseconds; a version writes milliseconds with 0 (1.0), 1 (1.1) or 3 digits (the others). The start is a
///   number of days since 1899-12-30 in local time without a zone; it is read as UTC.
/// Errors: a fault names the field. Status, event and error counter lines are not frames.
/// Limits: buses 1 to 255 (bus 1 is can0, see channel_table). 1.0, 1.1 and 2.0 have one bus only, 1.x has no FD. The
///   marks of SocketCAN cannot express the error details of TRC: only that there was an error frame is kept.
/// Threads: plain values.
/// Source: PEAK-System, "PEAK CAN TRC File Format".
#pragma once

#include "can/logs/channel_table.hpp"
#include "can/logs/log_line.hpp"

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace furrow::can {

enum class trc_version : std::uint8_t {
  v1_0 = 10,
  v1_1 = 11,
  v1_2 = 12,
  v1_3 = 13,
  v2_0 = 20,
  v2_1 = 21
};
[[nodiscard]] std::optional<trc_version> parse_trc_version(std::string_view text);
[[nodiscard]] std::string_view to_string(trc_version version);

inline constexpr std::int64_t trc_epoch_days = -25'569; // 1899-12-30, from 1970-01-01

/// The state of a reader after the previous lines.
struct trc_state {
  static constexpr std::size_t columns_max = 16;

  trc_version version = trc_version::v1_0;
  bool dated = false;
  std::int64_t start_us = 0;
  std::array<char, columns_max> columns{}; // the letters of ;$COLUMNS, 0 after the last
};

/// Reads one line without its end.
void parse_trc(std::string_view line,
               trc_state& state,
               channel_table& channels,
               log_line& out,
               log_payload& payload);

class trc_writer {
public:
  explicit trc_writer(trc_version version = trc_version::v2_1) : version_{version} {}

  /// Appends the frame, and before the first frame the heading. Returns null, or the reason why this version cannot
  /// express the frame.
  const char* append(std::string& out, const frame_view& frame, std::string_view interface);

private:
  [[nodiscard]] const char* refusal(const frame_view& frame, unsigned channel) const;
  void append_heading(std::string& out, std::int64_t time_us);
  void append_line_1(std::string& out,
                     const frame_view& frame,
                     unsigned channel,
                     std::int64_t offset_us);
  void append_line_2(std::string& out,
                     const frame_view& frame,
                     unsigned channel,
                     std::int64_t offset_us);

  trc_version version_;
  channel_table channels_;
  std::bitset<channel_table::channel_max + 1>
    announced_; // buses whose name was written in a comment
  bool begun_ = false;
  std::int64_t start_us_ = 0;
  std::uint64_t number_ = 0; // number of the frame
  unsigned first_channel_ = 0;
};

} // namespace furrow::can
