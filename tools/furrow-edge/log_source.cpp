#include "tools/furrow-edge/log_source.hpp"

#include "tools/furrow-edge/hash.hpp"

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

constexpr std::size_t buffer_bytes = 256U << 10U;
constexpr std::uint64_t known_bytes = 4'096; // of the head, and before the offset

std::uint64_t size_of(int file) {
  struct stat about {};
  return ::fstat(file, &about) == 0 && about.st_size > 0 ? static_cast<std::uint64_t>(about.st_size)
                                                         : 0;
}

} // namespace

result<std::unique_ptr<log_source>>
log_source::open(const std::string& path, bad_line_report report, bool paced) {
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
  return std::unique_ptr<log_source>{
    new log_source{is_stdin ? "stdin" : path, file, regular, paced, std::move(report)}};
}

log_source::log_source(std::string path, int file, bool regular, bool paced, bad_line_report report)
  : path_{std::move(path)}, file_{file}, regular_{regular}, paced_{paced}, report_{std::move(
                                                                             report)},
    bytes_(buffer_bytes) {
  row_.path = path_;
  if (!regular_)
    return;
  row_.size = size_of(file_);
  row_.head_bytes = std::min(known_bytes, row_.size);
  row_.head_hash = hash_between(0, row_.head_bytes);
}

log_source::~log_source() {
  ::close(file_);
}

std::uint64_t log_source::hash_between(std::uint64_t from, std::uint64_t to) const {
  std::string bytes(to - from, '\0');
  std::size_t got = 0;
  while (got < bytes.size()) {
    const auto count =
      ::pread(file_, bytes.data() + got, bytes.size() - got, static_cast<off_t>(from + got));
    if (count <= 0)
      break; // then the hash is of less, and matches nothing
    got += static_cast<std::size_t>(count);
  }
  return content_hash({bytes.data(), got});
}

log_start log_source::find_in(const std::vector<source_row>& rows) const {
  for (auto row = rows.rbegin(); regular_ && row != rows.rend(); ++row) {
    if (row->head_bytes == 0 || row->head_bytes > row_.size || row->offset > row_.size)
      continue;
    if (hash_between(0, row->head_bytes) != row->head_hash)
      continue;
    const auto before = row->offset - std::min(row->offset, known_bytes);
    if (row->offset != 0 && hash_between(before, row->offset) != row->tail_hash)
      continue;
    return {*row, true, row->offset == row_.size};
  }
  return {row_, false, regular_ && row_.size == 0};
}

result<done> log_source::start_at(const source_row& row) {
  const auto size = row_.size;
  row_ = row;
  row_.path = path_;
  row_.size = std::max(size, row.offset);
  bad_lines_ = row.bad_lines;
  if (row.offset == 0)
    return done{};
  if (!reader_.restore(row.reader_state) || reader_.offset() != row.offset)
    return failure{errc::damaged, "the spool does not say how to go on reading " + path_
                                    + "; --again reads it as new frames"};
  if (::lseek(file_, static_cast<off_t>(row.offset), SEEK_SET) < 0)
    return failure{errc::io, "cannot go on in " + path_ + ": " + std::strerror(errno)};
  return done{};
}

source_row& log_source::progress() {
  // At its own pace the frame at hand may not be taken yet; then the state was saved before it.
  if (!paced_)
    row_.reader_state = reader_.save();
  if (regular_) {
    row_.size = std::max(row_.size, row_.offset);
    row_.tail_hash = hash_between(row_.offset - std::min(row_.offset, known_bytes), row_.offset);
  }
  return row_;
}

log_source::filled log_source::fill(std::chrono::milliseconds patience) {
  if (at_end_)
    return filled::end;
  if (!regular_) {
    pollfd wait{file_, POLLIN, 0};
    if (::poll(&wait, 1, static_cast<int>(patience.count())) == 0)
      return filled::nothing_yet;
  }
  const auto count = ::read(file_, bytes_.data(), bytes_.size());
  if (count < 0 && (errno == EINTR || errno == EAGAIN))
    return filled::nothing_yet;
  if (count < 0) {
    trouble_ = "cannot read " + path_ + ": " + std::strerror(errno);
    return filled::broken;
  }
  at_end_ = count == 0;
  if (at_end_)
    reader_.finish();
  else
    reader_.feed({bytes_.data(), static_cast<std::size_t>(count)});
  return filled::more;
}

void log_source::bad_line(std::uint32_t column, const char* why) {
  ++bad_lines_;
  if (told_ == bad_lines_told_max) {
    ++untold_;
    return;
  }
  ++told_;
  if (report_)
    report_(path_ + ":" + std::to_string(reader_.line()) + ":" + std::to_string(column) + ": "
            + why);
}

void log_source::tell_rest() {
  if (const auto rest = std::exchange(untold_, 0); rest != 0 && report_)
    report_(path_ + ": " + std::to_string(rest) + " more lines that are no frames");
}

void log_source::refuse(const char* why) {
  bad_line(1, why);
  taken();
}

void log_source::taken() {
  row_.offset = reader_.offset();
  row_.line = reader_.line();
  row_.bad_lines = bad_lines_;
  if (paced_)
    row_.reader_state = reader_.save();
}

source_status log_source::next(source_frame& out, std::chrono::milliseconds patience) {
  for (;;) {
    while (reader_.next(parsed_, payload_)) {
      switch (parsed_.kind) {
      case can::line_kind::nothing:
        break;
      case can::line_kind::dropped:
        dropped_ += parsed_.dropped;
        break;
      case can::line_kind::fault:
        bad_line(parsed_.column, parsed_.fault);
        break;
      case can::line_kind::message:
        bad_line(1, "a message put together from many frames: only frames are kept");
        break;
      case can::line_kind::frame:
        out = {parsed_.time_us, parsed_.header, parsed_.interface, payload_.data()};
        return source_status::frame;
      }
    }
    switch (fill(patience)) {
    case filled::more:
      break;
    // No frame is at hand: the lines since the last one count as read.
    case filled::nothing_yet:
      taken();
      return source_status::quiet;
    case filled::broken:
      taken();
      return source_status::broken;
    case filled::end:
      tell_rest();
      taken();
      return source_status::end;
    }
  }
}

} // namespace furrow::edge
