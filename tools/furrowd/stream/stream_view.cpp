#include "tools/furrowd/stream/stream_view.hpp"

#include "can/text/json.hpp"
#include "can/text/put.hpp"
#include "tools/furrowd/api/bodies/machine_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <string_view>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

const char* event_word(can::fault_event event) {
  switch (event) {
  case can::fault_event::appeared:
    return "appeared";
  case can::fault_event::cleared:
    return "cleared";
  case can::fault_event::counted:
    return "counted";
  }
  return "appeared";
}

/// Begins a member of an object that is not its first one.
void append_key(std::string& out, std::string_view key) {
  out += ",\"";
  out += key;
  out += "\":";
}

void append_count(std::string& out, std::string_view key, std::uint64_t count) {
  append_key(out, key);
  can::text::append_decimal(out, count);
}

} // namespace

stream_view::stream_view(subscription wanted,
                         stream_form form,
                         std::string epoch,
                         std::uint64_t cursor,
                         names_source names_of)
  : wanted_{std::move(wanted)}, form_{form}, names_of_{std::move(names_of)},
    prefix_{fmt::format(
      "{}.{:08x}.", epoch, static_cast<std::uint32_t>(std::hash<std::string>{}(wanted_.key())))},
    created_at_{cursor}, cursor_{cursor}, wants_ledger_{wanted_.wants_signal("ledger")},
    wants_own_{wanted_.wants_own_signals()} {
  for (const auto& one : stream_quantities())
    wants_.push_back(std::any_of(one.names.begin(), one.names.end(),
                                 [this](const auto& name) { return wanted_.wants_signal(name); }));
}

std::string stream_view::id_at(std::uint64_t at) const {
  return prefix_ + std::to_string(at);
}

stream_view::position stream_view::begin(const std::string& resume,
                                         const fleet_state& fleet) const {
  position made;
  if (!resume.starts_with(prefix_))
    return made;
  std::uint64_t at = 0;
  const auto* const end = resume.data() + resume.size();
  const auto [stopped, error] = std::from_chars(resume.data() + prefix_.size(), end, at);
  const bool known = error == std::errc{} && stopped == end && at <= cursor_
                     && at >= fleet.known_since() && (!wanted_.has_area() || at >= created_at_);
  if (known) {
    made.snapshot = false;
    made.scanned = made.said = at;
  }
  return made;
}

const stream_view::member& stream_view::member_of(const stream_machine& machine) {
  auto [at, fresh] = members_.try_emplace(machine.name);
  if (fresh) {
    at->second.covered = wanted_.covers(machine.name);
    at->second.inside = !wanted_.has_area();
  }
  return at->second;
}

void stream_view::publish(const fleet_state& fleet, std::uint64_t cursor) {
  cursor_ = cursor;
  texts_.clear();
  if (members_.size() > 2 * fleet.machines().size() + fleet_state::marks_max)
    std::erase_if(members_, [&](const auto& one) { return !fleet.machines().contains(one.first); });
  if (!wanted_.has_area())
    return;
  for (const auto* machine : fleet.newest()) {
    if (machine->changed_at <= area_at_)
      break;
    (void)member_of(*machine);
    auto& known = members_.at(machine->name);
    const auto& cell = machine->values[position_index()].cell;
    const bool inside = cell.present && wanted_.holds({cell.parts[1], cell.parts[0]});
    if (inside == known.inside)
      continue;
    known.inside = inside;
    known.changed_at = cursor;
  }
  area_at_ = cursor;
}

shared_text stream_view::next(position& at, const fleet_state& fleet, std::int64_t now_us) {
  if (!has_news(at))
    return nullptr;
  if (!at.snapshot && !at.walking && at.scanned < fleet.known_since())
    at = position{};
  for (const auto& one : texts_)
    if (one.from == at) {
      at = one.to;
      return one.text;
    }
  const auto from = at;
  auto json = make(at, fleet, now_us);
  shared_text text;
  if (!json.empty())
    text = std::make_shared<const std::string>(
      stream_text(form_, from.snapshot ? "snapshot" : "delta",
                  at.walking ? std::string{} : id_at(at.said), std::move(json)));
  if (texts_.size() >= texts_max)
    texts_.erase(texts_.begin());
  texts_.push_back({from, at, text});
  return text;
}

