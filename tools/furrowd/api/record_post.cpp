#include "tools/furrowd/api/record_post.hpp"

#include "tools/furrowd/api/bodies/json_slices.hpp"
#include "tools/furrowd/api/bodies/records_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

using member_list = std::vector<std::pair<std::string, std::string_view>>;

/// A string without its quotes and escapes, any other value as it stands.
std::string plain(std::string_view value) {
  return text_of_string(value).value_or(std::string{value});
}

/// The fields of a known kind, as one flat object. Empty: in `why` is the reason.
std::string known_body(const can::record_kind& kind, const member_list& members, std::string& why) {
  std::string body = "{";
  for (const auto& [name, value] : members) {
    if (name == "kind" || name == "time")
      continue;
    body += (body.size() > 1 ? "," : "") + json_rows::json(name).dump() + ":";
    body += value;
  }
  body += "}";
  can::record_values values;
  if (const auto fault = can::read_body(kind, body, values)) {
    why = fault->what;
    return {};
  }
  return body;
}

std::string own_text(const member_list& members, std::string& why) {
  std::string_view body;
  for (const auto& [name, value] : members)
    if (name == "body")
      body = value;
    else if (name != "kind" && name != "time")
      why = fmt::format("a record of this kind has kind, time and body, not \"{}\"", name);
  if (why.empty() && (body.empty() || body.front() != '{'))
    why = "a record of this kind needs a body: a JSON object";
  return std::string{body};
}

/// Why the record cannot be read; empty: `out` has it.
std::string read_record(std::string_view text, const std::string* all_kinds, can::record& out) {
  const auto members = members_of(text);
  if (!members)
    return "a record is a JSON object";
  std::optional<std::string> kind_name =
    all_kinds != nullptr ? std::optional{*all_kinds} : std::nullopt;
  std::optional<std::string> time;
  for (const auto& [name, value] : *members) {
    if (name == "kind")
      kind_name = plain(value);
    else if (name == "time")
      time = plain(value);
  }
  if (!kind_name)
    return "kind is missing: " + can::record_kind_names() + ", or a number";
  const auto kind = parse_kind(*kind_name);
  if (!kind)
    return fmt::format("unknown kind \"{}\": use {}, or a number", *kind_name,
                       can::record_kind_names());
  if (!time)
    return "time is missing";
  const auto time_us = can::parse_record_time(*time);
  if (!time_us)
    return fmt::format("invalid time \"{}\": {}", *time, can::record_time_hint);
  out.kind = *kind;
  out.time_us = *time_us;
  std::string why;
  const auto* known = can::find_record_kind(*kind);
  out.body = known != nullptr ? known_body(*known, *members, why) : own_text(*members, why);
  return why;
}

} // namespace

std::variant<posted_records, problem> read_posted(std::string_view body, const std::string* kind) {
  if (!is_json(body))
    return problem{400, "bad_body", "the body is not valid JSON",
                   "send a record, or an array of records"};
  posted_records made;
  auto parts = elements_of(body);
  made.many = parts.has_value();
  if (!parts)
    parts.emplace().push_back(body);
  if (parts->empty() || parts->size() > storage::record_batch_max)
    return problem{400, "bad_body", fmt::format("the body has {} records", parts->size()),
                   fmt::format("send 1 to {} records", storage::record_batch_max)};
  for (const auto part : *parts) {
    can::record record;
    auto why = read_record(part, kind, record);
    if (why.empty())
      made.records.push_back(std::move(record));
    made.refused.push_back(std::move(why));
  }
  return made;
}

json_rows::json posted_json(const posted_records& posted,
                            const storage::record_batch_outcome& outcome,
                            const std::string& key) {
  using json_rows::json;
  json rows = json::array();
  std::size_t sent = 0;
  std::size_t stored = 0;
  for (const auto& refused : posted.refused) {
    const auto& why = refused.empty() ? outcome.refused.at(sent++) : refused;
    stored += why.empty() ? 1 : 0;
    rows.push_back({{"stored", why.empty()}, {"reason", why.empty() ? json(nullptr) : json(why)}});
  }
  const auto count = rows.size();
  return {{"key", key},
          {"repeated", outcome.repeated},
          {"stored", stored},
          {"refused", count - stored},
          {"records", std::move(rows)}};
}

} // namespace furrow::http
