#include "actors/live/node_meter.hpp"
#include "storage/history.hpp"
#include "tools/furrowd/api/activity_json.hpp"
#include "tools/furrowd/api/answers.hpp"
#include "tools/furrowd/api/resources.hpp"
#include "tools/furrowd/http/ask_store.hpp"

#include <chrono>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

constexpr std::chrono::minutes migrate_limit{10};

answer scrape(api_context& of, call /*call*/) {
  const auto activity = co_await read_activity(of);
  response made;
  made.content_type = "text/plain; version=0.0.4; charset=utf-8";
  made.body =
    of.counters.render(of.node.meter.stats(), of.cache.figures(), activity ? &*activity : nullptr,
                       of.front(), of.gateways->counted(), of.links.get());
  co_return made;
}

answer database_report(api_context& of, call /*call*/) {
  const auto activity = co_await read_activity(of);
  co_return ok(to_json(of.node.meter.stats(), activity ? &*activity : nullptr, of.front()));
}

answer database(api_context& of, call /*call*/) {
  const auto start = [&of](auto done) { of.node.store.health(std::move(done)); };
  const auto health = co_await ask_store<storage::store_health>(start, answer_limit);
  if (const auto* wrong = std::get_if<problem>(&health))
    co_return to_response(*wrong);
  const auto activity = co_await read_activity(of);
  co_return ok(to_json(std::get<storage::store_health>(health), activity ? &*activity : nullptr));
}

answer database_status(api_context& of, call /*call*/) {
  using rows = std::vector<storage::migration_row>;
  const auto start_health = [&of](auto done) { of.node.store.health(std::move(done)); };
  const auto start_rows = [&of](auto done) { of.node.store.migration_status(std::move(done)); };
  const auto health =
    co_await ask<storage::result<storage::store_health>>(start_health, answer_limit);
  const auto status = co_await ask<storage::result<rows>>(start_rows, answer_limit);
  if (!health || !*health)
    co_return to_response(health ? to_problem(health->error()) : no_answer("database"));
  auto* const history = of.node.store.history();
  const auto start_digest = [history](auto done) {
    if (history == nullptr)
      return done(storage::failure{storage::errc::misconfigured, "this store keeps no history"});
    history->digest_progress(std::move(done));
  };
  const auto digest =
    co_await ask<storage::result<storage::digest_status>>(start_digest, answer_limit);
  json made{{"health", json_rows::to_json(**health)},
            {"migrations", nullptr},
            {"digest", digest && *digest ? json_rows::to_json(**digest) : json(nullptr)},
            {"fault", nullptr}};
  if (status && *status) {
    made["migrations"] = json::array();
    for (const auto& row : **status)
      made["migrations"].push_back(json_rows::to_json(row));
  } else {
    made["fault"] = status ? status->error().detail : no_answer("database").message;
  }
  co_return ok(made);
}

answer migrate(api_context& of, call /*call*/) {
  using rows = std::vector<storage::migration_row>;
  const auto start = [&of](auto done) { of.node.store.migrate(std::move(done)); };
  const auto applied = co_await ask<storage::result<rows>>(start, migrate_limit);
  if (!applied)
    co_return to_response(no_answer("database"));
  if (!*applied)
    co_return to_response(to_problem(applied->error()));
  json list = json::array();
  for (const auto& row : **applied)
    list.push_back(json_rows::to_json(row));
  co_return ok({{"migrations", std::move(list)}});
}

} // namespace

void add_database_routes(router& to, api_context& of) {
  using enum daemon::permission;
  to.add({"GET", "/metrics", watch, {}, on(of, scrape), false});
  to.add({"GET", "/monitoring/database", watch, {}, on(of, database)});
  to.add({"GET", "/api/v1/database", watch, {}, on(of, database_report), false});
  to.add({"GET", "/api/v1/db/status", watch, {}, on(of, database_status)});
  to.add({"POST", "/api/v1/db/migrate", govern, {}, on(of, migrate), true, "db migrate"});
}

} // namespace furrow::http
