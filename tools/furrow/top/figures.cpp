#include "tools/furrow/top/figures.hpp"

#include "tools/furrow/ask/machine_tables.hpp"

#include <algorithm>
#include <utility>

namespace furrow::cli {

namespace {

using enum top_kind;
using row_map = std::map<std::string, const json*>;

std::string key_of(const json& row, std::initializer_list<const char*> members) {
  std::string key;
  for (const auto* member : members)
    key += row.value(member, json(nullptr)).dump() + "/";
  return key;
}

row_map rows_by_key(const json& rows, std::initializer_list<const char*> members) {
  row_map out;
  for (const auto& row : rows)
    out.emplace(key_of(row, members), &row);
  return out;
}

const json* find_row(const row_map& rows, const std::string& key) {
  const auto found = rows.find(key);
  return found == rows.end() ? nullptr : found->second;
}

/// How much a counter grew in a second; null if that is not known, or if it began again.
json rate_of(const json& now, const json* before, const char* member, double seconds) {
  if (before == nullptr || seconds <= 0)
    return nullptr;
  const auto last = now.value(member, json(nullptr));
  const auto first = before->value(member, json(nullptr));
  if (!last.is_number() || !first.is_number() || last.get<double>() < first.get<double>())
    return nullptr;
  return (last.get<double>() - first.get<double>()) / seconds;
}

/// A list inside an answer; empty if there is none.
const json& list_in(const json& answer, const char* name) {
  static const json none = json::array();
  const auto found = answer.find(name);
  return found == answer.end() || !found->is_array() ? none : *found;
}

/// Items that the gateway has sent and no ack covers.
json ack_lag_of(const json& row) {
  const auto sent = row.value("sent_seq", json(nullptr));
  const auto durable = row.value("durable_seq", json(nullptr));
  if (!sent.is_number() || !durable.is_number())
    return nullptr;
  return std::max<std::int64_t>(sent.get<std::int64_t>() - durable.get<std::int64_t>(), 0);
}

bool is_writer(const json& row) {
  return row.value("kind", "") == "writer" || row.value("name", "").starts_with("writer-");
}

/// A member of a member of an answer.
json inner(const json& answer, const char* part, const char* member) {
  const auto found = answer.find(part);
  return found == answer.end() || !found->is_object() ? json(nullptr)
                                                      : found->value(member, json(nullptr));
}

} // namespace

void top_figures::take(const std::string& list, json answer, double at_s) {
  auto& kept = seen_[list];
  kept.fault.clear();
  if (kept.now == answer)
    return;
  kept.before = std::move(kept.now);
  kept.before_s = kept.now_s;
  kept.now = std::move(answer);
  kept.now_s = at_s;
}

void top_figures::miss(const std::string& list, const std::string& why) {
  seen_[list].fault = why;
}

const top_figures::answers& top_figures::of(const std::string& list) const {
  static const answers none;
  const auto found = seen_.find(list);
  return found == seen_.end() ? none : found->second;
}

bool top_figures::has_rates() const {
  const auto& machines = of("equipment");
  const auto& actors = of("actors");
  return !machines.before.is_null() || !actors.before.is_null();
}

std::vector<top_pane> top_figures::panes() const {
  return {nodes(), actors(false), machines(), actors(true), pool()};
}

top_pane top_figures::nodes() const {
  const auto& said = of("nodes");
  top_pane pane{"nodes",
                {{"NODE", "node", text},
                 {"STATE", "state", text},
                 {"MACHINES", "machines", number},
                 {"FRAMES/S", "frames_per_s", rate},
                 {"LAG", "lag_ms", age},
                 {"LEASE", "lease_age_ms", age},
                 {"WEIGHT", "weight", number},
                 {"BUILD", "build", text}},
                {},
                said.fault};
  // A node that is alone does not say its rate.
  std::map<std::string, double> rates;
  for (const auto& row : machines().rows)
    if (row.at("node").is_string() && row.at("frames_per_s").is_number())
      rates[row.at("node").get<std::string>()] += row.at("frames_per_s").get<double>();
  for (const auto& row : list_in(said.now, "nodes")) {
    const auto name = row.value("name", std::string{});
    auto frames = row.value("frames_per_s", json(nullptr));
    if (frames.is_null() && rates.contains(name))
      frames = rates[name];
    const auto state = row.value("state", json(nullptr));
    pane.rows.push_back({{"node", name},
                         {"state", state},
                         {"machines", row.value("sessions", json(nullptr))},
                         {"frames_per_s", frames},
                         {"lag_ms", row.value("lag_ms", json(nullptr))},
                         {"lease_age_ms", row.value("lease_age_ms", json(nullptr))},
                         {"weight", row.value("weight", json(nullptr))},
                         {"build", row.value("build", json(nullptr))},
                         {"gateway", row.value("gateway", json(nullptr))},
                         {"http", row.value("http", json(nullptr))},
                         {"since", row.value("since", json(nullptr))},
                         {"bad", state == "dead" || state == "late" || state == "unsure"}});
  }
  return pane;
}

top_pane top_figures::actors(bool writers) const {
  const auto& said = of("actors");
  top_pane pane{writers ? "writers" : "actors",
                {{writers ? "WRITER" : "ACTOR", "actor", text},
                 {"NODE", "node", text},
                 {"ID", "id", number},
                 {"STATE", "state", text},
                 {"MAILBOX", "mailbox", number},
                 {"OLDEST", "oldest_ms", age},
                 {"HANDLED/S", "handled_per_s", rate},
                 {"BUSY %", "busy_pct", rate},
                 {"RESTARTS", "restarts", number},
                 {"DETAIL", "detail", text}},
                {},
                said.fault};
  const auto before = rows_by_key(list_in(said.before, "actors"), {"node", "id"});
  const double seconds = said.now_s - said.before_s;
  for (const auto& row : list_in(said.now, "actors")) {
    if (writers && !is_writer(row))
      continue;
    const auto* old = find_row(before, key_of(row, {"node", "id"}));
    auto busy = rate_of(row, old, "busy_ms", seconds); // ms in a second
    if (busy.is_number())
      busy = busy.get<double>() / 10;
    pane.rows.push_back({{"actor", row.value("name", json(nullptr))},
                         {"node", row.value("node", json(nullptr))},
                         {"id", row.value("id", json(nullptr))},
                         {"kind", row.value("kind", json(nullptr))},
                         {"state", row.value("state", json(nullptr))},
                         {"mailbox", row.value("waiting", json(nullptr))},
                         {"oldest_ms", row.value("oldest_ms", json(nullptr))},
                         {"handled_per_s", rate_of(row, old, "handled", seconds)},
                         {"busy_pct", busy},
                         {"restarts", row.value("restarts", json(nullptr))},
                         {"detail", row.value("detail", json(nullptr))},
                         {"bad", row.value("state", "running") != "running"}});
  }
  return pane;
}

top_pane top_figures::machines() const {
  const auto& said = of("equipment");
  top_pane pane{"machines",
                {{"MACHINE", "machine", text},
                 {"NODE", "node", text},
                 {"FRAMES/S", "frames_per_s", rate},
                 {"ACK LAG", "ack_lag", number},
                 {"SENT", "sent", number},
                 {"DURABLE", "durable", number},
                 {"LOST", "lost", number},
                 {"DOUBLED", "doubled", number},
                 {"LAST SEEN", "last_seen_age_ms", age},
                 {"FAULTS", "faults", number}},
                {},
                said.fault.empty() ? of("ledger").fault : said.fault};
  const auto before = rows_by_key(list_in(said.before, "equipment"), {"farm", "name"});
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> sums; // lost and doubled
  for (const auto& row : list_in(of("ledger").now, "ledger")) {
    auto& [lost, doubled] = sums[key_of(row, {"farm", "equipment"})];
    lost += row.value("lost", 0ULL) + row.value("lost_at_gateway", 0ULL);
    doubled += row.value("doubled", 0ULL);
  }
  for (const auto& row : list_in(said.now, "equipment")) {
    const auto key = key_of(row, {"farm", "name"});
    const auto found = sums.find(key);
    const bool counted = found != sums.end();
    pane.rows.push_back(
      {{"machine", row.value("name", json(nullptr))},
       {"farm", row.value("farm", json(nullptr))},
       {"node", row.value("node", json(nullptr))},
       {"frames_per_s", rate_of(row, find_row(before, key), "frames", said.now_s - said.before_s)},
       {"ack_lag", ack_lag_of(row)},
       {"sent", row.value("sent_seq", json(nullptr))},
       {"durable", row.value("durable_seq", json(nullptr))},
       {"lost", counted ? json(found->second.first) : json(nullptr)},
       {"doubled", counted ? json(found->second.second) : json(nullptr)},
       {"last_seen_age_ms", row.value("last_frame_age_ms", json(nullptr))},
       {"faults", row.value("fault_count", json(nullptr))},
       {"peer", row.value("peer", json(nullptr))},
       {"bad", counted && found->second.first + found->second.second > 0}});
  }
  return pane;
}

top_pane top_figures::pool() const {
  const auto& said = of("database");
  top_pane pane{"pool",
                {{"WHAT", "what", text}, {"NOW", "now", number}, {"PER SECOND", "per_s", rate}},
                {},
                said.fault};
  if (said.now.is_null())
    return pane;
  if (said.now.value("pool", json(nullptr)).is_null() && pane.fault.empty())
    pane.fault = "this database has no pool";
  struct figure {
    const char* what;
    const char* part;
    const char* member;
    bool grows; // a counter
  };
  static constexpr figure figures[] = {
    {"connections open", "pool", "open", false},
    {"connections in use", "pool", "in_use", false},
    {"connections idle", "pool", "idle", false},
    {"connections at most", "pool", "max", false},
    {"queries waiting", "pool", "waiting", false},
    {"queries that waited", "pool", "waited", true},
    {"queries without a connection", "pool", "timeouts", true},
    {"connections of writers and claims", "pool", "lanes", false},
    {"statements", "statements", "count", true},
    {"statements that failed", "statements", "failed", true},
    {"statements that were slow", "statements", "slow", true},
    {"rows", "statements", "rows", true},
    {"frames", "statements", "frames", true},
  };
  const double seconds = said.now_s - said.before_s;
  for (const auto& [what, part, member, grows] : figures) {
    const auto now = inner(said.now, part, member);
    if (now.is_null())
      continue;
    const json last{{"value", now}};
    const json first{{"value", inner(said.before, part, member)}};
    pane.rows.push_back({{"what", what},
                         {"now", now},
                         {"per_s", grows ? rate_of(last, &first, "value", seconds) : json(nullptr)},
                         {"bad", false}});
  }
  for (const auto& alarm : list_in(said.now, "alarms"))
    pane.rows.push_back({{"what", "alarm " + alarm.value("name", std::string{})},
                         {"now", alarm.value("value", json(nullptr))},
                         {"per_s", nullptr},
                         {"text", alarm.value("text", json(nullptr))},
                         {"bad", true}});
  return pane;
}

cell top_cell(const json& row, const top_column& column) {
  const auto value = row.value(column.member, json(nullptr));
  const bool bad = row.value("bad", false);
  cell made = value_cell(value);
  if (column.kind == rate && value.is_number())
    made.text = plain_number(value.get<double>(), 4);
  else if (column.kind == age && value.is_number())
    made.text = age_text(value);
  made.text = printable(made.text);
  made.number = column.kind != text;
  if (bad)
    made.colour = colour::bad;
  return made;
}

table table_of(const top_pane& pane) {
  table shown;
  shown.nothing = pane.name + ": " + (pane.fault.empty() ? "nothing to show" : pane.fault);
  for (const auto& column : pane.columns)
    shown.headings.emplace_back(column.heading);
  for (const auto& row : pane.rows) {
    auto& cells = shown.rows.emplace_back();
    for (const auto& column : pane.columns)
      cells.push_back(top_cell(row, column));
  }
  return shown;
}

void sort_rows(top_pane& pane, std::size_t column, bool reverse) {
  if (column >= pane.columns.size())
    return;
  const auto* member = pane.columns[column].member;
  const bool falls = (pane.columns[column].kind != text) != reverse;
  std::stable_sort(pane.rows.begin(), pane.rows.end(), [&](const json& a, const json& b) {
    const auto left = a.value(member, json(nullptr));
    const auto right = b.value(member, json(nullptr));
    if (left.is_null() || right.is_null())
      return !left.is_null() && right.is_null();
    return falls ? right < left : left < right;
  });
}

} // namespace furrow::cli
