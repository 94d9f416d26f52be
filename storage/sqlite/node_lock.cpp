#include "storage/sqlite/node_lock.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace furrow::storage {

namespace {

constexpr off_t locked_byte = off_t{1} << 62; // SQLite locks some 512 bytes from 1 GiB on

} // namespace

result<node_lock> node_lock::take(const std::string& path) {
  node_lock lock{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)};
  if (lock.file_ < 0)
    return failure{errc::misconfigured, path + ": " + std::strerror(errno)};
  struct flock wish {};
  wish.l_type = F_WRLCK;
  wish.l_whence = SEEK_SET;
  wish.l_start = locked_byte;
  wish.l_len = 1;
  if (::fcntl(lock.file_, F_OFD_SETLK, &wish) == 0)
    return lock;
  if (errno == EAGAIN || errno == EACCES)
    return failure{errc::misconfigured,
                   path + ": another node serves this file; stop it first, or name another file"};
  return failure{errc::misconfigured, path + ": cannot be locked: " + std::strerror(errno)};
}

node_lock::~node_lock() {
  if (file_ >= 0)
    ::close(file_);
}

} // namespace furrow::storage
