#include "tools/furrow-edge/source/record_lines.hpp"

#include "can/records/flat_json.hpp"
#include "proto/wire.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include <nlohmann/json.hpp>

namespace furrow::edge {

namespace {

constexpr std::string_view saved_mark = "records\n";
constexpr std::string_view saved_json = "json";
constexpr std::string_view saved_csv = "csv\n";
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

std::string name_of(const can::record_kind& kind) {
  return kind.name.empty() ? "kind " + std::to_string(kind.number) : std::string{kind.name};
}

std::string json_text(const std::string& text) {
  return nlohmann::json(text).dump();
}

/// A number, true or false, as JSON writes them.
bool is_json_literal(const std::string& text) {
  const auto line = "{\"v\":" + text + "}";
  can::flat_json parsed{line};
  can::json_member member;
  const bool one = parsed.next(member) && !member.name.empty();
  const bool literal = one
                       && (member.is == can::json_member::type::number
                           || member.is == can::json_member::type::boolean);
  return literal && !parsed.next(member) && parsed.fault() == nullptr;
}

bool is_field_of_any(std::string_view name) {
  const auto kinds = can::record_kinds();
  return std::any_of(kinds.begin(), kinds.end(),
                     [&](const auto& kind) { return can::find_field(kind, name).has_value(); });
}

} // namespace

record_line record_lines::fail(record_line how, std::size_t at, std::string what) {
  column_ = at + 1;
  fault_ = std::move(what);
  return how;
}

record_line record_lines::read(std::string_view line, can::record& out) {
  if (!line.empty() && line.back() == '\r')
    line.remove_suffix(1);
  if (format_ == format::unknown && line.starts_with(byte_order_mark))
    line.remove_prefix(byte_order_mark.size());
  if (is_blank(line))
    return record_line::nothing;
  if (line.size() > line_bytes_max)
    return fail(record_line::fault, line_bytes_max,
                "the line is longer than " + std::to_string(line_bytes_max) + " bytes");
  if (!proto::is_clean_text(std::string{line}))
    return fail(record_line::fault, 0, "the line must be UTF-8 text without NUL");
  if (format_ == format::unknown) {
    if (line[line.find_first_not_of(" \t")] != '{')
      return read_header(line);
    format_ = format::json;
  }
  return format_ == format::json ? read_json(line, out) : read_csv(line, out);
}

std::optional<can::record_kind> record_lines::kind_named(std::string_view text) {
  if (const auto* known = can::find_record_kind(text))
    return *known;
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty())
    return std::nullopt;
  if (const auto* known = can::find_record_kind(number))
    return *known;
  if (number >= own_kinds_end)
    return std::nullopt;
  return can::record_kind{number, {}, {}, {}};
}

const can::record_kind* record_lines::kind_of(std::string_view name) {
  const auto named = kind_named(name);
  own_ = named.value_or(can::record_kind{});
  const auto* kind = named ? &own_ : nullptr;
  if (kind == nullptr)
    fault_ =
      "kind: \"" + std::string{name.substr(0, 64)} + "\" is not one of " + can::record_kind_names();
  else if (fixed_ != nullptr && kind->number != fixed_->number) {
    fault_ = "kind: " + std::string{name} + ", but all must be " + name_of(*fixed_);
    kind = nullptr;
  }
  return kind;
}

record_line record_lines::take_time(std::string_view text, std::size_t at, can::record& out) {
  const auto time_us = can::parse_record_time(text);
  if (!time_us)
    return fail(record_line::fault, at, std::string{"time: "} + can::record_time_hint);
  if (const auto wrong = can::check_time(*time_us, at))
    return fail(record_line::fault, wrong->at, wrong->what);
  out.time_us = *time_us;
  return record_line::record;
}

