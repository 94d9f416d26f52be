#include "tools/furrowd/api/api.hpp"

#include "storage/history.hpp"
#include "tools/furrowd/api/activity_json.hpp"
#include "tools/furrowd/api/alarms.hpp"
#include "tools/furrowd/api/answers.hpp"
#include "tools/furrowd/api/frames_body.hpp"
#include "tools/furrowd/api/history.hpp"
#include "tools/furrowd/api/machine_json.hpp"
#include "tools/furrowd/api/newest_frames.hpp"
#include "tools/furrowd/api/records.hpp"
#include "tools/furrowd/api/repositories.hpp"
#include "tools/furrowd/cache/summaries.hpp"
#include "tools/furrowd/http/ask.hpp"
#include "tools/furrowd/http/store_problem.hpp"
#include "tools/json/rfc3339.hpp"
#include "tools/json/rows_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <map>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

constexpr std::chrono::milliseconds answer_limit = 10s;
constexpr std::chrono::milliseconds activity_limit = 2s; // it is read from memory
/// While the database is known to be away, the live view does not wait for it.
constexpr std::chrono::milliseconds answer_limit_away = 500ms;
constexpr std::chrono::milliseconds migrate_limit = 10min;

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
           std::chrono::system_clock::now().time_since_epoch())
    .count();
}

problem no_such_equipment(const std::string& name) {
  return {404, "no_such_equipment", fmt::format("there is no machine \"{}\"", name),
          "`furrow equipment` lists the machines"};
}

/// Actors of one machine are named after it, "equipment FARM/NAME"; the others belong to the node.
constexpr std::string_view equipment_mark = "equipment ";

bool may_see(const actors::actor_row& row, const daemon::credential& who) {
  if (!row.name.starts_with(equipment_mark))
    return true;
  const auto whole = std::string_view{row.name}.substr(equipment_mark.size());
  const auto slash = whole.find('/');
  return slash != std::string_view::npos && whole.substr(0, slash) == who.farm
         && who.covers(whole.substr(slash + 1));
}

/// A stream that gives its place among the others back when it has ended, or the client has gone.
class counted_body : public body_source {
public:
  using counter = std::shared_ptr<std::atomic<std::size_t>>;
  explicit counted_body(counter taken) : taken_{std::move(taken)} {}
  ~counted_body() override { --*taken_; }
  void fill(std::unique_ptr<body_source> inner) { inner_ = std::move(inner); }
  asio::awaitable<body_piece> next() override { return inner_->next(); }

private:
  std::unique_ptr<body_source> inner_;
  counter taken_;
};

using parameters = std::map<std::string, std::string, std::less<>>;

const std::string* given(const parameters& query, std::string_view name) {
  const auto found = query.find(name);
  return found == query.end() ? nullptr : &found->second;
}

std::variant<frames_request, problem> to_frames_request(const call& call) {
  frames_request wanted;
  const auto* equipment = given(call.query, "equipment");
  if (equipment == nullptr || equipment->empty())
    return problem{400, "missing_parameter", "the parameter equipment is missing",
                   "add equipment=NAME"};
  wanted.query.farm = call.who.farm;
  wanted.query.equipment = *equipment;
  constexpr const char* time_hint =
    "write times as 2026-05-01T06:30:00Z, with microseconds if needed";
  for (const auto& [name, end] :
       {std::pair{"from", &wanted.query.from_us}, std::pair{"to", &wanted.query.to_us}})
    if (const auto* text = given(call.query, name)) {
      *end = parse_time(*text);
      if (!*end)
        return bad_parameter(name, *text, time_hint);
    }
  if (const auto* text = given(call.query, "can_id")) {
    wanted.filter.can_id = parse_can_id(*text);
    if (!wanted.filter.can_id)
      return bad_parameter("can_id", *text,
                           "write the identifier in hex: 18FEF100 has 29 bits, 123 has 11");
  }
  if (const auto* text = given(call.query, "pgn")) {
    wanted.filter.pgn = parse_pgn(*text);
    if (!wanted.filter.pgn)
      return bad_parameter("pgn", *text, "write it as 65265 or 0xFEF1");
  }
  if (const auto* text = given(call.query, "format")) {
    if (*text != "candump" && *text != "jsonl")
      return bad_parameter("format", *text, "it is candump or jsonl");
    wanted.format = *text == "jsonl" ? frames_format::jsonl : frames_format::candump;
  }
  return wanted;
}

} // namespace

