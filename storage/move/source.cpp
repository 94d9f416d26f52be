#include "storage/move/source.hpp"

#include "storage/failpoint.hpp"
#include "storage/migrations/migrations.hpp"
#include "storage/move/aside.hpp"
#include "storage/postgres/copy_format.hpp"
#include "storage/postgres/work.hpp"
#include "storage/sqlite/migrate.hpp"
#include "storage/sqlite/work.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace furrow::storage {

namespace {

using postgres_work::epoch_2000_us;
using postgres_work::time_us_min;

constexpr std::size_t sent_at_once = 256U << 10U;
constexpr off_t pending_byte =
  0x40000000; // SQLite's pending byte; the shared range is 512 bytes long
constexpr off_t lock_bytes = 512;

/// The process that has the database open, by its locks; -1 when they do not name it.
result<std::optional<int>> find_user(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return failure{errc::misconfigured, path + ": " + std::strerror(errno)};
  struct flock wish {};
  wish.l_type = F_WRLCK;
  wish.l_whence = SEEK_SET;
  wish.l_start = pending_byte;
  wish.l_len = lock_bytes;
  const bool asked = ::fcntl(file, F_GETLK, &wish) == 0;
  const auto why = std::string{std::strerror(errno)};
  ::close(file);
  if (!asked)
    return failure{errc::misconfigured, path + ": its locks cannot be read: " + why};
  if (wish.l_type == F_UNLCK)
    return std::optional<int>{};
  return std::optional<int>{wish.l_pid};
}

result<done> refuse_user(const std::string& path) {
  const auto user = find_user(path);
  if (!user)
    return user.error();
  if (*user)
    return failure{errc::misconfigured,
                   path + ": process " + std::to_string(**user)
                     + " has it open: stop it first (a node?), so that nothing "
                       "more is written to it"};
  return done{};
}

bool may_write_beside(const std::string& path) {
  const auto folder = std::filesystem::path{path}.parent_path().string();
  return ::access(path.c_str(), W_OK) == 0
         && ::access(folder.empty() ? "." : folder.c_str(), W_OK) == 0;
}

template <class T, class Work>
result<T> guarded(const Work& work) {
  try {
    return work();
  } catch (const sqlite_error& error) {
    return error.as_failure();
  }
}

template <class T>
void put_small(byte_buffer& out,
               const copied_table& table,
               const std::string& column,
               std::int64_t value) {
  if (value < std::numeric_limits<T>::min() || value > std::numeric_limits<T>::max())
    throw sqlite_error{SQLITE_MISMATCH, table.name + "." + column + ": " + std::to_string(value)
                                          + " is too large for PostgreSQL's column"};
  out.field(static_cast<T>(value));
}

void put_time(byte_buffer& out, std::int64_t time_us) {
  if (time_us < time_us_min)
    out.null_field();
  else
    out.field(time_us - epoch_2000_us);
}

void put_cell(byte_buffer& out, const copied_table& table, const sqlite_statement& row, int at) {
  const auto& [name, type, read_as] = table.columns[static_cast<std::size_t>(at)];
  if (row.null(at))
    return out.null_field();
  switch (type) {
  case copy_type::int2:
    return put_small<std::int16_t>(out, table, name, row.integer(at));
  case copy_type::bits16:
    return put_small<std::int16_t>(out, table, name,
                                   row.integer(at) - (row.integer(at) >= 0x8000 ? 0x10000 : 0));
  case copy_type::int4:
    return put_small<std::int32_t>(out, table, name, row.integer(at));
  case copy_type::int8:
    return out.field(row.integer(at));
  case copy_type::truth:
    return out.field(static_cast<std::uint8_t>(row.integer(at) != 0 ? 1 : 0));
  case copy_type::real4:
    return out.field(std::bit_cast<std::uint32_t>(static_cast<float>(row.real(at))));
  case copy_type::real8:
    return out.field(std::bit_cast<std::uint64_t>(row.real(at)));
  case copy_type::text:
  case copy_type::bytes:
  case copy_type::uuid:
    return out.bytes_field(row.bytes(at));
  case copy_type::json: {
    const auto text = row.bytes(at);
    out.number(static_cast<std::uint32_t>(text.size() + 1));
    *out.grow(1) = 1; // version of jsonb's binary form
    return out.bytes(text);
  }
  case copy_type::time_us:
    return put_time(out, row.integer(at));
  case copy_type::time_s:
    return put_time(out, row.integer(at) * 1'000'000);
  case copy_type::int2_array:
  case copy_type::int4_array:
  case copy_type::int8_array:
    throw sqlite_error{SQLITE_MISMATCH, table.name + ": only blocks have arrays"};
  }
}

/// The select for its rows, without order. Items that are set aside have moved to quarantine.
std::string rows_of(const copied_table& table) {
  const auto list = table.column_list();
  auto from = "select " + list + " from \"" + table.name + "\"";
  if (table.name == "quarantine")
    return from + " union all select " + list + " from temp.set_aside";
  if (table.name == "item_record")
    return from
           + " where not exists (select 1 from temp.set_aside a where a.stream = "
             "item_record.stream and a.seq = item_record.seq)";
  if (!table.derived)
    return from;
  std::string where;
  for (const auto& column : table.columns)
    if (column.type == copy_type::time_us)
      where += (where.empty() ? " where \"" : " and \"") + column.name
               + "\" >= " + std::to_string(time_us_min);
  return from + where;
}

} // namespace

