#include "storage/doctor/doctor.hpp"

#include "storage/doctor/postgres_facts.hpp"
#include "storage/maintenance.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <system_error>

namespace furrow::storage {

namespace {

using level = remark_level;

std::string counted(std::uint64_t count, const char* one, const char* many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

std::string size_text(std::uint64_t bytes) {
  constexpr std::uint64_t mib = 1U << 20U;
  constexpr std::uint64_t gib = 1U << 30U;
  return bytes >= 10 * gib ? std::to_string(bytes / gib) + " GiB"
                           : std::to_string(bytes / mib) + " MiB";
}

std::string tenths_text(double value) {
  const auto tenths = std::llround(value * 10);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
}

std::string seconds_text(double seconds) {
  return std::to_string(std::llround(seconds)) + " s";
}

/// A question without bounds locks each partition and its index.
remark on_locks(const postgres_facts& facts) {
  constexpr std::uint64_t locks_of_partition = 2;
  constexpr std::uint64_t at_once = 12; // questions
  const auto room = facts.max_locks * (facts.max_connections + facts.prepared_max);
  const auto one = locks_of_partition * facts.partitions;
  const auto says = "max_locks_per_transaction = " + std::to_string(facts.max_locks) + ": room for "
                    + std::to_string(room) + " locks; a question without bounds over "
                    + counted(facts.partitions, "partition", "partitions") + " takes up to "
                    + std::to_string(one);
  if (one * at_once <= room)
    return {"locks", level::ok, says};
  const auto sessions = std::max<std::uint64_t>(1, facts.max_connections + facts.prepared_max);
  const auto enough = (one * at_once + sessions - 1) / sessions;
  return {"locks", one > room ? level::failed : level::warning, says,
          "set max_locks_per_transaction = " + std::to_string(enough)
            + " in postgresql.conf and restart the server (\"out of shared memory\" otherwise); "
              "or use wider partitions, or retention"};
}

remark on_server(const postgres_facts& facts) {
  constexpr std::uint64_t oldest = 14; // has lz4
  const auto says =
    "PostgreSQL " + facts.version + ", database of " + size_text(facts.database_bytes);
  if (facts.major >= oldest)
    return {"server", level::ok, says};
  return {"server", level::failed, says,
          "upgrade the server to PostgreSQL " + std::to_string(oldest) + " or newer"};
}

remark on_commit(const postgres_facts& facts) {
  constexpr double slow_ms = 50;
  if (!facts.commit_ms)
    return {"commit", level::ok, "not timed: the server takes no writes, or the role may not"};
  const auto says = "a small transaction takes " + tenths_text(*facts.commit_ms)
                    + " ms to be durable, standbys included";
  if (*facts.commit_ms < slow_ms)
    return {"commit", level::ok, says};
  return {"commit", level::warning, says,
          "use a disk with a write cache that survives power loss, less load on it, or a standby "
          "that is nearer"};
}

remark on_durability(const postgres_facts& facts) {
  if (!facts.fsync || !facts.full_page_writes)
    return {"durability", level::failed,
            std::string{facts.fsync ? "full_page_writes" : "fsync"}
              + " is off: a crash of the "
                "server may lose frames that "
                "gateways have deleted",
            "set fsync = on and full_page_writes = on"};
  if (facts.synchronous_commit == "on" || facts.synchronous_commit == "remote_apply")
    return {"durability", level::ok, "synchronous_commit = " + facts.synchronous_commit};
  return {"durability", level::ok,
          "synchronous_commit = " + facts.synchronous_commit
            + " by default; claims and appends set it to on by themselves"};
}

remark on_pooler(const postgres_facts& facts) {
  switch (facts.pooler) {
  case pooler_kind::none:
    return {"pooler", level::ok, "connected to the server itself"};
  case pooler_kind::sessions:
    return {"pooler", level::ok, "a pooler in session mode is in between"};
  case pooler_kind::transactions:
    return {"pooler", level::failed, "a pooler in transaction mode is in between: nodes refuse it",
            "use the pooler's session mode, or the server itself"};
  }
  return {"pooler", level::ok, ""};
}

remark on_connections(const postgres_facts& facts, const node_wishes& nodes) {
  auto granted = facts.max_connections - std::min(facts.max_connections, facts.reserved);
  std::string by = "max_connections = " + std::to_string(facts.max_connections);
  if (facts.database_limit && *facts.database_limit < granted) {
    granted = *facts.database_limit;
    by = "connection limit of the database";
  }
  if (facts.role_limit && *facts.role_limit < granted) {
    granted = *facts.role_limit;
    by = "connection limit of the role";
  }
  const auto wanted = nodes.connections();
  const auto says = counted(nodes.nodes, "node wants ", "nodes want ") + "up to "
                    + std::to_string(wanted) + " connections, " + std::to_string(granted)
                    + " are granted (" + by + "), " + std::to_string(facts.connected)
                    + " are in use";
  if (wanted <= granted)
    return {"connections", level::ok, says};
  const auto least = std::uint64_t{nodes.nodes} * (nodes.lanes + 2); // lanes, claims, health
  return {"connections", granted < least ? level::failed : level::warning, says,
          "raise the limit, or start nodes with a smaller --pool-max or --lanes"};
}

remark on_jit(const postgres_facts& facts) {
  return {"jit", level::ok,
          facts.jit ? "on by default; Furrow's sessions and functions turn it off"
                    : "off by default"};
}

remark on_wal(const postgres_facts& facts) {
  constexpr std::uint64_t least = 1ULL << 30U;
  const auto says = "max_wal_size = " + size_text(facts.max_wal_bytes);
  if (facts.archiver_fails_since_s)
    return {"wal", level::failed,
            "archiving of WAL has failed for " + std::to_string(*facts.archiver_fails_since_s)
              + " s: the disk fills",
            "see pg_stat_archiver and the server's log; mend archive_command"};
  if (facts.idle_slots > 0)
    return {"wal", level::warning,
            counted(facts.idle_slots, "replication slot has", "replication slots have")
              + " no reader: the server keeps all WAL for it",
            "drop the slot, or start its standby (pg_replication_slots)"};
  if (facts.max_wal_bytes < least)
    return {"wal", level::warning, says + ": checkpoints come often while frames arrive fast",
            "set max_wal_size = 4GB"};
  return {"wal", level::ok, says};
}

remark on_clock(const postgres_facts& facts) {
  constexpr double told_s = 5;
  constexpr double day_s = 86'400;
  const auto apart = std::abs(facts.clock_ahead_s);
  if (apart < told_s)
    return {"clock", level::ok, "the database and this machine agree within 5 s"};
  return {"clock", apart < day_s ? level::warning : level::failed,
          "the database is " + seconds_text(apart)
            + (facts.clock_ahead_s > 0 ? " ahead of" : " behind") + " this machine",
          "set both clocks by NTP: retention and marks of wrong clocks go by them"};
}

remark on_transactions(const postgres_facts& facts) {
  constexpr double long_s = 3'600;
  if (!facts.longest_transaction_s || *facts.longest_transaction_s < long_s)
    return {"transactions", level::ok, "none is open for more than an hour"};
  return {"transactions", level::warning,
          "one is open for " + seconds_text(*facts.longest_transaction_s)
            + ": the server cannot remove old row versions meanwhile",
          "end it: select pid, query from pg_stat_activity order by xact_start"};
}

remark on_partitions(const postgres_facts& facts) {
  if (facts.partitions_wanted == 0)
    return {"partitions", level::ok,
            counted(facts.partitions, "partition", "partitions") + " of frames"};
  return {"partitions", level::warning,
          counted(facts.partitions_wanted, "partition is", "partitions are")
            + " missing: frames or telemetry of that time are in the default partition",
          "a node makes them within ten minutes; otherwise `furrow db partitions` makes them"};
}

remark on_timescale(const postgres_facts& facts) {
  if (facts.timescale_failed == 0)
    return {"timescaledb", level::ok, facts.timescale + " keeps telemetry and rollups"};
  return {"timescaledb", level::warning,
          counted(facts.timescale_failed, "job", "jobs")
            + " failed the last time: older chunks are not compressed",
          "select * from timescaledb_information.job_errors"};
}

result<std::vector<remark>> examine_sqlite(const store_options& options) {
  const std::filesystem::path file{options.url.substr(std::string_view{"sqlite:"}.size())};
  std::error_code wrong;
  if (!std::filesystem::exists(file, wrong))
    return failure{errc::retry_later, "there is no such database"};
  const auto rows = migrate_database(options, {}, true);
  if (!rows)
    return rows.error();
  std::vector<remark> out{remark_on_migrations(*rows)};
  const auto space = std::filesystem::space(std::filesystem::absolute(file).parent_path(), wrong);
  if (!wrong)
    out.push_back(remark_on_disk(space.capacity, space.available));
  auto wal = file;
  wal += "-wal";
  constexpr std::uintmax_t large = 1U << 30U;
  const auto bytes = std::filesystem::file_size(wal, wrong);
  if (!wrong && bytes > large)
    out.push_back({"wal", level::warning, "its log has " + size_text(bytes),
                   "a reader holds it open: end programs that read the file for long"});
  else
    out.push_back(
      {"wal", level::ok, wrong ? "there is no log" : "its log has " + size_text(bytes)});
  return out;
}

} // namespace

std::string_view to_string(remark_level of) {
  switch (of) {
  case level::ok:
    return "ok";
  case level::warning:
    return "warning";
  case level::failed:
    return "failed";
  }
  return "failed";
}

std::uint64_t node_wishes::connections() const {
  constexpr std::uint64_t besides = 7; // docs/operations/connections.md
  return nodes * (lanes + besides + pool_max + pool_overflow);
}

remark remark_on_migrations(const std::vector<migration_row>& rows) {
  std::uint64_t missing = 0;
  for (const auto& row : rows) {
    if (!row.fault.empty())
      return {"migrations", level::failed, "step " + std::to_string(row.number) + ": " + row.fault,
              "use the program that made the schema, or another database"};
    missing += row.applied ? 0 : 1;
  }
  if (missing == 0)
    return {"migrations", level::ok, "all " + std::to_string(rows.size()) + " steps are applied"};
  return {"migrations", missing == rows.size() ? level::failed : level::warning,
          counted(missing, "step is", "steps are") + " missing", "furrow db migrate"};
}

remark remark_on_disk(std::uint64_t bytes, std::uint64_t free_bytes) {
  constexpr std::uint64_t few = 50; // a 50th is left
  constexpr std::uint64_t some = 10;
  const auto says = size_text(free_bytes) + " of " + size_text(bytes) + " are free";
  if (free_bytes >= bytes / some)
    return {"disk", level::ok, says};
  return {"disk", free_bytes < bytes / few ? level::failed : level::warning, says,
          "add room, or keep less: furrow retention set"};
}

std::vector<remark> remarks_on(const postgres_facts& facts, const node_wishes& nodes) {
  std::vector<remark> out{on_server(facts)};
  out.push_back(on_pooler(facts));
  out.push_back(on_durability(facts));
  out.push_back(on_commit(facts));
  out.push_back(on_connections(facts, nodes));
  out.push_back(on_locks(facts));
  out.push_back(on_partitions(facts));
  if (!facts.timescale.empty())
    out.push_back(on_timescale(facts));
  out.push_back(on_transactions(facts));
  out.push_back(on_jit(facts));
  out.push_back(on_wal(facts));
  out.push_back(on_clock(facts));
  if (facts.disk_bytes && facts.disk_free_bytes)
    out.push_back(remark_on_disk(*facts.disk_bytes, *facts.disk_free_bytes));
  else
    out.push_back(
      {"disk", level::ok, "the server does not say how much room is left: watch it there"});
  return out;
}

result<std::vector<remark>> examine_database(const store_options& options,
                                             const node_wishes& nodes) {
  if (options.url.starts_with("sqlite:"))
    return examine_sqlite(options);
  const auto facts = read_postgres_facts(options);
  if (!facts)
    return facts.error();
  auto out = remarks_on(*facts, nodes);
  if (facts->pooler == pooler_kind::transactions)
    return out; // nothing of ours works behind it
  const auto rows = migrate_database(options, {}, true);
  if (!rows)
    return rows.error();
  out.insert(out.begin() + 1, remark_on_migrations(*rows));
  return out;
}

} // namespace furrow::storage
