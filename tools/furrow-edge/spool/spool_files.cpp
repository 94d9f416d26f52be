// Files that were read while no node could be asked whether another spool has stored them. The table is made when it is
// needed: spools of former programs have none, and former programs pass over it.
#include "tools/furrow-edge/spool/spool.hpp"

namespace furrow::edge {

result<done> spool::keep_files(std::span<const can::source_mark> files) {
  const std::lock_guard writing{writing_};
  auto transaction = sqlite_transaction::begin(writer_);
  if (!transaction)
    return transaction.error();
  if (auto ok = writer_.execute("create table if not exists kept_file (digest text primary key, "
                                "name text not null)");
      !ok)
    return ok;
  auto insert = writer_.prepare("insert or replace into kept_file (digest, name) values (?1, ?2)");
  if (!insert)
    return insert.error();
  for (const auto& file : files)
    if (auto ok = insert->bind(1, file.digest).bind(2, file.name).run(); !ok)
      return ok;
  const auto trim = "delete from kept_file where rowid not in (select rowid from kept_file order "
                    "by rowid desc limit "
                    + std::to_string(files_kept_max) + ")";
  if (auto ok = writer_.execute(trim.c_str()); !ok)
    return ok;
  if (auto ok = transaction->commit(); !ok)
    return ok;
  files_kept_ = true;
  return done{};
}

result<std::vector<can::source_mark>> spool::kept_files() {
  const std::lock_guard writing{writing_};
  const auto tables = writer_.number("select count(*) from sqlite_schema where name = 'kept_file'");
  if (!tables)
    return tables.error();
  std::vector<can::source_mark> out;
  files_kept_ = tables->value_or(0) != 0;
  if (!files_kept_)
    return out;
  auto rows = writer_.prepare("select digest, name from kept_file order by rowid desc");
  if (!rows)
    return rows.error();
  for (;;) {
    const auto row = rows->step();
    if (!row)
      return row.error();
    if (!*row)
      return out;
    out.push_back({rows->text(0), rows->text(1)});
  }
}

result<done> spool::forget_files() {
  const std::lock_guard writing{writing_};
  files_kept_ = true; // another run may have kept some
  return drop_files();
}

result<done> spool::drop_files() {
  if (!files_kept_)
    return done{};
  if (auto ok = writer_.execute("drop table if exists kept_file"); !ok)
    return ok;
  files_kept_ = false;
  return done{};
}

} // namespace furrow::edge
