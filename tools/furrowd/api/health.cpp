#include "actors/cluster/placement.hpp"
#include "actors/live/node_meter.hpp"
#include "tools/furrowd/api/alarms.hpp"
#include "tools/furrowd/api/answers.hpp"
#include "tools/furrowd/api/resources.hpp"
#include "tools/json/rfc3339.hpp"

#include <chrono>
#include <utility>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

answer show_health(api_context& of, call /*call*/) {
  const auto activity = co_await read_activity(of);
  json alarms = json::array(); // what the node knows; the database is not asked
  for (const auto& alarm :
       alarms_of(of.node.meter.stats(), activity ? &*activity : nullptr, of.front()))
    alarms.push_back(alarm.text);
  const auto now = std::chrono::duration_cast<std::chrono::microseconds>(
    std::chrono::system_clock::now().time_since_epoch());
  auto made = ok({{"status", "alive"},
                  {"node", of.node_name},
                  {"version", of.version},
                  {"time", json_rows::format_time(now.count())},
                  {"alarms", std::move(alarms)}});
  made.headers.emplace_back("Cache-Control",
                            "no-store"); // it tells the time: nobody has it already
  co_return made;
}

answer show_readiness(api_context& of, call /*call*/) {
  json reasons = json::array();
  if (of.draining)
    reasons.push_back("the node is draining: it takes no new work");
  if (const auto* cluster = of.node.cluster;
      cluster != nullptr && actors::is_draining(*cluster->latest()))
    reasons.push_back("people drain this node (`furrow node undrain` ends that)");
  for (auto& reason : unready_reasons(of.node.meter.stats()))
    reasons.push_back(std::move(reason));
  auto made = ok({{"ready", reasons.empty()}, {"reasons", reasons}});
  made.status = reasons.empty() ? 200 : 503;
  co_return made;
}

} // namespace

void add_health_routes(router& to, api_context& of) {
  to.add({"GET", "/health", {}, {}, on(of, show_health), false});
  to.add({"GET", "/ready", {}, {}, on(of, show_readiness), false});
}

} // namespace furrow::http
