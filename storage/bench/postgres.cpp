#include "storage/bench/sides.hpp"
#include "storage/postgres/connection/pq.hpp"

#include <chrono>
#include <cstdlib>
#include <fstream>

namespace furrow::storage {

namespace {

using clock = std::chrono::steady_clock;
constexpr std::size_t chunk_bytes = 1U << 20U;

double seconds_since(clock::time_point begun) {
  return std::chrono::duration<double>(clock::now() - begun).count();
}

failure words_of(PGconn* db) {
  std::string words = PQerrorMessage(db);
  words.erase(words.find_last_not_of(" \n") + 1);
  return {PQstatus(db) == CONNECTION_OK ? errc::misconfigured : errc::retry_later,
          words.empty() ? "out of memory" : words};
}

/// The URL's parameters with another database name, as libpq's keywords and values.
std::string with_database(const std::string& url, const std::string& database) {
  std::string out;
  const auto add = [&out](std::string_view keyword, std::string_view value) {
    out += out.empty() ? "" : " ";
    out += keyword;
    out += "='";
    for (const char c : value) {
      if (c == '\'' || c == '\\')
        out += '\\';
      out += c;
    }
    out += '\'';
  };
  auto* const options = PQconninfoParse(url.c_str(), nullptr);
  for (const auto* one = options; one != nullptr && one->keyword != nullptr; ++one)
    if (one->val != nullptr && std::string_view{one->keyword} != "dbname")
      add(one->keyword, one->val);
  PQconninfoFree(options);
  add("dbname", database);
  return out;
}

std::uint64_t number(const pq::answer& rows, int column) {
  if (PQntuples(rows.get()) == 0)
    return 0;
  return std::strtoull(PQgetvalue(rows.get(), 0, column), nullptr, 10);
}

result<pq::connection> connect(const std::string& url) {
  pq::connection db{PQconnectdb(url.c_str())};
  if (PQstatus(db.get()) != CONNECTION_OK)
    return words_of(db.get());
  PQsetNoticeProcessor(
    db.get(), [](void* /*nobody*/, const char* /*notice*/) {}, nullptr);
  return db;
}

result<pq::answer>
ask(PGconn* db, const std::string& sql, const std::vector<const char*>& parameters = {}) {
  pq::answer rows{PQexecParams(db, sql.c_str(), static_cast<int>(parameters.size()), nullptr,
                               parameters.data(), nullptr, nullptr, 0)};
  const auto status = PQresultStatus(rows.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_COPY_IN)
    return words_of(db);
  return rows;
}

class bench_postgres final : public bench_database {
public:
  bench_postgres(std::string url, std::string name, pq::connection admin)
    : url_{std::move(url)}, name_{std::move(name)}, admin_{std::move(admin)} {}
  bench_postgres(const bench_postgres&) = delete;
  bench_postgres& operator=(const bench_postgres&) = delete;
  ~bench_postgres() override {
    db_.reset();
    // All remaining connections belong to the benchmark.
    (void)ask(admin_.get(), "drop database if exists " + name_ + " with (force)");
  }

  [[nodiscard]] std::string url() const override { return with_database(url_, name_); }

  [[nodiscard]] std::optional<int> server_process() override {
    const auto* const host = PQhost(admin_.get());
    const std::string_view where = host != nullptr ? host : "";
    if (!(where.starts_with("/") || where.starts_with("127.") || where == "localhost"
          || where == "::1"))
      return std::nullopt;
    const auto own = PQbackendPID(admin_.get());
    std::ifstream stat{"/proc/" + std::to_string(own) + "/stat"};
    std::string number;
    std::string name;
    std::string state;
    int parent = 0;
    stat >> number >> name >> state >> parent;
    if (!stat || !name.starts_with("(postgres"))
      return std::nullopt; // a process id inside a container
    return parent;
  }

  [[nodiscard]] result<bench_tables> tables() override {
    auto rows = asked("select (select count(*) from furrow.can_block), (select "
                      "coalesce(sum(frames), 0) from furrow.can_block), "
                      "pg_total_relation_size('furrow.can_block'), "
                      "coalesce(sum(lost), 0), coalesce(sum(doubled), 0) from furrow.ledger");
    if (!rows)
      return rows.error();
    return bench_tables{number(*rows, 0), number(*rows, 1), number(*rows, 2), number(*rows, 3),
                        number(*rows, 4)};
  }

  [[nodiscard]] result<std::uint64_t> watermark(const std::string& equipment) override {
    auto rows = asked("select coalesce(max(w.seq), 0) from furrow.stream_watermark w join "
                      "furrow.stream s on s.id = w.stream join furrow.equipment e on e.id = "
                      "s.equipment_id where e.name = $1",
                      {equipment.c_str()});
    if (!rows)
      return rows.error();
    return number(*rows, 0);
  }

  [[nodiscard]] result<std::uint64_t> wal_position() override {
    auto rows = asked("select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')");
    if (!rows)
      return rows.error();
    return number(*rows, 0);
  }

