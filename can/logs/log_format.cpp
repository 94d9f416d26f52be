#include "can/logs/log_format.hpp"

#include "can/frame/identifier.hpp"
#include "can/logs/candump.hpp"
#include "can/logs/gvret_csv.hpp"
#include "can/logs/rp1210_text.hpp"
#include "can/text/scan.hpp"
#include "can/text/time.hpp"
#include "can/transport/fast_packet.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <utility>

namespace furrow::can {

namespace {

using text::scan;

/// Eleven bits of a maker's code, two reserved bits (ones), three bits of the industry group, which is marine.
bool begins_with_marine_maker(const log_payload& payload) {
  constexpr unsigned reserved_and_marine = 3U << 3U | 4U << 5U;
  return (payload[1] & 0xF8U) == reserved_and_marine;
}

constexpr std::array<std::pair<log_format, std::string_view>, 11> names{
  {{log_format::unknown, "unknown"},
   {log_format::candump, "candump"},
   {log_format::asc, "asc"},
   {log_format::trc, "trc"},
   {log_format::canboat, "canboat"},
   {log_format::ydwg, "ydwg"},
   {log_format::actisense, "actisense"},
   {log_format::garmin, "garmin"},
   {log_format::pcdin, "pcdin"},
   {log_format::rp1210, "rp1210"},
   {log_format::gvret, "gvret"}}};

bool starts(std::string_view line, std::initializer_list<std::string_view> with) {
  return std::any_of(with.begin(), with.end(),
                     [&](std::string_view start) { return line.starts_with(start); });
}

/// `1)  1000.4 ...` (TRC), `0.019968 1  64  Rx ...` (ASC), `12:22:43.128 R ...` (YDWG), `973,0CF00400,true,...`
/// (GVRET), `0,120034,...` (Garmin).
log_format format_by_number(scan in) {
  auto at = in;
  if (const auto clock = text::take_clock(at); clock && at.blanks())
    return at.peek(1) == ' ' && (at.peek() == 'R' || at.peek() == 'T') ? log_format::ydwg
                                                                       : log_format::unknown;
  at = in;
  if (at.decimal(18)) {
    if (at.take(')') && at.blanks() && text::is_digit(at.peek()))
      return log_format::trc;
    if (at.take(','))
      return is_gvret_line(in.rest()) ? log_format::gvret : log_format::garmin;
  }
  at = in;
  if (!at.decimal(10) || !at.take('.') || !at.fraction_us(9) || !at.blanks())
    return log_format::unknown;
  if (at.rest().starts_with("CANFD ") || at.rest().starts_with("Start of measurement"))
    return log_format::asc;
  return at.decimal(3) && at.blanks() ? log_format::asc : log_format::unknown;
}

/// `2022-05-06T07:08:09.123Z,2,127250,...` (canboat) or `2021-04-23 12:22:43.128 ... [8] ...`
/// (RP1210).
log_format format_by_date(scan in) {
  if (!in.take('T') && !in.take('-')) {
    in.blanks();
    return text::take_clock(in) && in.rest().find(" [") != std::string_view::npos
             ? log_format::rp1210
             : log_format::unknown;
  }
  if (!text::take_clock(in))
    return log_format::unknown;
  in.take('Z');
  return in.peek() == ',' ? log_format::canboat : log_format::unknown;
}

bool is_candump(std::string_view line) {
  log_line read;
  log_payload payload;
  parse_candump(line, read, payload);
  return read.kind == line_kind::frame || read.kind == line_kind::dropped;
}

bool is_actisense(std::string_view line) {
  return line.size() > 8 && line[0] == 'A' && line[7] == '.'
         && std::all_of(line.begin() + 1, line.begin() + 7, text::is_digit);
}

/// Before the format is known: a line that is a comment or blank in every format.
bool is_comment(std::string_view line) {
  scan in{line};
  in.blanks();
  return in.done() || in.peek() == '#' || in.peek() == ';' || in.rest().starts_with("//");
}

} // namespace

std::string_view to_string(log_format format) {
  const auto* found =
    std::find_if(names.begin(), names.end(), [&](const auto& row) { return row.first == format; });
  return found == names.end() ? "unknown" : found->second;
}

std::optional<log_format> parse_log_format(std::string_view name) {
  const auto* found =
    std::find_if(names.begin(), names.end(), [&](const auto& row) { return row.second == name; });
  if (found == names.end() || found->first == log_format::unknown)
    return std::nullopt;
  return found->first;
}

bool can_write(log_format format) {
  return format >= log_format::candump && format <= log_format::ydwg;
}

log_format format_of_line(std::string_view line) {
  line = text::without_end(line);
  scan in{line};
  in.blanks();
  if (in.done() || line.size() > line_bytes_max)
    return log_format::unknown;
  if (starts(line, {";$FILEVERSION=", ";$STARTTIME=", ";$COLUMNS=", ";###########"}))
    return log_format::trc;
  if (starts(line, {"date ", "base hex", "base dec", "Begin Trigger", "internal events"}))
    return log_format::asc;
  if (starts(line, {"$PCDIN,"}))
    return log_format::pcdin;
  if (starts(line, {"Sequence #,"}))
    return log_format::garmin;
  if (starts(line, {gvret_heading}))
    return log_format::gvret;
  if (starts(line, {"interface = "}) || is_candump(line))
    return log_format::candump;
  if (is_actisense(line))
    return log_format::actisense;
  auto at = in;
  if (text::take_date(at))
    return format_by_date(at);
  return text::is_digit(in.peek()) ? format_by_number(in) : log_format::unknown;
}

log_format format_of(std::string_view text) {
  constexpr std::size_t lines_max = 1000;
  for (std::size_t i = 0, at = 0; i < lines_max && at < text.size(); ++i) {
    const auto end = std::min(text.find('\n', at), text.size());
    const auto format = format_of_line(text.substr(at, end - at));
    if (format != log_format::unknown)
      return format;
    at = end + 1;
  }
  return log_format::unknown;
}

void log_reader::feed(std::string_view bytes) {
  if (part_given_) {
    part_.clear();
    part_given_ = false;
  }
  assert(fed_.empty() && "next() must have returned false before more is fed");
  fed_ = input_.feed(bytes);
}

void log_reader::finish() {
  if (!finished_ && fed_.empty()) // else nothing was held back
    fed_ = input_.finish();
  finished_ = true;
}

std::optional<std::string_view> log_reader::take_line() {
  if (part_given_) {
    part_.clear();
    part_given_ = false;
  }
  const auto end = fed_.find('\n');
  const bool ended = end != std::string_view::npos;
  const auto piece = fed_.substr(0, ended ? end + 1 : fed_.size());
  fed_.remove_prefix(piece.size());
  unterminated_ = !ended;
  if (part_.empty() && !overlong_ && ended) {
    offset_ += input_.take_mark() + piece.size() * input_.width();
    return piece;
  }
  // Of a line that is too long, only enough is kept to show that it is too long.
  const auto room = line_bytes_max + 2 - std::min(part_.size(), line_bytes_max + 2);
  part_.append(piece.substr(0, room));
  skipped_ += piece.size() - std::min(piece.size(), room);
  overlong_ = skipped_ > 0;
  if (!ended && !(finished_ && !part_.empty()))
    return std::nullopt;
  offset_ += input_.take_mark() + (part_.size() + skipped_) * input_.width();
  skipped_ = 0;
  overlong_ = false;
  part_given_ = true;
  return part_;
}

void log_reader::parse_candump_line(std::string_view line, log_line& out, log_payload& payload) {
  parse_candump(line, out, payload,
                unnamed_.empty() ? interface_unnamed : std::string_view{unnamed_});
  constexpr std::string_view heading = "interface = ";
  if (out.kind == line_kind::nothing && line.starts_with(heading)) {
    const auto name =
      line.substr(heading.size(), std::min(line.find_first_of(", \t", heading.size()), line.size())
                                    - heading.size());
    if (is_interface_name(name))
      unnamed_ = name;
  }
}

/// A line of at most eight bytes may be a whole message if its PGN is sent as fast packets. Read as a packet, its first
/// byte would be a counter. Gateways that assemble messages assemble short ones too. A canboat log may mix both; a
/// proprietary message that fills a frame is then usually a packet. But where no such packet came before, and the line
/// begins with a maker's code of the marine group, it is a message: a first packet has a counter and a length there.
void log_reader::tell_message(log_line& out, const log_payload& payload) {
  if (out.kind == line_kind::message)
    assembled_ = true;
  const bool always = format_ == log_format::actisense || format_ == log_format::garmin
                      || format_ == log_format::pcdin;
  if (out.kind != line_kind::frame)
    return;
  const auto id = parse_j1939(out.header.id());
  const auto type = packet_type_of(id.pgn);
  const bool own = type == packet_type::proprietary && !always;
  const bool full = own && out.header.length() == 8;
  const bool coded = own && out.header.length() >= 2 && begins_with_marine_maker(payload);
  packets_ = packets_ || (full && !coded);
  const bool whole = coded && !packets_;
  if (type == packet_type::single || (full && !whole) || (!always && !assembled_ && !whole))
    return;
  out.kind = line_kind::message;
  out.message = {id.pgn, out.header.length(), id.priority, id.source, id.destination};
}

void log_reader::parse(std::string_view line, log_line& out, log_payload& payload) {
  // First, because candump is by far the most frequent format, and reads without a copy of `out`.
  if (format_ == log_format::candump)
    return parse_candump_line(line, out, payload);
  out = {};
  if (line.size() > line_bytes_max)
    return out.set_fault(line_bytes_max + 1, "line: longer than 8192 bytes");
  switch (format_) {
  case log_format::unknown:
    if (!is_comment(line))
      out.set_fault(1, "format: unknown; known are candump, asc, trc, canboat, ydwg, actisense, "
                       "garmin, pcdin, rp1210, gvret");
    return;
  case log_format::candump:
    return;
  case log_format::asc:
    return parse_asc(line, asc_, channels_, out, payload);
  case log_format::trc:
    return parse_trc(line, trc_, channels_, out, payload);
  case log_format::canboat:
    parse_canboat(line, out, payload);
    return tell_message(out, payload);
  case log_format::ydwg:
    return parse_ydwg(line, clock_, out, payload);
  case log_format::actisense:
    parse_actisense(line, clock_, out, payload);
    return tell_message(out, payload);
  case log_format::garmin:
    parse_garmin(line, out, payload);
    return tell_message(out, payload);
  case log_format::pcdin:
    parse_pcdin(line, out, payload);
    return tell_message(out, payload);
  case log_format::rp1210:
    return parse_rp1210(line, out, payload);
  case log_format::gvret:
    return parse_gvret(line, channels_, out, payload);
  }
}

bool log_reader::next(log_line& out, log_payload& payload) {
  if (fed_.empty() && !(finished_ && !part_given_ && !part_.empty())) {
    if (finished_)
      offset_ += input_.take_rest();
    return false;
  }
  const auto taken = take_line();
  if (!taken)
    return false;
  ++line_;
  const auto line = text::without_end(*taken);
  if (format_ == log_format::unknown)
    format_ = format_of_line(line);
  parse(line, out, payload);
  return true;
}

namespace {

/// Numbers and words, separated by blanks.
class state_text {
public:
  explicit state_text(std::string_view text) : in_{text} {}