record_line record_lines::read_json(std::string_view line, can::record& out) {
  const auto* kind = fixed_;
  bool timed = false;
  can::json_member member;
  // The kind decides what the other fields are, wherever it is in the line.
  can::flat_json first_look{line};
  while (first_look.next(member)) {
    if (member.name != "kind")
      continue;
    const bool text = member.is == can::json_member::type::string;
    const bool number = member.is == can::json_member::type::number;
    kind = text || number ? kind_of(text ? std::string_view{member.text} : member.number) : nullptr;
    if (kind == nullptr)
      return fail(record_line::fault, member.value_at,
                  text || number ? std::move(fault_) : "kind: must be a text or a number");
    break;
  }
  if (first_look.fault() != nullptr)
    return fail(record_line::fault, first_look.fault_at(), first_look.fault());
  if (kind == nullptr)
    return fail(record_line::fault, 0, "kind is missing: one of " + can::record_kind_names());
  out.kind = kind->number;
  if (kind->number < own_kinds_end)
    return read_own_json(line, out);
  values_.assign(kind->fields.size(), {});
  std::uint64_t seen = 0;
  can::flat_json members{line};
  while (members.next(member)) {
    const auto index = can::find_field(*kind, member.name);
    const bool own = member.name == "kind" || member.name == "time";
    const auto bit =
      own ? (member.name == "time" ? 63U : 62U) : static_cast<unsigned>(index.value_or(0));
    if ((own || index) && (seen >> bit & 1U) != 0)
      return fail(record_line::fault, member.name_at, member.name + ": is given twice");
    seen |= std::uint64_t{1} << bit;
    if (member.name == "kind")
      continue;
    if (member.name == "time") {
      const bool number = member.is == can::json_member::type::number;
      if (take_time(number ? member.number : std::string_view{member.text}, member.value_at, out)
          != record_line::record)
        return record_line::fault;
      timed = true;
      continue;
    }
    if (!index)
      return fail(record_line::fault, member.name_at,
                  "\"" + member.name.substr(0, 64) + "\": " + std::string{kind->name}
                    + " has no such field");
    if (auto wrong = can::read_member(kind->fields[*index], member, values_[*index]))
      return fail(record_line::fault, wrong->at, std::move(wrong->what));
  }
  if (members.fault() != nullptr)
    return fail(record_line::fault, members.fault_at(), members.fault());
  if (!timed)
    return fail(record_line::fault, line.size() - 1, "time: is missing");
  if (auto wrong = can::check_complete(*kind, values_, line.size() - 1))
    return fail(record_line::fault, wrong->at, std::move(wrong->what));
  out.body = can::write_body(*kind, values_);
  return record_line::record;
}

/// Keeps every member except kind and time as it is written.
record_line record_lines::read_own_json(std::string_view line, can::record& out) {
  out.body = "{";
  bool timed = false;
  std::size_t from = std::string_view::npos; // where the member before begins, if it is kept
  const auto keep_until = [&](std::size_t end) {
    if (from == std::string_view::npos)
      return;
    const auto text = line.substr(from, end - from);
    out.body += out.body.size() > 1 ? "," : "";
    out.body += text.substr(0, text.find_last_not_of(" \t,") + 1);
  };
  can::json_member member;
  can::flat_json members{line};
  while (members.next(member)) {
    if (member.is == can::json_member::type::nested)
      break; // the fault says so
    keep_until(member.name_at);
    const bool is_time = member.name == "time";
    from = is_time || member.name == "kind" ? std::string_view::npos : member.name_at;
    if (!is_time)
      continue;
    const bool number = member.is == can::json_member::type::number;
    if (std::exchange(timed, true))
      return fail(record_line::fault, member.name_at, "time: is given twice");
    if (take_time(number ? member.number : std::string_view{member.text}, member.value_at, out)
        != record_line::record)
      return record_line::fault;
  }
  if (members.fault() != nullptr || member.is == can::json_member::type::nested)
    return fail(record_line::fault,
                members.fault() != nullptr ? members.fault_at() : member.value_at,
                members.fault() != nullptr ? members.fault()
                                           : member.name + ": must not be an object or a list");
  if (!timed)
    return fail(record_line::fault, line.size() - 1, "time: is missing");
  keep_until(line.rfind('}'));
  out.body += "}";
  return record_line::record;
}

/// Splits the line into cells; returns false with column and fault set.
bool record_lines::split(std::string_view line) {
  cells_.clear();
  for (std::size_t at = 0;; ++at) {
    auto& now = cells_.emplace_back();
    now.at = at;
    if (at < line.size() && line[at] == '"') {
      for (++at;; ++at) {
        if (at >= line.size()) {
          (void)fail(record_line::fault, now.at, "the quote does not end on this line");
          return false;
        }
        if (line[at] != '"')
          now.text += line[at];
        else if (at + 1 < line.size() && line[at + 1] == '"')
          now.text += line[at++];
        else
          break;
      }
      ++at;
      if (at < line.size() && line[at] != ',') {
        (void)fail(record_line::fault, at, "there is text after the closing quote");
        return false;
      }
    } else {
      const auto end = std::min(line.find(',', at), line.size());
      now.text = line.substr(at, end - at);
      at = end;
    }
    if (at >= line.size())
      return true;
  }
}