copy_source::copy_source(std::unique_ptr<sqlite_db> db, std::string path)
  : db_{std::move(db)}, path_{std::move(path)} {}

copy_source::~copy_source() = default;

const char* copy_source::kept(std::string sql) {
  for (const auto& each : statements_)
    if (*each == sql)
      return each->c_str();
  return statements_.emplace_back(std::make_unique<std::string>(std::move(sql)))->c_str();
}

result<std::unique_ptr<copy_source>> copy_source::open(const std::string& path,
                                                       std::chrono::milliseconds lock_timeout) {
  const auto there = check_sqlite_file(path);
  if (!there)
    return there.error();
  const auto free = refuse_user(path);
  if (!free)
    return free.error();
  auto db = sqlite_db::open_foreign(path, lock_timeout);
  if (!db)
    return db.error();
  std::unique_ptr<copy_source> source{new copy_source{std::move(*db), path}};
  const auto begun = source->begin();
  if (!begun && !may_write_beside(path))
    return failure{
      errc::misconfigured,
      path
        + ": SQLite needs to write beside the file, also to read it, and this user may "
          "not: run it as the file's owner, or copy the folder ("
        + begun.error().detail + ")"};
  if (!begun)
    return failure{begun.code(), path + ": " + begun.error().detail};
  return source;
}

result<done> copy_source::begin() {
  return guarded<done>([&]() -> result<done> {
    db_->run("pragma temp_store = memory");
    {
      auto version = db_->statement("pragma data_version");
      version_ = version.step() ? version.integer(0) : 0;
    }
    db_->run("begin; select count(*) from sqlite_schema"); // the first select starts the snapshot
    const auto steps = sqlite_work::migration_status(*db_);
    if (!steps)
      return steps.error();
    if (!steps->front().applied)
      return failure{errc::misconfigured, "it is not a Furrow database"};
    for (const auto& step : *steps)
      if (step.number > sqlite_migrations().back().number)
        return failure{errc::misconfigured, "it has migration " + std::to_string(step.number) + " ("
                                              + step.name
                                              + "), of which this program does not know what it "
                                                "added: use a newer one"};
      else if (!step.fault.empty() || !step.applied)
        return failure{
          errc::misconfigured,
          "migration " + std::to_string(step.number) + " (" + step.name + ") "
            + (step.fault.empty() ? "is not applied: `furrow db migrate` applies it" : step.fault)};
    copy_aside::make_table(*db_);
    return done{};
  });
}

result<done> copy_source::set_aside(const json_judge& judge) {
  return guarded<done>([&]() -> result<done> {
    if (auto why = copy_aside::put(*db_, judge))
      return *why;
    return done{};
  });
}

result<std::map<std::int32_t, std::uint64_t>> copy_source::aside_by_stream() {
  using counts = std::map<std::int32_t, std::uint64_t>;
  return guarded<counts>([&]() -> result<counts> {
    counts out;
    auto rows = db_->statement("select stream, count(*) from temp.set_aside group by stream");
    while (rows.step())
      out[static_cast<std::int32_t>(rows.integer(0))] = rows.natural(1);
    return out;
  });
}