/// The JSON of the next message; empty when there is nothing to show. Moves the position.
std::string stream_view::make(position& at, const fleet_state& fleet, std::int64_t now_us) {
  const bool snapshot = at.snapshot;
  const auto said = at.said;
  std::string machines;
  bool more = false;
  const bool whole = !snapshot && !at.walking && append_changed(machines, fleet, at.scanned);
  if (whole) {
    at.scanned = cursor_;
    if (machines.empty())
      return {};
    at.said = cursor_;
  } else {
    machines.clear();
    const bool begun = at.walking;
    if (!begun) {
      at.walking = true;
      at.target = cursor_;
      at.after.clear();
    }
    more = walk(at, fleet, machines);
    if (more && machines.empty())
      return {}; // the caller goes on
    if (!more) {
      at.walking = at.snapshot = false;
      at.scanned = at.target;
      if (machines.empty() && !snapshot && !begun)
        return {};
      at.said = at.target;
    }
  }
  std::string out;
  out.reserve(machines.size() + 160);
  out += snapshot ? R"({"type":"snapshot")" : R"({"type":"delta")";
  if (!more) {
    append_key(out, "id");
    out += '"';
    out += id_at(at.said);
    out += '"';
  }
  if (!snapshot)
    append_count(out, "from", said);
  append_count(out, "at", more ? at.target : at.said);
  append_key(out, "time");
  append_time(out, now_us);
  append_key(out, "more");
  out += more ? "true" : "false";
  append_key(out, "machines");
  out += '[';
  out += machines;
  out += "]}";
  return out;
}

/// False when it does not fit into one piece.
bool stream_view::append_changed(std::string& out, const fleet_state& fleet, std::uint64_t from) {
  std::size_t looked = 0;
  for (const auto* machine : fleet.newest()) {
    if (machine->changed_at <= from)
      break;
    if (++looked > piece_machines_max || out.size() > piece_bytes_max)
      return false;
    append_machine(out, *machine, from, false);
  }
  return true;
}

/// One piece, in the order of names; whether more follow.
bool stream_view::walk(position& at, const fleet_state& fleet, std::string& out) {
  const auto& all = fleet.machines();
  auto next = at.after.empty() ? all.begin() : all.upper_bound(at.after);
  for (std::size_t looked = 0; next != all.end(); ++next, ++looked) {
    if (looked >= piece_machines_max || out.size() > piece_bytes_max)
      return true;
    at.after = next->first;
    append_machine(out, next->second, at.snapshot ? 0 : at.scanned, at.snapshot);
  }
  return false;
}

/// Adds the machine when the client wants something of it; whether it did.
bool stream_view::append_machine(std::string& out,
                                 const stream_machine& machine,
                                 std::uint64_t from,
                                 bool all) {
  const auto& known = member_of(machine);
  const bool left = !known.inside && known.changed_at > from;
  if (!known.covered || (all && machine.gone()) || (!known.inside && (all || !left))
      || (!all && !left && machine.changed_at <= from && known.changed_at <= from))
    return false;
  const auto begun = out.size();
  if (!out.empty())
    out += ',';
  out += R"({"name":)";
  can::text::append_json_text(out, machine.name);
  append_count(out, "seq", machine.changed_at);
  if (machine.gone() || left) {
    out += machine.gone() ? R"(,"gone":"silent"})" : R"(,"gone":"area"})";
    return true;
  }
  const bool whole = all || machine.born_at > from || known.changed_at > from;
  append_key(out, "whole");
  out += whole ? "true" : "false";
  const auto empty = out.size();
  if (whole || machine.standing_at > from) {
    append_key(out, "connected");
    out += machine.last->connected ? "true" : "false";
    append_key(out, "node");
    can::text::append_json_text(out, machine.node);
    if (machine.last->relayed)
      out += R"(,"relayed":true)";
  }
  append_known(out, machine, from, whole);
  if (out.size() == empty) {
    out.resize(begun);
    return false;
  }
  out += '}';
  return true;
}

/// Adds what changed after `from`, or all that is known.
void stream_view::append_known(std::string& out,
                               const stream_machine& machine,
                               std::uint64_t from,
                               bool all) {
  append_values(out, machine, from, all);
  if (wants_own_)
    append_own(out, machine, from, all);
  if (wanted_.brief)
    append_brief(out, machine, from, all);
  else
    append_faults(out, machine, from, all);
  if (!wants_ledger_ || (!all && machine.ledger_at <= from))
    return;
  const auto& now = *machine.last;
  append_key(out, "ledger");
  out += R"({"received_seq":)";
  can::text::append_decimal(out, now.received_seq);
  append_count(out, "durable_seq", now.durable_seq);
  append_count(out, "sent_seq", now.sent_seq);
  append_count(out, "frames", now.frames);
  append_key(out, "adrift");
  out += now.adrift ? "true}" : "false}";
}

/// One time for all values, and the number of active faults in place of the faults.
void stream_view::append_brief(std::string& out,
                               const stream_machine& machine,
                               std::uint64_t from,
                               bool all) {
  if (const auto last_us = machine.last->state->last_frame_us;
      last_us != 0 && (all || machine.changed_at > from)) {
    append_key(out, "seen");
    append_time(out, last_us);
  }
  std::uint64_t active = 0;
  bool changed = all && machine.faults_known;
  for (const auto& [name, known] : machine.faults) {
    const bool cleared = known.event == can::fault_event::cleared;
    active += known.fault.list == can::fault_list::active && !cleared ? 1 : 0;
    changed = changed || known.changed_at > from;
  }
  if (changed)
    append_count(out, "active_faults", active);
}

