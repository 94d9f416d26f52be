/// The lock by which a node holds a SQLite file for as long as it runs: a second node on the same file is rejected.
///
/// Shape: a lock of the open file description on one byte far beyond those that SQLite locks. It belongs to the file
///   itself, so that another path, a symbolic link or a hard link leads to the same lock. Commands that open the file
///   beside a node do not take it.
/// Errors: misconfigured: another node holds the lock, or the file cannot be opened for writing.
/// Threads: any. The system releases the lock when the process ends, however it ends.
/// Source: fcntl(2), F_OFD_SETLK. Closing any descriptor of a file drops the process's POSIX locks on it, which SQLite
///   uses: a lock must be taken before SQLite opens the file, and be released after SQLite has closed it.
#pragma once

#include "storage/errc.hpp"

#include <string>
#include <utility>

namespace furrow::storage {

class node_lock {
public:
  /// Makes the file if it does not exist.
  [[nodiscard]] static result<node_lock> take(const std::string& path);

  node_lock() = default;
  node_lock(const node_lock&) = delete;
  node_lock& operator=(const node_lock&) = delete;
  node_lock(node_lock&& other) noexcept : file_{std::exchange(other.file_, -1)} {}
  node_lock& operator=(node_lock&& other) noexcept {
    std::swap(file_, other.file_);
    return *this;
  }
  ~node_lock();

private:
  explicit node_lock(int file) : file_{file} {}

  int file_ = -1;
};

} // namespace furrow::storage
