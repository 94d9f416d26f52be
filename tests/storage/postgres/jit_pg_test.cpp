// With the server's default `jit = on`, no function of ours has a statement compiled: compiling takes longer than it runs.
#include "tests/storage/postgres/chaos_bus.hpp"
#include "tests/storage/postgres/function_calls.hpp"
#include "tests/storage/postgres/sealing_bed.hpp"
#include "tests/storage/suite/digest_bed.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <set>
#include <utility>

using namespace furrow::storage;
using namespace furrow::tests;

namespace {

/// A person's connection on which the server tells the plan of each statement, also of those inside functions.
class told_plans {
public:
  told_plans(const std::string& url, const std::string& settings)
    : connection_{::PQconnectdb(url.c_str()), ::PQfinish} {
    REQUIRE(::PQstatus(connection_.get()) == CONNECTION_OK);
    ::PQsetNoticeProcessor(
      connection_.get(),
      [](void* plans, const char* said) {
        static_cast<std::vector<std::string>*>(plans)->emplace_back(said);
      },
      &plans_);
    run("load 'auto_explain'; set auto_explain.log_min_duration = 0; set auto_explain.log_analyze "
        "= on; "
        "set auto_explain.log_timing = off; set auto_explain.log_nested_statements = on; "
        "set auto_explain.log_level = notice; set jit = on; "
        + settings);
  }
  /// Runs it, and rolls back what it did.
  void run(const std::string& sql) {
    plans_.clear();
    const std::unique_ptr<PGresult, void (*)(PGresult*)> answer{
      ::PQexec(connection_.get(), sql.c_str()), ::PQclear};
    const auto status = ::PQresultStatus(answer.get());
    CAPTURE(::PQerrorMessage(connection_.get()));
    CHECK((status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK));
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
      ::PQclear(::PQexec(connection_.get(), "rollback"));
  }
  /// The statements that were compiled; those of functions only, when `in_functions`.
  [[nodiscard]] std::vector<std::string> compiled(const std::string& asked,
                                                  bool in_functions) const {
    std::vector<std::string> found;
    for (const auto& plan : plans_)
      if (plan.find("\nJIT:") != std::string::npos
          && !(in_functions && plan.find("Query Text: " + asked) != std::string::npos))
        found.push_back(plan);
    return found;
  }
  [[nodiscard]] std::size_t statements() const { return plans_.size(); }

private:
  std::unique_ptr<PGconn, void (*)(PGconn*)> connection_;
  std::vector<std::string> plans_;
};

std::string with_arguments(std::string sql) {
  const auto of_marks = [](const std::string& what) {
    return "(select array_agg(" + what + " order by w.stream) from furrow.stream_watermark w)";
  };
  const auto of_machines = [](const std::string& what) {
    return "(select array_agg(" + what
           + " order by s.id) from furrow.stream s join furrow.equipment e "
             "on e.id = s.equipment_id)";
  };
  const std::pair<std::string, std::string> arguments[] = {
    {"$STREAMS", of_marks("w.stream")},
    {"$EPOCHS", of_marks("w.epoch")},
    {"$SEQS", of_marks("w.seq")},
    {"$FARMS", of_machines("'default'::text")},
    {"$MACHINES", of_machines("e.name")},
    {"$UUIDS", of_machines("s.stream_id")},
    {"$NULLS", of_machines("null::bigint")},
    {"$NODE", "'00000000-0000-0000-0000-0000000000aa'"}};
  for (const auto& [name, value] : arguments)
    for (auto at = sql.find(name); at != std::string::npos; at = sql.find(name, at + value.size()))
      sql.replace(at, name.size(), value);
  return "begin; " + sql + "; rollback";
}

/// Machines beside T1, each with rows like those of T1 in every table.
void add_machines(postgres_bed& bed, int count) {
  bed.tamper(
    "insert into equipment (farm_id, name) select e.farm_id, 'M' || n from equipment e, "
    "generate_series(1, "
    + std::to_string(count)
    + ") n where e.name = 'T1'; "
      "insert into stream (equipment_id, stream_id) select id, gen_random_uuid() from equipment "
      "where name <> 'T1'");
  bed.tamper(R"sql(
do $$
declare
  one record;
begin
  for one in select c.relname as name, bool_or(a.attname = 'stream') as by_stream
             from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname in ('stream', 'equipment_id')
             where c.relnamespace = 'furrow'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
               and c.relname <> 'stream'
               and not exists (select from pg_attribute i where i.attrelid = c.oid and i.attidentity <> '')
             group by 1 loop
    execute format('insert into furrow.%I select r.* from furrow.%1$I t cross join furrow.stream s '
                   'cross join lateral jsonb_populate_record(t, '
                   'jsonb_build_object(''stream'', s.id, ''equipment_id'', s.equipment_id)) r '
                   'where s.id <> 1 and t.%2$s = 1',
                   one.name, case when one.by_stream then 'stream' else 'equipment_id' end);
  end loop;
end $$)sql");
  bed.tamper("analyze");
}

std::vector<std::string> names(postgres_bed& bed, const std::string& sql) {
  std::vector<std::string> found;
  for (const auto& row : shared_cluster().exec(sql, bed.name()))
    found.push_back(row.at(0));
  return found;
}

/// Functions that do not turn compiling off, and that no query takes in. What they run costs the same in each database, or
/// is run by a session that has it turned off.
bool may_compile(const std::string& function) {
  return function == "plane_sql/2" // puts a text together from its arguments
         || function
              == "expire_batch_keys/2"; // of the caretaker alone, and bounded by its argument
}

enum class judged {
  functions, // each statement in a function, whatever it costs
  all        // with the server's own limit, what people ask and the statements in functions
};

/// Calls everything, and tells what was compiled. Beyond a cost of 1 a statement has at least read a table.
void check_nothing_compiled(postgres_bed& bed, judged what) {
  const bool functions = what == judged::functions;
  told_plans people{bed.url(), functions ? "set jit_above_cost = 1" : ""};
  std::size_t statements = 0;
  std::pair<double, std::string> slowest;
  const auto check = [&](const std::string& name, const std::string& sql) {
    CAPTURE(name);
    const auto begun = std::chrono::steady_clock::now();
    people.run(sql);
    const auto took =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun).count();
    slowest = std::max(slowest, {took, name});
    statements += people.statements();
    const auto compiled = people.compiled(sql, functions);
    const auto first = compiled.empty() ? std::string{} : compiled.front();
    CAPTURE(first);
    CHECK((compiled.empty() || (functions && may_compile(name))));
  };
  for (const auto& call : function_calls)
    check(call.function, with_arguments(call.sql));
  for (const auto& view : names(bed, "select relname from pg_class where relkind = 'v' and "
                                     "relnamespace = 'furrow'::regnamespace order by 1"))
    check(view, with_arguments("select count(*) from furrow." + view));
  CHECK(statements > 2 * function_calls.size());
  MESSAGE(bed.value("select count(*) from equipment"), " machines: ", statements,
          " statements; the slowest call ", slowest.second, " ", slowest.first, " ms");
}

} // namespace

