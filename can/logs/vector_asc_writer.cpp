#include "can/frame/fd_length.hpp"
#include "can/logs/vector_asc.hpp"
#include "can/text/civil_time.hpp"
#include "can/text/put.hpp"

namespace furrow::can {

namespace {

constexpr std::string_view week_days[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
constexpr std::string_view month_names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::int64_t floor_to(std::int64_t value, std::int64_t step) {
  const auto rest = value % step;
  return value - (rest < 0 ? rest + step : rest);
}

/// `Mon Mar 2 09:10:11.000 am 2020` of a whole second.
std::string long_date(std::int64_t time_us) {
  const auto midnight = floor_to(time_us, day_us);
  const auto days = midnight / day_us;
  const auto date = date_of(days);
  const auto seconds = static_cast<std::uint64_t>((time_us - midnight) / second_us);
  const auto hour = seconds / 3600;
  std::string text{week_days[((days % 7) + 7) % 7]};
  text += ' ';
  text += month_names[date.month - 1];
  text += ' ';
  text::append_decimal(text, date.day);
  text += ' ';
  text::append_decimal(text, hour % 12 == 0 ? 12 : hour % 12, 2);
  text += ':';
  text::append_decimal(text, seconds / 60 % 60, 2);
  text += ':';
  text::append_decimal(text, seconds % 60, 2);
  text += hour < 12 ? ".000 am " : ".000 pm ";
  text::append_decimal(text, static_cast<std::uint64_t>(date.year), 4);
  return text;
}

/// Seconds with six digits after the point, right-aligned as in Vector logs.
void append_offset(std::string& out, std::int64_t offset_us) {
  std::string text;
  auto amount = static_cast<std::uint64_t>(offset_us);
  if (offset_us < 0) {
    text += '-';
    amount = 0 - amount;
  }
  text::append_decimal(text, amount / second_us);
  text += '.';
  text::append_decimal(text, amount % second_us, 6);
  text::append_padded(out, text, 11, true);
}

std::string asc_identifier(frame_header header) {
  std::string text;
  const auto id = header.id();
  int digits = 1;
  while (digits < 8 && id >> 4 * digits != 0)
    ++digits;
  text::append_hex(text, id, digits);
  if (header.extended())
    text += 'x';
  return text;
}

std::string_view asc_direction(frame_header header) {
  return header.direction() == frame_direction::sent ? "Tx" : "Rx";
}

} // namespace

void asc_writer::append_heading(std::string& out, std::int64_t time_us) {
  begun_ = true;
  // The date needs a year of four digits; a log outside that range counts from 1970.
  const bool dated =
    time_us >= days_of({1, 1, 1}) * day_us && time_us < days_of({10'000, 1, 1}) * day_us;
  start_us_ = dated ? floor_to(time_us, second_us) : 0;
  const auto date = long_date(start_us_);
  out +=
    "date " + date + "\nbase hex  timestamps absolute\ninternal events logged\n// version 13.0.0\n";
  out += "Begin TriggerBlock " + date + "\n   0.000000 Start of measurement\n";
}

void asc_writer::append_classic(std::string& out, const frame_view& frame, unsigned channel) const {
  text::append_padded(out, std::to_string(channel), 2);
  out += ' ';
  const auto header = frame.header;
  if (header.error()) {
    out += "ErrorFrame\n";
    return;
  }
  text::append_padded(out, asc_identifier(header), 15);
  out += ' ';
  text::append_padded(out, asc_direction(header), 4);
  out += header.remote() ? " r " : " d ";
  text::append_hex(out, header.nibble() != 0 ? header.nibble() : header.length(), 1);
  text::append_bytes(out, frame.payload());
  out += '\n';
}

void asc_writer::append_fd(std::string& out, const frame_view& frame, unsigned channel) const {
  const auto header = frame.header;
  const bool rate_switch = (header.nibble() & 1U) != 0;
  const bool error_state = (header.nibble() & 2U) != 0;
  out += "CANFD ";
  text::append_padded(out, std::to_string(channel), 3, true);
  out += ' ';
  text::append_padded(out, asc_direction(header), 4);
  out += ' ';
  text::append_padded(out, asc_identifier(header), 11, true);
  out.append(34, ' ');
  out += rate_switch ? "1 " : "0 ";
  out += error_state ? "1 " : "0 ";
  text::append_hex(out, fd_code_of(header.length()).value_or(0), 1);
  out += ' ';
  text::append_padded(out, std::to_string(header.length()), 2, true);
  text::append_bytes(out, frame.payload());
  out += "        0    0 ";
  const auto flags = asc_flag::fd | (rate_switch ? asc_flag::bit_rate_switch : 0)
                     | (error_state ? asc_flag::error_state : 0);
  text::append_hex(out, flags, 8);
  out += " 0 0 0 0 0\n";
}

const char*
asc_writer::append(std::string& out, const frame_view& frame, std::string_view interface) {
  if (frame.header.kind() == frame_kind::xl)
    return "an XL frame: our ASC cannot express it";
  const auto channel = channels_.channel_of(interface);
  if (!channel)
    return "more than 255 interfaces: ASC has at most 255 channels";
  if (!begun_)
    append_heading(out, frame.time_us);
  std::int64_t offset = 0;
  if (__builtin_sub_overflow(frame.time_us, start_us_, &offset)
      || offset / second_us > 9'999'999'999 || offset / second_us < -9'999'999'999)
    return "a time more than 10 digits of seconds from the start of the log";
  if (channels_.renamed(*channel) && !announced_[*channel]) {
    announced_[*channel] = true;
    out += "// " + channels_.comment(*channel) + "\n";
  }
  append_offset(out, offset);
  out += ' ';
  if (frame.header.kind() == frame_kind::fd && !frame.header.error())
    append_fd(out, frame, *channel);
  else
    append_classic(out, frame, *channel);
  return nullptr;
}

void asc_writer::finish(std::string& out) const {
  if (begun_)
    out += "End TriggerBlock\n";
}

} // namespace furrow::can
