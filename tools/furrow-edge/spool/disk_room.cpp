#include "tools/furrow-edge/spool/disk_room.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <limits>

namespace furrow::edge {

namespace {

/// A copy of a file may be sparse: it occupies less than its size.
std::uint64_t occupied_bytes(const std::string& path) {
  struct stat about {};
  if (::stat(path.c_str(), &about) != 0)
    return 0;
  return static_cast<std::uint64_t>(std::min<std::int64_t>(about.st_size, about.st_blocks * 512));
}

} // namespace

disk_room::disk_room(const std::string& spool_path)
  : spool_path_{spool_path}, reserve_path_{spool_path + ".reserve"} {
  held_ = occupied_bytes(reserve_path_);
  const auto room = free_bytes() + held_;
  wanted_ = std::min(std::clamp(room / 8, reserve_least, reserve_most), room / 2);
}

std::uint64_t disk_room::free_bytes() const {
  auto folder = std::filesystem::path{spool_path_}.parent_path();
  struct statvfs about {};
  if (::statvfs(folder.empty() ? "." : folder.c_str(), &about) != 0)
    return std::numeric_limits<std::uint64_t>::max() / 2;
  return std::uint64_t{about.f_bavail} * about.f_frsize;
}

std::uint64_t disk_room::file_bytes(const std::string& path) {
  struct stat about {};
  return ::stat(path.c_str(), &about) == 0 ? static_cast<std::uint64_t>(about.st_size) : 0;
}

std::uint64_t disk_room::spool_bytes_default() const {
  const auto own = file_bytes(spool_path_) + file_bytes(spool_path_ + "-wal") + held_;
  return std::min(spool_most, (free_bytes() + own) / 2);
}

void disk_room::hold() {
  const auto target = std::min(wanted_, held_ + free_bytes());
  if (target <= held_)
    return;
  const int file = ::open(reserve_path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0)
    return;
  if (::posix_fallocate(file, 0, static_cast<off_t>(target)) == 0)
    held_ = target;
  ::close(file);
}

bool disk_room::release() {
  if (held_ == 0)
    return false;
  held_ = 0;
  return ::unlink(reserve_path_.c_str()) == 0;
}

} // namespace furrow::edge