void stream_view::append_values(std::string& out,
                                const stream_machine& machine,
                                std::uint64_t from,
                                bool all) {
  bool any = false;
  for (std::size_t i = 0; i < machine.values.size(); ++i) {
    const auto& value = machine.values[i];
    if (!wants_[i] || (all ? !value.cell.present : value.changed_at <= from))
      continue;
    const auto& of = stream_quantities()[i];
    if (any)
      out += ',';
    else
      out += R"(,"values":{)";
    any = true;
    out += '"';
    out += of.key;
    out += "\":";
    if (wanted_.brief)
      append_bare_value(out, of, value.cell);
    else
      append_value(out, of, value.cell, all || value.source_at > from);
  }
  if (any)
    out += '}';
}

void stream_view::append_own(std::string& out,
                             const stream_machine& machine,
                             std::uint64_t from,
                             bool all) {
  bool any = false;
  for (const auto& [name, known] : machine.own) {
    if ((!all && known.changed_at <= from) || !wanted_.wants_signal(name))
      continue;
    if (any)
      out += ',';
    else
      out += R"(,"own_signals":{)";
    any = true;
    can::text::append_json_text(out, name);
    out += R"(:{"value":)";
    if (known.value.whole)
      can::text::append_whole(out, *known.value.whole);
    else if (known.value.value.state == can::signal_state::value)
      append_number(out, known.value.value.physical);
    else
      out += "null";
    append_key(out, "state");
    can::text::append_json_text(out, can::to_string(known.value.value.state));
    for (const auto& [key, text] :
         {std::pair{"unit", &known.value.unit}, std::pair{"label", &known.value.label}}) {
      append_key(out, key);
      if (text->empty())
        out += "null";
      else // a DBC file may be in another encoding than UTF-8
        out += json(*text).dump(-1, ' ', false, json::error_handler_t::replace);
    }
    append_key(out, "time");
    append_time(out, known.value.time_us);
    out += '}';
  }
  if (any)
    out += '}';
}

void stream_view::append_faults(std::string& out,
                                const stream_machine& machine,
                                std::uint64_t from,
                                bool all) {
  json list = json::array();
  for (const auto& [name, known] : machine.faults) {
    const bool cleared = known.event == can::fault_event::cleared;
    if (all ? cleared : known.changed_at <= from)
      continue;
    can::machine_report report;
    report.faults.push_back(known.fault);
    auto one = to_json(report, known.fault.last_us).at("faults").at(0);
    for (const char* unneeded : {"ecu", "age_ms", "cleared"})
      one.erase(unneeded);
    one["event"] = all ? "present" : event_word(known.event);
    list.push_back(std::move(one));
  }
  if (list.empty() && !(all && machine.faults_known))
    return;
  if (!list.empty())
    name_faults(list, names_for(machine.name));
  append_key(out, "faults");
  out += list.dump();
}

void stream_view::add_frames(const std::string& machine, const actors::tapped_frames& frames) {
  if (!wants_frames_of(machine))
    return;
  const auto known = frame_machines_.try_emplace(machine, 0).first;
  const auto& block = frames.block;
  const auto names = names_for(machine);
  for (auto i = frames.first; i < block.size(); ++i) {
    if (!wanted_.frames->takes(block.header(i)))
      continue;
    if (frames_.size() >= pending_frames_max) {
      frames_.pop_front();
      ++frames_dropped_;
    }
    auto& made = frames_.emplace_back();
    made.machine = &known->first;
    append_frame_json(made.text, block[i], frames.first_seq + i,
                      "\"can" + std::to_string(block.header(i).bus()) + '"',
                      names.message(block.header(i)));
    if (made.text.ends_with('\n'))
      made.text.pop_back();
  }
}

stream_view::frames_made stream_view::take_frames() {
  frames_made made;
  made.dropped = std::exchange(frames_dropped_, 0);
  while (!frames_.empty()) {
    const auto* const machine = frames_.front().machine;
    std::string out = R"({"type":"frames","machine":)";
    can::text::append_json_text(out, *machine);
    out += R"(,"frames":[)";
    std::uint64_t count = 0;
    for (; !frames_.empty() && frames_.front().machine == machine
           && out.size() < frames_text_bytes_max;
         ++count) {
      if (count > 0)
        out += ',';
      out += frames_.front().text;
      frames_.pop_front();
    }
    out += "]}";
    made.texts.push_back(
      {std::make_shared<const std::string>(stream_text(form_, "frames", {}, std::move(out))),
       count});
  }
  frame_machines_.clear();
  return made;
}

} // namespace furrow::http
