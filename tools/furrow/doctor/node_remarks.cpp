#include "tools/furrow/doctor/node_remarks.hpp"

#include "can/text/time.hpp"
#include "tools/furrow/doctor/this_machine.hpp"
#include "tools/json/rfc3339.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <optional>

namespace furrow::cli {

namespace {

using storage::remark;
using level = storage::remark_level;

constexpr std::int64_t us_per_s = 1'000'000;
constexpr std::chrono::seconds connect_limit{2};

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
           std::chrono::system_clock::now().time_since_epoch())
    .count();
}

/// The value of a metric without labels.
std::optional<double> metric(const std::string& metrics, const std::string& name) {
  const auto line = "\n" + name + " ";
  const auto at = metrics.find(line);
  if (at == std::string::npos)
    return std::nullopt;
  return std::strtod(metrics.c_str() + at + line.size(), nullptr);
}

/// A node that listens at every address names none that another machine can use.
bool is_wildcard(const std::string& address) {
  return address.starts_with("0.0.0.0:") || address.starts_with("[::]:");
}

std::vector<tried_address> try_addresses(const json& nodes) {
  std::vector<tried_address> out;
  for (const auto& row : nodes) {
    const auto state = row.at("state").get<std::string>();
    if (state != "alive" && state != "draining")
      continue;
    for (const auto* what : {"gateway", "http"})
      if (row.at(what).is_string() && !is_wildcard(row.at(what).get<std::string>())) {
        const auto address = row.at(what).get<std::string>();
        out.push_back(
          {row.at("name").get<std::string>(), address, connect_fault(address, connect_limit)});
      }
  }
  return out;
}

void look_at_version(const json& health, std::vector<remark>& out) {
  const auto name = health.at("node").get<std::string>();
  const auto version = health.at("version").get<std::string>();
  const auto says = fmt::format("node {}, version {}", name, version);
  if (version == FURROW_VERSION)
    out.push_back({"node", level::ok, says});
  else
    out.push_back({"node", level::warning,
                   fmt::format("{}; this program is {}", says, FURROW_VERSION),
                   "use programs of one version, except during an upgrade"});
}

void look_at_readiness(const node_answers& of, std::vector<remark>& out) {
  for (const auto& reason : of.ready.at("reasons"))
    out.push_back({"ready", level::failed, reason.get<std::string>(),
                   "see `furrow health` and the node's log"});
  if (of.ready.at("ready") == true)
    out.push_back({"ready", level::ok, "the node takes work"});
  for (const auto& alarm : of.health.at("alarms"))
    out.push_back({"alarm", level::warning, alarm.get<std::string>(),
                   "docs/operations/monitoring.md says what each alarm means"});
}

/// A node of the version before does not tell its time.
void look_at_clock(const node_answers& of, std::vector<remark>& out) {
  const auto told = json_rows::parse_time(of.health.value("time", ""));
  if (!told)
    return;
  constexpr std::int64_t told_us = 5 * us_per_s;
  constexpr std::int64_t day_us = 86'400 * us_per_s;
  const auto ahead = *told - of.asked_us;
  if (std::abs(ahead) < told_us)
    out.push_back({"node clock", level::ok, "the node and this machine agree within 5 s"});
  else
    out.push_back({"node clock", std::abs(ahead) < day_us ? level::warning : level::failed,
                   fmt::format("the node is {} s {} this machine", std::abs(ahead) / us_per_s,
                               ahead > 0 ? "ahead of" : "behind"),
                   "set both clocks by NTP (`timedatectl` shows whether one is)"});
}

void look_at_metrics(const node_answers& of, std::vector<remark>& out) {
  if (const auto ends = metric(of.metrics, "furrow_certificate_expiry_seconds")) {
    certificate_facts certificate{"the certificate of the node", "", 0,
                                  static_cast<std::int64_t>(*ends)};
    out.push_back(*ends == 0 ? remark{"certificate", level::ok, "the node uses no TLS"}
                             : remark_on_certificate(certificate, of.asked_us / us_per_s));
  }
  const auto max = metric(of.metrics, "process_max_fds");
  const auto open = metric(of.metrics, "process_open_fds");
  if (max && open)
    out.push_back(remark_on_open_files(static_cast<std::uint64_t>(*max),
                                       static_cast<std::uint64_t>(*open), "the node"));
}

