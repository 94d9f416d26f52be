/// Where tests keep databases and spools: in memory where there is plenty. Half of the storage tests take 101 s there,
/// and 127 s on ext4. TMPDIR, where it is set, decides instead.
#pragma once

#include <sys/statvfs.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace furrow::tests {

/// Of this machine, or of the container that limits it.
inline std::uint64_t available_memory() {
  std::uint64_t available = 0;
  std::ifstream in{"/proc/meminfo"};
  std::string key;
  for (std::uint64_t kilobytes = 0; in >> key >> kilobytes; in.ignore(80, '\n'))
    if (key == "MemAvailable:")
      available = kilobytes << 10U;
  std::uint64_t most = 0;
  std::uint64_t used = 0;
  if (std::ifstream{"/sys/fs/cgroup/memory.max"} >> most // it says `max` where there is no limit
      && std::ifstream{"/sys/fs/cgroup/memory.current"} >> used)
    available = std::min(available, most - std::min(most, used));
  return available;
}

inline std::filesystem::path scratch_root() {
  constexpr std::uint64_t enough = 6ULL << 30U;
  const std::filesystem::path memory{"/dev/shm"};
  struct statvfs room {};
  const bool plenty = ::statvfs(memory.c_str(), &room) == 0
                      && room.f_bavail * room.f_bsize >= enough && available_memory() >= enough;
  return plenty && std::getenv("TMPDIR") == nullptr ? memory
                                                    : std::filesystem::temp_directory_path();
}

} // namespace furrow::tests
