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

/// Resident memory from /proc; nothing where there is no /proc.
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

/// What comes in and is committed.
void append_ingest(std::vector<prometheus::MetricFamily>& to, const actors::node_stats& stats) {
  using enum prometheus::MetricType;
  const std::array rows{
    row{"furrow_sessions", "Gateway sessions now open.", Gauge, stats.sessions},
    row{"furrow_frames_received_total", "Frames received, duplicates left out.", Counter,
        stats.frames_received},
    row{"furrow_frames_durable_total", "Frames committed to the database.", Counter,
        stats.frames_durable},
    row{"furrow_items_quarantined_total", "Items that the database would not take, kept aside.",
        Counter, stats.items_quarantined},
    row{"furrow_items_duplicate_total", "Items received again and left out.", Counter,
        stats.duplicates},
    row{"furrow_rewinds_total", "Times a gateway was asked to send again.", Counter, stats.rewinds},
    row{"furrow_batches_committed_total", "Transactions that stored items.", Counter,
        stats.batches_committed},
    row{"furrow_append_failures_total", "Transactions that failed or are in doubt.", Counter,
        stats.append_failures},
    row{"furrow_actor_restarts_total", "Actors restarted by their supervisor.", Counter,
        stats.actor_restarts},
    row{"furrow_budget_limit_bytes", "Memory allowed for what is received and not yet durable.",
        Gauge, stats.budget_bytes},
    row{"furrow_budget_used_bytes", "Memory held by what is received and not yet durable.", Gauge,
        stats.budget_used},
    row{"furrow_budget_peak_bytes", "The most that was held since the node started.", Gauge,
        stats.budget_peak},
    row{"furrow_store_up", "Whether the database takes commits: 1 yes, 0 no.", Gauge,
        stats.store_up ? 1U : 0U},
    row{"process_resident_memory_bytes", "Resident memory of the process.", Gauge,
        resident_bytes()},
  };
  append_rows(to, rows);
}

/// What is done with it in the background.
void append_background(std::vector<prometheus::MetricFamily>& to, const actors::node_stats& stats) {
  using enum prometheus::MetricType;
  const std::array rows{
    row{"furrow_digest_frames_total", "Frames made into rollups and telemetry.", Counter,
        stats.digest_frames},
    row{"furrow_digest_commits_total", "Transactions of the digest.", Counter,
        stats.digest_commits},
    row{"furrow_digest_failures_total", "Runs of the digest that left a stream out.", Counter,
        stats.digest_failures},
    row{"furrow_digest_streams_behind", "Streams that have more to digest after the last pass.",
        Gauge, stats.digest_streams_behind},
    row{"furrow_digest_items_behind", "Items that wait for the digest after the last pass.", Gauge,
        stats.digest_items_behind},
    row{"furrow_digest_oldest_frame_seconds",
        "Unix time of the oldest frame that was left out by the last pass; 0: none.", Gauge,
        static_cast<std::uint64_t>(std::max<std::int64_t>(stats.digest_oldest_us, 0)) / 1'000'000},
    row{"furrow_frames_sealed_total", "Frames that this node has moved into segments.", Counter,
        stats.frames_sealed},
    row{"furrow_chunks_sealed_total", "Transactions that moved them.", Counter,
        stats.chunks_sealed},
    row{"furrow_seal_failures_total", "Times that sealing stopped.", Counter, stats.seal_failures},
    row{"furrow_partitions_made_total", "Partitions of can_segment that this node has made.",
        Counter, stats.partitions_made},
    row{"furrow_partitions_waiting", "Partitions wanted and not made at the last look.", Gauge,
        stats.partitions_waiting},
    row{"furrow_partition_stray_rows", "Rows that had no partition of their time at the last look.",
        Gauge, stats.partition_rows_stray},
    row{"furrow_partitions_dropped_total", "Partitions that retention has dropped whole.", Counter,
        stats.partitions_dropped},
    row{"furrow_frames_expired_total", "Frames that retention has let go, by this node.", Counter,
        stats.frames_expired},
    row{"furrow_records_expired_total", "Records that retention has let go, by this node.", Counter,
        stats.records_expired},
    row{"furrow_care_failures_total", "Times that partitions or retention stopped.", Counter,
        stats.care_failures},
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
  add("furrow_cache_hits_total", "Summaries answered from memory.", Counter, cache.memory.hits);
  add("furrow_cache_misses_total", "Summaries that memory did not have.", Counter,
      cache.memory.misses);
  add("furrow_cache_evicted_total", "Summaries let go for want of room.", Counter,
      cache.memory.evicted);
  add("furrow_cache_forgotten_total", "Summaries let go because something was changed.", Counter,
      cache.memory.forgotten);
  add("furrow_cache_entries", "Summaries kept now.", Gauge, cache.memory.entries);
  add("furrow_cache_bytes", "Memory of the summaries kept now.", Gauge, cache.memory.bytes);
  if (!cache.redis)
    return made;
  add("furrow_cache_redis_up", "Whether Redis answered last: 1 yes, 0 no.", Gauge,
      cache.redis_up ? 1U : 0U);
  add("furrow_cache_redis_hits_total", "Summaries that Redis had.", Counter, cache.redis_hits);
  add("furrow_cache_redis_rejected_total", "Answers of Redis that were not to be believed.",
      Counter, cache.redis_rejected);
  add("furrow_cache_redis_failures_total", "Connections to Redis that failed or broke.", Counter,
      cache.redis_failures);
  return made;
}

} // namespace

metrics::metrics(const std::string& version) {
  auto& requests = prometheus::BuildCounter()
                     .Name("furrow_http_requests_total")
                     .Help("HTTP requests answered, by hundreds of the status.")
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
                    .Help("HTTP connections now open.")
                    .Register(registry_)
                    .Add({});
  refused_ = &prometheus::BuildCounter()
                .Name("furrow_http_connections_refused_total")
                .Help("HTTP connections turned away because of the limit.")
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
