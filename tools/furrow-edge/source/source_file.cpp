#include "tools/furrow-edge/source/source_file.hpp"

#include "tools/furrow-edge/spool/hash.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace furrow::edge {

namespace {

constexpr std::uint64_t known_bytes = 4'096; // of the head, and before the offset

std::uint64_t size_of(int file) {
  struct stat about {};
  return ::fstat(file, &about) == 0 && about.st_size > 0 ? static_cast<std::uint64_t>(about.st_size)
                                                         : 0;
}

} // namespace

std::string half_line_report(const std::string& path, std::uint64_t line) {
  return path + ":" + std::to_string(line)
         + ":1: the last line has no line end: it is read when it has one (if the file is "
           "complete, "
           "add the line end, or give the file as standard input)";
}

result<std::unique_ptr<source_file>> source_file::open(const std::string& path) {
  const bool is_stdin = path == "-";
  const int file = is_stdin ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return failure{errc::missing, "cannot read " + path + ": " + std::strerror(errno)};
  struct stat about {};
  if (::fstat(file, &about) != 0 || S_ISDIR(about.st_mode)) {
    ::close(file);
    return failure{errc::missing, "cannot read " + path + ": it is a folder"};
  }
  const bool regular = !is_stdin && S_ISREG(about.st_mode);
  return std::unique_ptr<source_file>{new source_file{is_stdin ? "stdin" : path, file, regular}};
}

source_file::source_file(std::string path, int file, bool regular)
  : path_{std::move(path)}, file_{file}, regular_{regular} {
  fresh_.path = path_;
  if (!regular_)
    return;
  fresh_.size = size_of(file_);
  fresh_.head_bytes = std::min(known_bytes, fresh_.size);
  fresh_.head_hash = hash_between(0, fresh_.head_bytes);
}

source_file::~source_file() {
  ::close(file_);
}

std::uint64_t source_file::hash_between(std::uint64_t from, std::uint64_t to) const {
  std::string bytes(to - from, '\0');
  std::size_t have = 0;
  while (have < bytes.size()) {
    const auto count =
      ::pread(file_, bytes.data() + have, bytes.size() - have, static_cast<off_t>(from + have));
    if (count <= 0)
      break; // then the hash covers less and matches nothing
    have += static_cast<std::size_t>(count);
  }
  return content_hash({bytes.data(), have});
}

bool source_file::is(const source_row& row) const {
  if (!regular_ || row.head_bytes == 0 || row.head_bytes > fresh_.size || row.offset > fresh_.size)
    return false;
  if (hash_between(0, row.head_bytes) != row.head_hash)
    return false;
  const auto before = row.offset - std::min(row.offset, known_bytes);
  return row.offset == 0 || hash_between(before, row.offset) == row.tail_hash;
}

log_start source_file::start_of(const source_row* known) const {
  if (known != nullptr)
    return {*known, true, known->offset == fresh_.size};
  return {fresh_, false, regular_ && fresh_.size == 0};
}

source_row source_file::renewed(const source_row& row) const {
  auto out = row;
  out.path = path_;
  out.size = std::max(fresh_.size, row.offset);
  return out;
}

result<done> source_file::seek(std::uint64_t offset) {
  if (::lseek(file_, static_cast<off_t>(offset), SEEK_SET) < 0)
    return failure{errc::io, "cannot continue in " + path_ + ": " + std::strerror(errno)};
  return done{};
}

void source_file::mark(source_row& row) const {
  if (!regular_)
    return;
  row.size = std::max(row.size, row.offset);
  row.tail_hash = hash_between(row.offset - std::min(row.offset, known_bytes), row.offset);
}

source_file::got
source_file::read(std::span<char> into, std::size_t& count, std::chrono::milliseconds patience) {
  count = 0;
  if (!regular_) {
    pollfd wait{file_, POLLIN, 0};
    if (::poll(&wait, 1, static_cast<int>(patience.count())) == 0)
      return got::nothing_yet;
  }
  const auto bytes = ::read(file_, into.data(), into.size());
  if (bytes < 0 && (errno == EINTR || errno == EAGAIN))
    return got::nothing_yet;
  if (bytes < 0) {
    trouble_ = "cannot read " + path_ + ": " + std::strerror(errno);
    return got::broken;
  }
  count = static_cast<std::size_t>(bytes);
  return count == 0 ? got::end : got::bytes;
}

} // namespace furrow::edge
