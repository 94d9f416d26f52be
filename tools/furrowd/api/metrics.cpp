#include "tools/furrowd/api/metrics.hpp"

#include "tools/furrowd/api/activity_json.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/text_serializer.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <span>
#include <sstream>

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

struct row {
  const char* name;
  const char* help;
  prometheus::MetricType type;
  std::uint64_t value;
};

void append_rows(std::vector<prometheus::MetricFamily>& to, std::span<const row> rows) {
  for (const auto& row : rows)
    to.push_back(family(row.name, row.help, row.type, static_cast<double>(row.value)));
}

/// Metrics of items received and committed.
void append_ingest(std::vector<prometheus::MetricFamily>& to, const actors::node_stats& stats) {
  using enum prometheus::MetricType;
  const std::array rows{
    row{"furrow_sessions", "Open gateway sessions.", Gauge, stats.sessions},
    row{"furrow_frames_received_total", "Frames received, without duplicates.", Counter,
        stats.frames_received},
    row{"furrow_frames_durable_total", "Frames committed to the database.", Counter,
        stats.frames_durable},
    row{"furrow_items_quarantined_total", "Items that the database rejected, kept in quarantine.",
        Counter, stats.items_quarantined},
    row{"furrow_items_duplicate_total", "Items received again and dropped.", Counter,
        stats.duplicates},
    row{"furrow_rewinds_total", "Rewinds sent: requests to a gateway to send items again.", Counter,
        stats.rewinds},
    row{"furrow_batches_committed_total", "Transactions that stored items.", Counter,
        stats.batches_committed},
    row{"furrow_append_failures_total", "Transactions that failed or are in doubt.", Counter,
        stats.append_failures},
    row{"furrow_actor_restarts_total", "Actors restarted by their supervisor.", Counter,
        stats.actor_restarts},
    row{"furrow_budget_limit_bytes",
        "Limit of the memory for items that are received and not yet durable.", Gauge,
        stats.budget_bytes},
    row{"furrow_budget_used_bytes", "Memory of items that are received and not yet durable.", Gauge,
        stats.budget_used},
    row{"furrow_budget_peak_bytes", "Largest furrow_budget_used_bytes since the node started.",
        Gauge, stats.budget_peak},
    row{"furrow_store_up", "Whether the database commits: 1 yes, 0 no.", Gauge,
        stats.store_up ? 1U : 0U},
    row{"process_resident_memory_bytes", "Resident memory of the process.", Gauge,
        resident_bytes()},
  };
  append_rows(to, rows);
}

/// Metrics of digest, sealing, partitions and retention.
void append_background(std::vector<prometheus::MetricFamily>& to, const actors::node_stats& stats) {
  using enum prometheus::MetricType;
  const std::array rows{
    row{"furrow_digest_frames_total", "Frames digested into rollups and telemetry.", Counter,
        stats.digest_frames},
    row{"furrow_digest_commits_total", "Transactions of the digest.", Counter,
        stats.digest_commits},
    row{"furrow_digest_failures_total", "Runs of the digest that failed for a stream.", Counter,
        stats.digest_failures},
    row{"furrow_digest_streams_behind", "Streams with a digest backlog after the last pass.", Gauge,
        stats.digest_streams_behind},
    row{"furrow_digest_items_behind", "Digest backlog after the last pass, in items.", Gauge,
        stats.digest_items_behind},
    row{"furrow_digest_oldest_frame_seconds",
        "Unix time of the oldest frame that the last pass did not digest; 0: none.", Gauge,
        static_cast<std::uint64_t>(std::max<std::int64_t>(stats.digest_oldest_us, 0)) / 1'000'000},
    row{"furrow_frames_sealed_total", "Frames that this node sealed.", Counter,
        stats.frames_sealed},
    row{"furrow_chunks_sealed_total", "Transactions that sealed a chunk.", Counter,
        stats.chunks_sealed},
    row{"furrow_seal_failures_total", "Times that sealing failed.", Counter, stats.seal_failures},
    row{"furrow_partitions_made_total", "Partitions of can_segment that this node made.", Counter,
        stats.partitions_made},
    row{"furrow_partitions_waiting",
        "Partitions that were needed and could not be made at the last check.", Gauge,
        stats.partitions_waiting},
    row{"furrow_partition_stray_rows", "Rows without a partition of their time at the last check.",
        Gauge, stats.partition_rows_stray},
    row{"furrow_partitions_dropped_total", "Partitions that retention dropped.", Counter,
        stats.partitions_dropped},
    row{"furrow_frames_expired_total", "Frames that retention deleted, by this node.", Counter,
        stats.frames_expired},
    row{"furrow_records_expired_total", "Records that retention deleted, by this node.", Counter,
        stats.records_expired},
    row{"furrow_care_failures_total", "Times that the care of partitions or retention failed.",
        Counter, stats.care_failures},
  };
  append_rows(to, rows);
}

std::vector<prometheus::MetricFamily> families(const actors::node_stats& stats) {
  std::vector<prometheus::MetricFamily> made;
  append_ingest(made, stats);
  append_background(made, stats);
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
void metrics::refused() {
  refused_->Increment();
}

std::string metrics::render(const actors::node_stats& stats,
                            const cache_figures& cache,
                            const storage::store_activity* activity) const {
  auto all = families(stats);
  for (auto more : {families(cache), http::families(stats, activity)})
    all.insert(all.end(), std::make_move_iterator(more.begin()),
               std::make_move_iterator(more.end()));
  auto own = registry_.Collect();
  all.insert(all.end(), std::make_move_iterator(own.begin()), std::make_move_iterator(own.end()));
  std::ostringstream text;
  prometheus::TextSerializer{}.Serialize(text, all);
  return text.str();
}

} // namespace furrow::http
