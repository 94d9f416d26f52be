#include "can/dbc/decode.hpp"

#include "can/frame/identifier.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace furrow::can {

static_assert(std::endian::native == std::endian::little, "payloads are loaded as words");

const char* to_string(signal_state state) {
  switch (state) {
  case signal_state::value:
    return "value";
  case signal_state::error:
    return "error";
  case signal_state::not_available:
    return "not_available";
  case signal_state::reserved:
    return "reserved";
  case signal_state::out_of_range:
    return "out_of_range";
  case signal_state::specific:
    return "specific";
  }
  return "unknown";
}

namespace {

constexpr auto not_a_number = std::numeric_limits<double>::quiet_NaN();

std::uint64_t load(const std::uint8_t* from) {
  std::uint64_t word = 0;
  std::memcpy(&word, from, 8);
  return word;
}

/// The first eight bytes; a shorter payload is padded with zeros.
std::uint64_t load_first(std::span<const std::uint8_t> payload) {
  if (payload.size() >= 8)
    return load(payload.data());
  std::uint64_t word = 0;
  if (!payload.empty())
    std::memcpy(&word, payload.data(), payload.size());
  return word;
}

std::uint64_t turned(std::uint64_t word) {
  return __builtin_bswap64(word);
}

double half_to_double(std::uint16_t bits) {
  const int exponent = bits >> 10U & 0x1F;
  const int fraction = bits & 0x3FF;
  const double magnitude =
    exponent == 0    ? std::ldexp(fraction, -24)
    : exponent == 31 ? (fraction == 0 ? std::numeric_limits<double>::infinity() : not_a_number)
                     : std::ldexp(1024 + fraction, exponent - 25);
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

/// The bits from `from` on, as many as the mask has. The payload must be longer than eight bytes and contain them.
std::uint64_t gather(std::span<const std::uint8_t> payload,
                     std::uint32_t from,
                     std::uint32_t last_byte,
                     std::uint64_t mask,
                     bool motorola) {
  const auto length = static_cast<std::uint32_t>(std::popcount(mask));
  const auto to = from + length - 1;
  const auto start = std::min<std::size_t>(from / 8, payload.size() - 8);
  const auto word = load(payload.data() + start);
  if (last_byte - start <= 7) {
    const auto skipped = static_cast<std::uint32_t>(start) * 8;
    return (motorola ? turned(word) >> (63 - (to - skipped)) : word >> (from - skipped)) & mask;
  }
  // Nine bytes: more than 56 bits that do not begin at a byte boundary.
  const auto last = std::uint64_t{payload[last_byte]};
  if (motorola) {
    const auto left = 7 - to % 8; // bits of the last byte outside the signal
    return (turned(word) << (8 - left) | last >> left) & mask;
  }
  return (word >> from % 8 | last << (64 - from % 8)) & mask;
}

} // namespace

double float_of_raw(std::uint64_t raw, std::uint32_t length) {
  if (length == 64)
    return std::bit_cast<double>(raw);
  if (length == 32)
    return std::bit_cast<float>(static_cast<std::uint32_t>(raw));
  return half_to_double(static_cast<std::uint16_t>(raw));
}

std::optional<whole_number> whole_value(const plan_signal& signal, const decoded_signal& value) {
  const auto is_whole = [](double number) {
    return std::abs(number) <= whole_double_max && number == std::floor(number);
  };
  if (value.state != signal_state::value || signal.is_float || !is_whole(signal.scale)
      || !is_whole(signal.offset))
    return std::nullopt;
  __extension__ using wide = __int128;
  const auto raw = signal.is_signed ? wide{static_cast<std::int64_t>(value.raw)} : wide{value.raw};
  const auto number =
    raw * static_cast<std::int64_t>(signal.scale) + static_cast<std::int64_t>(signal.offset);
  const auto magnitude = number < 0 ? -number : number;
  if (magnitude >> 64U != 0)
    return std::nullopt;
  return whole_number{number < 0, static_cast<std::uint64_t>(magnitude)};
}

std::optional<whole_number> beyond_double(const plan_signal& signal, const decoded_signal& value) {
  return std::abs(value.physical) < whole_double_max ? std::nullopt : whole_value(signal, value);
}

template <bool Simple>
std::size_t decode_plan::run(const operation* begin,
                             std::uint32_t first,
                             std::uint32_t count,
                             std::span<const std::uint8_t> payload,
                             bool whole,
                             decoded_signal* out) const {
  const auto little = load_first(payload);
  const std::uint64_t words[2] = {little, turned(little)};
  auto* to = out;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto& op = begin[i];
    if constexpr (!Simple) {
      if (!whole && op.last_byte >= payload.size())
        continue;
    }
    std::uint64_t raw = 0;
    if (Simple || op.last_byte < 8)
      raw = words[op.order_and_kind & 1U] >> op.shift & op.mask;
    else
      raw = gather(payload, op.from_bit, op.last_byte, op.mask, (op.order_and_kind & 1U) != 0);
    // For an unsigned signal the shift is 0: nothing changes.
    const auto integer = static_cast<std::int64_t>(raw << op.sign_shift) >> op.sign_shift;
    const auto distance =
      std::min<std::uint64_t>((op.top - static_cast<std::uint64_t>(integer)) >> op.state_shift, 7);
    auto state = op.states >> (distance * 4) & 0xFU;
    auto number = static_cast<double>(integer);
    if constexpr (!Simple) {
      const auto kind = static_cast<operation_kind>(op.order_and_kind >> 1U & 7U);
      if (kind != operation_kind::integer) [[unlikely]] {
        if (kind == operation_kind::unsigned_64)
          number = static_cast<double>(raw);
        else
          number = float_of_raw(raw, static_cast<std::uint32_t>(std::popcount(op.mask)));
        if (std::isnan(number * op.scale)) // also infinity times a factor of 0
          state = static_cast<std::uint32_t>(signal_state::not_available);
      }
    }
    // No branch here: half the signals of a bus are not available, which the processor cannot predict. All ones is NaN.
    const auto physical = std::bit_cast<std::uint64_t>(number * op.scale + op.offset);
    const auto blank = state != 0 ? ~std::uint64_t{0} : 0;
    to->raw = static_cast<std::uint64_t>(integer);
    to->physical = std::bit_cast<double>(physical | blank);
    to->signal = first + i;
    to->state = static_cast<signal_state>(state);
    ++to;
  }
  return static_cast<std::size_t>(to - out);
}

