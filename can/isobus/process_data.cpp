#include "can/isobus/process_data.hpp"

#include <charconv>

namespace furrow::can {

namespace {

/// Command 1, subcommand 6.
constexpr std::uint8_t object_pool_transfer = 0x61;

constexpr std::string_view element_part = "PD.element_";
constexpr std::string_view ddi_part = ".ddi_";

} // namespace

const char* to_string(process_command command) {
  switch (command) {
  case process_command::technical_capabilities:
    return "technical capabilities";
  case process_command::device_descriptor:
    return "device descriptor";
  case process_command::request_value:
    return "request value";
  case process_command::value:
    return "value";
  case process_command::measure_by_time:
    return "measure by time";
  case process_command::measure_by_distance:
    return "measure by distance";
  case process_command::measure_below:
    return "measure below";
  case process_command::measure_above:
    return "measure above";
  case process_command::measure_on_change:
    return "measure on change";
  case process_command::peer_assignment:
    return "peer assignment";
  case process_command::set_and_acknowledge:
    return "set and acknowledge";
  case process_command::reserved_11:
  case process_command::reserved_12:
    return "reserved";
  case process_command::acknowledge:
    return "acknowledge";
  case process_command::task_controller_status:
    return "task controller status";
  case process_command::client_task:
    return "client task";
  }
  return "unknown";
}

std::optional<process_data> parse_process_data(std::span<const std::uint8_t> payload) {
  if (payload.size() != 8)
    return std::nullopt;
  process_data out;
  out.command = static_cast<process_command>(payload[0] & 15U);
  out.element = static_cast<std::uint16_t>(payload[0] >> 4U | payload[1] << 4U);
  out.ddi = static_cast<std::uint16_t>(payload[2] | payload[3] << 8U);
  out.value = static_cast<std::int32_t>(payload[4] | std::uint32_t{payload[5]} << 8U
                                        | std::uint32_t{payload[6]} << 16U
                                        | std::uint32_t{payload[7]} << 24U);
  return out;
}

std::string signal_name(process_key key) {
  return std::string{element_part} + std::to_string(key.element) + std::string{ddi_part}
         + std::to_string(key.ddi);
}

std::optional<process_key> parse_process_signal(std::string_view name) {
  constexpr std::uint16_t element_max = 4095;
  const auto take = [&name](std::string_view before) -> std::optional<std::uint16_t> {
    if (!name.starts_with(before))
      return std::nullopt;
    name.remove_prefix(before.size());
    std::uint16_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error != std::errc{})
      return std::nullopt;
    name.remove_prefix(static_cast<std::size_t>(end - name.data()));
    return number;
  };
  const auto element = take(element_part);
  const auto ddi = element ? take(ddi_part) : std::nullopt;
  if (!ddi || *element > element_max || !name.empty())
    return std::nullopt;
  return process_key{*element, *ddi};
}

std::optional<std::span<const std::uint8_t>> object_pool_of(std::span<const std::uint8_t> payload) {
  if (payload.size() <= 8 || payload[0] != object_pool_transfer)
    return std::nullopt;
  return payload.subspan(1);
}

} // namespace furrow::can
