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
constexpr std::size_t chunk_bytes = 256U << 10U;
/// The place up to which items are taken is at most so far behind what is read.
constexpr std::size_t recent_bytes = 1U << 20U;

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
  char head[logs::unpacker::head_bytes];
  input_ = logs::packed_input{logs::unpacker::packing_of({head, read_at(0, head)})};
  if (!packed())
    fresh_.size = size_of(file_);
  const auto known = bytes_between(0, known_bytes);
  fresh_.head_bytes = known.size();
  fresh_.head_hash = content_hash(known);
  (void)seek(0);
}

source_file::~source_file() {
  ::close(file_);
}

std::size_t source_file::read_at(std::uint64_t from, std::span<char> into) const {
  std::size_t have = 0;
  while (have < into.size()) {
    const auto count =
      ::pread(file_, into.data() + have, into.size() - have, static_cast<off_t>(from + have));
    if (count <= 0)
      break;
    have += static_cast<std::size_t>(count);
  }
  return have;
}

std::string source_file::bytes_between(std::uint64_t from, std::uint64_t to) const {
  if (packed())
    return unpacked_between(from, to);
  std::string bytes(to - from, '\0');
  bytes.resize(read_at(from, bytes));
  return bytes;
}

std::string source_file::unpacked_between(std::uint64_t from, std::uint64_t to) const {
  const auto recent_from = position_ - recent_.size();
  if (from >= recent_from && to <= position_)
    return recent_.substr(from - recent_from, to - from);
  logs::unpacker unpacks{*input_.how()};
  std::vector<char> packed(chunk_bytes);
  std::vector<char> plain(chunk_bytes);
  std::string bytes;
  std::uint64_t at = 0; // of what is unpacked
  std::string_view in;
  for (std::uint64_t next = 0; at < to;) {
    const auto made = unpacks.unpack(in, plain);
    if (!made)
      break;
    if (*made == 0) {
      const auto count = read_at(next, packed);
      if (count == 0)
        break;
      next += count;
      in = {packed.data(), count};
      continue;
    }
    const auto begin = std::min<std::uint64_t>(*made, from - std::min(from, at));
    const auto end = std::min<std::uint64_t>(*made, to - at);
    if (begin < end)
      bytes.append(plain.data() + begin, end - begin);
    at += *made;
  }
  return bytes;
}

std::uint64_t source_file::hash_between(std::uint64_t from, std::uint64_t to) const {
  return content_hash(bytes_between(from, to)); // of fewer bytes: it matches nothing
}

bool source_file::is(const source_row& row) const {
  if (!regular_ || row.head_bytes == 0 || row.head_bytes > known_bytes)
    return false;
  if (!packed() && std::max(row.head_bytes, row.offset) > fresh_.size)
    return false;
  if (row.head_bytes == fresh_.head_bytes ? row.head_hash != fresh_.head_hash
                                          : hash_between(0, row.head_bytes) != row.head_hash)
    return false;
  const auto before = row.offset - std::min(row.offset, known_bytes);
  return row.offset == 0 || hash_between(before, row.offset) == row.tail_hash;
}

log_start source_file::start_of(const source_row* known) const {
  if (known != nullptr)
    return {*known, true, bytes_between(known->offset, known->offset + 1).empty()};
  return {fresh_, false, regular_ && !packed() && fresh_.size == 0};
}

source_row source_file::renewed(const source_row& row) const {
  auto out = row;
  out.path = path_;
  out.size = std::max(fresh_.size, row.offset);
  return out;
}

std::optional<std::string> source_file::digest() const {
  if (!regular_)
    return std::nullopt;
  // Opened again, so that the place of this one does not move.
  auto whole = open(path_);
  if (!whole)
    return std::nullopt;
  content_digest sum;
  std::vector<char> bytes(chunk_bytes);
  for (;;) {
    std::size_t count = 0;
    const auto how = (*whole)->read(bytes, count, {});
    if (how == got::end)
      break;
    if (how != got::bytes)
      return std::nullopt;
    sum.add({bytes.data(), count});
  }
  return sum.bytes() == 0 ? std::nullopt : std::optional{sum.text()};
}

result<done> source_file::seek(std::uint64_t offset) {
  if (::lseek(file_, packed() ? 0 : static_cast<off_t>(offset), SEEK_SET) < 0)
    return failure{errc::io, "cannot continue in " + path_ + ": " + std::strerror(errno)};
  if (!packed())
    return done{};
  input_ = logs::packed_input{*input_.how()};
  recent_.clear();
  position_ = 0;
  std::vector<char> skipped(chunk_bytes);
  while (position_ < offset) {
    const std::span into{skipped.data(),
                         std::min<std::uint64_t>(skipped.size(), offset - position_)};
    std::size_t count = 0;
    if (read(into, count, {}) != got::bytes)
      return failure{errc::io, "cannot continue in " + path_ + ": " + trouble_};
  }
  return done{};
}

void source_file::mark(source_row& row) const {
  if (!regular_)
    return;
  row.size = std::max(row.size, row.offset);
  row.tail_hash = hash_between(row.offset - std::min(row.offset, known_bytes), row.offset);
}

source_file::got source_file::read_raw(std::span<char> into,
                                       std::size_t& count,
                                       std::chrono::milliseconds patience) {
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

source_file::got
source_file::read(std::span<char> into, std::size_t& count, std::chrono::milliseconds patience) {
  const auto how = input_.read(into, count, [&](std::span<char> raw, std::size_t& arrived) {
    return read_raw(raw, arrived, patience);
  });
  if (how == got::bytes && packed())
    remember({into.data(), count});
  if (how == got::broken && !input_.trouble().empty())
    trouble_ = "cannot read " + path_ + ": " + input_.trouble()
               + (position_ == 0 ? std::string{}
                                 : ", after " + std::to_string(position_) + " unpacked bytes");
  return how;
}

void source_file::remember(std::string_view bytes) {
  position_ += bytes.size();
  if (recent_.size() > 2 * recent_bytes)
    recent_.erase(0, recent_.size() - recent_bytes);
  recent_ += bytes;
}

} // namespace furrow::edge