  template <class T>
  bool take(T& value) {
    in_.blanks();
    const auto word = in_.word();
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    return error == std::errc{} && end == word.data() + word.size() && !word.empty();
  }
  bool take(bool& value) {
    unsigned number = 0;
    if (!take(number) || number > 1)
      return false;
    value = number == 1;
    return true;
  }
  std::string_view word() {
    in_.blanks();
    return in_.word();
  }

private:
  scan in_;
};

} // namespace

std::string log_reader::save() const {
  std::string text = "1 ";
  text += to_string(format_);
  const auto put = [&](auto value) { text += ' ' + std::to_string(value); };
  put(line_);
  put(offset_);
  put(int{asc_.decimal});
  put(int{asc_.relative});
  put(int{asc_.triggered});
  put(int{asc_.dated});
  put(asc_.start_us);
  put(asc_.last_us);
  put(static_cast<unsigned>(trc_.version));
  put(int{trc_.dated});
  put(trc_.start_us);
  put(clock_.day);
  put(clock_.last_us);
  // Blanks separate the saved values, so the letters of the columns, which may be any character, become numbers.
  for (const char letter : trc_.columns)
    put(static_cast<unsigned>(static_cast<unsigned char>(letter)));
  text += ' ' + (unnamed_.empty() ? std::string{"-"} : "=" + unnamed_);
  put(channels_.names().size());
  for (const auto& name : channels_.names())
    text += ' ' + (name.empty() ? std::string{"-"} : "=" + name);
  put(int{assembled_});
  put(static_cast<unsigned>(input_.found()));
  put(int{packets_});
  return text;
}

bool log_reader::restore(std::string_view saved) {
  state_text in{saved};
  log_reader made;
  const auto read_name = [&](std::string& name) {
    const auto word = in.word();
    if (word == "-")
      return true;
    if (!word.starts_with('=') || !is_interface_name(word.substr(1)))
      return false;
    name = word.substr(1);
    return true;
  };
  if (in.word() != "1")
    return false;
  const auto format_word = in.word();
  const auto format = parse_log_format(format_word);
  if (!format && format_word != "unknown")
    return false;
  made.format_ = format.value_or(log_format::unknown);
  unsigned version = 0;
  std::size_t channels = 0;
  if (!in.take(made.line_) || !in.take(made.offset_) || !in.take(made.asc_.decimal)
      || !in.take(made.asc_.relative) || !in.take(made.asc_.triggered) || !in.take(made.asc_.dated)
      || !in.take(made.asc_.start_us) || !in.take(made.asc_.last_us) || !in.take(version)
      || !in.take(made.trc_.dated) || !in.take(made.trc_.start_us) || !in.take(made.clock_.day)
      || !in.take(made.clock_.last_us))
    return false;
  const auto known =
    parse_trc_version(std::to_string(version / 10) + "." + std::to_string(version % 10));
  if (!known)
    return false;
  made.trc_.version = *known;
  for (char& letter : made.trc_.columns) {
    unsigned code = 0;
    if (!in.take(code) || code > 0xFF)
      return false;
    letter = static_cast<char>(code);
  }
  if (!read_name(made.unnamed_) || !in.take(channels) || channels > channel_table::channel_max)
    return false;
  for (unsigned channel = 1; channel <= channels; ++channel) {
    std::string name;
    if (!read_name(name))
      return false;
    if (!name.empty())
      made.channels_.rename(channel, name);
  }
  unsigned encoding = 0; // older versions did not save it, nor whether messages are whole
  if (in.take(made.assembled_) && in.take(encoding)
      && encoding <= static_cast<unsigned>(text::encoding::utf16_be))
    made.input_.resume(static_cast<text::encoding>(encoding));
  else if (made.offset_ != 0)
    made.input_.resume(text::encoding::utf8);
  (void)in.take(made.packets_);
  *this = std::move(made);
  return true;
}

const char*
log_writer::append(std::string& out, const frame_view& frame, std::string_view interface) {
  switch (format_) {
  case log_format::candump:
    append_candump(out, frame, interface);
    return nullptr;
  case log_format::asc:
    return asc_.append(out, frame, interface);
  case log_format::trc:
    return trc_.append(out, frame, interface);
  case log_format::canboat:
    return append_canboat(out, frame);
  case log_format::ydwg:
    return append_ydwg(out, frame);
  case log_format::unknown:
  case log_format::actisense:
  case log_format::garmin:
  case log_format::pcdin:
  case log_format::rp1210:
  case log_format::gvret:
    break;
  }
  return "this format is read only";
}

const char* log_writer::append(std::string& out,
                               std::int64_t time_us,
                               const message_head& head,
                               const std::uint8_t* data) {
  if (format_ != log_format::canboat)
    return "a whole message: only canboat can express it";
  append_canboat(out, time_us, head, data);
  return nullptr;
}

void log_writer::finish(std::string& out) const {
  if (format_ == log_format::asc)
    asc_.finish(out);
}

} // namespace furrow::can
