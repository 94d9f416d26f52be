#include "can/dbc/check.hpp"
#include "can/dbc/decode.hpp"
#include "can/frame/identifier.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>

namespace furrow::can {

namespace {

constexpr std::uint32_t packed(std::initializer_list<signal_state> nearest_first) {
  std::uint32_t out = 0;
  unsigned at = 0;
  for (const auto state : nearest_first)
    out |= static_cast<std::uint32_t>(state) << at++ * 4;
  return out;
}

/// Which distances from the top raw value are not values.
struct state_rule {
  std::uint32_t states = 0;
  std::uint8_t shift = 0; // of the distance, before it is looked up
};

state_rule rule_of(signal_family family, const dbc_signal& signal) {
  using enum signal_state;
  const auto length = signal.length;
  if (family == signal_family::none || signal.is_float || length < 2
      || signal.indicators == dbc_indicators::none)
    return {};
  if (signal.indicators == dbc_indicators::topmost)
    return {packed({not_available}), 0};
  if (family == signal_family::nmea2000) {
    if (length >= 8)
      return {packed({not_available, out_of_range, reserved}), 0};
    return length >= 4 ? state_rule{packed({not_available, out_of_range}), 0}
                       : state_rule{packed({not_available}), 0};
  }
  if (signal
        .is_signed) // J1939 has no signed ones; signed values of ISO 11783-10 use every raw value
    return {};
  if (length < 8)
    return {packed({not_available, error}), 0};
  return {packed({not_available, error, specific, specific, specific}),
          static_cast<std::uint8_t>(length - 8)};
}

std::uint64_t ones(std::uint32_t bits) {
  return bits >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
}

/// Whether the message is matched by PGN.
bool by_pgn(const dbc_file& file, const dbc_message& message) {
  if (!message.extended)
    return false;
  if (message.format == dbc_frame_format::j1939 || source_of(message.id) == address_null)
    return true;
  if (message.format == dbc_frame_format::unsaid && file.protocol.starts_with("J1939"))
    return true;
  return std::any_of(message.signals.begin(), message.signals.end(),
                     [](const dbc_signal& signal) { return signal.spn.value_or(0) != 0; });
}

/// Whether the decoder can produce a number for the signal.
bool decodable(const dbc_signal& signal) {
  return signal.length >= 1 && signal.length <= 64 && std::isfinite(signal.scale)
         && std::isfinite(signal.offset);
}

/// The condition for a signal to be present.
struct condition {
  std::int32_t parent = -1;
  std::vector<dbc_range> when;

  friend bool operator<(const condition& a, const condition& b) {
    if (a.parent != b.parent)
      return a.parent < b.parent;
    return std::lexicographical_compare(a.when.begin(), a.when.end(), b.when.begin(), b.when.end(),
                                        [](const dbc_range& x, const dbc_range& y) {
                                          return x.low != y.low ? x.low < y.low : x.high < y.high;
                                        });
  }
};

} // namespace

class plan_compiler {
public:
  result<decode_plan, decode_errc> compile(std::span<const dbc_file* const> files);

private:
  static decode_plan::operation operation_of(const dbc_signal& signal, signal_family family);
  void add_message(const dbc_file& file, std::uint32_t file_index, const dbc_message& message);
  void add_signal(const dbc_signal& signal, signal_family family, std::uint32_t message);
  void add_signals(const dbc_message& message, plan_message& out, decode_plan::message_plan& plan);
  void add_branches(const std::map<condition, std::pair<std::uint32_t, std::uint32_t>>& groups,
                    const std::vector<std::uint32_t>& number_of,
                    decode_plan::message_plan& plan);
  bool add_standard(std::uint32_t id, std::uint32_t message);
  bool add_pgn(std::uint32_t pgn, std::uint32_t id, std::uint32_t message);
  void add_extended();