TEST_CASE(
  "postgres: with jit on, no statement of a function is compiled, with one machine or 1,000") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  REQUIRE(bed.value("select pg_jit_available()") == "t"); // otherwise nothing would be shown
  std::set<std::string> known;
  for (const auto& call : function_calls)
    known.insert(call.function);
  // A function without a call here cannot be judged.
  for (const auto& name :
       names(bed, "select proname || '/' || pronargs from pg_proc where pronamespace = "
                  "'furrow'::regnamespace and prorettype <> 'trigger'::regtype")) {
    CAPTURE(name);
    CHECK(known.contains(name));
  }

  append_half_sealed(*store, chaos_bus{1}.blocks(1'700'000'000'000'000, 4'000));
  plain_digest{*store}.run_all();
  bed.tamper(
    "insert into retention (kind, keep_days) values ('frames', 1), ('records', 1), ('rollup', 1), "
    "('telemetry', 1); "
    "insert into token_usage (stream, seq, equipment_id, time, agent, model, prompt_tokens, "
    "completion_tokens) values (1, 900000, 1, '2023-11-14 22:13:20+00', 'a', 'm', 1, 1)");
  check_nothing_compiled(bed, judged::functions);
  check_nothing_compiled(bed, judged::all);
  add_machines(bed, 999);
  check_nothing_compiled(bed, judged::functions);
  check_nothing_compiled(bed, judged::all);
}
