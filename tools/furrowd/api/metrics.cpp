#include "tools/furrowd/api/metrics.hpp"

#include "tools/furrowd/api/activity_json.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <system_error>

namespace furrow::http {

namespace {

prometheus::MetricFamily
family(const char* name, const char* help, prometheus::MetricType type, double value) {
  prometheus::MetricFamily made{name, help, type, {}};
  prometheus::ClientMetric metric;
  if (type == prometheus::MetricType::Counter)
    metric.counter.value = value;
  else
    metric.gauge.value = value;
  made.metric.push_back(std::move(metric));
  return made;
}

/// Resident memory from /proc; 0 without /proc.
std::size_t resident_bytes() {
  std::ifstream statm{"/proc/self/statm"};
  std::size_t total = 0;
  std::size_t resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

struct file_figures {
  std::size_t open = 0;
  std::size_t max = 0;
};

/// Zeros without /proc.
file_figures open_files() {
  file_figures out;
  std::error_code wrong;
  for (std::filesystem::directory_iterator at{"/proc/self/fd", wrong}, end; !wrong && at != end;
       at.increment(wrong))
    ++out.open;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0)
    out.max = limit.rlim_cur;
  return out;
}

prometheus::MetricType type_of(actors::counter_kind kind) {
  return kind == actors::counter_kind::total ? prometheus::MetricType::Counter
                                             : prometheus::MetricType::Gauge;
}

std::vector<prometheus::MetricFamily> families(const actors::node_stats& stats) {
  using enum prometheus::MetricType;
  std::vector<prometheus::MetricFamily> made;
  const auto add = [&made](const char* name, const char* help, std::size_t value) {
    made.push_back(family(name, help, Gauge, static_cast<double>(value)));
  };
  actors::for_each_counter(
    [&made](const actors::counter_label& label, const auto& field) {
      auto value = static_cast<double>(field);
      if (label.kind == actors::counter_kind::gauge_time)
        value = std::floor(std::max(value, 0.0) / 1e6);
      made.push_back(family(label.name, label.help, type_of(label.kind), value));
    },
    stats);
  add("furrow_budget_limit_bytes", "Limit of the memory for items that are not durable yet.",
      stats.budget_bytes);
  add("furrow_budget_used_bytes", "Memory of items that are not durable yet.", stats.budget_used);
  add("furrow_budget_peak_bytes", "The most that was held since the node started.",
      stats.budget_peak);
  add("furrow_actors_failing", "Actors that their supervisors restart again and again.",
      stats.failing.size() + stats.failing_parts.size());
  add("furrow_stalled_seconds", "How long the node has held items without storing any.",
      stats.stalled_s);
  add("process_resident_memory_bytes", "Resident memory of the process.", resident_bytes());
  const auto files = open_files();
  add("process_open_fds", "Files and connections that the process has open.", files.open);
  add("process_max_fds", "Files and connections that the process may have open.", files.max);
  return made;
}

std::vector<prometheus::MetricFamily> families(const cache_figures& cache) {
  using enum prometheus::MetricType;
  std::vector<prometheus::MetricFamily> made;
  const auto add = [&made](const char* name, const char* help, prometheus::MetricType type,
                           std::uint64_t value) {
    made.push_back(family(name, help, type, static_cast<double>(value)));
  };
  add("furrow_cache_hits_total", "Answers taken from the cache in memory.", Counter,
      cache.memory.hits);
  add("furrow_cache_misses_total", "Answers that the cache in memory did not have.", Counter,
      cache.memory.misses);
  add("furrow_cache_evicted_total", "Answers evicted to make room.", Counter, cache.memory.evicted);
  add("furrow_cache_forgotten_total", "Answers dropped because data of the farm changed.", Counter,
      cache.memory.forgotten);
  add("furrow_cache_entries", "Answers in the cache.", Gauge, cache.memory.entries);
  add("furrow_cache_bytes", "Memory of the answers in the cache.", Gauge, cache.memory.bytes);
  if (!cache.redis)
    return made;
  add("furrow_cache_redis_up", "Whether Redis answered the last command: 1 yes, 0 no.", Gauge,
      cache.redis_up ? 1U : 0U);
  add("furrow_cache_redis_hits_total", "Answers taken from Redis.", Counter, cache.redis_hits);
  add("furrow_cache_redis_rejected_total", "Answers of Redis that were invalid or too old.",
      Counter, cache.redis_rejected);
  add("furrow_cache_redis_failures_total",
      "Connections to Redis that could not be opened or broke.", Counter, cache.redis_failures);
  return made;
}

/// Nothing where there is one database.
std::vector<prometheus::MetricFamily>
families(const std::vector<actors::database_standing>& databases) {
  std::vector<prometheus::MetricFamily> made;
  if (databases.empty())
    return made;
  auto& up = made.emplace_back(prometheus::MetricFamily{
    "furrow_database_up",
    "Whether a database other than main commits: 1 yes, 0 no. Main: furrow_store_up.",
    prometheus::MetricType::Gauge,
    {}});
  for (const auto& one : databases) {
    prometheus::ClientMetric metric;
    metric.label = {{"database", one.name}};
    metric.gauge.value = one.up && one.fault.empty() ? 1 : 0;
    up.metric.push_back(std::move(metric));
  }
  return made;
}

template <class Reason, std::size_t Count>
prometheus::MetricFamily
by_reason(const char* name, const char* help, const std::array<std::uint64_t, Count>& counts) {
  prometheus::MetricFamily made{name, help, prometheus::MetricType::Counter, {}};
  for (std::size_t i = 0; i < Count; ++i) {
    prometheus::ClientMetric metric;
    metric.label = {{"reason", daemon::to_string(static_cast<Reason>(i))}};
    metric.counter.value = static_cast<double>(counts[i]);
    made.metric.push_back(std::move(metric));
  }
  return made;
}

std::vector<prometheus::MetricFamily> families(const daemon::gateway_book::counts& gateways) {
  return {family("furrow_gateway_connections_total", "Gateways that were let in.",
                 prometheus::MetricType::Counter, static_cast<double>(gateways.connections)),
          by_reason<daemon::refusal>("furrow_gateway_refused_total",
                                     "Gateways that were refused or sent away, by reason.",
                                     gateways.refused),
          by_reason<daemon::farewell>("furrow_gateway_disconnects_total",
                                      "Ends of connections of gateways, by reason.",
                                      gateways.ended)};
}

std::vector<prometheus::MetricFamily> families(const daemon::link_book::counts& links) {
  using enum prometheus::MetricType;
  return {family("furrow_link_accepted_total", "Connections of other nodes that were accepted.",
                 Counter, static_cast<double>(links.accepted)),
          family("furrow_link_dialed_total", "Links to other nodes that this node opened.", Counter,
                 static_cast<double>(links.dialed)),
          by_reason<daemon::link_refusal>("furrow_link_refused_total",
                                          "Links with other nodes that were refused or cut, by "
                                          "reason.",
                                          links.refused)};
}

} // namespace

metrics::metrics(const std::string& version) {
  auto& requests = prometheus::BuildCounter()
                     .Name("furrow_http_requests_total")
                     .Help("HTTP requests answered, by class of the status.")
                     .Register(registry_);
  for (std::size_t i = 1; i < requests_.size(); ++i)
    requests_[i] = &requests.Add({{"class", std::to_string(i) + "xx"}});
  seconds_ = &prometheus::BuildHistogram()
                .Name("furrow_http_request_seconds")
                .Help("Time from the end of a request to the end of its answer.")
                .Register(registry_)
                .Add({}, prometheus::Histogram::BucketBoundaries{0.001, 0.005, 0.025, 0.1, 0.5, 2.5,
                                                                 10, 60});
  connections_ = &prometheus::BuildGauge()
                    .Name("furrow_http_connections")
                    .Help("Open HTTP connections.")
                    .Register(registry_)
                    .Add({});
  refused_ = &prometheus::BuildCounter()
                .Name("furrow_http_connections_refused_total")
                .Help("HTTP connections rejected because of the limit.")
                .Register(registry_)
                .Add({});
  address_refused_ = &prometheus::BuildCounter()
                        .Name("furrow_http_address_refused_total")
                        .Help("HTTP connections rejected because their address has its share.")
                        .Register(registry_)
                        .Add({});
  token_limited_ = &prometheus::BuildCounter()
                      .Name("furrow_http_token_refused_total")
                      .Help("HTTP requests rejected because their token has too many in progress.")
                      .Register(registry_)
                      .Add({});
  gave_way_ = &prometheus::BuildCounter()
                 .Name("furrow_http_connections_gave_way_total")
                 .Help("Idle HTTP connections closed to make room for new ones.")
                 .Register(registry_)
                 .Add({});
  wrong_tokens_ = &prometheus::BuildCounter()
                     .Name("furrow_http_wrong_tokens_total")
                     .Help("HTTP requests with a token that the node does not know.")
                     .Register(registry_)
                     .Add({});
  prometheus::BuildGauge()
    .Name("furrow_build_info")
    .Help("Always 1; the version is the label.")
    .Register(registry_)
    .Add({{"version", version}})
    .Set(1);
}

void metrics::count(unsigned status, std::chrono::steady_clock::duration took) {
  requests_[std::clamp<std::size_t>(status / 100, 1, requests_.size() - 1)]->Increment();
  seconds_->Observe(std::chrono::duration<double>(took).count());
}

void metrics::connections(std::size_t open) {
  connections_->Set(static_cast<double>(open));
}
void metrics::gave_way() {
  gave_way_->Increment();
}
void metrics::wrong_token() {
  wrong_tokens_->Increment();
}
void metrics::refused(bool of_address) {
  (of_address ? address_refused_ : refused_)->Increment();
}
void metrics::token_limited() {
  token_limited_->Increment();
}

void metrics::add_to(front_counters& counters) const {
  counters.gave_way = static_cast<std::uint64_t>(gave_way_->Value());
  counters.refused = static_cast<std::uint64_t>(refused_->Value());
}

std::string metrics::render(const actors::node_stats& stats,
                            const cache_figures& cache,
                            const storage::store_activity* activity,
                            const front_figures& front,
                            const daemon::gateway_book::counts& gateways,
                            const daemon::link_book* links) const {
  auto all = families(stats);
  if (links != nullptr)
    for (auto& one : families(links->counted()))
      all.push_back(std::move(one));
  for (auto more : {families(stats.databases), families(cache), families(gateways),
                    http::families(stats, activity, front)})
    all.insert(all.end(), std::make_move_iterator(more.begin()),
               std::make_move_iterator(more.end()));
  auto own = registry_.Collect();
  all.insert(all.end(), std::make_move_iterator(own.begin()), std::make_move_iterator(own.end()));
  std::ostringstream text;
  prometheus::TextSerializer{}.Serialize(text, all);
  return text.str();
}

} // namespace furrow::http
