#include "tools/furrow-edge/source/log_source.hpp"

#include "tools/furrow-edge/source/record_lines.hpp"

#include <algorithm>
#include <utility>

namespace furrow::edge {

namespace {

constexpr std::size_t buffer_bytes = 256U << 10U;

} // namespace

result<std::unique_ptr<log_source>> log_source::open(const std::string& path,
                                                     bad_line_report report,
                                                     bool paced,
                                                     logs::log_times times) {
  auto file = source_file::open(path);
  if (!file)
    return file.error();
  return std::unique_ptr<log_source>{
    new log_source{std::move(*file), paced, std::move(report), std::move(times)}};
}

log_source::log_source(std::unique_ptr<source_file> file,
                       bool paced,
                       bad_line_report report,
                       logs::log_times times)
  : file_{std::move(file)}, paced_{paced}, report_{std::move(report)}, row_{file_->fresh()},
    bytes_(buffer_bytes), clock_{std::move(times)} {}

log_start log_source::find_in(const std::vector<source_row>& rows) const {
  const auto newest = std::find_if(rows.rbegin(), rows.rend(), [this](const source_row& row) {
    return !record_lines::saved(row.reader_state) && file_->is(row);
  });
  return file_->start_of(newest == rows.rend() ? nullptr : &*newest);
}

result<done> log_source::start_at(const source_row& row) {
  row_ = file_->renewed(row);
  bad_lines_ = bad_before_ = row.bad_lines;
  if (row.offset == 0)
    return done{};
  if (!reader_.restore(row.reader_state) || reader_.offset() != row.offset)
    return failure{errc::damaged, "the spool does not say how to continue reading " + file_->path()
                                    + "; --again reads it as new frames"};
  fed_to_ = row.offset;
  return file_->seek(row.offset);
}

source_row& log_source::progress() {
  // With `paced`, the current frame may not be taken yet; then the state was saved before it.
  if (!paced_)
    row_.reader_state = reader_.save();
  file_->mark(row_);
  return row_;
}

log_source::filled log_source::fill(std::chrono::milliseconds patience) {
  if (at_end_)
    return filled::end;
  std::size_t count = 0;
  switch (file_->read(bytes_, count, patience)) {
  case source_file::got::nothing_yet:
    return filled::nothing_yet;
  case source_file::got::broken:
    return filled::broken;
  case source_file::got::end:
    at_end_ = true;
    if (!file_->regular())
      reader_.finish();
    break;
  case source_file::got::bytes:
    if (const auto end = std::string_view{bytes_.data(), count}.rfind('\n');
        end != std::string_view::npos)
      lines_to_ = fed_to_ + end + 1;
    fed_to_ += count;
    reader_.feed({bytes_.data(), count});
    break;
  }
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
    report_(file_->path() + ":" + std::to_string(reader_.line()) + ":" + std::to_string(column)
            + ": " + why);
}

void log_source::tell_rest() {
  if (const auto rest = std::exchange(untold_, 0); rest != 0 && report_)
    report_(file_->path() + ": " + std::to_string(rest) + " more lines that are not frames");
}

void log_source::tell_half_line() {
  half_line_ = file_->regular() && fed_to_ > reader_.offset();
  if (half_line_ && report_)
    report_(half_line_report(file_->path(), reader_.line() + 1));
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
        bad_line(1, "this is a message assembled from many frames, and only frames are kept");
        break;
      case can::line_kind::frame:
        ++frames_;
        out = {clock_.utc_of(parsed_.time_us, reader_.format()), parsed_.header, parsed_.interface,
               payload_.data()};
        return source_status::frame;
      }
    }
    switch (fill(patience)) {
    case filled::more:
      break;
    // There is no current frame: the lines since the last one count as read.
    case filled::nothing_yet:
      taken();
      return source_status::quiet;
    case filled::broken:
      taken();
      return source_status::broken;
    case filled::end:
      tell_rest();
      tell_half_line();
      taken();
      return source_status::end;
    }
  }
}

} // namespace furrow::edge
