#include "can/live/fault_log.hpp"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

namespace furrow::can {

namespace {

constexpr std::uint8_t source_max = 253;
constexpr std::int64_t minute_us = 60'000'000;
constexpr std::array<std::string_view, 5> lamp_words{"off", "protect", "amber", "malfunction",
                                                     "red"};

std::uint16_t sender_of(std::uint8_t bus, std::uint8_t source) {
  return static_cast<std::uint16_t>(bus << 8U | source);
}

bool same_minute(std::int64_t a, std::int64_t b) {
  return a / minute_us == b / minute_us;
}

/// Unsigned, because times come from outside and have any value.
bool apart(std::int64_t a, std::int64_t b, std::int64_t by_us) {
  const auto x = static_cast<std::uint64_t>(a);
  const auto y = static_cast<std::uint64_t>(b);
  return (a >= b ? x - y : y - x) > static_cast<std::uint64_t>(by_us);
}

void put(state_writer& out, const fault_row& row) {
  out.number(row.first_seq);
  out.number(row.bus);
  out.number(row.source);
  out.number(row.fmi);
  out.number(row.spn);
  out.number(static_cast<std::uint8_t>(row.name.has_value()));
  out.number(row.name.value_or(iso_name{}).bits);
  out.number(row.first_us);
  out.number(row.last_us);
  out.number(static_cast<std::uint8_t>(row.cleared_us.has_value()));
  out.number(row.cleared_us.value_or(0));
  out.number(row.appearances);
  out.number(row.occurrences.value_or(UINT8_MAX));
  const auto lamp = std::ranges::find(lamp_words, row.lamp);
  out.number(static_cast<std::uint8_t>(lamp - lamp_words.begin()));
}

fault_row get_row(state_reader& from) {
  fault_row row;
  row.first_seq = from.number<std::uint64_t>();
  row.bus = from.number<std::uint8_t>();
  row.source = from.number<std::uint8_t>();
  row.fmi = from.number<std::uint8_t>();
  row.spn = from.number<std::uint32_t>();
  const bool named = from.number<std::uint8_t>() != 0;
  if (const iso_name name{from.number<std::uint64_t>()}; named)
    row.name = name;
  row.first_us = from.number<std::int64_t>();
  row.last_us = from.number<std::int64_t>();
  const bool cleared = from.number<std::uint8_t>() != 0;
  if (const auto time_us = from.number<std::int64_t>(); cleared)
    row.cleared_us = time_us;
  row.appearances = from.number<std::uint32_t>();
  if (const auto count = from.number<std::uint8_t>(); count != UINT8_MAX)
    row.occurrences = count;
  if (const std::size_t lamp = from.number<std::uint8_t>(); lamp < lamp_words.size())
    row.lamp = lamp_words[lamp];
  else
    from.fail();
  return row;
}

} // namespace

std::string_view urgent_lamp(const lamps& of) {
  const std::array<const lamp*, 5> lit{nullptr, &of.protect, &of.amber_warning, &of.malfunction,
                                       &of.red_stop};
  for (auto i = lit.size() - 1; i > 0; --i)
    if (lit[i]->state == lamp_state::on)
      return lamp_words[i];
  return lamp_words[0];
}

void fault_log::update(const assembled_message& message, std::uint64_t seq) {
  if (message.source > source_max)
    return;
  if (message.pgn == pgn_dm1) {
    if (const auto list = dm_view::parse(message.data))
      take_list(message, *list, seq);
  } else if (message.pgn == pgn_address_claimed) {
    if (const auto name = parse_name(message.data))
      claim(message.bus, message.source, *name, message.time_us);
  }
}

void fault_log::take_list(const assembled_message& message,
                          const dm_view& list,
                          std::uint64_t seq) {
  const auto now_us = message.time_us;
  const auto lamp = urgent_lamp(list.lamps());
  forget_returned(now_us);
  std::vector<bool> said(entries_.size(), false);
  for (std::size_t place = 0; place < list.places(); ++place) {
    const auto code = list[place];
    if (!code)
      continue;
    if (auto* held = find(message, *code)) {
      said[static_cast<std::size_t>(held - entries_.data())] = true;
      take_code(*held, *code, lamp, now_us);
      continue;
    }
    if (entries_.size() == faults_max) {
      ++not_kept_;
      continue;
    }
    const auto at = names_.find(sender_of(message.bus, message.source));
    fault_row row{seq, message.bus, message.source,    code->fmi, code->spn, {}, now_us, now_us,
                  {},  1,           code->occurrences, lamp};
    if (at != names_.end())
      row.name = at->second;
    entries_.push_back({row, now_us, true});
    said.push_back(true);
  }
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    auto& [row, heard_us, changed] = entries_[i];
    if (said[i] || row.cleared_us || row.bus != message.bus || row.source != message.source)
      continue;
    row.last_us = heard_us;
    row.cleared_us = now_us;
    changed = true;
  }
}