struct api::equipment_rows {
  std::vector<storage::equipment_row> stored;
  std::vector<actors::live_snapshot> live;
  std::optional<problem> fault; // why nothing is known of what is stored

  /// Both by name.
  [[nodiscard]] std::map<std::string, json> merged() const {
    struct parts {
      const storage::equipment_row* stored = nullptr;
      std::vector<const actors::live_equipment*> live;
    };
    std::map<std::string, parts> by_name;
    for (const auto& row : stored)
      by_name[row.name].stored = &row;
    for (const auto& row : live)
      by_name[row->equipment].live.push_back(row.get());
    std::map<std::string, json> rows;
    const auto now = now_us();
    for (const auto& [name, known] : by_name)
      rows.emplace(name, to_json(known.stored, known.live, now));
    return rows;
  }
};

api::api(settings given_settings, actors::node& node, metrics& metrics, summary_cache& cache)
  : settings_{std::move(given_settings)}, node_{node}, metrics_{metrics}, cache_{cache},
    streams_{std::make_shared<std::atomic<std::size_t>>(0)} {}

router api::routes() {
  using enum daemon::permission;
  const auto to = [this](answer (api::*member)(call)) -> handler {
    return [this, member](call call) { return (this->*member)(std::move(call)); };
  };
  router made;
  made.add({"GET", "/health", {}, {}, to(&api::health)});
  made.add({"GET", "/ready", {}, {}, to(&api::ready)});
  made.add({"GET", "/metrics", read, {}, to(&api::scrape)});
  made.add({"GET", "/monitoring/database", read, {}, to(&api::database)});
  made.add({"GET", "/api/v1/equipment", read, {}, to(&api::list_equipment)});
  made.add({"GET", "/api/v1/equipment/{name}", read, {}, to(&api::one_equipment)});
  add_repository_routes(made, node_);
  made.add({"GET", "/api/v1/ledger", read, {"equipment"}, to(&api::ledger)});
  made.add({"GET",
            "/api/v1/frames",
            read,
            {"equipment", "from", "to", "can_id", "pgn", "format"},
            to(&api::frames)});
  add_record_routes(made, node_);
  made.add({"GET", "/api/v1/actors", read, {}, to(&api::list_actors)});
  made.add({"POST", "/api/v1/actors/{id}/kill", operate, {}, to(&api::kill_actor)});
  made.add({"GET", "/api/v1/database", read, {}, to(&api::database_report)});
  made.add({"GET", "/api/v1/db/status", read, {}, to(&api::database_status)});
  made.add({"POST", "/api/v1/db/migrate", administer, {}, to(&api::migrate)});
  add_history_routes(made, node_.store());
  add_newest_frames_route(made, node_.store());
  made.add({"GET", "/api/v1/openapi.json", {}, {}, to(&api::document)});
  return made;
}

api::answer api::health(call) {
  json alarms = json::array(); // what the node knows; the database is not asked
  for (const auto& alarm : alarms_of(node_.stats(), nullptr))
    alarms.push_back(alarm.text);
  co_return ok({{"status", "alive"},
                {"node", settings_.node_name},
                {"version", settings_.version},
                {"alarms", std::move(alarms)}});
}

api::answer api::ready(call) {
  json reasons = json::array();
  if (draining_)
    reasons.push_back("the node is draining: it takes no new work");
  for (auto& reason : unready_reasons(node_.stats()))
    reasons.push_back(std::move(reason));
  auto made = ok({{"ready", reasons.empty()}, {"reasons", reasons}});
  made.status = reasons.empty() ? 200 : 503;
  co_return made;
}

api::answer api::scrape(call) {
  const auto start = [this](auto done) { node_.store().activity(std::move(done)); };
  const auto activity =
    co_await ask<storage::result<storage::store_activity>>(start, activity_limit);
  response made;
  made.content_type = "text/plain; version=0.0.4; charset=utf-8";
  made.body =
    metrics_.render(node_.stats(), cache_.figures(), activity && *activity ? &**activity : nullptr);
  co_return made;
}

api::answer api::database_report(call) {
  const auto start = [this](auto done) { node_.store().activity(std::move(done)); };
  const auto activity =
    co_await ask<storage::result<storage::store_activity>>(start, activity_limit);
  co_return ok(to_json(node_.stats(), activity && *activity ? &**activity : nullptr));
}

api::answer api::database(call) {
  const auto start = [this](auto done) { node_.store().health(std::move(done)); };
  const auto health = co_await ask<storage::result<storage::store_health>>(start, answer_limit);
  if (!health)
    co_return to_response(no_answer("database"));
  co_return *health ? ok(to_json(**health)) : to_response(to_problem(health->error()));
}

