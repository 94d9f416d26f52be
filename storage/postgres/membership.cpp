#include "storage/membership.hpp"

#include "storage/identity/audit.hpp"
#include "storage/postgres/areas.hpp"
#include "storage/postgres/connection/job.hpp"
#include "storage/postgres/connection/locked_end.hpp"
#include "storage/postgres/connection/query_pool.hpp"
#include "storage/postgres/connection/rows.hpp"
#include "storage/postgres/series/row_arrays.hpp"
#include "storage/postgres/work.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

namespace furrow::storage::postgres_work {

namespace {

std::string_view uuid_chars(const uuid_bytes& id) {
  return {reinterpret_cast<const char*>(id.data()), id.size()};
}

uuid_bytes uuid_in(const pq_rows& rows, int row, int column) {
  uuid_bytes out{};
  const auto raw = rows.bytes(row, column);
  std::copy_n(raw.begin(), std::min(raw.size(), out.size()), out.begin());
  return out;
}

std::int32_t small(std::uint64_t value) {
  constexpr std::uint64_t most = std::numeric_limits<std::int32_t>::max();
  return static_cast<std::int32_t>(std::min(value, most));
}

node_status status_of(std::string_view text) {
  for (const auto status : {node_status::draining, node_status::left, node_status::dead})
    if (text == to_string(status))
      return status;
  return node_status::alive;
}

/// Columns of furrow.beat.
node_row node_in(const pq_rows& rows, int row) {
  node_row out;
  out.who.name = rows.text(row, 1);
  out.status = status_of(rows.text(row, 3));
  out.drain = rows.integer(row, 4) != 0;
  out.lease_ms = rows.integer(row, 5);
  out.card.gateway = rows.text(row, 6);
  out.card.http = rows.text(row, 7);
  out.card.link = rows.text(row, 8);
  out.card.build = rows.text(row, 9);
  out.card.wire_min = static_cast<std::uint32_t>(rows.natural(row, 10));
  out.card.wire_max = static_cast<std::uint32_t>(rows.natural(row, 11));
  out.weight = static_cast<std::uint32_t>(rows.natural(row, 12));
  out.load.sessions = rows.natural(row, 13);
  out.load.frames_s = rows.natural(row, 14);
  out.load.lag_ms = rows.natural(row, 15);
  out.since_us = rows.integer(row, 16) + epoch_2000_us;
  out.judged_by = rows.text(row, 17);
  out.who.incarnation = uuid_in(rows, row, 18);
  return out;
}

task<result<beat_outcome>> beat(pq_connection& db, const beat_request& request) {
  const std::array versions{request.card.wire_min, request.card.wire_max};
  byte_buffer wire;
  wire.array<std::int32_t>(oid::int4, versions.size(),
                           [&](std::size_t i) { return small(versions[i]); });
  const auto reply = co_await db.query(
    "select view, name, mine, status, drain, lease_ms, gateway, http, link, build, wire_min, "
    "wire_max, weight, sessions, frames_s, lag_ms, since, judged_by, incarnation, "
    "(select furrow.wal_timeline()) "
    "from furrow.beat($1, $2, $3 <> 0, $4 <> 0, $5, $6, $7, $8, $9, $10, $11, $12)",
    pq_parameters{}
      .text(request.who.name)
      .add(oid::uuid, uuid_chars(request.who.incarnation))
      .int4(request.joins ? 1 : 0)
      .int4(request.ends ? 1 : 0)
      .text(request.card.gateway)
      .text(request.card.http)
      .text(request.card.link)
      .text(request.card.build)
      .add(oid::int4_array, wire.view())
      .int4(small(request.load.sessions))
      .int8(static_cast<std::int64_t>(request.load.frames_s))
      .int4(small(request.load.lag_ms)));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  beat_outcome out;
  out.nodes.reserve(static_cast<std::size_t>(rows.size()));
  for (int row = 0; row < rows.size(); ++row) {
    out.view = rows.natural(row, 0);
    out.timeline = rows.natural(row, 19);
    out.nodes.push_back(node_in(rows, row));
    if (out.nodes.back().who.name == request.who.name) {
      out.known = true;
      out.mine = rows.integer(row, 2) != 0;
    }
  }
  co_return out;
}

task<result<judgement>> judge(pq_connection& db, const node_identity& who) {
  const auto reply = co_await db.query(
    "select j.refused, d.name, n.incarnation from furrow.judge($1, $2) j left join unnest(j.dead) "
    "d(name) on true left join furrow.node n on n.name = d.name",
    pq_parameters{}.text(who.name).add(oid::uuid, uuid_chars(who.incarnation)));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  judgement out;
  for (int row = 0; row < rows.size(); ++row) {
    out.refused = rows.text(row, 0);
    if (!rows.null(row, 1))
      out.dead.push_back({rows.text(row, 1), uuid_in(rows, row, 2)});
  }
  co_return out;
}

task<result<std::uint64_t>> end_sessions(pq_connection& db, const uuid_bytes& incarnation) {
  const auto reply = co_await db.query("select furrow.end_sessions($1)",
                                       pq_parameters{}.add(oid::uuid, uuid_chars(incarnation)));
  if (reply.error)
    co_return reply.error->as_failure();
  co_return pq_rows{reply.rows.get()}.natural(0, 0);
}

task<result<done>> leave(pq_connection& db, const node_identity& who) {
  const auto reply =
    co_await db.query("select furrow.leave($1, $2)",
                      pq_parameters{}.text(who.name).add(oid::uuid, uuid_chars(who.incarnation)));
  if (reply.error)
    co_return reply.error->as_failure();
  co_return done{};
}

template <class Value>
std::string json_of(const char* name, const Value& value) {
  return nlohmann::json{{name, value}}.dump();
}

/// What the audit log says of a wish. The values before: whether it drains, and its weight.
audit_row note_of_wish(
  const std::string& node, node_wish wish, const author& by, bool drained, std::int64_t weight) {
  audit_row row{0, by.who, "node drain", node};
  row.origin = by.origin;
  if (wish.what == node_wish::kind::weigh) {
    row.action = "node weight";
    row.before = json_of("weight", weight);
    row.after = json_of("weight", wish.weight);
    return row;
  }
  const bool drains = wish.what == node_wish::kind::drain;
  if (!drains)
    row.action = "node undrain";
  row.before = json_of("drain", drained);
  row.after = json_of("drain", drains);
  return row;
}

/// Nothing without such a node. Its row is locked, so that the values before are right.
task<result<std::optional<audit_row>>>
read_note_of_wish(pq_connection& db, const std::string& node, node_wish wish, const author& by) {
  const auto reply =
    co_await db.query("select n.drain, n.weight from furrow.node n where n.name = $1 for update",
                      pq_parameters{}.text(node));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  std::optional<audit_row> out;
  if (rows.size() != 0)
    out = note_of_wish(node, wish, by, rows.integer(0, 0) != 0, rows.integer(0, 1));
  co_return out;
}

task<result<node_status>>
steer_begun(pq_connection& db, const std::string& node, node_wish wish, const author& by) {
  const auto note = co_await read_note_of_wish(db, node, wish, by);
  if (!note)
    co_return note.error();
  const bool weighs = wish.what == node_wish::kind::weigh;
  const auto reply = co_await db.query(
    weighs ? "select furrow.steer($1, null, $2)" : "select furrow.steer($1, $2 <> 0, null)",
    pq_parameters{}.text(node).int4(
      weighs ? small(wish.weight) : std::int32_t{wish.what == node_wish::kind::drain ? 1 : 0}));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  if (rows.size() != 1 || rows.null(0, 0))
    co_return failure{errc::not_found, "no node " + node};
  const auto status = status_of(rows.text(0, 0));
  const bool gone = status == node_status::left || status == node_status::dead;
  if (*note && (weighs || !gone)) { // of a node that is gone, only the weight changes
    const auto failed = co_await note_change(db, **note);
    if (failed)
      co_return failed->as_failure();
  }
  co_return status;
}

task<result<node_status>>
steer(pq_connection& db, const std::string& node, node_wish wish, const author& by) {
  const auto begun = co_await db.run("begin");
  if (begun.error)
    co_return begun.error->as_failure();
  const auto steered = co_await steer_begun(db, node, wish, by);
  co_return co_await end_with(db, steered);
}

task<result<machine_names>>
settle(pq_connection& db, const node_identity& who, const machine_names& machines) {
  using named = std::pair<std::string, std::string>;
  const auto reply = co_await db.query(
    "select f.name, e.name from furrow.settle($1, $2, $3, $4) cross join unnest($3::text[], "
    "$4::text[]) m(farm, name) join furrow.farm f on f.name = m.farm join furrow.equipment e on "
    "e.farm_id = f.id and e.name = m.name",
    pq_parameters{}
      .text(who.name)
      .add(oid::uuid, uuid_chars(who.incarnation))
      .add(oid::text_array, text_array(machines, &named::first))
      .add(oid::text_array, text_array(machines, &named::second)));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  machine_names out;
  for (int row = 0; row < rows.size(); ++row)
    out.emplace_back(rows.text(row, 0), rows.text(row, 1));
  co_return out;
}

task<result<machine_names>>
unsettle(pq_connection& db, const node_identity& who, const machine_names& machines) {
  using named = std::pair<std::string, std::string>;
  const auto reply = co_await db.query(
    "update furrow.machine_home h set node = null, incarnation = null, since = now() "
    "from unnest($3::text[], $4::text[]) m(farm, name) join furrow.farm f on f.name = m.farm "
    "join furrow.equipment e on e.farm_id = f.id and e.name = m.name "
    "where h.equipment_id = e.id and h.node = $1 and h.incarnation = $2",
    pq_parameters{}
      .text(who.name)
      .add(oid::uuid, uuid_chars(who.incarnation))
      .add(oid::text_array, text_array(machines, &named::first))
      .add(oid::text_array, text_array(machines, &named::second)));
  if (reply.error)
    co_return reply.error->as_failure();
  co_return machines;
}

std::vector<machine_home> homes_in(const pq_rows& rows) {
  std::vector<machine_home> out(static_cast<std::size_t>(rows.size()));
  for (int row = 0; row < rows.size(); ++row) {
    auto& home = out[static_cast<std::size_t>(row)];
    home.farm = rows.text(row, 0);
    home.name = rows.text(row, 1);
    home.node = rows.text(row, 2);
    home.incarnation = uuid_in(rows, row, 3);
    home.since_us = rows.integer(row, 4) + epoch_2000_us;
    home.pinned_to = rows.text(row, 5);
  }
  return out;
}

constexpr const char* homes_text =
  "select f.name, e.name, h.node, h.incarnation, h.since, h.pinned_to from furrow.machine_home h "
  "join furrow.equipment e on e.id = h.equipment_id join furrow.farm f on f.id = e.farm_id "
  "where $1 = '' or f.name = $1 order by f.name, e.name limit $2";
constexpr const char* pins_text =
  "select f.name, e.name, h.node, h.incarnation, h.since, h.pinned_to from furrow.machine_home h "
  "join furrow.equipment e on e.id = h.equipment_id join furrow.farm f on f.id = e.farm_id "
  "where h.pinned_to is not null and $1 = '' order by f.name, e.name limit $2";

task<result<std::vector<machine_home>>>
read_homes(pq_connection& db, const char* text, std::string farm, std::size_t most) {
  const auto reply =
    co_await db.query(text, pq_parameters{}.text(farm).int8(static_cast<std::int64_t>(most)));
  if (reply.error)
    co_return reply.error->as_failure();
  co_return homes_in(pq_rows{reply.rows.get()});
}

task<result<done>> pin_begun(pq_connection& db,
                             const std::string& farm,
                             const std::string& machine,
                             const std::string& node,
                             const author& by) {
  const auto was = co_await db.query(
    "select coalesce(h.pinned_to, '') from furrow.machine_home h join furrow.equipment e on e.id = "
    "h.equipment_id join furrow.farm f on f.id = e.farm_id where f.name = $1 and e.name = $2 for "
    "update of h",
    pq_parameters{}.text(farm).text(machine));
  if (was.error)
    co_return was.error->as_failure();
  const pq_rows before{was.rows.get()};
  const auto reply = co_await db.query(
    "with machine as (select e.id from furrow.equipment e join furrow.farm f on f.id = e.farm_id "
    "where f.name = $1 and e.name = $2), place as (select $3 as node "
    "where $3 = '' or exists (select from furrow.node n where n.name = $3) "
    "or not exists (select from furrow.node)), "
    "pinned as (insert into furrow.machine_home as h (equipment_id, pinned_to) "
    "select m.id, nullif(p.node, '') from machine m cross join place p "
    "on conflict (equipment_id) do update set pinned_to = excluded.pinned_to) "
    "select (select count(*) from machine), (select count(*) from place)",
    pq_parameters{}.text(farm).text(machine).text(node));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  if (rows.integer(0, 0) == 0)
    co_return failure{errc::not_found, "no equipment " + machine};
  if (rows.integer(0, 1) == 0)
    co_return failure{errc::not_found, "no node " + node};
  audit_row row{0, by.who, "equipment move", farm + "/" + machine};
  row.farm = farm;
  row.origin = by.origin;
  row.before = json_of("pinned_to", before.size() == 0 ? std::string{} : before.text(0, 0));
  row.after = json_of("pinned_to", node);
  const auto failed = co_await note_change(db, row);
  if (failed)
    co_return failed->as_failure();
  co_return done{};
}

task<result<bool>> has_node(pq_connection& db, const std::string& node) {
  const auto reply =
    co_await db.query("select 1 from furrow.node n where n.name = $1", pq_parameters{}.text(node));
  if (reply.error)
    co_return reply.error->as_failure();
  co_return pq_rows{reply.rows.get()}.size() != 0;
}

task<result<done>> pin(pq_connection& db,
                       const std::string& farm,
                       const std::string& machine,
                       const std::string& node,
                       const author& by) {
  const auto begun = co_await db.run("begin");
  if (begun.error)
    co_return begun.error->as_failure();
  const auto pinned = co_await pin_begun(db, farm, machine, node, by);
  co_return co_await end_with(db, pinned);
}

/// `lane` renews the lease; `queries` answers people.
class postgres_membership : public membership_store {
public:
  postgres_membership(std::shared_ptr<postgres_pool> lane, std::shared_ptr<query_pool> people)
    : lane_{std::move(lane)}, people_{std::move(people)} {}

