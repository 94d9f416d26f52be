#include "storage/dbc/signal_rows.hpp"

#include "can/frame/identifier.hpp"
#include "storage/migrations/migrations.hpp"

#include <bit>
#include <cmath>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>

namespace furrow::storage {

namespace {

/// The highest raw value that is a number; the values above it (of a long J1939 signal: of its top
/// byte) are indicators.
std::optional<std::int64_t> valid_max_of(can::signal_family family, const can::dbc_signal& signal) {
  const auto length = signal.length;
  if (family == can::signal_family::none || signal.is_float || length < 2
      || signal.indicators == can::dbc_indicators::none)
    return std::nullopt;
  std::uint64_t count = 0;
  unsigned shift = 0;
  if (signal.indicators == can::dbc_indicators::topmost) {
    count = 1;
  } else if (family == can::signal_family::nmea2000) {
    count = length >= 8 ? 3 : length >= 4 ? 2 : 1;
  } else if (signal.is_signed) {
    return std::nullopt;
  } else {
    count = length < 8 ? 2 : 5;
    shift = length < 8 ? 0 : length - 8;
  }
  const auto bits = signal.is_signed ? length - 1 : length;
  const auto top = bits >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
  return static_cast<std::int64_t>(top - (count << shift));
}

signal_row row_of(const can::dbc_signal& signal, can::signal_family family) {
  signal_row out;
  out.name = signal.name;
  out.unit = signal.unit;
  out.length = static_cast<std::int32_t>(signal.length);
  if (signal.order == can::byte_order::intel) {
    out.lsb_byte = static_cast<std::int32_t>(signal.start / 8);
    out.shift = static_cast<std::int32_t>(signal.start % 8);
    out.bytes = (out.shift + out.length + 7) / 8;
  } else {
    const auto from = signal.start / 8 * 8 + (7 - signal.start % 8); // in the order of transmission
    const auto to = from + signal.length - 1;
    out.byte_step = -1;
    out.lsb_byte = static_cast<std::int32_t>(to / 8);
    out.shift = static_cast<std::int32_t>(7 - to % 8);
    out.bytes = static_cast<std::int32_t>(to / 8 - from / 8 + 1);
  }
  out.is_signed = signal.is_signed;
  out.is_float = signal.is_float;
  out.scale = signal.scale;
  out.offset = signal.offset;
  out.valid_max = valid_max_of(family, signal);
  for (const auto& range : signal.mux.when) {
    out.parent_low.push_back(range.low);
    out.parent_high.push_back(range.high);
  }
  return out;
}

bool is_number(const can::dbc_signal& signal) {
  return signal.length >= 1 && signal.length <= 64 && std::isfinite(signal.scale)
         && std::isfinite(signal.offset);
}

/// Records which sources and identifiers of a group belong to another message.
void add_rivals(std::vector<message_row>& messages) {
  for (auto& one : messages) {
    if (!one.pgn)
      continue;
    const message_row* fallback = nullptr;
    for (const auto& other : messages) {
      if (other.pgn == one.pgn) {
        const bool unsaid = (other.id & 0xFF) == can::address_null;
        fallback = fallback == nullptr || unsaid ? &other : fallback;
        if (other.message != one.message)
          one.other_sources.push_back(static_cast<std::int32_t>(other.id & 0xFF));
      } else if (other.extended && !other.pgn
                 && can::pgn_of(static_cast<std::uint32_t>(other.id))
                      == static_cast<std::uint32_t>(*one.pgn)) {
        one.other_ids.push_back(other.id);
      }
    }
    one.fallback = fallback == &one;
  }
}

void add_signals(definition_rows& out, const can::dbc_message& message, can::signal_family family) {
  const auto number = static_cast<std::int32_t>(out.messages.size()) - 1;
  for (std::size_t i = 0; i < message.signals.size(); ++i) {
    const auto& signal = message.signals[i];
    const auto parent = signal.mux.parent;
    if (!is_number(signal) || (!signal.mux.when.empty() && parent < 0))
      continue;
    if (!signal.mux.when.empty() && !is_number(message.signals[static_cast<std::size_t>(parent)]))
      continue;
    auto row = row_of(signal, family);
    row.message = number;
    row.signal = static_cast<std::int32_t>(i);
    if (!signal.mux.when.empty())
      row.parent = parent;
    out.signals.push_back(std::move(row));
  }
}

constexpr std::size_t definition_digits = 32;

/// Numbers, with their count, as text for the hash.
class definition_text {
public:
  definition_text& add(std::int64_t number) {
    text_ += std::to_string(number) + ' ';
    return *this;
  }
  template <class T>
  definition_text& add(const std::vector<T>& numbers) {
    add(static_cast<std::int64_t>(numbers.size()));
    for (const auto number : numbers)
      add(static_cast<std::int64_t>(number));
    return *this;
  }
  definition_text& add(const signal_row& of) {
    add(of.lsb_byte).add(of.byte_step).add(of.bytes).add(of.shift).add(of.length);
    add(of.is_signed ? 1 : 0).add(of.is_float ? 1 : 0);
    add(std::bit_cast<std::int64_t>(of.scale)).add(std::bit_cast<std::int64_t>(of.offset));
    add(of.valid_max ? 1 : 0).add(of.valid_max.value_or(0));
    return add(of.parent_low).add(of.parent_high);
  }
  [[nodiscard]] const std::string& view() const { return text_; }

private:
  std::string text_;
};

} // namespace

definition_rows rows_of(const can::dbc_file& file) {
  definition_rows out;
  const can::dbc_file* files[] = {&file};
  const auto plan = can::decode_plan::compile(files);
  if (!plan)
    return out; // more signals than a file may have
  std::size_t at = 0;
  for (const auto& message : file.messages) {
    if (at == plan->messages().size())
      break;
    const auto& kept = plan->messages()[at];
    if (kept.id != message.id || kept.extended != message.extended || kept.name != message.name)
      continue; // the plan has another message of this identifier
    message_row row;
    row.message = static_cast<std::int32_t>(at++);
    row.name = message.name;
    row.id = message.id;
    row.extended = message.extended;
    if (kept.pgn)
      row.pgn = static_cast<std::int32_t>(*kept.pgn);
    row.length = static_cast<std::int32_t>(message.length);
    out.messages.push_back(std::move(row));
    add_signals(out, message, kept.family);
  }
  add_rivals(out.messages);
  return out;
}

std::vector<std::string> definitions_of(const definition_rows& rows) {
  std::map<std::pair<std::int32_t, std::int32_t>, const signal_row*> by_number;
  for (const auto& signal : rows.signals)
    by_number.emplace(std::pair{signal.message, signal.signal}, &signal);
  std::vector<std::string> out;
  out.reserve(rows.signals.size());
  for (const auto& signal : rows.signals) {
    const auto& of = rows.messages[static_cast<std::size_t>(signal.message)];
    definition_text text;
    text.add(of.id)
      .add(of.extended ? 1 : 0)
      .add(of.pgn.value_or(-1))
      .add(of.length)
      .add(of.fallback ? 1 : 0);
    text.add(of.other_sources).add(of.other_ids);
    const auto* one = &signal;
    std::size_t steps = 0;
    while (one != nullptr && steps++ <= rows.signals.size()) { // a selector may have a selector
      text.add(*one);
      const auto above =
        one->parent ? by_number.find({one->message, *one->parent}) : by_number.end();
      one = above == by_number.end() ? nullptr : above->second;
    }
    out.push_back(sha256_hex(text.view()).substr(0, definition_digits));
  }
  return out;
}

std::vector<digest_signal> digest_signals_of(std::span<const can::dbc_file* const> files,
                                             const can::decode_plan& plan) {
  using signal_key = std::tuple<bool, std::uint32_t, std::string>; // extended, id, name
  std::map<signal_key, std::string> known;
  for (const auto* file : files) {
    const auto rows = rows_of(*file);
    const auto definitions = definitions_of(rows);
    for (std::size_t i = 0; i < rows.signals.size(); ++i) {
      const auto& message = rows.messages[static_cast<std::size_t>(rows.signals[i].message)];
      known.emplace(
        signal_key{message.extended, static_cast<std::uint32_t>(message.id), rows.signals[i].name},
        definitions[i]);
    }
  }
  std::vector<digest_signal> out;
  out.reserve(plan.signals().size());
  for (const auto& signal : plan.signals()) {
    const auto& message = plan.messages()[signal.message];
    const auto found = known.find({message.extended, message.id, signal.name});
    out.push_back(
      {message.name + '.' + signal.name, found == known.end() ? std::string{} : found->second});
  }
  return out;
}

std::vector<digest_signal> digest_signals_of(const can::dbc_file& file,
                                             const can::decode_plan& plan) {
  const can::dbc_file* files[] = {&file};
  return digest_signals_of(files, plan);
}

} // namespace furrow::storage
