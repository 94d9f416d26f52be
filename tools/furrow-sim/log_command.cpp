#include "tools/furrow-sim/log_command.hpp"

#include "can/logs/candump.hpp"
#include "tools/furrow-sim/traffic.hpp"

#include <string>
#include <vector>

namespace furrow::sim {

namespace {

// 2026-05-01T06:00:00Z: the same seed gives the same log on any day.
constexpr std::int64_t start_us = 1'777'615'200'000'000;
constexpr std::size_t flush_bytes = 64U << 10U;

struct logged_machine {
  traffic source;
  made_frame head;
  std::string interface;
};

} // namespace

bool write_log(const log_options& options, std::FILE* out) {
  std::vector<logged_machine> machines;
  for (std::uint32_t i = 0; i < options.machines; ++i) {
    traffic source{options.seed + i, options.rate, start_us};
    auto head = source.next();
    machines.push_back({std::move(source), head, "can" + std::to_string(i)});
  }
  const auto end_us = start_us + static_cast<std::int64_t>(options.seconds * 1e6);
  std::string text;
  for (;;) {
    auto* earliest = &machines.front();
    for (auto& one : machines)
      if (one.head.time_us < earliest->head.time_us)
        earliest = &one;
    if (earliest->head.time_us >= end_us)
      break;
    const auto& head = earliest->head;
    can::append_candump(text, {head.time_us, head.header, head.payload.data()},
                        earliest->interface);
    earliest->head = earliest->source.next();
    if (text.size() < flush_bytes)
      continue;
    if (std::fwrite(text.data(), 1, text.size(), out) != text.size())
      return false;
    text.clear();
  }
  return std::fwrite(text.data(), 1, text.size(), out) == text.size() && std::fflush(out) == 0;
}

} // namespace furrow::sim