  decode_plan out_;
  std::map<std::uint32_t, std::uint32_t> extended_;
};

result<decode_plan, decode_errc> plan_compiler::compile(std::span<const dbc_file* const> files) {
  std::size_t signals = 0;
  for (const auto* file : files)
    for (const auto& message : file->messages)
      signals += message.signals.size();
  if (signals > plan_signals_max)
    return failure<decode_errc>{
      decode_errc::too_large, std::to_string(signals) + " signals in the files; a plan has at most "
                                + std::to_string(plan_signals_max)};
  for (std::uint32_t i = 0; i < files.size(); ++i)
    for (const auto& message : files[i]->messages)
      add_message(*files[i], i, message);
  add_extended();
  return std::move(out_);
}

bool plan_compiler::add_standard(std::uint32_t id, std::uint32_t message) {
  if (out_.standard_.empty())
    out_.standard_.assign(2048, decode_plan::none);
  auto& slot = out_.standard_[id & 0x7FFU];
  if (slot != decode_plan::none)
    return false;
  slot = message;
  return true;
}

bool plan_compiler::add_pgn(std::uint32_t pgn, std::uint32_t id, std::uint32_t message) {
  auto& page = out_.page_of_[pgn >> 8U];
  if (page == 0) {
    out_.pages_.emplace_back().fill(decode_plan::none);
    page = static_cast<std::uint16_t>(out_.pages_.size());
  }
  auto* slot = &out_.pages_[page - 1U][pgn & 0xFFU];
  while (*slot != decode_plan::none) { // at most one entry for each source address
    auto& entry = out_.pgn_chain_[*slot];
    if (source_of(out_.messages_[entry.message].id) == source_of(id))
      return false;
    slot = &entry.next;
  }
  *slot = static_cast<std::uint32_t>(out_.pgn_chain_.size());
  out_.pgn_chain_.push_back({message, decode_plan::none});
  return true;
}

void plan_compiler::add_extended() {
  if (extended_.empty())
    return;
  const auto size = std::bit_ceil(extended_.size() * 2 + 1);
  out_.extended_.assign(size, {});
  for (const auto& [id, message] : extended_) {
    auto at = static_cast<std::size_t>(id * 0x9E3779B1U >> 7U) & (size - 1);
    while (out_.extended_[at].id != decode_plan::none)
      at = (at + 1) & (size - 1);
    out_.extended_[at] = {id, message};
  }
}

void plan_compiler::add_message(const dbc_file& file,
                                std::uint32_t file_index,
                                const dbc_message& message) {
  const auto index = static_cast<std::uint32_t>(out_.messages_.size());
  plan_message out;
  out.name = message.name;
  out.id = message.id;
  out.extended = message.extended;
  out.length = message.length;
  out.file = file_index;
  bool fresh = true;
  if (by_pgn(file, message)) {
    out.pgn = pgn_of(message.id);
    out.family = family_of_pgn(*out.pgn);
    fresh = add_pgn(*out.pgn, message.id, index);
  } else if (message.extended) {
    fresh = extended_.emplace(message.id, index).second;
  } else {
    fresh = add_standard(message.id, index);
  }
  if (!fresh)
    return; // an earlier message has this identifier
  decode_plan::message_plan plan;
  out.first_signal = plan.first = static_cast<std::uint32_t>(out_.signals_.size());
  add_signals(message, out, plan);
  out.signal_count = static_cast<std::uint32_t>(out_.signals_.size()) - out.first_signal;
  out_.signals_max_ = std::max<std::size_t>(out_.signals_max_, out.signal_count);
  out_.messages_.push_back(std::move(out));
  out_.plans_.push_back(plan);
}

void plan_compiler::add_signals(const dbc_message& message,
                                plan_message& out,
                                decode_plan::message_plan& plan) {
  const auto index = static_cast<std::uint32_t>(out_.messages_.size());
  std::vector<std::uint32_t> number_of(message.signals.size(), decode_plan::none);
  std::map<condition, std::vector<std::uint32_t>> by_condition;
  const auto add = [&](std::uint32_t i) {
    number_of[i] = static_cast<std::uint32_t>(out_.signals_.size());
    add_signal(message.signals[i], out.family, index);
  };
  for (std::uint32_t i = 0; i < message.signals.size(); ++i) {
    const auto& signal = message.signals[i];
    if (!decodable(signal))
      continue;
    if (signal.mux.when.empty())
      add(i);
    else if (signal.mux.parent >= 0) // without a parent the signal is never present
      by_condition[{signal.mux.parent, signal.mux.when}].push_back(i);
  }
  plan.always = static_cast<std::uint32_t>(out_.signals_.size()) - plan.first;
  std::map<condition, std::pair<std::uint32_t, std::uint32_t>> groups;
  for (const auto& [when, members] : by_condition) {
    const auto first = static_cast<std::uint32_t>(out_.signals_.size());
    for (const auto i : members)
      add(i);
    groups[when] = {first, static_cast<std::uint32_t>(members.size())};
  }
  plan.simple = groups.empty();
  for (auto i = plan.first; i < out_.signals_.size(); ++i) {
    const auto& op = out_.operations_[i];
    plan.bytes = std::max(plan.bytes, op.last_byte + 1);
    plan.simple = plan.simple && op.last_byte < 8 && op.order_and_kind < 2;
  }
  add_branches(groups, number_of, plan);
}

void plan_compiler::add_branches(
  const std::map<condition, std::pair<std::uint32_t, std::uint32_t>>& groups,
  const std::vector<std::uint32_t>& number_of,
  decode_plan::message_plan& plan) {
  plan.first_selector = static_cast<std::uint32_t>(out_.selectors_.size());
  // Groups are sorted by parent, so the groups of one selector are adjacent.
  for (auto group = groups.begin(); group != groups.end();) {
    const auto parent = group->first.parent;
    decode_plan::selector selector;
    selector.signal = number_of[static_cast<std::size_t>(parent)];
    selector.first_branch = static_cast<std::uint32_t>(out_.branches_.size());
    for (; group != groups.end() && group->first.parent == parent; ++group)
      for (const auto& range : group->first.when)
        out_.branches_.push_back(
          {range.low, range.high, group->second.first, group->second.second});
    if (selector.signal == decode_plan::none)
      continue; // the selector cannot be decoded, so no branch is selected
    const auto begin = out_.branches_.begin() + selector.first_branch;
    std::sort(begin, out_.branches_.end(),
              [](const auto& a, const auto& b) { return a.low < b.low; });
    selector.branches = static_cast<std::uint32_t>(out_.branches_.end() - begin);
    for (auto at = begin; at + 1 < out_.branches_.end(); ++at)
      selector.disjoint = selector.disjoint && at->high < (at + 1)->low;
    out_.operations_[selector.signal].order_and_kind |= decode_plan::selector_flag;
    out_.selectors_.push_back(selector);
  }
  plan.selectors = static_cast<std::uint32_t>(out_.selectors_.size()) - plan.first_selector;
  std::sort(out_.selectors_.begin() + plan.first_selector, out_.selectors_.end(),
            [](const auto& a, const auto& b) { return a.signal < b.signal; });
}

void plan_compiler::add_signal(const dbc_signal& signal,
                               signal_family family,
                               std::uint32_t message) {
  plan_signal out;
  out.name = signal.name;
  out.unit = signal.unit;
  out.message = message;
  out.length = signal.length;
  out.is_signed = signal.is_signed;
  out.is_float = signal.is_float;
  out.scale = signal.scale;
  out.offset = signal.offset;
  out.min = signal.min;
  out.max = signal.max;
  if (signal.spn.value_or(0) != 0) // files use 0 for signals without an SPN
    out.spn = signal.spn;
  out.choices = signal.choices;
  std::stable_sort(out.choices.begin(), out.choices.end(),
                   [](const dbc_choice& a, const dbc_choice& b) { return a.value < b.value; });
  out.choices.erase(
    std::unique(out.choices.begin(), out.choices.end(),
                [](const dbc_choice& a, const dbc_choice& b) { return a.value == b.value; }),
    out.choices.end());
  out_.signals_.push_back(std::move(out));
  out_.operations_.push_back(operation_of(signal, family));
}

decode_plan::operation plan_compiler::operation_of(const dbc_signal& signal, signal_family family) {
  decode_plan::operation op;
  const bool motorola = signal.order == byte_order::motorola;
  op.mask = ones(signal.length);
  op.scale = signal.scale;
  op.offset = signal.offset;
  op.from_bit = motorola ? signal.start / 8 * 8 + (7 - signal.start % 8) : signal.start;
  op.last_byte = bytes_of(signal).last;
  if (op.last_byte < 8)
    op.shift =
      static_cast<std::uint8_t>(motorola ? 63 - (op.from_bit + signal.length - 1) : op.from_bit);
  const bool extends = signal.is_signed && !signal.is_float;
  op.sign_shift = static_cast<std::uint8_t>(extends ? 64 - signal.length : 0);
  const auto rule = rule_of(family, signal);
  op.top = extends ? ones(signal.length - 1) : ones(signal.length);
  op.states = rule.states;
  op.state_shift = rule.shift;
  using kind = decode_plan::operation_kind;
  auto what = kind::integer;
  if (signal.is_float)
    what = kind::real;
  else if (signal.length == 64 && !signal.is_signed)
    what = kind::unsigned_64;
  op.order_and_kind =
    static_cast<std::uint8_t>(static_cast<unsigned>(what) << 1U | (motorola ? 1U : 0U));
  return op;
}

result<decode_plan, decode_errc> decode_plan::compile(std::span<const dbc_file* const> files) {
  return plan_compiler{}.compile(files);
}

} // namespace furrow::can
