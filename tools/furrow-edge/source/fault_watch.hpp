/// Finds frames that say something new about active faults, so that the gateway sends them at once.
///
/// Shape: a DM1 message of one frame, or the announcement of a longer one, is compared with the last one of its sender. A
///   message without faults is nothing new. It is no decoder: the node decides what a fault is.
/// Threads: a plain value.
/// Limits: senders_max senders; further ones are not watched. A block without DM1 costs one look at each of its headers.
/// Source: SAE J1939-73 (DM1), J1939-21 (broadcast announcement).
#pragma once

#include "can/frame/frame_block.hpp"
#include "can/frame/identifier.hpp"
#include "can/isobus/diagnostics.hpp"

#include <cstdint>
#include <map>
#include <vector>

namespace furrow::edge {

class fault_watch {
public:
  static constexpr std::size_t senders_max = 256;

  [[nodiscard]] bool look(const can::frame_block& block) {
    bool any = false;
    concerns_.assign(block.headers.size(), 0);
    for (std::size_t i = 0; i < block.headers.size(); ++i) {
      const can::frame_header header{block.headers[i]};
      const auto pgn = header.extended() && header.payload_bytes() == can::classic_bytes_max
                         ? can::pgn_of(header.id())
                         : 0;
      concerns_[i] = pgn == can::pgn_dm1 || pgn == can::pgn_tp_control ? 1 : 0;
      any = any || concerns_[i] != 0;
    }
    bool fresh = false;
    for (std::size_t i = 0; any && i < block.size(); ++i)
      if (concerns_[block.header_index[i]] != 0 && is_new(block.header(i), block.slots[i]))
        fresh = true;
    return fresh;
  }

private:
  /// Lamps, SPN and FMI of the first fault; not how often it occurred.
  static constexpr std::uint64_t dm1_mask = 0x000000FFFFFF00FF;
  static constexpr std::uint64_t fault_mask = 0x000000FFFFFF0000;
  static constexpr std::uint64_t broadcast = 32; // the control byte of an announcement

  bool is_new(can::frame_header header, std::uint64_t payload) {
    const bool announced = can::pgn_of(header.id()) == can::pgn_tp_control;
    if (announced && ((payload & 0xFFU) != broadcast || payload >> 40U != can::pgn_dm1))
      return false;
    const auto said = announced ? payload : payload & dm1_mask;
    const auto sender = std::uint32_t{header.bus()} << 8U | can::source_of(header.id());
    const auto known = last_.find(sender);
    if (known == last_.end() && last_.size() >= senders_max)
      return false;
    const bool changed = known == last_.end() || known->second != said;
    last_[sender] = said;
    const auto faults = payload & fault_mask;
    return changed && (announced || (faults != 0 && faults != fault_mask));
  }

  std::vector<std::uint8_t> concerns_;          // by header of the block
  std::map<std::uint32_t, std::uint64_t> last_; // by bus and source
};

} // namespace furrow::edge
