#include "tools/furrow/logs/log_input.hpp"

#include <istream>
#include <utility>

namespace furrow::cli {

log_input::log_input(std::istream& in, logs::log_times times, can::log_format format)
  : in_{in}, reader_{format}, clock_{std::move(times)}, bytes_(logs::packed_input::chunk_bytes) {}

log_input::had log_input::next(can::log_line& out, can::log_payload& payload) {
  for (;;) {
    if (reader_.next(out, payload)) {
      note(out);
      return had::line;
    }
    if (ended_)
      return had::end;
    if (!std::exchange(paused_, true))
      return had::pause;
    paused_ = false;
    read_more();
  }
}

void log_input::refuse() {
  --tally_.read;
  ++tally_.bad;
}

void log_input::note(can::log_line& line) {
  switch (line.kind) {
  case can::line_kind::frame:
  case can::line_kind::message:
    ++tally_.read;
    line.time_us = clock_.utc_of(line.time_us, reader_.format());
    return;
  case can::line_kind::fault:
    reader_.unterminated() ? void(half_line_ = true) : void(++tally_.bad);
    return;
  case can::line_kind::nothing:
  case can::line_kind::dropped:
    return;
  }
}

/// Takes what is available without waiting for more: the log may be a live bus.
logs::got log_input::read_raw(std::span<char> into, std::size_t& count) {
  if (in_.peek() != std::istream::traits_type::eof())
    count = static_cast<std::size_t>(
      in_.readsome(into.data(), static_cast<std::streamsize>(into.size())));
  if (count > 0)
    return logs::got::bytes;
  return in_.bad() ? logs::got::broken : logs::got::end;
}

void log_input::read_more() {
  std::size_t count = 0;
  switch (
    input_.read(bytes_, count, [this](auto into, auto& got) { return read_raw(into, got); })) {
  case logs::got::bytes:
    reader_.feed({bytes_.data(), count});
    return;
  case logs::got::nothing_yet:
    return;
  case logs::got::broken:
    trouble_ = input_.trouble().empty() ? "it cannot be read to its end" : input_.trouble();
    break;
  case logs::got::end:
    break;
  }
  ended_ = true;
  reader_.finish();
}

} // namespace furrow::cli
