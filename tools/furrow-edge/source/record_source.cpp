#include "tools/furrow-edge/source/record_source.hpp"

#include "can/records/rejected_line.hpp"
#include "proto/wire.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace furrow::edge {

namespace {

constexpr std::size_t line_buffer_bytes = 256U << 10U;

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
           std::chrono::system_clock::now().time_since_epoch())
    .count();
}

/// The path and parts of the line may have any bytes.
std::string clean(std::string text) {
  if (!proto::is_clean_text(text))
    for (auto& c : text)
      if (c == '\0' || (static_cast<unsigned char>(c) & 0x80U) != 0)
        c = '?';
  return text;
}

} // namespace

result<std::unique_ptr<record_source>>
record_source::open(const std::string& path, const can::record_kind* kind, bad_line_report report) {
  auto file = source_file::open(path);
  if (!file)
    return file.error();
  return std::unique_ptr<record_source>{
    new record_source{std::move(*file), kind, std::move(report)}};
}

record_source::record_source(std::unique_ptr<source_file> file,
                             const can::record_kind* kind,
                             bad_line_report report)
  : file_{std::move(file)}, report_{std::move(report)}, lines_{kind}, row_{file_->fresh()},
    bytes_(line_buffer_bytes) {
  row_.reader_state = lines_.save();
}

log_start record_source::find_in(const std::vector<source_row>& rows) const {
  const auto newest = std::find_if(rows.rbegin(), rows.rend(), [this](const source_row& row) {
    return record_lines::saved(row.reader_state) && file_->is(row);
  });
  if (newest != rows.rend())
    return file_->start_of(&*newest);
  auto start = file_->start_of(nullptr);
  start.row.reader_state = row_.reader_state;
  return start;
}

result<done> record_source::start_at(const source_row& row) {
  row_ = file_->renewed(row);
  bad_lines_ = bad_before_ = row.bad_lines;
  offset_ = row.offset;
  number_ = row.line;
  if (row.offset == 0)
    return done{};
  if (!lines_.restore(row.reader_state))
    return failure{errc::damaged, "the spool does not say how to continue reading " + file_->path()
                                    + " as these records; --again reads it as new ones"};
  return file_->seek(row.offset);
}

source_row& record_source::progress() {
  file_->mark(row_);
  return row_;
}

record_source::filled record_source::fill(std::chrono::milliseconds patience) {
  if (at_end_)
    return filled::end;
  std::size_t count = 0;
  switch (file_->read(bytes_, count, patience)) {
  case source_file::got::nothing_yet:
    return filled::nothing_yet;
  case source_file::got::broken:
    trouble_ = file_->trouble();
    return filled::broken;
  case source_file::got::end:
    at_end_ = true;
    break;
  case source_file::got::bytes:
    buffer_.erase(0, std::exchange(begin_, 0));
    buffer_.append(bytes_.data(), count);
    lines_to_ = buffer_.rfind('\n') + 1; // npos + 1 is 0: there is none
    break;
  }
  return filled::more;
}

bool record_source::next_line() {
  const auto end = buffer_.find('\n', begin_);
  const bool whole = end != std::string::npos;
  const auto length = (whole ? end : buffer_.size()) - begin_;
  // The beginning of an endless line is enough to reject it; the rest is not kept.
  const bool too_long = length > record_lines::line_bytes_max + 2;
  if (!whole && !too_long && !(at_end_ && !file_->regular() && length > 0))
    return false;
  line_.assign(buffer_, begin_, length);
  begin_ += length + (whole ? 1 : 0);
  offset_ += length + (whole ? 1 : 0);
  if (!std::exchange(overlong_, !whole && !at_end_))
    ++number_;
  else
    line_.clear();
  return true;
}

void record_source::give(source_frame& out) {
  ++records_;
  out = {record_.time_us, {}, {}, nullptr, &record_};
}

bool record_source::read_unended_line() {
  const auto rest = std::string_view{buffer_}.substr(begin_);
  if (!file_->regular() || rest.find_first_not_of(" \t\r") == std::string_view::npos)
    return false;
  // Half a JSON object is no JSON object. Half a line of CSV may look like a whole one.
  const bool json = rest[rest.find_first_not_of(" \t\r")] == '{';
  if (!json || overlong_ || lines_.read(rest, record_) != record_line::record) {
    half_line_ = true;
    if (report_)
      report_(half_line_report(file_->path(), number_ + 1));
    return false;
  }
  begin_ += rest.size();
  offset_ += rest.size();
  ++number_;
  return true;
}

std::string record_source::place_of(std::size_t column) const {
  return file_->path() + ":" + std::to_string(number_) + ":" + std::to_string(column) + ": ";
}

/// The line takes the place of a record: it travels to quarantine.
void record_source::give_rejected(source_frame& out) {
  const auto reason = place_of(lines_.column()) + lines_.fault();
  bad_line(lines_.column(), lines_.fault());
  record_ = {now_us(), can::record_kind_rejected_line,
             can::write_rejected_line(clean(reason), line_)};
  out = {record_.time_us, {}, {}, nullptr, &record_};
}

void record_source::bad_line(std::size_t column, const std::string& why) {
  ++bad_lines_;
  if (told_ == bad_lines_told_max) {
    ++untold_;
    return;
  }
  ++told_;
  if (report_)
    report_(place_of(column) + why);
}

void record_source::tell_rest() {
  if (const auto rest = std::exchange(untold_, 0); rest != 0 && report_)
    report_(file_->path() + ": " + std::to_string(rest) + " more lines that are not records");
}

void record_source::refuse(const char* why) {
  bad_line(1, why);
  taken();
}

void record_source::taken() {
  row_.offset = offset_;
  row_.line = number_;
  row_.bad_lines = bad_lines_;
  row_.reader_state = lines_.save();
}

source_status record_source::next(source_frame& out, std::chrono::milliseconds patience) {
  for (;;) {
    while (next_line()) {
      switch (lines_.read(line_, record_)) {
      case record_line::nothing:
        break;
      case record_line::fault:
        give_rejected(out);
        return source_status::frame;
      case record_line::hopeless:
        trouble_ = place_of(lines_.column()) + lines_.fault();
        return source_status::broken;
      case record_line::record:
        give(out);
        return source_status::frame;
      }
    }
    const auto how = fill(patience);
    if (how == filled::more)
      continue;
    if (how == filled::end && read_unended_line()) {
      give(out);
      return source_status::frame;
    }
    // There is no current record: the lines since the last one count as read.
    taken();
    if (how == filled::nothing_yet)
      return source_status::quiet;
    tell_rest();
    return how == filled::end ? source_status::end : source_status::broken;
  }
}

} // namespace furrow::edge
