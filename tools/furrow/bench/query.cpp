#include "storage/sealing.hpp"
#include "storage/store.hpp"
#include "tools/furrow/bench/benches.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <future>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace furrow::cli::bench {

namespace {

struct question {
  const char* name;
  const char* blocks; // over Furrow's tables
  const char* rows;   // the same over rows by COPY; null if rows have no counterpart
};

// Each machine's frames begin at its own time in both tables, so both queries ask for its first seconds.
constexpr question frames_questions[] = {
  {"all frames of one machine, 10 s",
   "select * from furrow.frames('SIM-0001', (select min(time) from public.frame_row where "
   "equipment = 1), (select min(time) + interval '10 s' from public.frame_row where equipment = "
   "1))",
   "select * from public.frame_row where equipment = 1 and time between (select min(time) from "
   "public.frame_row where equipment = 1) and (select min(time) + interval '10 s' from "
   "public.frame_row where equipment = 1)"},
  {"engine speed (PGN 61444) of one machine, all",
   "select time, payload from furrow.frames('SIM-0001', '2000-01-01', '2100-01-01', pgn => 61444)",
   "select time, data from public.frame_row where equipment = 1 and can_id >> 8 & 262143 = 61444"},
};

constexpr question fleet_questions[] = {
  {"frames a machine", "select equipment_id, sum(frames) from furrow.can_block group by 1",
   "select equipment, count(*) from public.frame_row group by 1"},
  {"ledger of all machines", "select * from furrow.ledger", nullptr},
  {"newest frame of each machine",
   "select equipment_id, max(time_last) from furrow.can_block group by 1",
   "select equipment, max(time) from public.frame_row group by 1"},
};

// The baseline of the ingest has traffic of its own. The questions need the same frames on both sides.
constexpr const char* same_frames[] = {
  "truncate public.frame_row",
  "insert into public.frame_row (time, equipment, can_id, data) "
  "select f.time, substring(e.name from '[0-9]+')::int, f.can_id::int, f.payload "
  "from furrow.equipment e cross join lateral furrow.frames(e.name, '-infinity', 'infinity') f",
  // Like on a server that has run for a while: statistics and visibility are known.
  "vacuum analyze furrow.can_block",
  "vacuum analyze public.frame_row",
};

// Sealing removes rows of can_block and makes the others.
constexpr const char* sealed_too[] = {
  "vacuum analyze furrow.can_block",
  "vacuum analyze furrow.can_chunk",
  "vacuum analyze furrow.can_segment",
};

/// Seals every fresh frame.
result<done> seal(const std::string& url) {
  constexpr std::chrono::minutes seal_timeout{10};
  storage::store_options options;
  options.url = url;
  const auto store = storage::open_store(options);
  if (!store)
    return as_failure(store.error());
  auto* const sealing = (*store)->sealing();
  if (sealing == nullptr)
    return failure{errc::failed, "this database has no sealed tier"};
  // The handler may run after the wait has ended.
  auto promised = std::make_shared<std::promise<storage::result<storage::seal_outcome>>>();
  auto coming = promised->get_future();
  sealing->seal({.due_after = {}}, [promised](storage::result<storage::seal_outcome> answer) {
    promised->set_value(std::move(answer));
  });
  if (coming.wait_for(seal_timeout) != std::future_status::ready)
    return failure{errc::timed_out, "the frames were not sealed in time"};
  const auto sealed = coming.get();
  return sealed ? result<done>{done{}} : as_failure(sealed.error());
}

result<json> ask(storage::bench_database& database, const char* sql) {
  constexpr int times = 5;
  std::vector<double> took;
  std::uint64_t rows = 0;
  for (int i = 0; i < times; ++i) {
    const auto answer = database.query(sql);
    if (!answer)
      return as_failure(answer.error());
    rows = answer->rows;
    took.push_back(answer->seconds * 1e3);
  }
  std::sort(took.begin(), took.end());
  return json{{"rows", rows}, {"ms", std::round(took[times / 2] * 1e3) / 1e3}};
}

/// Adds the answers of both sides to `out`; `tier` is where the frames are.
result<done> ask_all(storage::bench_database& database,
                     std::span<const question> questions,
                     const char* tier,
                     progress& progress,
                     json& out) {
  for (const auto& one : questions) {
    progress.say(fmt::format("query, {}: {}", tier, one.name));
    auto blocks = ask(database, one.blocks);
    if (!blocks)
      return blocks.error();
    json answered{{"question", one.name}, {"tier", tier}, {"blocks", *blocks}, {"rows", nullptr}};
    if (one.rows != nullptr) {
      auto rows = ask(database, one.rows);
      if (!rows)
        return rows.error();
      if (rows->at("rows") != blocks->at("rows"))
        return failure{errc::failed, fmt::format("\"{}\": {} rows of blocks, {} of rows", one.name,
                                                 blocks->at("rows").get<std::uint64_t>(),
                                                 rows->at("rows").get<std::uint64_t>())};
      answered["ratio"] =
        std::round(rows->at("ms").get<double>() / blocks->at("ms").get<double>() * 100) / 100;
      answered["rows"] = *rows;
    }
    out.push_back(answered);
  }
  return done{};
}

result<done> run(storage::bench_database& database, std::span<const char* const> work) {
  for (const auto* sql : work)
    if (const auto answer = database.query(sql); !answer)
      return as_failure(answer.error());
  return done{};
}

} // namespace

result<json>
bench_query(storage::bench_database& database, const ingest_plan& plan, progress& progress) {
  if (plan.baseline_rows == 0)
    return failure{errc::usage, "queries are compared with rows: --baseline must not be 0"};
  auto stored = run_ingest(database, plan, progress);
  if (!stored)
    return stored;
  if (const auto copied = run(database, same_frames); !copied)
    return copied.error();
  json out{{"benchmark", "query"},
           {"frames", stored->at("frames")},
           {"rows", stored->at("frames")},
           {"machines", plan.machines},
           {"questions", json::array()}};
  auto& questions = out["questions"];
  if (const auto asked = ask_all(database, frames_questions, "fresh", progress, questions); !asked)
    return asked.error();
  if (const auto asked = ask_all(database, fleet_questions, "fresh", progress, questions); !asked)
    return asked.error();
  progress.say("query: seal the frames");
  if (const auto sealed = seal(database.url()); !sealed)
    return sealed.error();
  if (const auto cleaned = run(database, sealed_too); !cleaned)
    return cleaned.error();
  if (const auto asked = ask_all(database, frames_questions, "sealed", progress, questions); !asked)
    return asked.error();
  return out;
}

} // namespace furrow::cli::bench
