#include "can/isobus/diagnostics.hpp"

#include <algorithm>
#include <array>

namespace furrow::can {

namespace {

constexpr std::uint8_t occurrences_not_available = 127;
constexpr std::uint32_t spn_all_ones = 0x7FFFF;
constexpr std::uint8_t fmi_all_ones = 31;

lamp lamp_at(std::span<const std::uint8_t> head, unsigned shift) {
  return {static_cast<lamp_state>(head[0] >> shift & 3U),
          static_cast<lamp_flash>(head[1] >> shift & 3U)};
}

} // namespace

std::optional<dm_view> dm_view::parse(std::span<const std::uint8_t> payload) {
  // A single frame with one fault has two unused bytes.
  if (payload.size() == 8)
    payload = payload.first(6);
  if (payload.size() < 6 || payload.size() % 4 != 2)
    return std::nullopt;
  return dm_view{payload};
}

lamps dm_view::lamps() const {
  return {lamp_at(head_, 0), lamp_at(head_, 2), lamp_at(head_, 4), lamp_at(head_, 6)};
}

std::optional<trouble_code> dm_view::operator[](std::size_t place) const {
  const auto bytes = faults_.subspan(place * 4, 4);
  trouble_code code;
  code.spn = bytes[0] | std::uint32_t{bytes[1]} << 8U | (std::uint32_t{bytes[2]} >> 5U) << 16U;
  code.fmi = bytes[2] & 31U;
  if (const std::uint8_t count = bytes[3] & 127U; count != occurrences_not_available)
    code.occurrences = count;
  code.conversion_method = bytes[3] >> 7U != 0;
  // An ECU without faults sends zeros. All ones means "not available" in J1939-71. But an implement sent SPN 524287 FMI
  // 31 with a real count as a fault, so it counts as one.
  const bool none = code.spn == 0 && code.fmi == 0;
  const bool not_available =
    code.spn == spn_all_ones && code.fmi == fmi_all_ones && bytes[3] == 0xFF;
  if (none || not_available)
    return std::nullopt;
  return code;
}

std::string_view fmi_word(std::uint8_t fmi) {
  static constexpr std::array<std::string_view, 22> words{"far above normal",
                                                          "far below normal",
                                                          "erratic or wrong",
                                                          "voltage too high",
                                                          "voltage too low",
                                                          "current too low, or open circuit",
                                                          "current too high, or shorted to ground",
                                                          "mechanical system does not respond",
                                                          "wrong frequency or pulse width",
                                                          "updated at a wrong rate",
                                                          "changes too fast",
                                                          "root cause not known",
                                                          "device or component bad",
                                                          "out of calibration",
                                                          "special instructions",
                                                          "slightly above normal",
                                                          "above normal",
                                                          "slightly below normal",
                                                          "below normal",
                                                          "received data in error",
                                                          "drifted high",
                                                          "drifted low"};
  if (fmi == fmi_all_ones)
    return "condition exists";
  return fmi < words.size() ? words[fmi] : std::string_view{};
}

bool fault_table::update(const assembled_message& message, std::vector<fault_change>& changes) {
  if (message.pgn != pgn_dm1 && message.pgn != pgn_dm2)
    return false;
  const auto dm = dm_view::parse(message.data);
  if (!dm) {
    ++malformed_;
    return true;
  }
  const auto list = message.pgn == pgn_dm1 ? fault_list::active : fault_list::previous;
  const auto lamps = dm->lamps();
  const auto is_its = [&](const fault& one) {
    return one.bus == message.bus && one.source == message.source && one.list == list;
  };
  // An explicit mark, not the time: two messages may have the same microsecond.
  std::vector<bool> said(faults_.size(), false);
  for (std::size_t place = 0; place < dm->places(); ++place) {
    const auto code = (*dm)[place];
    if (!code)
      continue;
    const auto at = std::find_if(faults_.begin(), faults_.end(), [&](const fault& one) {
      return is_its(one) && one.code.spn == code->spn && one.code.fmi == code->fmi;
    });
    if (at == faults_.end()) {
      if (faults_.size() == faults_max) {
        ++not_kept_;
        continue;
      }
      faults_.push_back(
        {message.bus, message.source, list, *code, lamps, message.time_us, message.time_us});
      said.push_back(true);
      changes.push_back({fault_event::appeared, message.time_us, faults_.back()});
      continue;
    }
    const bool again = at->code.occurrences != code->occurrences;
    at->code = *code;
    at->lamps = lamps;
    at->last_us = message.time_us;
    said[static_cast<std::size_t>(at - faults_.begin())] = true;
    if (again)
      changes.push_back({fault_event::counted, message.time_us, *at});
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < faults_.size(); ++i) {
    if (is_its(faults_[i]) && !said[i])
      changes.push_back({fault_event::cleared, message.time_us, faults_[i]});
    else
      faults_[kept++] = faults_[i];
  }
  faults_.resize(kept);
  return true;
}

std::size_t fault_table::active() const {
  return static_cast<std::size_t>(
    std::count_if(faults_.begin(), faults_.end(),
                  [](const fault& one) { return one.list == fault_list::active; }));
}

} // namespace furrow::can