result<std::uint64_t> copy_source::left_behind() {
  return guarded<std::uint64_t>([&]() -> result<std::uint64_t> {
    std::uint64_t out = 0;
    for (const auto& table : copied_tables()) {
      if (!table.derived)
        continue;
      auto all = db_->statement(kept("select count(*) from \"" + table.name + "\""));
      auto dated = db_->statement(kept("select count(*) from (" + rows_of(table) + ")"));
      if (all.step() && dated.step())
        out += all.natural(0) - dated.natural(0);
    }
    return out;
  });
}

result<std::uint64_t> copy_source::total() {
  std::uint64_t out = 0;
  for (const auto& table : copied_tables()) {
    if (table.frames())
      continue;
    const auto count = rows(table);
    if (!count)
      return count.error();
    out += *count;
  }
  return guarded<std::uint64_t>([&]() -> result<std::uint64_t> {
    auto frames = db_->statement("select coalesce(sum(frames), 0) from can_block");
    return out + (frames.step() ? frames.natural(0) : 0);
  });
}

result<std::uint64_t> copy_source::rows(const copied_table& table) {
  return guarded<std::uint64_t>([&]() -> result<std::uint64_t> {
    auto count = db_->statement(kept("select count(*) from (" + rows_of(table) + ")"));
    return count.step() ? count.natural(0) : 0;
  });
}

result<copy_facts>
copy_source::read(const copied_table& table, const sink& to, const counter& counted) {
  return guarded<copy_facts>([&]() -> result<copy_facts> {
    if (table.frames())
      return read_blocks(table, to, counted);
    facts_of_table facts{table};
    byte_buffer out;
    std::uint64_t count = 0;
    const auto pass_on = [&]() -> result<done> {
      counted(std::exchange(count, 0));
      auto taken = to(out.view());
      out.clear();
      return taken;
    };
    auto rows = db_->statement(kept("select " + table.column_list() + " from (" + rows_of(table)
                                    + ") order by " + table.order));
    while (rows.step()) {
      const auto begun = out.size();
      out.number(static_cast<std::int16_t>(table.columns.size()));
      for (std::size_t column = 0; column < table.columns.size(); ++column)
        put_cell(out, table, rows, static_cast<int>(column));
      const auto noted = facts.add_row(out.view().substr(begun));
      if (!noted)
        return noted.error();
      ++count;
      if (out.size() < sent_at_once)
        continue;
      const auto passed = pass_on();
      if (!passed)
        return passed.error();
    }
    const auto passed = pass_on();
    if (!passed)
      return passed.error();
    return facts.take();
  });
}

result<copy_facts>
copy_source::read_blocks(const copied_table& table, const sink& to, const counter& counted) {
  facts_of_table facts{table};
  byte_buffer out;
  copy_aside::parted_block block;
  can::frame_block scratch;
  auto rows = db_->statement(kept(std::string{copy_aside::blocks_sql} + "order by " + table.order));
  while (rows.step()) {
    block.read(rows);
    for (const auto& slice : block.slices()) {
      postgres_copy::put(out, row_of(slice, scratch));
      facts.add_block(slice.claim.stream, slice.claim.equipment, slice.seq_first, *slice.block,
                      slice.first, slice.count);
    }
    counted(block.run().block.size());
    if (failpoint::hit(failpoint::copy_block))
      return failure{errc::retry_later, "failpoint"};
    if (out.size() < sent_at_once)
      continue;
    const auto taken = to(out.view());
    out.clear();
    if (!taken)
      return taken.error();
  }
  const auto taken = to(out.view());
  if (!taken)
    return taken.error();
  return facts.take();
}

result<std::vector<ledger_row>> copy_source::ledger() {
  return guarded<std::vector<ledger_row>>(
    [&]() -> result<std::vector<ledger_row>> { return sqlite_work::read_ledger(*db_, "", ""); });
}

result<done> copy_source::still_alone() {
  const auto same = guarded<bool>([&]() -> result<bool> {
    db_->run("commit");
    auto version = db_->statement("pragma data_version");
    return version.step() && version.integer(0) == version_;
  });
  if (!same)
    return same.error();
  if (!*same)
    return failure{errc::misconfigured,
                   path_ + ": another process has written to it meanwhile: stop the node first"};
  statements_.clear();
  db_.reset();
  return refuse_user(path_);
}

} // namespace furrow::storage
