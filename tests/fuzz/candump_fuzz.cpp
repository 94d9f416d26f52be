/// Any text as a candump log. Every frame that is read is valid, and reads back the same after writing.
#include "can/logs/candump.hpp"
#include "tests/fuzz/fuzz_target.hpp"

#include <algorithm>
#include <cstdlib>

FUZZ_TARGET(candump) {
  using namespace furrow::can;
  candump_reader reader{{reinterpret_cast<const char*>(data), size}};
  log_line line;
  log_line again;
  log_payload payload;
  log_payload payload_again;
  std::string text;
  while (reader.next(line, payload)) {
    if (line.kind == line_kind::fault && (line.fault == nullptr || line.column == 0))
      std::abort();
    if (line.kind != line_kind::frame)
      continue;
    if (fault_of(line.header) != frame_fault::none)
      std::abort();
    text.clear();
    const frame_view frame{line.time_us, line.header, payload.data()};
    append_candump(text, frame, line.interface);
    parse_candump(text, again, payload_again);
    if (again.kind != line_kind::frame || again.time_us != line.time_us || again.header != line.header
        || again.interface != line.interface
        || !std::equal(frame.payload().begin(), frame.payload().end(), payload_again.begin()))
      std::abort();
  }
  return 0;
}
