// Opens a spool: the lock, the files, and the state at the last close or kill.
#include "tools/furrow-edge/spool/spool.hpp"
#include "tools/furrow-edge/spool/spool_schema.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace furrow::edge {

namespace {

/// The descriptor that holds the lock. The lock has a file of its own, apart from SQLite's locks.
result<int> lock_spool(const std::string& path) {
  const auto name = path + ".lock";
  const int file = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0)
    return failure{errc::io, "cannot write " + name + ": " + std::strerror(errno)};
  if (::flock(file, LOCK_EX | LOCK_NB) != 0) {
    ::close(file);
    return failure{errc::locked, path + " is in use: another furrow-edge has it open"};
  }
  return file;
}

/// A new file survives a power cut only if its folder is on the disk, too.
void sync_folder_of(const std::string& path) {
  auto folder = std::filesystem::path{path}.parent_path();
  const int file =
    ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0)
    return; // the folder cannot be synced: nothing more can be done
  (void)::fsync(file);
  ::close(file);
}

failure at(const std::string& path, const failure& why) {
  return {why.code, path + ": " + why.detail};
}

} // namespace

spool::spool(spool_options options, damage_report damaged, wall_clock clock)
  : options_{std::move(options)}, room_{options_.path}, bytes_max_{options_.bytes_max.value_or(
                                                          room_.spool_bytes_default())},
    damaged_{std::move(damaged)}, clock_{std::move(clock)} {
  if (!clock_)
    clock_ = [] { return std::chrono::system_clock::now(); };
}

spool::~spool() {
  if (acked_place_ != saved_acked_place_)
    (void)save_acked(); // if it is not saved, the node says it again
  if (lock_ >= 0)
    ::close(lock_);
}

result<std::unique_ptr<spool>>
spool::open(spool_options options, damage_report damaged, wall_clock clock) {
  auto lock = lock_spool(options.path);
  if (!lock)
    return lock.error();
  std::unique_ptr<spool> opened{
    new spool{std::move(options), std::move(damaged), std::move(clock)}};
  opened->lock_ = *lock;
  const auto all = [&opened]() -> result<done> {
    for (const auto step : {&spool::open_files, &spool::load, &spool::prepare_statements})
      if (auto ok = (opened.get()->*step)(); !ok)
        return ok;
    return done{};
  };
  if (auto ok = opened->with_reserve(all); !ok)
    return at(opened->options_.path, ok.error());
  opened->room_.hold();
  // Items that wait for a node must be sent even if the disk is full.
  if (auto ok = opened->begin_run(); !ok && ok.code() != errc::full)
    return at(opened->options_.path, ok.error());
  return opened;
}

result<done> spool::open_files() {
  auto writer = sqlite_database::open(options_.path, sqlite_database::mode::create);
  if (!writer)
    return writer.error();
  writer_ = std::move(*writer);
  const auto empty = is_empty_file(writer_);
  if (!empty)
    return empty.error();
  if (auto ok = *empty ? create() : check_spool_file(writer_, options_.path); !ok)
    return ok;
  // With secure_delete, Debian's default, a deletion writes all that it deletes to the journal, as zeros.
  if (auto ok = writer_.execute("pragma journal_mode = wal; pragma cache_size = -4096;"
                                "pragma secure_delete = off");
      !ok)
    return ok;
  if (auto ok = limit_journal(); !ok)
    return ok;
  auto reader = sqlite_database::open(options_.path, sqlite_database::mode::read);
  if (!reader)
    return reader.error();
  reader_ = std::move(*reader);
  return reader_.execute("pragma cache_size = -1024");
}

result<done> spool::create() {
  if (auto ok = writer_.execute("pragma auto_vacuum = incremental; pragma journal_mode = wal;"
                                "pragma synchronous = full");
      !ok)
    return ok;
  auto transaction = sqlite_transaction::begin(writer_);
  if (!transaction)
    return transaction.error();
  if (auto ok = create_spool_tables(writer_); !ok)
    return ok;
  auto insert = writer_.prepare("insert into stream values (1, ?1, ?2, 0, 1, 0, 0, 0, 0)");
  if (!insert)
    return insert.error();
  const auto id = random_stream_id();
  if (auto ok = insert->bind(1, std::string_view{options_.equipment})
                  .bind_blob(2, std::span<const std::uint8_t>{id})
                  .run();
      !ok)
    return ok;
  if (auto ok = transaction->commit(); !ok)
    return ok;
  sync_folder_of(options_.path);
  return done{};
}

