#include "can/frame/name.hpp"
#include "can/isobus/diagnostics.hpp"
#include "storage/history.hpp"
#include "tools/furrowd/api/answers.hpp"
#include "tools/furrowd/api/bodies/bus_names.hpp"
#include "tools/furrowd/api/resources.hpp"
#include "tools/furrowd/http/ask_store.hpp"
#include "tools/json/rfc3339.hpp"

#include <charconv>
#include <map>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

std::variant<storage::faults_query, problem> to_faults_query(const call& call) {
  storage::faults_query query;
  query.farm = call.who.farm;
  if (const auto* equipment = given(call, "equipment")) {
    query.equipment = *equipment;
    if (!call.who.covers(query.equipment))
      return not_covered(query.equipment);
  }
  if (const auto* active = given(call, "active")) {
    if (*active != "true" && *active != "false")
      return bad_parameter("active", *active, "use true or false");
    query.active = *active == "true";
  }
  for (const auto& [name, end] : {std::pair{"from", &query.from_us}, std::pair{"to", &query.to_us}})
    if (const auto* text = given(call, name)) {
      *end = json_rows::parse_time(*text);
      if (!*end)
        return bad_parameter(name, *text,
                             "write times as 2026-05-01T06:30:00Z, at most with microseconds");
    }
  if (const auto* text = given(call, "after")) {
    constexpr std::uint64_t skip_max = 1'000'000'000;
    const auto* end = text->data() + text->size();
    const auto [at, wrong] = std::from_chars(text->data(), end, query.skip);
    if (wrong != std::errc{} || at != end || query.skip > skip_max)
      return bad_parameter("after", *text, "use `next` of the previous page");
  }
  return query;
}

json fault_json(const storage::bus_fault& row, const bus_names& names) {
  const auto meaning = can::fmi_word(static_cast<std::uint8_t>(row.fmi));
  json made{{"farm", row.farm},
            {"equipment", row.equipment},
            {"bus", row.bus},
            {"source", row.source},
            {"iso_name", nullptr},
            {"spn", row.spn},
            {"name", spn_name(names, static_cast<std::uint32_t>(row.spn))},
            {"fmi", row.fmi},
            {"meaning", meaning.empty() ? json(nullptr) : json(meaning)},
            {"active", !row.cleared_us},
            {"first_seen", json_rows::format_time(row.first_us)},
            {"last_seen", json_rows::format_time(row.last_us)},
            {"cleared", nullptr},
            {"appearances", row.appearances},
            {"occurrences", nullptr},
            {"lamp", row.lamp}};
  if (row.iso_name)
    made["iso_name"] = can::to_string(can::iso_name{*row.iso_name});
  if (row.cleared_us)
    made["cleared"] = json_rows::format_time(*row.cleared_us);
  if (row.occurrences)
    made["occurrences"] = *row.occurrences;
  return made;
}

answer faults(api_context& of, call call) {
  const auto query = to_faults_query(call);
  if (const auto* wrong = std::get_if<problem>(&query))
    co_return to_response(*wrong);
  of.node.read_lately.note(std::get<storage::faults_query>(query).equipment,
                           actors::readers::clock::now()); // the digest makes them
  const auto start = [&](auto done) {
    of.node.store.history()->read_faults(std::get<storage::faults_query>(query), std::move(done));
  };
  const auto said = co_await ask_store<storage::faults_page>(start, answer_limit);
  if (const auto* wrong = std::get_if<problem>(&said))
    co_return to_response(*wrong);
  const auto& page = std::get<storage::faults_page>(said);
  json rows = json::array();
  std::map<std::pair<std::string, std::string>, bus_names> names; // by farm and machine
  for (const auto& row : page.rows) {
    if (!call.who.covers(row.equipment))
      continue;
    const auto [at, fresh] = names.try_emplace({row.farm, row.equipment});
    if (fresh)
      at->second = {&of.node.dbc, row.farm, row.equipment};
    rows.push_back(fault_json(row, at->second));
  }
  co_return ok({{"faults", std::move(rows)},
                {"next", page.next ? json(std::to_string(*page.next)) : json(nullptr)}});
}

} // namespace

void add_fault_routes(router& to, api_context& of) {
  to.add({"GET",
          "/api/v1/faults",
          daemon::permission::read,
          {"equipment", "active", "from", "to", "after"},
          on(of, of.node.store.history() != nullptr ? faults : not_kept)});
}

} // namespace furrow::http
