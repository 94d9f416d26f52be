/// Puts the items of a stream, which the tables hold by kind, into the order of their numbers, in groups that fit a
/// message to head office.
///
/// Shape: add what the tables hold of (after, to]; `limit` lowers `to` when a table has more than was read. Then `holes`
///   are the numbers that none of them holds, and `finish` makes the page.
/// Threads: a plain value.
/// Limits: groups of group_frames_max frames or about group_bytes_max.
#pragma once

#include "storage/forward/forward_store.hpp"
#include "storage/frames.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::storage {

class forward_page_maker {
public:
  static constexpr std::size_t group_frames_max = 4'096;
  static constexpr std::size_t group_records_max = 256;
  static constexpr std::size_t group_bytes_max = 192U << 10U;

  forward_page_maker(std::uint64_t after, std::uint64_t to) : after_{after}, to_{to} {}

  [[nodiscard]] std::uint64_t after() const { return after_; }
  [[nodiscard]] std::uint64_t to() const { return to_; }
  void limit(std::uint64_t to) { to_ = std::min(to_, to); }
  void add(frame_run run);
  void add(std::uint64_t seq, can::record record);
  /// An item of quarantine, as it came: with the same bytes head office decides the same.
  void add_quarantined(std::uint64_t seq,
                       std::int64_t time_us,
                       std::optional<std::uint16_t> kind,
                       const std::string& reason,
                       std::string bytes);
  void add(const can::gone_range& gone) { gone_.push_back(gone); }

  /// Numbers of (after, to] that nothing added so far has.
  [[nodiscard]] std::vector<can::gone_range> holes();
  [[nodiscard]] forward_page finish();

private:
  void sort();
  void put_frames(forward_page& page, const frame_run& run, std::uint64_t from) const;
  void put_record(forward_page& page, std::uint64_t seq, can::record record);
  void put_gone(forward_page& page, std::uint64_t first, std::uint64_t last) const;

  struct one_record {
    std::uint64_t seq = 0;
    can::record record;
  };

  std::uint64_t after_;
  std::uint64_t to_;
  std::vector<frame_run> frames_;
  std::vector<one_record> records_;
  std::vector<can::gone_range> gone_;
  std::size_t group_bytes_ = 0; // of the records in the last group
};

} // namespace furrow::storage
