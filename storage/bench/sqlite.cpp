#include "storage/bench/sides.hpp"
#include "storage/sqlite/db.hpp"

#include <chrono>
#include <filesystem>

namespace furrow::storage {

namespace {

namespace fs = std::filesystem;
constexpr std::chrono::seconds busy_timeout{5};

class bench_sqlite final : public bench_database {
public:
  explicit bench_sqlite(std::string path) : path_{std::move(path)} {}
  bench_sqlite(const bench_sqlite&) = delete;
  bench_sqlite& operator=(const bench_sqlite&) = delete;
  ~bench_sqlite() override {
    std::error_code ignored; // the name of a remaining file says that it is a benchmark's
    for (const auto* suffix : {"", "-wal", "-shm"})
      fs::remove(path_ + suffix, ignored);
  }

  [[nodiscard]] std::string url() const override { return "sqlite:" + path_; }
  [[nodiscard]] std::optional<int> server_process() override { return std::nullopt; }

  [[nodiscard]] result<bench_tables> tables() override {
    return read<bench_tables>([](sqlite_db& db) {
      bench_tables found;
      {
        auto blocks = db.statement("select count(*), coalesce(sum(frames), 0) from can_block");
        if (blocks.step()) {
          found.blocks = blocks.natural(0);
          found.frames = blocks.natural(1);
        }
      }
      auto ledger = db.statement(
        "select coalesce(sum(w.seq), 0), coalesce(sum((select coalesce(sum(frames), 0) from "
        "can_block b where b.stream = w.stream)), 0), coalesce(sum((select count(distinct "
        "seq_first) from can_block b where b.stream = w.stream)), 0) from stream_watermark w");
      if (ledger.step()) {
        // A block's key is its first number, so a doubled item overlaps another block.
        const auto durable = ledger.natural(0);
        const auto stored = ledger.natural(1);
        found.lost = durable > stored ? durable - stored : 0;
        found.doubled = stored > durable ? stored - durable : 0;
      }
      // The write-ahead log counts too.
      auto size = db.statement(
        "select c.page_count * s.page_size from pragma_page_count c, pragma_page_size s");
      if (size.step())
        found.disk_bytes = size.natural(0);
      return found;
    });
  }

  [[nodiscard]] result<std::uint64_t> watermark(const std::string& equipment) override {
    return read<std::uint64_t>([&](sqlite_db& db) {
      auto row = db.statement(
        "select coalesce(max(w.seq), 0) from stream_watermark w join stream s on s.id = w.stream "
        "join equipment e on e.id = s.equipment_id where e.name = ?");
      row.with(equipment);
      return row.step() ? row.natural(0) : 0;
    });
  }

  [[nodiscard]] result<std::uint64_t> wal_position() override { return std::uint64_t{0}; }
  [[nodiscard]] result<std::optional<bench_copy>> copy(const bench_rows& /*rows*/) override {
    return std::optional<bench_copy>{};
  }
  [[nodiscard]] result<bool> begin_rows() override { return false; }
  [[nodiscard]] result<done> add_rows(const bench_rows& /*rows*/) override { return done{}; }
  [[nodiscard]] result<std::uint64_t> rows_disk_bytes() override { return std::uint64_t{0}; }
  [[nodiscard]] result<bench_query> query(const std::string& /*sql*/) override {
    return failure{errc::misconfigured, "queries are measured on PostgreSQL only"};
  }
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> settings() override {
    return {{"sqlite", sqlite3_libversion()}};
  }

private:
  template <class T, class Read>
  result<T> read(Read read) {
    try {
      if (!db_) {
        auto opened = sqlite_db::open(path_, sqlite_db::access::read, busy_timeout);
        if (!opened)
          return opened.error();
        db_ = std::move(*opened);
      }
      return read(*db_);
    } catch (const sqlite_error& error) {
      return error.as_failure();
    }
  }

  std::string path_;
  std::unique_ptr<sqlite_db> db_;
};

bool holds_frames(const std::string& path) {
  std::error_code unknown;
  if (fs::file_size(path, unknown) == 0 || unknown)
    return false;
  try {
    const auto db = sqlite_db::open(path, sqlite_db::access::read, busy_timeout);
    return db && (*db)->statement("select 1 from stream_watermark limit 1").step();
  } catch (const sqlite_error&) {
    return false; // not a Furrow database
  }
}

} // namespace

result<std::unique_ptr<bench_database>> make_bench_sqlite(const std::string& path, bool forced) {
  if (path.empty() || path.front() == ':')
    return failure{errc::misconfigured, "sqlite:PATH needs the name of a file"};
  if (!forced && holds_frames(path))
    return failure{errc::misconfigured,
                   path
                     + " holds a fleet's data; give another path, or --force (the benchmark "
                       "uses a file of its own beside it)"};
  return std::unique_ptr<bench_database>{
    std::make_unique<bench_sqlite>(path + "." + bench_database_name())};
}

} // namespace furrow::storage
