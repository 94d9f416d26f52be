#include "can/dbc/check.hpp"

#include <algorithm>
#include <numeric>

namespace furrow::can {

signal_bytes bytes_of(const dbc_signal& signal) {
  // Counted from the first bit on the wire. Motorola numbers the bits of a byte downwards, so turn them over.
  const bool intel = signal.order == byte_order::intel;
  const auto from = intel ? std::uint64_t{signal.start}
                          : std::uint64_t{signal.start / 8} * 8 + (7 - signal.start % 8);
  const auto to = from + signal.length - 1;
  signal_bytes out{static_cast<std::uint32_t>(from / 8), static_cast<std::uint32_t>(to / 8), 0, 0};
  if (intel) {
    out.first_mask = static_cast<std::uint8_t>(0xFFU << from % 8);
    out.last_mask = static_cast<std::uint8_t>(0xFFU >> (7 - to % 8));
  } else {
    out.first_mask = static_cast<std::uint8_t>(0xFFU >> from % 8);
    out.last_mask = static_cast<std::uint8_t>(0xFFU << (7 - to % 8));
  }
  if (out.first == out.last)
    out.first_mask = out.last_mask = out.first_mask & out.last_mask;
  return out;
}

namespace {

std::uint8_t mask_in(const signal_bytes& bytes, std::uint32_t byte) {
  if (byte == bytes.first)
    return bytes.first_mask;
  return byte == bytes.last ? bytes.last_mask : 0xFF;
}

bool share_bits(const signal_bytes& a, const signal_bytes& b) {
  const auto from = std::max(a.first, b.first);
  const auto to = std::min(a.last, b.last);
  if (from > to)
    return false;
  // A signal fills every byte between its first and its last one, so only the two ends of the common part can be
  // disjoint.
  if (to - from > 1)
    return true;
  return (mask_in(a, from) & mask_in(b, from)) != 0 || (mask_in(a, to) & mask_in(b, to)) != 0;
}

bool disjoint(const std::vector<dbc_range>& a, const std::vector<dbc_range>& b) {
  for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    if (a[i].high < b[j].low)
      ++i;
    else if (b[j].high < a[i].low)
      ++j;
    else
      return false;
  }
  return true;
}

/// Sorts the ranges and removes duplicate values.
void normalise(std::vector<dbc_range>& ranges) {
  if (ranges.size() < 2)
    return;
  std::sort(ranges.begin(), ranges.end(),
            [](const dbc_range& a, const dbc_range& b) { return a.low < b.low; });
  std::size_t kept = 0;
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[i].low <= ranges[kept].high)
      ranges[kept].high = std::max(ranges[kept].high, ranges[i].high);
    else
      ranges[++kept] = ranges[i];
  }
  ranges.resize(kept + 1);
}

} // namespace

std::vector<dbc_fault> dbc_checker::check(dbc_message& message, const dbc_message_source& source) {
  faults_.clear();
  const bool multiplexed =
    std::any_of(message.signals.begin(), message.signals.end(),
                [](const dbc_signal& signal) { return !signal.mux.when.empty(); });
  if (multiplexed) {
    resolve_selectors(message, source);
    break_loops(message, source);
  }
  find_outside(message, source);
  find_shared_bits(message, source);
  return std::move(faults_);
}

void dbc_checker::resolve_selectors(dbc_message& message, const dbc_message_source& source) {
  auto& signals = message.signals;
  const auto is_root = [](const dbc_signal& signal) {
    return signal.mux.selector && signal.mux.when.empty();
  };
  auto root = std::find_if(signals.begin(), signals.end(), is_root);
  if (root == signals.end())
    root = std::find_if(signals.begin(), signals.end(),
                        [](const dbc_signal& signal) { return signal.mux.selector; });
  for (std::size_t i = 0; i < signals.size(); ++i) {
    auto& mux = signals[i].mux;
    if (mux.when.empty())
      continue;
    normalise(mux.when);
    const auto& from = source.signals[i];
    if (from.selector) {
      mux.parent = static_cast<std::int32_t>(*from.selector);
      signals[*from.selector].mux.selector = true;
    } else if (from.named_selector) {
      faults_.push_back({*from.named_selector, "the selector of signal " + signals[i].name
                                                 + " is not a signal of its message"});
    } else if (root != signals.end()) {
      mux.parent = static_cast<std::int32_t>(root - signals.begin());
    } else {
      faults_.push_back({from.position, "signal " + signals[i].name + " is multiplexed and message "
                                          + message.name + " has no selector"});
    }
  }
}