void fault_log::take_code(entry& held,
                          const trouble_code& code,
                          std::string_view lamp,
                          std::int64_t now_us) {
  auto& row = held.row;
  const bool back = row.cleared_us.has_value();
  const bool counted = code.occurrences && code.occurrences != row.occurrences;
  held.heard_us = now_us;
  if (!back && !counted && row.lamp == lamp && same_minute(row.last_us, now_us))
    return;
  row.appearances += back ? 1 : 0;
  row.cleared_us.reset();
  if (code.occurrences)
    row.occurrences = code.occurrences;
  row.lamp = lamp;
  row.last_us = now_us;
  held.changed = true;
}

/// A NAME that moves to another address, or loses its address to another NAME, sends no DM1 from there any more.
void fault_log::claim(std::uint8_t bus, std::uint8_t source, iso_name name, std::int64_t time_us) {
  const auto key = sender_of(bus, source);
  const auto at = names_.find(key);
  if (at != names_.end() && at->second == name)
    return;
  for (auto one = names_.begin(); one != names_.end();) {
    if (one->second == name && one->first >> 8U == bus) {
      end(bus, static_cast<std::uint8_t>(one->first & UINT8_MAX), time_us);
      one = names_.erase(one);
    } else {
      ++one;
    }
  }
  if (at != names_.end())
    end(bus, source, time_us);
  else if (names_.size() >= senders_max)
    return;
  names_[key] = name;
  for (auto& held : entries_) // they were reported before the claim was heard
    if (held.row.bus == bus && held.row.source == source) {
      held.row.name = name;
      held.changed = true;
    }
}

void fault_log::end(std::uint8_t bus, std::uint8_t source, std::int64_t time_us) {
  std::erase_if(entries_, [&](entry& held) {
    auto& row = held.row;
    if (row.bus != bus || row.source != source)
      return false;
    if (!row.cleared_us) {
      row.last_us = held.heard_us;
      row.cleared_us = time_us;
      held.changed = true;
    }
    if (held.changed)
      ended_.push_back(row);
    return true;
  });
}

void fault_log::forget_returned(std::int64_t now_us) {
  std::erase_if(entries_, [&](const entry& held) {
    if (!held.row.cleared_us || !apart(*held.row.cleared_us, now_us, return_us))
      return false;
    if (held.changed)
      ended_.push_back(held.row);
    return true;
  });
}

fault_log::entry* fault_log::find(const assembled_message& message, const trouble_code& code) {
  const auto at = std::ranges::find_if(entries_, [&](const entry& held) {
    return held.row.spn == code.spn && held.row.fmi == code.fmi && held.row.bus == message.bus
           && held.row.source == message.source;
  });
  return at == entries_.end() ? nullptr : &*at;
}

std::vector<fault_row> fault_log::take() {
  auto rows = std::exchange(ended_, {});
  for (auto& held : entries_)
    if (std::exchange(held.changed, false))
      rows.push_back(held.row);
  std::ranges::sort(rows, {}, [](const fault_row& row) {
    return std::tuple{row.first_seq, row.spn, row.fmi};
  });
  return rows;
}

void fault_log::save(state_writer& out) const {
  out.number(static_cast<std::uint16_t>(names_.size()));
  for (const auto& [sender, name] : names_) {
    out.number(sender);
    out.number(name.bits);
  }
  out.number(static_cast<std::uint16_t>(entries_.size()));
  for (const auto& held : entries_) {
    put(out, held.row);
    out.number(held.heard_us);
  }
}

void fault_log::restore(state_reader& from) {
  const auto senders = from.number<std::uint16_t>();
  for (unsigned i = 0; i < senders && !from.failed(); ++i) {
    const auto sender = from.number<std::uint16_t>();
    names_[sender] = iso_name{from.number<std::uint64_t>()};
  }
  const auto faults = from.number<std::uint16_t>();
  if (senders > senders_max || faults > faults_max)
    from.fail();
  for (unsigned i = 0; i < faults && !from.failed(); ++i) {
    entry held{get_row(from), 0, false};
    held.heard_us = from.number<std::int64_t>();
    entries_.push_back(held);
  }
}

} // namespace furrow::can