asio::awaitable<api::equipment_rows> api::read_equipment(daemon::credential who) {
  equipment_rows rows;
  rows.live = node_.live_machines();
  std::erase_if(rows.live, [&who](const auto& row) {
    return row->farm != who.farm || !who.covers(row->equipment);
  });
  const auto limit = node_.stats().store_up ? answer_limit : answer_limit_away;
  auto stored = co_await stored_equipment(cache_, node_, who.farm, limit);
  if (auto* fault = std::get_if<problem>(&stored))
    rows.fault = std::move(*fault);
  else
    rows.stored = std::get<stored_rows>(std::move(stored));
  std::erase_if(rows.stored, [&who](const auto& row) { return !who.covers(row.name); });
  co_return rows;
}

api::answer api::list_equipment(call call) {
  const auto rows = co_await read_equipment(call.who);
  json list = json::array();
  for (auto& [name, row] : rows.merged())
    list.push_back(row);
  co_return ok({{"equipment", std::move(list)},
                {"incomplete", rows.fault ? json(rows.fault->message) : json(nullptr)}});
}

api::answer api::one_equipment(call call) {
  const auto& name = call.path.at("name");
  if (!call.who.covers(name))
    co_return to_response(not_covered(name));
  const auto rows = co_await read_equipment(call.who);
  const auto merged = rows.merged();
  const auto found = merged.find(name);
  if (found == merged.end())
    co_return to_response(rows.fault ? *rows.fault : no_such_equipment(name));
  auto machine = found->second;
  std::optional<can::machine_report> report;
  if (!machine.at("state").is_null()) {
    const auto start = [&](auto done) { node_.look_at(call.who.farm, name, std::move(done)); };
    auto looked = co_await ask<std::optional<can::machine_report>>(start, answer_limit);
    if (!looked)
      co_return to_response(no_answer("node"));
    report = std::move(*looked);
  }
  const auto parts = to_json(report.value_or(can::machine_report{}), now_us());
  for (const auto& [part, value] : parts.items())
    machine[part] = report ? value : json(nullptr);
  co_return ok(machine);
}

api::answer api::ledger(call call) {
  if (const auto* equipment = given(call.query, "equipment"))
    co_return co_await ledger_of(call.who, *equipment);
  const auto rows = co_await farm_ledger(cache_, node_, call.who.farm, 6 * answer_limit);
  if (const auto* wrong = std::get_if<problem>(&rows))
    co_return to_response(*wrong);
  json list = json::array();
  for (const auto& row : *std::get<std::shared_ptr<const json>>(rows))
    if (call.who.covers(row.at("equipment").get_ref<const std::string&>()))
      list.push_back(row);
  co_return ok({{"ledger", std::move(list)}});
}

/// Of one machine: never from the cache, so that who has just sent something sees it.
api::answer api::ledger_of(daemon::credential who, std::string equipment) {
  if (!who.covers(equipment))
    co_return to_response(not_covered(equipment));
  const auto start = [&](auto done) {
    node_.store().read_ledger(who.farm, equipment, std::move(done));
  };
  const auto rows =
    co_await ask<storage::result<std::vector<storage::ledger_row>>>(start, 6 * answer_limit);
  if (!rows)
    co_return to_response(no_answer("database"));
  if (!*rows)
    co_return to_response(to_problem(rows->error()));
  json list = json::array();
  for (const auto& row : **rows)
    if (who.covers(row.equipment))
      list.push_back(to_json(row));
  if (list.empty())
    co_return to_response(no_such_equipment(equipment));
  co_return ok({{"ledger", std::move(list)}});
}

api::answer api::frames(call call) {
  auto wanted = to_frames_request(call);
  if (const auto* wrong = std::get_if<problem>(&wanted))
    co_return to_response(*wrong);
  auto& request = std::get<frames_request>(wanted);
  if (!call.who.covers(request.query.equipment))
    co_return to_response(not_covered(request.query.equipment));
  if (++*streams_ > settings_.streams_max) {
    --*streams_;
    co_return to_response({429, "too_many_streams",
                           fmt::format("{} frame streams are open already", settings_.streams_max),
                           "wait until another one has ended"});
  }
  response made;
  made.content_type =
    request.format == frames_format::jsonl ? "application/x-ndjson" : "text/plain; charset=utf-8";
  // From here on the body counts as a stream, and its destructor frees the place.
  auto slot = std::make_unique<counted_body>(streams_);
  auto opened = co_await open_frames(node_.store(), std::move(request));
  if (const auto* wrong = std::get_if<problem>(&opened))
    co_return to_response(*wrong);
  slot->fill(std::get<std::unique_ptr<body_source>>(std::move(opened)));
  made.stream = std::move(slot);
  co_return made;
}