  [[nodiscard]] result<bool> begin_rows() override {
    for (const auto* sql :
         {"drop table if exists public.frame_row",
          "create table public.frame_row (time timestamptz not null, equipment int not null, "
          "can_id int not null, data bytea)",
          "create index frame_row_equipment_time on public.frame_row (equipment, time)"})
      if (auto made = asked(sql); !made)
        return made.error();
    return true;
  }

  [[nodiscard]] result<done> add_rows(const bench_rows& rows) override { return copy_in(rows); }

  [[nodiscard]] result<std::uint64_t> rows_disk_bytes() override {
    auto size = asked("select pg_total_relation_size('public.frame_row')");
    if (!size)
      return size.error();
    return number(*size, 0);
  }

  [[nodiscard]] result<std::optional<bench_copy>> copy(const bench_rows& rows) override {
    if (auto made = begin_rows(); !made)
      return made.error();
    const auto wal_before = wal_position();
    if (!wal_before)
      return wal_before.error();
    bench_copy measured;
    const auto begun = clock::now();
    if (auto stored = add_rows(rows); !stored)
      return stored.error();
    measured.seconds = seconds_since(begun);
    const auto wal_after = wal_position();
    const auto size = rows_disk_bytes();
    if (!wal_after || !size)
      return !size ? size.error() : wal_after.error();
    measured.wal_bytes = *wal_after - *wal_before;
    measured.disk_bytes = *size;
    return std::optional{measured};
  }

  [[nodiscard]] result<bench_query> query(const std::string& sql) override {
    const auto begun = clock::now();
    auto rows = asked(sql);
    if (!rows)
      return rows.error();
    return bench_query{static_cast<std::uint64_t>(PQntuples(rows->get())), seconds_since(begun)};
  }

  [[nodiscard]] std::vector<std::pair<std::string, std::string>> settings() override {
    std::vector<std::pair<std::string, std::string>> found;
    auto rows =
      ask(admin_.get(), "select name, current_setting(name) from pg_settings where name in "
                        "('server_version', 'fsync', 'synchronous_commit', 'full_page_writes', "
                        "'shared_buffers', 'max_wal_size', 'wal_compression', 'wal_buffers', "
                        "'checkpoint_timeout', 'commit_delay') order by name");
    for (int i = 0; rows && i < PQntuples(rows->get()); ++i)
      found.emplace_back(PQgetvalue(rows->get(), i, 0), PQgetvalue(rows->get(), i, 1));
    return found;
  }

private:
  result<pq::answer> asked(const std::string& sql,
                           const std::vector<const char*>& parameters = {}) {
    if (!db_) {
      auto opened = connect(url());
      if (!opened)
        return opened.error();
      db_ = std::move(*opened);
    }
    return ask(db_.get(), sql, parameters);
  }

  result<done> copy_in(const bench_rows& rows) {
    auto begun = asked("copy public.frame_row from stdin (format binary)");
    if (!begun)
      return begun.error();
    const auto bytes = rows.bytes();
    for (std::size_t at = 0; at < bytes.size(); at += chunk_bytes) {
      const auto part = bytes.substr(at, chunk_bytes);
      if (PQputCopyData(db_.get(), part.data(), static_cast<int>(part.size())) != 1)
        return words_of(db_.get());
    }
    constexpr std::string_view end{"\377\377"};
    if (PQputCopyData(db_.get(), end.data(), static_cast<int>(end.size())) != 1
        || PQputCopyEnd(db_.get(), nullptr) != 1)
      return words_of(db_.get());
    result<done> outcome{done{}};
    for (pq::answer part{PQgetResult(db_.get())}; part; part.reset(PQgetResult(db_.get())))
      if (PQresultStatus(part.get()) != PGRES_COMMAND_OK)
        outcome = words_of(db_.get());
    return outcome;
  }

  std::string url_;
  std::string name_;
  pq::connection admin_; // to the URL's database
  pq::connection db_;    // to the benchmark's database, opened on first use
};

result<bool> holds_frames(PGconn* db) {
  auto there = ask(db, "select to_regclass('furrow.stream_watermark') is not null");
  if (!there)
    return there.error();
  if (std::string_view{PQgetvalue(there->get(), 0, 0)} != "t")
    return false;
  auto any = ask(db, "select exists (select from furrow.stream_watermark)");
  if (!any)
    return any.error();
  return std::string_view{PQgetvalue(any->get(), 0, 0)} == "t";
}

} // namespace

result<std::unique_ptr<bench_database>> make_bench_postgres(const std::string& url, bool forced) {
  auto admin = connect(url);
  if (!admin)
    return admin.error();
  const auto held = holds_frames(admin->get());
  if (!held)
    return held.error();
  if (*held && !forced)
    return failure{errc::misconfigured,
                   "this database holds a fleet's data, and a benchmark would take its server's "
                   "time; give another database, or --force (the benchmark makes a database of "
                   "its own beside it and touches nothing else)"};
  const auto name = bench_database_name();
  if (auto made = ask(admin->get(), "create database " + name); !made)
    return failure{made.error().code, made.error().detail + " (the role needs CREATEDB)"};
  return std::unique_ptr<bench_database>{
    std::make_unique<bench_postgres>(url, name, std::move(*admin))};
}

} // namespace furrow::storage