  void beat(beat_request request, handler<beat_outcome> done) override {
    lane_->submit(job_of(false, std::move(done), [request = std::move(request)](pq_connection& db) {
      return postgres_work::beat(db, request);
    }));
  }
  void judge(node_identity judge, handler<judgement> done) override {
    lane_->submit(job_of(false, std::move(done), [judge = std::move(judge)](pq_connection& db) {
      return postgres_work::judge(db, judge);
    }));
  }
  void end_sessions(uuid_bytes incarnation, handler<std::uint64_t> done) override {
    lane_->submit(job_of(false, std::move(done), [incarnation](pq_connection& db) {
      return postgres_work::end_sessions(db, incarnation);
    }));
  }
  void leave(node_identity who, handler<furrow::done> done) override {
    lane_->submit(job_of(false, std::move(done), [who = std::move(who)](pq_connection& db) {
      return postgres_work::leave(db, who);
    }));
  }
  void steer(std::string node, node_wish wish, author by, handler<node_status> done) override {
    people_->submit(job_of(false, std::move(done),
                           [node = std::move(node), wish, by = std::move(by)](pq_connection& db) {
                             return postgres_work::steer(db, node, wish, by);
                           }));
  }
  void settle(node_identity who, machine_names machines, handler<machine_names> done) override {
    people_->submit(
      job_of(false, std::move(done),
             [who = std::move(who), machines = std::move(machines)](pq_connection& db) {
               return postgres_work::settle(db, who, machines);
             }));
  }
  void unsettle(node_identity who, machine_names machines, handler<machine_names> done) override {
    people_->submit(
      job_of(false, std::move(done),
             [who = std::move(who), machines = std::move(machines)](pq_connection& db) {
               return postgres_work::unsettle(db, who, machines);
             }));
  }
  void homes(std::string farm, handler<std::vector<machine_home>> done) override {
    people_->submit(job_of(false, std::move(done), [farm = std::move(farm)](pq_connection& db) {
      return read_homes(db, homes_text, farm, homes_listed_max);
    }));
  }
  void pins(handler<std::vector<machine_home>> done) override {
    people_->submit(job_of(false, std::move(done), [](pq_connection& db) {
      return read_homes(db, pins_text, {}, pins_listed_max);
    }));
  }
  void has_node(std::string node, handler<bool> done) override {
    people_->submit(job_of(false, std::move(done), [node = std::move(node)](pq_connection& db) {
      return postgres_work::has_node(db, node);
    }));
  }
  void pin(std::string farm,
           std::string machine,
           std::string node,
           author by,
           handler<furrow::done> done) override {
    people_->submit(job_of(false, std::move(done),
                           [farm = std::move(farm), machine = std::move(machine),
                            node = std::move(node), by = std::move(by)](pq_connection& db) {
                             return postgres_work::pin(db, farm, machine, node, by);
                           }));
  }

private:
  std::shared_ptr<postgres_pool> lane_;
  std::shared_ptr<query_pool> people_;
};

} // namespace

std::unique_ptr<membership_store> make_membership(std::shared_ptr<postgres_pool> lane,
                                                  std::shared_ptr<query_pool> people) {
  return std::make_unique<postgres_membership>(std::move(lane), std::move(people));
}

} // namespace furrow::storage::postgres_work