asio::awaitable<std::optional<std::vector<actors::actor_row>>>
api::visible_actors(daemon::credential who) {
  const auto start = [this](auto done) { node_.list_actors(std::move(done)); };
  auto rows = co_await ask<std::vector<actors::actor_row>>(start, answer_limit);
  if (rows)
    std::erase_if(*rows, [&who](const auto& row) { return !may_see(row, who); });
  co_return rows;
}

api::answer api::list_actors(call call) {
  const auto rows = co_await visible_actors(call.who);
  if (!rows)
    co_return to_response(no_answer("node"));
  json list = json::array();
  for (const auto& row : *rows)
    list.push_back(to_json(row));
  co_return ok({{"actors", std::move(list)}});
}

api::answer api::kill_actor(call call) {
  const auto& text = call.path.at("id");
  std::uint64_t id = 0;
  const auto* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, id);
  if (error != std::errc{} || at != end)
    co_return to_response(bad_parameter("id", text, "it is the number that `furrow actors` shows"));
  const auto rows = co_await visible_actors(call.who);
  if (!rows)
    co_return to_response(no_answer("node"));
  const auto is_it = [id](const actors::actor_row& row) { return row.id == id; };
  const auto row = std::find_if(rows->begin(), rows->end(), is_it);
  // A token for some machines reaches their actors, not those that all machines share.
  if (row != rows->end() && !call.who.equipment.empty() && !row->name.starts_with(equipment_mark))
    co_return to_response({403, "not_permitted", "this token is for some machines only",
                           "the actors of the node itself take a token for the whole farm"});
  const auto start = [&](auto done) { node_.kill_actor(id, std::move(done)); };
  std::optional<bool> killed = false;
  if (row != rows->end())
    killed = co_await ask<bool>(start, answer_limit);
  if (!killed)
    co_return to_response(no_answer("node"));
  if (!*killed)
    co_return to_response({404, "no_such_actor", fmt::format("there is no actor {}", id),
                           "`furrow actors` lists them; a restarted one has a new id"});
  co_return ok({{"killed", id}, {"name", row->name}});
}

api::answer api::database_status(call) {
  using rows = std::vector<storage::migration_row>;
  const auto start_health = [this](auto done) { node_.store().health(std::move(done)); };
  const auto start_rows = [this](auto done) { node_.store().migration_status(std::move(done)); };
  const auto health =
    co_await ask<storage::result<storage::store_health>>(start_health, answer_limit);
  const auto status = co_await ask<storage::result<rows>>(start_rows, answer_limit);
  if (!health || !*health)
    co_return to_response(health ? to_problem(health->error()) : no_answer("database"));
  auto* const history = node_.store().history();
  const auto start_digest = [history](auto done) {
    if (history == nullptr)
      return done(storage::failure{storage::errc::misconfigured, "this store keeps no history"});
    history->digest_progress(std::move(done));
  };
  const auto digest =
    co_await ask<storage::result<storage::digest_status>>(start_digest, answer_limit);
  json made{{"health", to_json(**health)},
            {"migrations", nullptr},
            {"digest", digest && *digest ? to_json(**digest) : json(nullptr)},
            {"fault", nullptr}};
  if (status && *status) {
    made["migrations"] = json::array();
    for (const auto& row : **status)
      made["migrations"].push_back(to_json(row));
  } else {
    made["fault"] = status ? status->error().detail : no_answer("database").message;
  }
  co_return ok(made);
}

api::answer api::migrate(call) {
  using rows = std::vector<storage::migration_row>;
  const auto start = [this](auto done) { node_.store().migrate(std::move(done)); };
  const auto applied = co_await ask<storage::result<rows>>(start, migrate_limit);
  if (!applied)
    co_return to_response(no_answer("database"));
  if (!*applied)
    co_return to_response(to_problem(applied->error()));
  json list = json::array();
  for (const auto& row : **applied)
    list.push_back(to_json(row));
  co_return ok({{"migrations", std::move(list)}});
}

api::answer api::document(call) {
  response made;
  made.body = openapi_document();
  co_return made;
}

} // namespace furrow::http