void dbc_checker::break_loops(dbc_message& message, const dbc_message_source& source) {
  enum class mark : std::uint8_t { fresh, on_path, sound };
  auto& signals = message.signals;
  std::vector<mark> marks(signals.size(), mark::fresh);
  std::vector<std::size_t> path;
  for (std::size_t i = 0; i < signals.size(); ++i) {
    path.clear();
    auto at = static_cast<std::int32_t>(i);
    while (at >= 0 && marks[static_cast<std::size_t>(at)] == mark::fresh) {
      marks[static_cast<std::size_t>(at)] = mark::on_path;
      path.push_back(static_cast<std::size_t>(at));
      at = signals[static_cast<std::size_t>(at)].mux.parent;
    }
    if (at >= 0 && marks[static_cast<std::size_t>(at)] == mark::on_path) {
      auto& closing = signals[path.back()];
      faults_.push_back({source.signals[path.back()].position,
                         "signal " + closing.name + " selects itself through other signals"});
      closing.mux.parent = -1;
    }
    for (const auto passed : path)
      marks[passed] = mark::sound;
  }
}

void dbc_checker::find_outside(const dbc_message& message, const dbc_message_source& source) {
  for (std::size_t i = 0; i < message.signals.size(); ++i) {
    const auto& signal = message.signals[i];
    if (signal.length == 0 || bytes_of(signal).last < message.length)
      continue;
    faults_.push_back({source.signals[i].position, "signal " + signal.name + " lies outside the "
                                                     + std::to_string(message.length)
                                                     + " bytes of message " + message.name});
    return; // one warning is enough to find the others
  }
}

void dbc_checker::find_shared_bits(const dbc_message& message, const dbc_message_source& source) {
  std::vector<std::size_t> order;
  std::vector<signal_bytes> bytes(message.signals.size());
  for (std::size_t i = 0; i < message.signals.size(); ++i) {
    if (message.signals[i].length == 0)
      continue;
    bytes[i] = bytes_of(message.signals[i]);
    order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return bytes[a].first < bytes[b].first; });
  for (std::size_t i = 0; i < order.size(); ++i) {
    for (auto j = i + 1; j < order.size() && bytes[order[j]].first <= bytes[order[i]].last; ++j) {
      if (budget_ == 0)
        return;
      --budget_;
      if (!share_bits(bytes[order[i]], bytes[order[j]])
          || !together(message, static_cast<std::int32_t>(order[i]),
                       static_cast<std::int32_t>(order[j])))
        continue;
      const auto [first, second] = std::minmax(order[i], order[j]);
      faults_.push_back({source.signals[second].position, "signals " + message.signals[first].name
                                                            + " and " + message.signals[second].name
                                                            + " of message " + message.name
                                                            + " share bits"});
      return;
    }
  }
}

bool dbc_checker::together(const dbc_message& message, std::int32_t a, std::int32_t b) {
  const auto& signals = message.signals;
  const auto mux_of = [&](std::int32_t i) -> const dbc_mux& {
    return signals[static_cast<std::size_t>(i)].mux;
  };
  const auto never = [&](std::int32_t i) {
    return mux_of(i).parent < 0 && !mux_of(i).when.empty();
  };
  for (auto x = a; x >= 0; x = mux_of(x).parent) {
    if (never(x))
      return false;
    for (auto y = b; y >= 0; y = mux_of(y).parent) {
      if (never(y))
        return false;
      const auto& of_x = mux_of(x);
      const auto& of_y = mux_of(y);
      const auto cost = 1 + of_x.when.size() + of_y.when.size();
      if (budget_ < cost) {
        budget_ = 0;
        return false; // not known: shared bits are not reported
      }
      budget_ -= cost;
      if (x != y && of_x.parent >= 0 && of_x.parent == of_y.parent
          && disjoint(of_x.when, of_y.when))
        return false;
    }
  }
  return true;
}

} // namespace furrow::can