record_line record_lines::read_header(std::string_view line) {
  if (!split(line))
    return record_line::hopeless;
  columns_.clear();
  for (const auto& [name, at] : cells_) {
    if (std::find(columns_.begin(), columns_.end(), name) != columns_.end())
      return fail(record_line::hopeless, at, "the column \"" + name + "\" appears twice");
    const bool known =
      (fixed_ != nullptr && fixed_->number < own_kinds_end && !name.empty()) || name == "kind"
      || name == "time"
      || (fixed_ != nullptr ? can::find_field(*fixed_, name).has_value() : is_field_of_any(name));
    if (!known)
      return fail(record_line::hopeless, at,
                  "\"" + name.substr(0, 64) + "\" is not a field of "
                    + (fixed_ != nullptr ? name_of(*fixed_) : "any kind")
                    + ": the first line must name time, kind and fields");
    columns_.push_back(name);
  }
  const auto has = [this](std::string_view name) {
    return std::find(columns_.begin(), columns_.end(), name) != columns_.end();
  };
  if (!has("time"))
    return fail(record_line::hopeless, 0, "there is no column \"time\"");
  if (fixed_ == nullptr && !has("kind"))
    return fail(record_line::hopeless, 0, "there is no column \"kind\": add it, or give --kind");
  format_ = format::csv;
  header_ = line;
  return record_line::nothing;
}

record_line record_lines::read_csv(std::string_view line, can::record& out) {
  if (!split(line))
    return record_line::fault;
  if (cells_.size() != columns_.size())
    return fail(record_line::fault, line.size(),
                std::to_string(cells_.size()) + " cells, the header has "
                  + std::to_string(columns_.size()));
  const auto* kind = fixed_;
  for (std::size_t i = 0; i < cells_.size(); ++i)
    if (columns_[i] == "kind" && !(cells_[i].text.empty() && fixed_ != nullptr)) {
      kind = kind_of(cells_[i].text);
      if (kind == nullptr)
        return fail(record_line::fault, cells_[i].at, std::move(fault_));
    }
  if (kind == nullptr)
    return fail(record_line::fault, 0, "kind is missing");
  out.kind = kind->number;
  if (kind->number < own_kinds_end)
    return read_own_csv(out);
  values_.assign(kind->fields.size(), {});
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    const auto& [text, at] = cells_[i];
    if (columns_[i] == "kind")
      continue;
    if (columns_[i] == "time") {
      if (take_time(text, at, out) != record_line::record)
        return record_line::fault;
      continue;
    }
    if (text.empty())
      continue;
    const auto index = can::find_field(*kind, columns_[i]);
    if (!index)
      return fail(record_line::fault, at,
                  columns_[i] + ": " + std::string{kind->name} + " has no such field");
    if (auto wrong = can::read_cell(kind->fields[*index], text, at, values_[*index]))
      return fail(record_line::fault, wrong->at, std::move(wrong->what));
  }
  if (auto wrong = can::check_complete(*kind, values_, 0))
    return fail(record_line::fault, wrong->at, std::move(wrong->what));
  out.body = can::write_body(*kind, values_);
  return record_line::record;
}

record_line record_lines::read_own_csv(can::record& out) {
  out.body = "{";
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    const auto& [text, at] = cells_[i];
    if (columns_[i] == "kind" || (columns_[i] != "time" && text.empty()))
      continue;
    if (columns_[i] == "time") {
      if (take_time(text, at, out) != record_line::record)
        return record_line::fault;
      continue;
    }
    out.body += out.body.size() > 1 ? "," : "";
    out.body += json_text(columns_[i]) + ":" + (is_json_literal(text) ? text : json_text(text));
  }
  out.body += "}";
  return record_line::record;
}

std::string record_lines::save() const {
  std::string out{saved_mark};
  if (format_ == format::json)
    out += saved_json;
  if (format_ == format::csv)
    out.append(saved_csv).append(header_);
  return out;
}

bool record_lines::saved(const std::string& text) {
  return text.starts_with(saved_mark);
}

bool record_lines::restore(const std::string& text) {
  if (!saved(text))
    return false;
  const auto rest = std::string_view{text}.substr(saved_mark.size());
  if (rest == saved_json) {
    format_ = format::json;
    return true;
  }
  if (!rest.starts_with(saved_csv))
    return rest.empty();
  return read_header(rest.substr(saved_csv.size())) == record_line::nothing;
}

} // namespace furrow::edge
