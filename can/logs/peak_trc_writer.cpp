#include "can/frame/fd_length.hpp"
#include "can/logs/peak_trc.hpp"
#include "can/text/civil_time.hpp"
#include "can/text/put.hpp"

namespace furrow::can {

namespace {

bool has_one_bus(trc_version version) {
  return version == trc_version::v1_0 || version == trc_version::v1_1
         || version == trc_version::v2_0;
}

/// Days since 1899-12-30 with 13 digits after the point: a hundredth of a microsecond.
void append_days(std::string& out, std::int64_t time_us) {
  constexpr std::uint64_t scale = 10'000'000'000'000;
  const auto since = static_cast<std::uint64_t>(time_us - trc_epoch_days * day_us);
  const auto seconds = since / second_us % 86'400;
  text::append_decimal(out, since / day_us);
  out += '.';
  // The start is a whole second: seconds * 10^13 fits 64 bits.
  text::append_decimal(out, (seconds * scale + 43'200) / 86'400, 13);
}

/// Milliseconds with 0, 1 or 3 digits after the point; truncated, not rounded, like the times of the reader.
std::string offset_text(std::int64_t offset_us, int digits) {
  std::string text;
  auto amount = static_cast<std::uint64_t>(offset_us);
  if (offset_us < 0) {
    text += '-';
    amount = 0 - amount;
  }
  text::append_decimal(text, amount / 1000);
  if (digits > 0) {
    text += '.';
    text::append_decimal(text, amount % 1000 / (digits == 1 ? 100 : 1), digits);
  }
  return text;
}

std::string identifier(frame_header header) {
  std::string text;
  text::append_hex(text, header.id(), header.extended() ? 8 : 4);
  return text;
}

std::string_view direction(frame_header header) {
  return header.direction() == frame_direction::sent ? "Tx" : "Rx";
}

std::string_view type_of(frame_header header) {
  constexpr std::array<std::string_view, 4> fd_types{"FD", "FB", "FE", "BI"};
  if (header.error())
    return "ER";
  if (header.kind() == frame_kind::fd)
    return fd_types[header.nibble() & 3U];
  return header.remote() ? "RR" : "DT";
}

unsigned code_of(frame_header header) {
  if (header.kind() == frame_kind::fd)
    return fd_code_of(header.length()).value_or(0);
  return header.nibble() != 0 ? header.nibble() : header.length();
}

} // namespace

void trc_writer::append_heading(std::string& out, std::int64_t time_us) {
  begun_ = true;
  // The start has six digits of days since 1899; a log outside that range counts from 1970. Version 1.0 always counts
  // from 0.
  const bool dated =
    time_us >= trc_epoch_days * day_us && time_us < (trc_epoch_days + 999'999) * day_us;
  const auto rest = time_us % second_us;
  start_us_ = dated ? time_us - (rest < 0 ? rest + second_us : rest) : 0;
  if (version_ == trc_version::v1_0) {
    start_us_ = 0;
    out += ";##########################################################################\n";
    return;
  }
  out += ";$FILEVERSION=";
  out += to_string(version_);
  out += "\n;$STARTTIME=";
  append_days(out, start_us_);
  if (version_ == trc_version::v2_0)
    out += "\n;$COLUMNS=N,O,T,I,d,L,D";
  if (version_ == trc_version::v2_1)
    out += "\n;$COLUMNS=N,O,T,B,I,d,R,L,D";
  out += "\n;\n";
}

const char* trc_writer::refusal(const frame_view& frame, unsigned channel) const {
  const auto header = frame.header;
  if (header.kind() == frame_kind::xl)
    return "an XL frame: TRC cannot express it";
  if (version_ < trc_version::v2_0 && header.kind() == frame_kind::fd)
    return "an FD frame: TRC before version 2.0 cannot express it";
  if (version_ == trc_version::v1_0 && header.error())
    return "an error frame: TRC 1.0 cannot express it";
  if (has_one_bus(version_) && begun_ && channel != first_channel_)
    return "a second interface: this version of TRC has one bus only";
  return nullptr;
}

void trc_writer::append_line_1(std::string& out,
                               const frame_view& frame,
                               unsigned channel,
                               std::int64_t offset_us) {
  const auto header = frame.header;
  const int digits = version_ == trc_version::v1_0 ? 0 : version_ == trc_version::v1_1 ? 1 : 3;
  text::append_padded(out, std::to_string(number_), 6, true);
  out += ") ";
  text::append_padded(out, offset_text(offset_us, digits), version_ == trc_version::v1_0 ? 9 : 13,
                      true);
  out += ' ';
  if (version_ >= trc_version::v1_2)
    text::append_padded(out, std::to_string(channel), 3);
  if (version_ >= trc_version::v1_1)
    text::append_padded(out, header.error() ? std::string_view{"Error"} : direction(header), 6);
  text::append_padded(out, header.error() ? std::string{"0000"} : identifier(header), 8, true);
  if (version_ >= trc_version::v1_3)
    out += " -";
  out += "  ";
  text::append_decimal(out, header.error() ? 0 : code_of(header));
  if (header.remote() && !header.error())
    out += "  RTR";
  else if (!header.error() && header.length() != 0)
    out += ' ';
  if (!header.error())
    text::append_bytes(out, frame.payload());
  out += '\n';
}

void trc_writer::append_line_2(std::string& out,
                               const frame_view& frame,
                               unsigned channel,
                               std::int64_t offset_us) {
  const auto header = frame.header;
  text::append_padded(out, std::to_string(number_), 7, true);
  out += ' ';
  text::append_padded(out, offset_text(offset_us, 3), 13, true);
  out += ' ';
  out += type_of(header);
  out += ' ';
  if (version_ == trc_version::v2_1) {
    text::append_padded(out, std::to_string(channel), 2);
    out += ' ';
  }
  text::append_padded(out, header.error() ? std::string{"-"} : identifier(header), 8, true);
  out += ' ';
  out += direction(header);
  out += version_ == trc_version::v2_1 ? " -  " : " ";
  text::append_padded(out, std::to_string(header.error() ? 0 : code_of(header)), 4);
  if (!header.error())
    text::append_bytes(out, frame.payload());
  while (out.back() == ' ')
    out.pop_back();
  out += '\n';
}

const char*
trc_writer::append(std::string& out, const frame_view& frame, std::string_view interface) {
  if (!begun_ && has_one_bus(version_))
    channels_.rename(1, interface);
  const auto channel = channels_.channel_of(interface);
  if (!channel)
    return "more than 255 interfaces: TRC has at most 255 buses";
  if (const auto* why = refusal(frame, *channel))
    return why;
  if (!begun_) {
    append_heading(out, frame.time_us);
    first_channel_ = *channel;
  }
  std::int64_t offset = 0;
  if (__builtin_sub_overflow(frame.time_us, start_us_, &offset) || offset / 1000 > 9'999'999'999'999
      || offset / 1000 < -9'999'999'999'999)
    return "a time more than 13 digits of milliseconds from the start of the log";
  if (channels_.renamed(*channel) && !announced_[*channel]) {
    announced_[*channel] = true;
    out += ";   " + channels_.comment(*channel) + "\n";
  }
  ++number_;
  if (version_ >= trc_version::v2_0)
    append_line_2(out, frame, *channel, offset);
  else
    append_line_1(out, frame, *channel, offset);
  return nullptr;
}

} // namespace furrow::can
