#include "tools/furrow/ask/check_verdict.hpp"

#include "tools/furrow/output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace furrow::cli {

namespace {

constexpr double lease_warning_s = 3; // a lease lasts 3 s
constexpr double lease_critical_s = 10;

struct finding {
  check_state state;
  std::string says;
};

std::string range_of(double most) {
  return fmt::format("{:g}", most);
}

std::optional<double> seconds_of(const json& milliseconds) {
  if (milliseconds.is_null())
    return std::nullopt;
  return milliseconds.get<double>() / 1'000;
}

void look_at_readiness(const check_answers& of, const json& own, std::vector<finding>& out) {
  if (of.ready.at("ready") == true)
    return;
  std::string reasons;
  for (const auto& reason : of.ready.at("reasons"))
    reasons += (reasons.empty() ? "" : ", ") + reason.get<std::string>();
  // People drain a node on purpose; its machines are at other nodes.
  const bool drains = own.is_object() && own.at("state") == "draining";
  out.push_back({drains ? check_state::warning : check_state::critical, "not ready: " + reasons});
}

void look_at_time(const char* what,
                  std::optional<double> seconds,
                  double warning,
                  double critical,
                  check_verdict& verdict,
                  std::vector<finding>& out) {
  if (seconds && (*seconds > critical || *seconds > warning))
    out.push_back({*seconds > critical ? check_state::critical : check_state::warning,
                   fmt::format("{} is {:.1f} s", what, *seconds)});
  verdict.figures.push_back({what, seconds, "s", range_of(warning), range_of(critical)});
}

void look_at_ledger(const json& rows,
                    std::uint64_t lost_known,
                    check_verdict& verdict,
                    std::vector<finding>& out) {
  std::uint64_t lost = 0;
  std::uint64_t doubled = 0;
  std::uint64_t quarantined = 0;
  for (const auto& row : rows) {
    lost += row.at("lost").get<std::uint64_t>() + row.value("lost_at_gateway", std::uint64_t{0});
    doubled += row.at("doubled").get<std::uint64_t>();
    quarantined += row.at("quarantined").get<std::uint64_t>();
  }
  if (lost > lost_known)
    out.push_back({check_state::critical, fmt::format("{} items are lost: furrow ledger", lost)});
  if (doubled > 0)
    out.push_back(
      {check_state::critical, fmt::format("{} items are doubled: furrow ledger", doubled)});
  verdict.figures.push_back({"streams", static_cast<double>(rows.size())});
  verdict.figures.push_back(
    {"lost", static_cast<double>(lost), "", "", std::to_string(lost_known)});
  verdict.figures.push_back({"doubled", static_cast<double>(doubled), "", "", "0"});
  verdict.figures.push_back({"quarantined", static_cast<double>(quarantined)});
}

} // namespace

const char* to_string(check_state state) {
  switch (state) {
  case check_state::ok:
    return "OK";
  case check_state::warning:
    return "WARNING";
  case check_state::critical:
    return "CRITICAL";
  case check_state::unknown:
    return "UNKNOWN";
  }
  return "UNKNOWN";
}

check_verdict judge(const check_answers& answers, const check_limits& limits) {
  check_verdict verdict;
  std::vector<finding> found;
  json own;
  for (const auto& row : answers.nodes.at("nodes"))
    if (row.at("this") == true)
      own = row;
  look_at_readiness(answers, own, found);
  const auto machines =
    own.is_null() ? std::nullopt : std::optional{own.at("sessions").get<std::uint64_t>()};
  if (machines.value_or(0) < limits.machines_min)
    found.push_back(
      {check_state::warning, fmt::format("{} machines are connected, at least {} are expected",
                                         machines.value_or(0), limits.machines_min)});
  verdict.figures.push_back(
    {"machines", machines ? std::optional{static_cast<double>(*machines)} : std::nullopt, "",
     limits.machines_min == 0 ? "" : fmt::format("{}:", limits.machines_min)});
  const auto lag = own.is_null() ? std::nullopt : seconds_of(own.at("lag_ms"));
  look_at_time("lag", lag, limits.lag_warning_s, limits.lag_critical_s, verdict, found);
  look_at_time("lease_age", own.is_null() ? std::nullopt : seconds_of(own.at("lease_age_ms")),
               lease_warning_s, lease_critical_s, verdict, found);
  const auto& alarms = answers.health.at("alarms");
  for (const auto& alarm : alarms)
    found.push_back({check_state::warning, alarm.get<std::string>()});
  verdict.figures.push_back({"alarms", static_cast<double>(alarms.size()), "", "0"});
  if (!answers.ledger.is_null())
    look_at_ledger(answers.ledger.at("ledger"), limits.lost_known, verdict, found);

  std::stable_sort(found.begin(), found.end(), [](const finding& one, const finding& other) {
    return one.state > other.state;
  });
  for (auto& one : found) {
    verdict.state = std::max(verdict.state, one.state);
    verdict.says.push_back(std::move(one.says));
  }
  if (found.empty())
    verdict.says.push_back(
      fmt::format("node {} is ready, {} machines, {} streams, nothing lost or doubled",
                  answers.health.at("node").get<std::string>(), machines.value_or(0),
                  answers.ledger.at("ledger").size()));
  return verdict;
}

check_verdict undecided(check_state state, std::string why) {
  return {state, {std::move(why)}, {}};
}

std::string line_of(const check_verdict& verdict) {
  std::string says;
  for (const auto& one : verdict.says)
    says += (says.empty() ? "" : "; ") + one;
  std::replace(says.begin(), says.end(), '|', '?'); // the bar begins the figures
  auto line = fmt::format("FURROW {}: {}", to_string(verdict.state), printable(says));
  const char* before = " |";
  for (const auto& one : verdict.figures) {
    if (!one.value)
      continue;
    const auto limits = one.critical.empty() ? one.warning : one.warning + ";" + one.critical;
    line += fmt::format("{} {}={}{}{}{}", before, one.name, plain_number(*one.value, 15), one.unit,
                        limits.empty() ? "" : ";", limits);
    before = "";
  }
  return line;
}

json to_json(const check_verdict& verdict) {
  json figures = json::object();
  for (const auto& one : verdict.figures)
    figures[one.name] = one.value ? json(*one.value) : json(nullptr);
  return {{"state", to_string(verdict.state)},
          {"exit_code", static_cast<int>(verdict.state)},
          {"says", verdict.says},
          {"figures", std::move(figures)}};
}

} // namespace furrow::cli