std::size_t decode_plan::decode_branches(const message_plan& plan,
                                         std::span<const std::uint8_t> payload,
                                         decoded_signal* out,
                                         std::size_t count) const {
  const auto* selectors = selectors_.data() + plan.first_selector;
  const bool whole = payload.size() >= plan.bytes;
  // A signal that is written here may itself be a selector; the loop reaches it later.
  for (std::size_t i = 0; i < count; ++i) {
    if ((operations_[out[i].signal].order_and_kind & selector_flag) == 0)
      continue;
    const auto* chosen =
      std::lower_bound(selectors, selectors + plan.selectors, out[i].signal,
                       [](const selector& a, std::uint32_t signal) { return a.signal < signal; });
    const auto value = static_cast<std::int64_t>(out[i].raw);
    const auto* begin = branches_.data() + chosen->first_branch;
    const auto* end = begin + chosen->branches;
    const auto take = [&](const branch& taken) {
      count += run<false>(operations_.data() + taken.first, taken.first, taken.count, payload,
                          whole, out + count);
    };
    if (chosen->disjoint) {
      const auto* after = std::upper_bound(
        begin, end, value, [](std::int64_t v, const branch& b) { return v < b.low; });
      if (after != begin && value <= (after - 1)->high)
        take(*(after - 1));
      continue;
    }
    for (const auto* at = begin; at != end && at->low <= value; ++at)
      if (value <= at->high)
        take(*at);
  }
  return count;
}

std::size_t decode_plan::decode(const plan_message& message,
                                std::span<const std::uint8_t> payload,
                                std::span<decoded_signal> out) const {
  if (out.size() < message.signal_count)
    return 0;
  const auto& plan = plans_[static_cast<std::size_t>(&message - messages_.data())];
  const auto* begin = operations_.data() + plan.first;
  const bool whole = payload.size() >= plan.bytes;
  if (plan.simple && whole)
    return run<true>(begin, plan.first, plan.always, payload, true, out.data());
  const auto count = run<false>(begin, plan.first, plan.always, payload, whole, out.data());
  return plan.selectors == 0 ? count : decode_branches(plan, payload, out.data(), count);
}

std::size_t decode_plan::decode(const frame_view& frame, std::span<decoded_signal> out) const {
  const auto* message = find(frame.header);
  return message == nullptr ? 0 : decode(*message, frame.payload(), out);
}

std::uint32_t decode_plan::index_of_pgn(std::uint32_t pgn, std::uint8_t source) const {
  const auto number = page_of_[pgn >> 8U & 0x3FFU];
  if (number == 0)
    return none;
  const auto at = pages_[number - 1U][pgn & 0xFFU];
  if (at == none)
    return none;
  const auto& first = pgn_chain_[at];
  if (first.next == none)
    return first.message;
  auto chosen = first.message;
  for (auto i = at; i != none; i = pgn_chain_[i].next) {
    const auto candidate = pgn_chain_[i].message;
    const auto of = source_of(messages_[candidate].id);
    if (of == source)
      return candidate;
    if (of == address_null)
      chosen = candidate;
  }
  return chosen;
}

std::uint32_t decode_plan::index_of(frame_header header) const {
  constexpr auto no_data = frame_header::error_flag | frame_header::remote_flag;
  if ((header.bits & no_data) != 0 || header.kind() == frame_kind::xl)
    return none;
  const auto id = header.id();
  if (!header.extended())
    return standard_.empty() ? none : standard_[id & 0x7FFU];
  if (!extended_.empty()) {
    const auto last = extended_.size() - 1;
    for (auto at = static_cast<std::size_t>(id * 0x9E3779B1U >> 7U) & last;
         extended_[at].id != none; at = (at + 1) & last)
      if (extended_[at].id == id)
        return extended_[at].message;
  }
  return index_of_pgn(pgn_of(id), source_of(id));
}

const plan_message* decode_plan::find(frame_header header) const {
  const auto index = index_of(header);
  return index == none ? nullptr : &messages_[index];
}

const plan_message* decode_plan::find_pgn(std::uint32_t pgn, std::uint8_t source) const {
  if (pgn > pgn_max)
    return nullptr;
  const auto index = index_of_pgn(is_pdu1(pgn) ? pgn & 0x3FF00U : pgn, source);
  return index == none ? nullptr : &messages_[index];
}

std::string_view decode_plan::label(const decoded_signal& value) const {
  const auto& signal = signals_[value.signal];
  const auto raw = static_cast<std::int64_t>(value.raw);
  const auto found =
    std::lower_bound(signal.choices.begin(), signal.choices.end(), raw,
                     [](const dbc_choice& choice, std::int64_t v) { return choice.value < v; });
  if (found == signal.choices.end() || found->value != raw || signal.is_float)
    return {};
  return found->label;
}

} // namespace furrow::can
