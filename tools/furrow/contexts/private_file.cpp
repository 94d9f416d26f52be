#include "tools/furrow/contexts/private_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

namespace furrow::cli {

namespace {

config::failure private_failure(const std::string& path) {
  return {config::errc::unreadable, path + ": " + std::strerror(errno)};
}

std::string folder_of(const std::string& file) {
  return std::filesystem::path{file}.parent_path().string();
}

bool write_whole(int file, std::string_view text) {
  while (!text.empty()) {
    const auto count = ::write(file, text.data(), text.size());
    if (count < 0 && errno != EINTR)
      return false;
    if (count > 0)
      text.remove_prefix(static_cast<std::size_t>(count));
  }
  return ::fsync(file) == 0;
}

} // namespace

std::string config_folder() {
  // The XDG specification: a relative path is ignored.
  if (const auto* place = std::getenv("XDG_CONFIG_HOME"); place != nullptr && *place == '/')
    return std::string{place} + "/furrow";
  const auto* home = std::getenv("HOME");
  return home == nullptr || *home == 0 ? std::string{} : std::string{home} + "/.config/furrow";
}

config::result<folder_hold> folder_hold::of(const std::string& file) {
  const auto path = folder_of(file);
  if (path.empty())
    return config::failure{config::errc::unreadable,
                           "neither XDG_CONFIG_HOME nor HOME is set: there is no place for "
                             + file};
  std::error_code failed;
  std::filesystem::create_directories(path, failed);
  folder_hold held{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (held.folder_ < 0 || ::fchmod(held.folder_, 0700) != 0 || ::flock(held.folder_, LOCK_EX) != 0)
    return private_failure(path);
  return held;
}

folder_hold::folder_hold(folder_hold&& other) noexcept
  : folder_{std::exchange(other.folder_, -1)} {}

folder_hold::~folder_hold() {
  if (folder_ >= 0)
    ::close(folder_); // which ends the lock
}

config::result<done> folder_hold::replace(const std::string& file, std::string_view text) const {
  const auto part = file + ".part";
  ::unlink(part.c_str()); // of a command that was killed
  const int to = ::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (to < 0)
    return private_failure(part);
  const bool is_written = ::fchmod(to, 0600) == 0 && write_whole(to, text);
  const auto why = private_failure(part);
  ::close(to);
  if (!is_written) {
    ::unlink(part.c_str());
    return why;
  }
  if (std::rename(part.c_str(), file.c_str()) != 0)
    return private_failure(file);
  ::fsync(folder_);
  return done{};
}

std::string
tampering_fault(const std::string& file, bool is_writable_by_others, const std::string& place) {
  if (is_writable_by_others)
    return place + ": other users may write to this file; look whether it is still yours, then: "
           + "chmod 600 " + file;
  struct stat about {};
  const auto folder = folder_of(file);
  if (::stat(folder.c_str(), &about) == 0 && (about.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return place + ": other users may replace this file; look whether it is still yours, then: "
           + "chmod 700 " + folder;
  return {};
}

} // namespace furrow::cli