result<done> spool::load() {
  const auto stream = load_stream(writer_);
  if (!stream)
    return stream.error();
  if (stream->equipment != options_.equipment)
    return failure{errc::foreign, "this spool belongs to machine '" + stream->equipment + "', not '"
                                    + options_.equipment + "': give another --spool"};
  stream_id_ = stream->stream_id;
  base_ = stream->place_base;
  next_place_ = stream->next_place;
  acked_place_ = saved_acked_place_ = stream->acked_place;
  bytes_total_ = stream->bytes_total;
  auto runs = load_runs(writer_);
  if (!runs)
    return runs.error();
  runs_ = std::move(*runs);
  auto buses = load_buses(writer_);
  if (!buses)
    return buses.error();
  buses_ = std::move(*buses);
  return refresh_first();
}

result<done> spool::prepare_statements() {
  auto insert = writer_.prepare("insert into item_block values (?1, ?2, ?3, ?4, ?5)");
  if (!insert)
    return insert.error();
  insert_block_ = std::move(*insert);
  auto select = reader_.prepare(
    "select place, count, checksum, bytes from item_block where place >= "
    "(select coalesce(max(place), 0) from item_block where place <= ?1) order by place");
  if (!select)
    return select.error();
  select_blocks_ = std::move(*select);
  return done{};
}

result<done> spool::begin_run() {
  auto runs = runs_;
  // The oldest run stays, because a node knows it. Of the runs that no node knows, some may be deleted.
  while (runs.size() >= runs_kept_max)
    runs.erase(runs.begin() + 1);
  runs.push_back({random_run(), next_place_ - base_});
  if (auto ok = set_durability(durability::full); !ok)
    return ok;
  auto transaction = sqlite_transaction::begin(writer_);
  if (!transaction)
    return transaction.error();
  if (auto ok = write_runs(runs); !ok)
    return ok;
  if (auto ok = transaction->commit(); !ok)
    return ok;
  const std::lock_guard guard{guard_};
  runs_ = std::move(runs);
  run_begun_ = true;
  return done{};
}

result<done> spool::write_runs(const std::vector<can::run_mark>& runs) {
  if (auto ok = writer_.execute("delete from run"); !ok)
    return ok;
  auto insert = writer_.prepare("insert into run (run, first_seq) values (?1, ?2)");
  if (!insert)
    return insert.error();
  for (const auto& run : runs)
    if (auto ok = insert->bind(1, run.run).bind(2, run.first_seq).run(); !ok)
      return ok;
  return done{};
}

result<spool_summary> spool::inspect(const std::string& path) {
  if (!std::filesystem::exists(path))
    return failure{errc::missing, "there is no spool at " + path};
  auto database = sqlite_database::open(path, sqlite_database::mode::read);
  if (!database)
    return at(path, database.error());
  if (auto ok = check_spool_file(*database, path); !ok)
    return ok.error();
  const auto stream = load_stream(*database);
  auto runs = load_runs(*database);
  auto buses = load_buses(*database);
  auto sources = load_sources(*database);
  const auto base = stream ? std::to_string(stream->place_base) : "0";
  const auto first =
    database->number(("select min(place) from item_block where place > " + base).c_str());
  const auto blocks = database->number("select count(*) from item_block");
  const auto before =
    database->number("select bytes_before from item_block order by place limit 1");
  for (const auto* why : {stream ? nullptr : &stream.error(), runs ? nullptr : &runs.error(),
                          buses ? nullptr : &buses.error(), sources ? nullptr : &sources.error(),
                          first ? nullptr : &first.error(), blocks ? nullptr : &blocks.error(),
                          before ? nullptr : &before.error()})
    if (why != nullptr)
      return at(path, *why);
  spool_summary summary;
  summary.equipment = stream->equipment;
  const auto next = static_cast<std::int64_t>(stream->next_place);
  summary.state = {stream->stream_id,
                   static_cast<std::uint64_t>(first->value_or(next)) - stream->place_base,
                   stream->next_place - stream->place_base - 1,
                   stream->acked_place - stream->place_base,
                   std::move(*runs),
                   std::move(*buses)};
  summary.blocks = static_cast<std::uint64_t>(blocks->value_or(0));
  if (*before)
    summary.bytes = stream->bytes_total - static_cast<std::uint64_t>(**before);
  for (const auto* ending : {"", "-wal"}) {
    std::error_code absent;
    const auto size = std::filesystem::file_size(path + ending, absent);
    summary.file_bytes += absent ? 0 : size;
  }
  summary.lost_items = stream->lost_items;
  summary.forks = stream->forks;
  summary.sources = std::move(*sources);
  return summary;
}

} // namespace furrow::edge
