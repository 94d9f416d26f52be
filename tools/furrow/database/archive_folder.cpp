#include "tools/furrow/database/archive_folder.hpp"

#include "storage/archive/file.hpp"
#include "tools/furrow/database/archive_files.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace furrow::cli {

namespace fs = std::filesystem;

result<folder_lock> folder_lock::take(const fs::path& folder) {
  // The lock is on a file, because a network file system may refuse to lock a folder. The file is never removed: a
  // process that removes it could remove the lock of another process.
  const auto path = (folder / ".lock").string();
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0)
    return failure{errc::failed, path + ": " + std::generic_category().message(errno)};
  folder_lock held{file};
  if (::flock(file, LOCK_EX | LOCK_NB) != 0)
    return failure{errc::failed, errno == EWOULDBLOCK
                                   ? folder.string() + ": another export is writing into it"
                                   : path + ": " + std::generic_category().message(errno)};
  return held;
}

folder_lock::~folder_lock() {
  if (file_ >= 0)
    ::close(file_);
}

void number_set::add(std::uint64_t first, std::uint64_t last) {
  auto next = ranges_.upper_bound(first);
  if (next != ranges_.begin()) {
    const auto before = std::prev(next);
    if (before->second + 1 >= first) {
      first = before->first;
      last = std::max(last, before->second);
      ranges_.erase(before);
    }
  }
  while (next != ranges_.end() && next->first <= last + 1) {
    last = std::max(last, next->second);
    next = ranges_.erase(next);
  }
  ranges_[first] = last;
}

bool number_set::has(std::uint64_t number) const {
  const auto next = ranges_.upper_bound(number);
  return next != ranges_.begin() && std::prev(next)->second >= number;
}

std::uint64_t number_set::highest() const {
  return ranges_.empty() ? 0 : ranges_.rbegin()->second;
}

result<std::map<std::string, number_set>> exported_numbers(const fs::path& folder,
                                                           const json& manifest) {
  std::map<std::string, number_set> out;
  for (const auto& file : manifest.at("files")) {
    const auto path = (folder / file.value("file", std::string{})).string();
    auto& numbers = out[file.value("stream_id", std::string{})];
    const auto read = storage::read_archive(path, [&](const auto& /*head*/, const auto& runs) {
      for (const auto& run : runs)
        numbers.add(run.seq_first, run.seq_first + run.block.size() - 1);
      return true;
    });
    if (!read)
      return failure{errc::failed, read.error().detail};
    if (read->sha256 != file.value("sha256", std::string{}))
      return failure{errc::failed, path + ": it differs from the manifest"};
  }
  return out;
}

} // namespace furrow::cli