void look_at_gateways(const node_answers& of, std::vector<remark>& out) {
  if (of.gateways.is_null())
    return;
  const auto hour_ago = can::text::format_time(of.asked_us - 3'600 * us_per_s);
  const json* newest = nullptr;
  std::uint64_t refused = 0;
  for (const auto& row : of.gateways.at("refused"))
    if (row.at("last").get<std::string>() >= hour_ago) { // both in UTC, with the same digits
      ++refused;
      newest = newest == nullptr || newest->at("last") < row.at("last") ? &row : newest;
    }
  const auto connected = of.gateways.at("connected").size();
  if (newest == nullptr)
    out.push_back({"gateways", level::ok, fmt::format("{} connected, none refused", connected)});
  else
    out.push_back(
      {"gateways", level::warning,
       fmt::format("{} connected, {} refused in the last hour; the last one from {}: {}", connected,
                   refused, newest->at("host").get<std::string>(),
                   newest->at("reason").get<std::string>()),
       "`furrow gateways --failed` shows each, with its reason"});
}

void look_at_peers(const node_answers& of, std::vector<remark>& out) {
  for (const auto& one : of.tried) {
    const auto says = fmt::format("node {} at {}", one.node, one.address);
    if (one.fault.empty())
      out.push_back({"reach", level::ok, says + " accepts connections"});
    else
      out.push_back({"reach", level::warning, says + ": " + one.fault,
                     "open the port in the firewall, or set --advertise to an address that others "
                     "reach; from this machine it may be closed on purpose"});
  }
  if (of.actors.is_null())
    return;
  for (const auto& name : of.actors.at("incomplete"))
    out.push_back({"link", level::warning,
                   fmt::format("node {} does not answer the asked node", name.get<std::string>()),
                   "see `link with` in the logs of both, and docs/operations/cluster-link.md"});
}

} // namespace

result<node_answers> ask_node(const globals& globals) {
  auto client = node_client::from(globals);
  if (!client)
    return client.error();
  node_answers out;
  const auto before = now_us();
  auto health = client->get("/health");
  if (!health)
    return health.error();
  out.asked_us = before + (now_us() - before) / 2;
  out.health = std::move(*health);
  auto ready = client->get("/ready", 503);
  if (!ready)
    return ready.error();
  out.ready = std::move(*ready);
  for (auto [target, into] :
       {std::pair{"/api/v1/gateways", &out.gateways}, std::pair{"/api/v1/nodes", &out.nodes},
        std::pair{"/api/v1/actors", &out.actors}}) {
    auto answer = client->get(target);
    if (answer)
      *into = std::move(*answer);
    else if (out.denied.empty())
      out.denied = answer.error().detail;
  }
  const auto read = client->stream("/metrics", [&out](std::string_view text) {
    out.metrics += text;
    return true;
  });
  if (!read && out.denied.empty())
    out.denied = read.error().detail;
  if (!out.nodes.is_null())
    out.tried = try_addresses(out.nodes.at("nodes"));
  return out;
}

std::vector<remark> remarks_on(const node_answers& answers) {
  std::vector<remark> out;
  look_at_version(answers.health, out);
  look_at_readiness(answers, out);
  look_at_clock(answers, out);
  look_at_metrics(answers, out);
  look_at_gateways(answers, out);
  look_at_peers(answers, out);
  if (!answers.denied.empty())
    out.push_back({"rights", level::warning, "some checks were left out: " + answers.denied,
                   "use a token of the node: `furrow token new --role viewer --farm '*'`"});
  return out;
}

} // namespace furrow::cli
