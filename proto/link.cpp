// Shape: as wire.cpp: for each message one `check` with the rules of both directions, one `fill` and one `read`.
#include "proto/link.hpp"

#include "link.pb.h"
#include "proto/fields.hpp"
#include "proto/link_faults.hpp"
#include "proto/text.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

namespace furrow::proto::link {

namespace {

namespace pb = wire::link;

result<done> check(const hello& m) {
  return first_failure({check_text(m.node, "name of a node", name_bytes_max),
                        check_text(m.incarnation, "incarnation", name_bytes_max),
                        check_text(m.whom, "name of a node", name_bytes_max),
                        check_text(m.whom_incarnation, "incarnation", name_bytes_max, true),
                        check_text(m.build, "build", text_bytes_max, true)});
}

result<done> check(const welcome& m) {
  return first_failure({check_text(m.node, "name of a node", name_bytes_max),
                        check_text(m.incarnation, "incarnation", name_bytes_max),
                        check_text(m.build, "build", text_bytes_max, true)});
}

result<done> check(const refuse& m) {
  return check_text(m.reason, "reason", text_bytes_max, true);
}

result<done> check(const scope& who) {
  if (who.equipment.size() > equipment_max)
    return too_many("machines in a scope", who.equipment.size(), equipment_max);
  for (const auto& name : who.equipment)
    if (auto ok = check_text(name, "name of a machine", name_bytes_max); !ok)
      return ok;
  return check_text(who.farm, "name of a farm", text_bytes_max);
}

result<done> check(const ask& m) {
  if (const auto* machines = std::get_if<machines_wish>(&m.wish.what)) {
    if (auto ok = check_text(machines->after, "name of a machine", name_bytes_max, true); !ok)
      return ok;
    if (machines->watched.size() > watched_max)
      return too_many("watched machines", machines->watched.size(), watched_max);
    for (const auto& one : machines->watched)
      if (auto ok = check_text(one.equipment, "name of a machine", name_bytes_max); !ok)
        return ok;
  }
  if (const auto* report = std::get_if<report_wish>(&m.wish.what))
    if (auto ok = check_text(report->equipment, "name of a machine", name_bytes_max); !ok)
      return ok;
  if (std::holds_alternative<lease_wish>(m.wish.what))
    return done{};
  return check(m.wish.who);
}

result<done> check_row(const actor_row& row) {
  return first_failure({check_text(row.name, "name of an actor", row_text_bytes_max),
                        check_text(row.kind, "kind of an actor", row_text_bytes_max, true),
                        check_text(row.state, "state of an actor", row_text_bytes_max, true),
                        check_text(row.detail, "detail of an actor", row_text_bytes_max, true)});
}

result<done> check_row(const machine_row& row) {
  if (auto ok = check_faults(row); !ok)
    return ok;
  if (row.values.size() > values_max)
    return too_many("values of a machine", row.values.size(), values_max);
  for (const auto& one : row.values) {
    if (auto ok = check_text(one.key, "key of a value", name_bytes_max); !ok)
      return ok;
    if (!std::isfinite(one.value))
      return failure{errc::limit, one.key + " is no number"};
  }
  return first_failure({check_text(row.equipment, "name of a machine", name_bytes_max),
                        check_text(row.peer, "peer of a machine", row_text_bytes_max, true)});
}

template <class Row>
result<done> check_rows(const std::vector<Row>& rows, std::size_t rows_max) {
  if (rows.size() > rows_max)
    return too_many("rows", rows.size(), rows_max);
  for (const auto& row : rows)
    if (auto ok = check_row(row); !ok)
      return ok;
  return done{};
}

result<done> check_reply(const actors_page_answer& page) {
  return check_rows(page.rows, actors_page);
}
result<done> check_reply(const machines_page_answer& page) {
  std::set<std::string_view> keys;
  for (const auto& row : page.rows)
    for (const auto& one : row.values)
      keys.insert(one.key);
  if (keys.size() > values_max)
    return too_many("keys of values", keys.size(), values_max);
  return check_rows(page.rows, machines_page);
}
result<done> check_reply(const ended_answer& ended) {
  return check_text(ended.name, "name of an actor", row_text_bytes_max, true);
}
result<done> check_reply(const report_answer& report) {
  return check_text(report.json, "report", message_bytes_max, true);
}
result<done> check_reply(const lease_age_answer& /*age*/) {
  return done{};
}
result<done> check_reply(const failed_answer& failed) {
  return check_text(failed.reason, "reason", text_bytes_max, true);
}

result<done> check(const answer& m) {
  return std::visit([](const auto& one) { return check_reply(one); }, m.reply);
}
result<done> check(const ping& /*m*/) {
  return done{};
}
result<done> check(const pong& /*m*/) {
  return done{};
}

void fill(const hello& m, pb::Envelope& out) {
  auto& to = *out.mutable_hello();
  to.set_version_min(m.lowest_version);
  to.set_version_max(m.highest_version);
  to.set_node(m.node);
  to.set_incarnation(m.incarnation);
  to.set_whom(m.whom);
  to.set_whom_incarnation(m.whom_incarnation);
  to.set_build(m.build);
}

void fill(const welcome& m, pb::Envelope& out) {
  auto& to = *out.mutable_welcome();
  to.set_version(m.version);
  to.set_node(m.node);
  to.set_incarnation(m.incarnation);
  to.set_build(m.build);
}

void fill(const refuse& m, pb::Envelope& out) {
  out.mutable_refuse()->set_reason(m.reason);
}
void fill(const ping& m, pb::Envelope& out) {
  out.mutable_ping()->set_nonce(m.nonce);
}
void fill(const pong& m, pb::Envelope& out) {
  out.mutable_pong()->set_nonce(m.nonce);
}

void fill_wish(const actors_wish& m, pb::Ask& to) {
  to.mutable_actors()->set_after(m.after);
}
void fill_wish(const end_wish& m, pb::Ask& to) {
  to.mutable_end()->set_actor(m.actor);
  to.mutable_end()->set_restart(m.restart);
}
void fill_wish(const machines_wish& m, pb::Ask& to) {
  auto& out = *to.mutable_machines();
  out.set_after(m.after);
  out.set_faults(m.faults);
  for (const auto& one : m.watched) {
    out.add_watched(one.equipment);
    out.add_interval_ms(one.interval_ms);
  }
}
void fill_wish(const report_wish& m, pb::Ask& to) {
  to.mutable_report()->set_equipment(m.equipment);
}
void fill_wish(const lease_wish& /*m*/, pb::Ask& to) {
  to.mutable_lease();
}

void fill(const ask& m, pb::Envelope& out) {
  auto& to = *out.mutable_ask();
  to.set_id(m.id);
  auto& who = *to.mutable_scope();
  who.set_farm(m.wish.who.farm);
  for (const auto& name : m.wish.who.equipment)
    who.add_equipment(name);
  who.set_watch(m.wish.who.watch);
  who.set_govern(m.wish.who.govern);
  std::visit([&to](const auto& one) { fill_wish(one, to); }, m.wish.what);
}

void fill_reply(const actors_page_answer& page, pb::Answer& to) {
  auto& made = *to.mutable_actors();
  made.set_more(page.more);
  for (const auto& row : page.rows) {
    auto& one = *made.add_rows();
    one.set_id(row.id);
    one.set_parent(row.parent);
    one.set_name(row.name);
    one.set_kind(row.kind);
    one.set_state(row.state);
    one.set_restarts(row.restarts);
    one.set_detail(row.detail);
    one.set_waiting(row.waiting);
    one.set_oldest_us(row.oldest_us);
    one.set_handled(row.handled);
    one.set_busy_us(row.busy_us);
  }
}

void fill_reply(const ended_answer& ended, pb::Answer& to) {
  to.mutable_ended()->set_outcome(static_cast<pb::Answer::Ended::Outcome>(ended.outcome));
  to.mutable_ended()->set_name(ended.name);
}

void fill_machine(const machine_row& row,
                  std::map<std::string_view, std::uint8_t>& keys,
                  pb::Machine& to) {
  to.set_equipment(row.equipment);
  to.set_connected(row.connected);
  to.set_peer(row.peer);
  to.set_epoch(row.epoch);
  to.set_received_seq(row.received_seq);
  to.set_durable_seq(row.durable_seq);
  to.set_sent_seq(row.sent_seq);
  to.set_frames(row.frames);
  to.set_frames_ahead(row.frames_ahead);
  to.set_adrift(row.adrift);
  to.set_relayed(row.relayed);
  to.set_ecus(row.ecus);
  to.set_faults_active(row.faults_active);
  to.set_last_frame_us(row.last_frame_us);
  for (const auto& one : row.values) {
    const auto next = static_cast<std::uint8_t>(keys.size());
    to.mutable_key()->push_back(static_cast<char>(keys.try_emplace(one.key, next).first->second));
    to.add_value(one.value);
    to.add_time_us(one.time_us);
    to.add_pgn(one.pgn);
    to.mutable_source()->push_back(static_cast<char>(one.source));
    to.mutable_bus()->push_back(static_cast<char>(one.bus));
  }
  if (row.faults)
    fill_faults(*row.faults, to);
}

void fill_reply(const machines_page_answer& page, pb::Answer& to) {
  auto& made = *to.mutable_machines();
  made.set_more(page.more);
  std::map<std::string_view, std::uint8_t> keys; // at most values_max: checked before
  for (const auto& row : page.rows)
    fill_machine(row, keys, *made.add_rows());
  std::vector<std::string_view> in_order(keys.size());
  for (const auto& [key, at] : keys)
    in_order[at] = key;
  for (const auto key : in_order)
    made.add_keys(std::string{key});
}

void fill_reply(const report_answer& report, pb::Answer& to) {
  to.mutable_report()->set_known(report.known);
  to.mutable_report()->set_json(report.json);
}
void fill_reply(const lease_age_answer& age, pb::Answer& to) {
  auto& made = *to.mutable_lease();
  if (age.age_ms)
    made.set_age_ms(*age.age_ms);
}
void fill_reply(const failed_answer& failed, pb::Answer& to) {
  to.mutable_failed()->set_reason(failed.reason);
}

void fill(const answer& m, pb::Envelope& out) {
  auto& to = *out.mutable_answer();
  to.set_id(m.id);
  std::visit([&to](const auto& one) { fill_reply(one, to); }, m.reply);
}

result<message> read(const pb::LinkHello& from) {
  return message{hello{from.version_min(), from.version_max(), from.node(), from.incarnation(),
                       from.whom(), from.whom_incarnation(), from.build()}};
}

result<message> read(const pb::LinkWelcome& from) {
  return message{welcome{from.version(), from.node(), from.incarnation(), from.build()}};
}

result<message> read(const pb::Ask& from) {
  ask m{from.id(), {}};
  const auto& who = from.scope();
  m.wish.who = {
    who.farm(), {who.equipment().begin(), who.equipment().end()}, who.watch(), who.govern()};
  switch (from.what_case()) {
  case pb::Ask::kActors:
    m.wish.what = actors_wish{from.actors().after()};
    break;
  case pb::Ask::kEnd:
    m.wish.what = end_wish{from.end().actor(), from.end().restart()};
    break;
  case pb::Ask::kMachines: {
    const auto& machines = from.machines();
    if (machines.watched_size() != machines.interval_ms_size())
      return failure{errc::columns, "watched machines without an interval each"};
    if (static_cast<std::size_t>(machines.watched_size()) > watched_max)
      return too_many("watched machines", static_cast<std::size_t>(machines.watched_size()),
                      watched_max);
    machines_wish wish{machines.after(), {}, machines.faults()};
    for (int i = 0; i < machines.watched_size(); ++i)
      wish.watched.push_back({machines.watched(i), machines.interval_ms(i)});
    m.wish.what = std::move(wish);
    break;
  }
  case pb::Ask::kReport:
    m.wish.what = report_wish{from.report().equipment()};
    break;
  case pb::Ask::kLease:
    m.wish.what = lease_wish{};
    break;
  case pb::Ask::WHAT_NOT_SET:
    return failure{errc::malformed, "an ask that this version does not know"};
  }
  return message{std::move(m)};
}

actor_row read_row(const pb::ActorRow& from) {
  return {from.id(),        from.parent(),   from.name(),   from.kind(),
          from.state(),     from.restarts(), from.detail(), from.waiting(),
          from.oldest_us(), from.handled(),  from.busy_us()};
}

result<machine_row> read_row(const pb::Machine& from,
                             const google::protobuf::RepeatedPtrField<std::string>& keys) {
  machine_row row{from.equipment(),     from.connected(),     from.peer(),
                  from.epoch(),         from.received_seq(),  from.durable_seq(),
                  from.sent_seq(),      from.frames(),        from.frames_ahead(),
                  from.adrift(),        from.relayed(),       from.ecus(),
                  from.faults_active(), from.last_frame_us(), {},
                  std::nullopt};
  const auto count = from.key().size();
  if (count > values_max)
    return too_many("values of a machine", count, values_max);
  const auto has_all = [count](int size) { return static_cast<std::size_t>(size) == count; };
  if (!has_all(from.value_size()) || !has_all(from.time_us_size()) || !has_all(from.pgn_size())
      || from.source().size() != count || from.bus().size() != count)
    return failure{errc::columns, "columns of values with different lengths"};
  row.values.reserve(count);
  for (std::size_t at = 0; at < count; ++at) {
    const auto key = static_cast<std::uint8_t>(from.key()[at]);
    if (key >= keys.size())
      return failure{errc::columns, "a value whose key is not in the list"};
    const auto i = static_cast<int>(at);
    row.values.push_back({keys.Get(key), from.value(i), from.time_us(i), from.pgn(i),
                          static_cast<std::uint8_t>(from.source()[at]),
                          static_cast<std::uint8_t>(from.bus()[at])});
  }
  auto faults = read_faults(from);
  if (!faults)
    return faults.error();
  if (from.faults_known())
    row.faults = std::move(*faults);
  return row;
}

result<reply> read_reply(const pb::Answer::Machines& from) {
  if (static_cast<std::size_t>(from.rows_size()) > machines_page)
    return too_many("rows", static_cast<std::size_t>(from.rows_size()), machines_page);
  if (static_cast<std::size_t>(from.keys_size()) > values_max)
    return too_many("keys", static_cast<std::size_t>(from.keys_size()), values_max);
  machines_page_answer page{{}, from.more()};
  page.rows.reserve(static_cast<std::size_t>(from.rows_size()));
  for (const auto& one : from.rows()) {
    auto row = read_row(one, from.keys());
    if (!row)
      return row.error();
    page.rows.push_back(std::move(*row));
  }
  return reply{std::move(page)};
}

result<reply> read_reply(const pb::Answer::Actors& from) {
  if (static_cast<std::size_t>(from.rows_size()) > actors_page)
    return too_many("rows", static_cast<std::size_t>(from.rows_size()), actors_page);
  actors_page_answer page{{}, from.more()};
  page.rows.reserve(static_cast<std::size_t>(from.rows_size()));
  for (const auto& row : from.rows())
    page.rows.push_back(read_row(row));
  return reply{std::move(page)};
}

result<reply> read_reply(const pb::Answer& from) {
  using kind = ended_answer::kind;
  switch (from.what_case()) {
  case pb::Answer::kActors:
    return read_reply(from.actors());
  case pb::Answer::kEnded: {
    const auto outcome = from.ended().outcome();
    if (outcome < pb::Answer::Ended::NO_SUCH_ACTOR || outcome > pb::Answer::Ended::NOT_PERMITTED)
      return failure{errc::malformed, "an outcome that this version does not know"};
    return reply{ended_answer{static_cast<kind>(outcome), from.ended().name()}};
  }
  case pb::Answer::kMachines:
    return read_reply(from.machines());
  case pb::Answer::kReport:
    return reply{report_answer{from.report().known(), from.report().json()}};
  case pb::Answer::kLease:
    return reply{lease_age_answer{from.lease().has_age_ms() ? std::optional{from.lease().age_ms()}
                                                            : std::nullopt}};
  case pb::Answer::kFailed:
    return reply{failed_answer{from.failed().reason()}};
  case pb::Answer::WHAT_NOT_SET:
    break;
  }
  return failure{errc::malformed, "an answer that this version does not know"};
}

result<message> read(const pb::Answer& from) {
  auto what = read_reply(from);
  if (!what)
    return what.error();
  return message{answer{from.id(), std::move(*what)}};
}

result<message> read(const pb::Envelope& from) {
  switch (from.body_case()) {
  case pb::Envelope::kHello:
    return read(from.hello());
  case pb::Envelope::kWelcome:
    return read(from.welcome());
  case pb::Envelope::kAsk:
    return read(from.ask());
  case pb::Envelope::kAnswer:
    return read(from.answer());
  case pb::Envelope::kPing:
    return message{ping{from.ping().nonce()}};
  case pb::Envelope::kPong:
    return message{pong{from.pong().nonce()}};
  case pb::Envelope::kRefuse:
    return message{refuse{from.refuse().reason()}};
  case pb::Envelope::BODY_NOT_SET:
    break;
  }
  return failure{errc::malformed, "an envelope without a known message"};
}

} // namespace

bool scope::covers(std::string_view name) const {
  return equipment.empty()
         || std::find(equipment.begin(), equipment.end(), name) != equipment.end();
}

result<done> encode(const message& what, std::string& out) {
  return write_envelope<pb::Envelope>(
    what, [](const auto& m) { return check(m); }, [](const auto& m, auto& to) { fill(m, to); },
    out);
}

result<message> decode(std::span<const std::uint8_t> bytes) {
  return read_envelope<pb::Envelope, message>(
    bytes, [](const auto& from) { return read(from); }, [](const auto& m) { return check(m); });
}

std::string fit(std::string_view text) {
  std::string out{text.substr(0, row_text_bytes_max)};
  while (!is_clean(out) && !out.empty() && text.size() > out.size()
         && (static_cast<unsigned char>(out.back()) & 0x80U) != 0)
    out.pop_back(); // half a letter at the cut
  if (!is_clean(out))
    std::replace_if(
      out.begin(), out.end(),
      [](char letter) {
        return letter == '\0' || (static_cast<unsigned char>(letter) & 0x80U) != 0;
      },
      '?');
  return out;
}

} // namespace furrow::proto::link
