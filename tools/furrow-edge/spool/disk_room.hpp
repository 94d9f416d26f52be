/// The room of a spool on its disk: how much is free, and a file that holds some back.
///
/// Shape: SPOOL.reserve is a file without content that occupies bytes. On a full disk the spool removes it, so that it
///   can delete items that are durable; then it makes the file again.
/// Errors: what cannot be held back now is tried again later.
/// Threads: the spool guards it.
/// Limits: an eighth of the free disk, from reserve_least to reserve_most, but at most half of what is free at first.
#pragma once

#include <cstdint>
#include <string>

namespace furrow::edge {

class disk_room {
public:
  static constexpr std::uint64_t reserve_least = 2U << 20U;
  static constexpr std::uint64_t reserve_most = 8U << 20U;
  /// Without --spool-max a spool holds at most this, and at most half of the free disk.
  static constexpr std::uint64_t spool_most = 8ULL << 30U;

  explicit disk_room(const std::string& spool_path);

  /// Bytes that this program may still write to the disk, without the reserve; all ones if the disk does not say.
  [[nodiscard]] std::uint64_t free_bytes() const;
  /// The size of a file, or 0.
  [[nodiscard]] static std::uint64_t file_bytes(const std::string& path);
  /// Half of the disk that is free or belongs to this spool already, at most spool_most.
  [[nodiscard]] std::uint64_t spool_bytes_default() const;

  /// Occupies the reserve, or as much of it as the disk has room for.
  void hold();
  /// Gives the reserve to the next writer. Returns false if there was none.
  bool release();
  [[nodiscard]] std::uint64_t held() const { return held_; }
  [[nodiscard]] std::uint64_t wanted() const { return wanted_; }

private:
  std::string spool_path_;
  std::string reserve_path_;
  std::uint64_t wanted_ = reserve_least;
  std::uint64_t held_ = 0;
};

} // namespace furrow::edge
