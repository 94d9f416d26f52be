#include "tools/furrow-edge/spool/newest_frames.hpp"

#include "can/frame/identifier.hpp"
#include "can/frame/name.hpp"
#include "can/isobus/diagnostics.hpp"
#include "can/isobus/process_data.hpp"
#include "can/live/live_state.hpp"
#include "can/transport/fast_packet.hpp"

#include <algorithm>
#include <utility>

namespace furrow::edge {

namespace {

constexpr std::uint64_t identity_mask =
  0x03'00'00'FF'FF'FF'FF'FF; // kind, bus, flags and identifier
constexpr std::size_t buckets = 2 * newest_frames::identifiers_max;
static_assert((buckets & (buckets - 1)) == 0);

// A frame in a message: an index of one byte, a time, a payload; a header of its own. A wide index adds a byte.
constexpr std::size_t frame_bytes = 14;
constexpr std::size_t header_bytes = 8;

constexpr std::uint8_t tp_broadcast = 32; // TP.CM: the announcement of a broadcast
constexpr std::uint32_t fast_bit = 1U << 16U;

bool is_in_view(std::uint32_t pgn) {
  return std::find(can::live_pgns.begin(), can::live_pgns.end(), pgn) != can::live_pgns.end()
         || pgn == can::pgn_dm1 || pgn == can::pgn_dm2 || pgn == can::pgn_process_data
         || pgn == can::pgn_address_claimed;
}

bool is_shown(can::frame_header header) {
  return header.extended() && is_in_view(can::pgn_of(header.id()));
}

/// The bits of a payload that say of what a message speaks.
std::uint64_t selector_mask(std::uint32_t pgn) {
  switch (pgn) {
  case can::pgn_process_data:
    return 0xFFFFFFFF; // command, element, DDI
  case 127488:         // engine: instance
  case 127505:         // fluid level: instance and kind
    return 0xFF;
  case 130312: // temperature, humidity, pressure: instance and place, after the sequence number
  case 130313:
  case 130314:
  case 130316:
    return 0xFFFF00;
  default:
    return 0;
  }
}

std::uint64_t selector_of(const held_frame& frame) {
  return frame.header.extended() ? frame.slot & selector_mask(can::pgn_of(frame.header.id())) : 0;
}

std::uint32_t sender_of(can::frame_header header) {
  return std::uint32_t{header.bus()} << 8U | can::source_of(header.id());
}

std::size_t bucket_of(std::uint64_t key, std::uint64_t selector) {
  return static_cast<std::size_t>(((key ^ selector << 29U) * 0x9E3779B97F4A7C15U) >> 32U)
         & (buckets - 1);
}

} // namespace

frame_picker::role frame_picker::role_of(can::frame_header header) {
  if (header.error() || header.remote() || header.kind() != can::frame_kind::classic
      || can::fault_of(header) != can::frame_fault::none)
    return role::out;
  if (!header.extended())
    return role::plain;
  const auto pgn = can::pgn_of(header.id());
  const bool to_all = can::destination_of(header.id()) == can::address_global;
  switch (pgn) {
  case can::pgn_tp_control:
    return to_all && header.length() == 8 ? role::announcement : role::out;
  case can::pgn_tp_data:
    return to_all && header.length() == 8 ? role::packet : role::out;
  case can::pgn_etp_control:
  case can::pgn_etp_data:
    return role::out;
  default:
    break;
  }
  if (can::packet_type_of(pgn) != can::packet_type::single)
    return is_in_view(pgn) && header.length() == 8 ? role::fast : role::out;
  return selector_mask(pgn) != 0 ? role::multiplexed : role::plain;
}

void frame_picker::look(const can::frame_block& block) {
  roles_.clear();
  bool any_special = false;
  for (const auto bits : block.headers) {
    roles_.push_back(role_of({bits}));
    any_special = any_special || roles_.back() > role::plain;
  }
  last_.assign(block.headers.size(), 0);
  const auto count = static_cast<std::uint32_t>(block.size());
  for (std::uint32_t i = 0; i < count; ++i)
    last_[block.header_index[i]] = i + 1;
  const auto frame_at = [&block](std::size_t i) {
    return held_frame{block.time_us(i), block.header(i), block.slots[i]};
  };
  for (std::size_t at = 0; at < roles_.size(); ++at)
    if (roles_[at] == role::plain && last_[at] != 0)
      frames_.push_back(frame_at(last_[at] - 1));
  for (std::size_t i = 0; any_special && i < block.size(); ++i) {
    const auto what = roles_[block.header_index[i]];
    if (what == role::multiplexed)
      frames_.push_back(frame_at(i));
    else if (what > role::multiplexed)
      follow(what, frame_at(i));
  }
}

void frame_picker::follow(role what, const held_frame& frame) {
  const auto sender = sender_of(frame.header);
  const auto first = static_cast<std::uint8_t>(frame.slot);
  if (what == role::announcement) {
    const auto pgn = static_cast<std::uint32_t>(frame.slot >> 40U);
    if (first == tp_broadcast && is_in_view(pgn))
      begin(sender, pgn, 1 + (frame.slot >> 24U & 0xFFU), frame);
    else if (first == tp_broadcast)
      begin(sender, pgn, 0, frame); // its packets are not those of the last one
  } else if (what == role::packet) {
    go_on(sender, first, frame);
  } else {
    constexpr std::size_t bytes_in_first = 6;
    const std::size_t number = first & 0x1FU;
    const std::size_t bytes = frame.slot >> 8U & 0xFFU;
    const auto more = bytes > bytes_in_first ? (bytes - bytes_in_first + 6) / 7 : 0;
    if (number == 0)
      begin(sender | fast_bit, can::pgn_of(frame.header.id()), 1 + more, frame);
    else
      go_on(sender | fast_bit, number, frame);
  }
}

void frame_picker::begin(std::uint32_t sender,
                         std::uint32_t pgn,
                         std::size_t frames,
                         const held_frame& first) {
  std::erase_if(open_, [&](const open_message& one) { return one.sender == sender; });
  if (frames < 2 || frames > packets_max || open_.size() >= open_max)
    return;
  open_.push_back({sender, frames, {std::uint64_t{sender} << 32U | pgn, {first}}});
}

void frame_picker::go_on(std::uint32_t sender, std::size_t number, const held_frame& frame) {
  const auto at = std::find_if(open_.begin(), open_.end(),
                               [&](const open_message& one) { return one.sender == sender; });
  if (at == open_.end())
    return;
  auto& frames = at->message.frames;
  // A bridge may repeat a frame.
  if (frames.size() > 1 && frames.back().slot == frame.slot)
    return;
  const bool follows = number == frames.size();
  if (follows)
    frames.push_back(frame);
  if (!follows || frames.size() == at->frames_max) {
    if (follows) {
      std::erase_if(messages_, [&](const auto& old) { return old.key == at->message.key; });
      messages_.push_back(std::move(at->message));
    }
    open_.erase(at);
  }
}

newest_frames::entry& newest_frames::find(std::uint64_t key, std::uint64_t selector) {
  const auto search = [&] {
    auto at = bucket_of(key, selector);
    for (; buckets_[at] != 0; at = (at + 1) & (buckets - 1))
      if (const auto& known = entries_[buckets_[at] - 1U];
          known.key == key && known.selector == selector)
        break;
    return at;
  };
  if (buckets_.empty())
    buckets_.assign(buckets, 0);
  auto at = search();
  if (buckets_[at] != 0)
    return entries_[buckets_[at] - 1U];
  if (entries_.size() == identifiers_max) {
    // Identifiers that are gone make room; those that are there come again.
    buckets_.assign(buckets, 0);
    entries_.clear();
    at = search();
  }
  auto& made = entries_.emplace_back();
  buckets_[at] = static_cast<std::uint16_t>(entries_.size());
  made.key = key;
  made.selector = selector;
  return made;
}

void newest_frames::put(const frame_picker& picked, std::uint64_t place) {
  for (const auto& frame : picked.frames()) {
    auto& known = find(frame.header.bits & identity_mask, selector_of(frame));
    if (known.at.place == 0)
      known.at.shown = is_shown(frame.header);
    known.frame = frame;
    known.at.place = place;
    newest_us_ = frame.time_us;
  }
  for (const auto& message : picked.messages()) {
    newest_us_ = message.frames.back().time_us;
    const auto at = std::find_if(messages_.begin(), messages_.end(), [&](const message_entry& one) {
      return one.message.key == message.key;
    });
    if (at != messages_.end()) {
      at->message = message;
      at->at.place = place;
    } else if (messages_.size() < messages_max) {
      messages_.push_back({message, {place, 0, true}});
    }
  }
}

void newest_frames::begin() {
  for (auto& one : entries_)
    one.at.given = 0;
  for (auto& one : messages_)
    one.at.given = 0;
}

can::frame_block newest_frames::take(std::uint64_t from, std::size_t bytes_max) {
  struct candidate {
    mark* at = nullptr;
    const held_frame* frames = nullptr;
    std::size_t count = 0;
  };
  std::vector<candidate> found;
  const auto consider = [&](mark& at, const held_frame* frames, std::size_t count) {
    if (at.place < from || at.place <= at.given)
      return;
    const auto apart_us =
      static_cast<std::uint64_t>(frames->time_us) - static_cast<std::uint64_t>(newest_us_);
    // Both ways at once: the difference is an offset of a block.
    if (apart_us + apart_max_us <= 2 * static_cast<std::uint64_t>(apart_max_us))
      found.push_back({&at, frames, count});
  };
  for (auto& one : messages_)
    consider(one.at, one.message.frames.data(), one.message.frames.size());
  for (auto& one : entries_)
    consider(one.at, &one.frame, 1);
  std::stable_sort(found.begin(), found.end(), [](const candidate& a, const candidate& b) {
    return std::pair{!a.at->shown, a.at->given} < std::pair{!b.at->shown, b.at->given};
  });
  std::vector<held_frame> chosen;
  std::size_t bytes = 0;
  for (const auto& one : found) {
    const auto more = one.count * frame_bytes + std::min<std::size_t>(2, one.count) * header_bytes;
    if (bytes + more > bytes_max)
      continue;
    bytes += more;
    chosen.insert(chosen.end(), one.frames, one.frames + one.count);
    one.at->given = one.at->place;
  }
  std::stable_sort(chosen.begin(), chosen.end(),
                   [](const held_frame& a, const held_frame& b) { return a.time_us < b.time_us; });
  can::frame_block block;
  for (const auto& frame : chosen)
    (void)block.push(frame.time_us, frame.header, // a frame that does not fit comes with its batch
                     reinterpret_cast<const std::uint8_t*>(&frame.slot));
  return block;
}

} // namespace furrow::edge
