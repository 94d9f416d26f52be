/// Any text as a DBC file, and any bytes as payloads for its messages. Lenient mode accepts every file that
/// strict mode accepts. A value is a number, and only a value is.
#include "can/dbc/decode.hpp"
#include "can/dbc/file.hpp"
#include "tests/fuzz/fuzz_target.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

FUZZ_TARGET(dbc) {
  using namespace furrow::can;
  dbc_limits limits;
  limits.signals = 4'096;
  limits.choices = 4'096;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const auto strict = parse_dbc(text, "fuzz", dbc_mode::strict, limits);
  const auto file = parse_dbc(text, "fuzz", dbc_mode::lenient, limits);
  if (!file) {
    if (strict || file.error().detail.empty())
      std::abort();
    return 0;
  }
  const dbc_file* files[] = {&*file, &*file};
  const auto plan = decode_plan::compile(files);
  if (!plan)
    std::abort();
  std::vector<decoded_signal> out(plan->signals_max());
  // The text serves as payload: short, complete and long.
  for (const std::size_t length : {0U, 3U, 8U, 9U, 64U, 1785U}) {
    const std::span payload{data, std::min(length, size)};
    for (const auto& message : plan->messages()) {
      const auto count = plan->decode(message, payload, out);
      if (count > message.signal_count)
        std::abort();
      for (std::size_t i = 0; i < count; ++i) {
        if (out[i].signal - message.first_signal >= message.signal_count
            || std::isnan(out[i].physical) == (out[i].state == signal_state::value))
          std::abort();
        (void)plan->label(out[i]);
      }
      const auto header = pack({.id = message.id, .extended = message.extended, .length = 8});
      if (plan->find(header) == nullptr)
        std::abort();
    }
  }
  return 0;
}
