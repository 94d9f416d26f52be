#include "tools/furrowd/api/bodies/records_json.hpp"

#include "tools/furrowd/api/bodies/own_body.hpp"
#include "tools/json/rfc3339.hpp"

#include <fmt/format.h>

#include <utf8.h>

#include <charconv>
#include <limits>
#include <utility>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

struct value_json {
  json operator()(std::monostate) const { return nullptr; }
  template <class T>
  json operator()(const T& value) const {
    return value;
  }
};

/// Takes a number off the front, and the separator after it; the last number has none.
template <class T>
bool take(std::string_view& text, T& out, char mark = '\0') {
  const auto* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, out);
  if (error != std::errc{} || (mark == '\0' ? at != end : at == end || *at != mark))
    return false;
  text.remove_prefix(static_cast<std::size_t>(at - text.data()) + (mark == '\0' ? 0 : 1));
  return true;
}

/// Both databases use signed 64-bit numbers.
bool is_seq(std::uint64_t seq) {
  return seq <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
}

} // namespace

std::string kind_text(std::uint16_t kind) {
  const auto* known = can::find_record_kind(kind);
  return known != nullptr ? std::string{known->name} : std::to_string(kind);
}

std::optional<std::uint16_t> parse_kind(std::string_view text) {
  if (const auto* known = can::find_record_kind(text))
    return known->number;
  std::uint16_t number = 0;
  if (!take(text, number) || number > can::record_kind_lost)
    return std::nullopt;
  return number;
}

json to_json(const storage::record_row& row, const can::record_kind* kind) {
  json made{{"time", json_rows::format_time(row.time_us)}};
  for (std::size_t i = 0; kind != nullptr && i < kind->fields.size(); ++i)
    made[std::string{kind->fields[i].name}] = std::visit(value_json{}, row.values[i]);
  if (kind == nullptr && !row.values.empty()) {
    auto own = to_own_body(std::get<std::string>(row.values[0]));
    made["body"] = std::move(own.body);
    made["body_encoding"] = own.encoding;
  }
  made["stream"] = row.stream;
  made["seq"] = row.seq;
  return made;
}

json to_json(const storage::quarantine_row& row, bool whole) {
  json made{{"id", id_text(row.id)},
            {"farm", row.farm},
            {"equipment", row.equipment},
            {"stream", row.id.stream},
            {"seq", row.id.seq},
            {"time", row.time_us ? json(json_rows::format_time(*row.time_us)) : json(nullptr)},
            {"kind", row.kind ? json(kind_text(*row.kind)) : json(nullptr)},
            {"reason", row.reason},
            {"size", row.size}};
  if (!whole)
    return made;
  const bool is_text = row.kind && utf8::is_valid(row.bytes.begin(), row.bytes.end());
  made["body"] = is_text ? json(row.bytes) : json(nullptr);
  std::string hex;
  for (std::size_t i = 0; !is_text && i < row.bytes.size(); ++i)
    hex += fmt::format("{:02X}", static_cast<unsigned char>(row.bytes[i]));
  made["bytes"] = is_text ? json(nullptr) : json(hex);
  return made;
}

std::string cursor_text(const storage::records_cursor& at) {
  return fmt::format("{}.{}.{}", at.time_us, at.stream, at.seq);
}

std::optional<storage::records_cursor> parse_cursor(std::string_view text) {
  storage::records_cursor at;
  if (!take(text, at.time_us, '.') || !take(text, at.stream, '.') || !take(text, at.seq)
      || !is_seq(at.seq))
    return std::nullopt;
  return at;
}

std::string id_text(storage::quarantine_id id) {
  return fmt::format("{}:{}", id.stream, id.seq);
}

std::optional<storage::quarantine_id> parse_id(std::string_view text) {
  storage::quarantine_id id;
  if (!take(text, id.stream, ':') || !take(text, id.seq) || !is_seq(id.seq))
    return std::nullopt;
  return id;
}

} // namespace furrow::http
