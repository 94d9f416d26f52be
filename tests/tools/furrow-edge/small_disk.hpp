/// A file system of its own, in memory and small: a disk that can be full.
#pragma once

#include <doctest/doctest.h>

#include <pwd.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

namespace furrow::tests {

/// Not mounted where this process may not mount: the test then says so and ends.
class small_disk {
public:
  /// `owner`: a user of this machine; without, or where there is none, this one.
  small_disk(std::filesystem::path at, const std::string& size, const char* owner = nullptr)
    : at_{std::move(at)} {
    std::filesystem::create_directories(at_);
    const auto* user = owner == nullptr ? nullptr : ::getpwnam(owner);
    const auto uid = std::to_string(user == nullptr ? ::getuid() : user->pw_uid);
    mounted_ =
      ::mount("none", at_.c_str(), "tmpfs", 0, ("size=" + size + ",uid=" + uid).c_str()) == 0;
    if (!mounted_)
      MESSAGE("no tmpfs can be mounted here (" << std::strerror(errno) << "): left out");
  }
  small_disk(const small_disk&) = delete;
  small_disk& operator=(const small_disk&) = delete;
  ~small_disk() {
    if (mounted_)
      ::umount2(at_.c_str(), MNT_DETACH);
  }

  [[nodiscard]] bool mounted() const { return mounted_; }
  [[nodiscard]] std::string file(const std::string& name) const { return (at_ / name).string(); }
  [[nodiscard]] std::uint64_t free_bytes() const {
    struct statvfs room {};
    REQUIRE(::statvfs(at_.c_str(), &room) == 0);
    return room.f_bavail * room.f_bsize;
  }
  /// Somebody else's file takes all but this much.
  void fill_up_to(std::uint64_t bytes_left) const {
    std::ofstream{at_ / "ballast", std::ios::binary}
      << std::string(static_cast<std::size_t>(free_bytes() - bytes_left), 'x');
  }
  /// Somebody else's file takes every byte that is left.
  void fill() const {
    std::ofstream ballast{at_ / "ballast", std::ios::binary | std::ios::app};
    const std::string bytes(64U << 10U, 'x');
    while (ballast.write(bytes.data(), static_cast<std::streamsize>(bytes.size())).flush()) {
    }
    std::ofstream last{at_ / "ballast2", std::ios::binary};
    while (last.put('x').flush()) {
    }
  }
  void free_again() const {
    std::filesystem::remove(at_ / "ballast");
    std::filesystem::remove(at_ / "ballast2");
  }

private:
  std::filesystem::path at_;
  bool mounted_ = false;
};

} // namespace furrow::tests
