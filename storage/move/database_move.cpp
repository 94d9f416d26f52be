#include "storage/move/database_move.hpp"

#include "storage/failpoint.hpp"
#include "storage/move/source.hpp"
#include "storage/move/target.hpp"
#include "storage/postgres/definitions.hpp"

#include <algorithm>

namespace furrow::storage {

namespace {

using all_facts = std::map<std::string, copy_facts>;

/// Reports the progress of reading one side.
class teller {
public:
  teller(const std::function<void(const copy_progress&)>& to, std::uint64_t total)
    : to_{to}, at_{false, 0, total} {}
  void check() { at_ = {true, 0, at_.total}; }
  void add(std::uint64_t rows) {
    at_.done += rows;
    to_(at_);
  }

private:
  const std::function<void(const copy_progress&)>& to_;
  copy_progress at_;
};

failure stopped() {
  return {errc::retry_later, "failpoint"};
}

result<all_facts> read_source(copy_source& source, teller& told) {
  all_facts out;
  for (const auto& table : copied_tables()) {
    auto facts = source.read(
      table, [](std::string_view) -> result<done> { return done{}; },
      [&](std::uint64_t rows) { told.add(rows); });
    if (!facts)
      return facts.error();
    out[table.name] = std::move(*facts);
  }
  return out;
}

result<all_facts> fill(copy_source& source, copy_target& target, teller& told) {
  all_facts out;
  for (const auto& table : copied_tables()) {
    const auto begun = target.begin(table);
    if (!begun)
      return begun.error();
    auto facts = source.read(
      table, [&](std::string_view rows) { return target.put(rows); },
      [&](std::uint64_t rows) { told.add(rows); });
    if (!facts)
      return failure{facts.code(), table.name + ": " + facts.error().detail};
    const auto ended = target.end(table);
    if (!ended)
      return ended.error();
    out[table.name] = std::move(*facts);
    if (failpoint::hit(failpoint::copy_table))
      return stopped();
  }
  return out;
}

failure unlike(const std::string& what) {
  return {errc::reject_row, what + ": the two databases are not the same"};
}

result<done> compare_tables(const all_facts& wanted, copy_target& target, teller& told) {
  told.check();
  for (const auto& table : copied_tables()) {
    const auto& from = wanted.at(table.name);
    const auto there = target.read(table, [&](std::uint64_t rows) { told.add(rows); });
    if (!there)
      return there.error();
    if (there->rows != from.rows || there->frames != from.frames)
      return unlike(table.name + ": " + std::to_string(there->rows) + " rows of "
                    + std::to_string(from.rows));
    for (const auto& [stream, hash] : from.hashes) {
      const auto at = there->hashes.find(stream);
      if (at == there->hashes.end() || at->second != hash)
        return unlike(table.name + (table.frames() ? " of stream " + std::to_string(stream) : ""));
    }
  }
  return done{};
}

std::string said(const ledger_row& row) {
  std::string out;
  for (const auto number : {row.sent, row.durable, row.stored, row.lost, row.doubled,
                            row.quarantined, row.dropped, row.lost_at_gateway, row.expired})
    out += std::to_string(number) + " ";
  return row.farm + "/" + row.equipment + " " + can::to_string(row.stream_id) + " " + out;
}

/// Items that are set aside count as quarantined in the target, and as stored in both.
result<done> compare_ledgers(copy_source& source, copy_target& target) {
  const auto from = source.ledger();
  const auto to = target.ledger();
  const auto aside = source.aside_by_stream();
  if (!from || !to || !aside)
    return !from ? from.error() : !to ? to.error() : aside.error();
  std::uint64_t moved = 0;
  for (const auto& [stream, count] : *aside)
    moved += count;
  if (from->size() != to->size())
    return unlike("ledger: " + std::to_string(to->size()) + " streams of "
                  + std::to_string(from->size()));
  for (std::size_t i = 0; i < from->size(); ++i) {
    auto there = (*to)[i];
    const auto& here = (*from)[i];
    const auto more = there.quarantined - std::min(there.quarantined, here.quarantined);
    there.quarantined -= more;
    if (more > moved || said(there) != said(here))
      return unlike("ledger: " + said((*to)[i]) + "for " + said(here));
    moved -= more;
  }
  return moved == 0 ? result<done>{done{}} : unlike("ledger: quarantined items");
}

result<done>
compare(const all_facts& wanted, copy_source& source, copy_target& target, teller& told) {
  const auto same = compare_tables(wanted, target, told);
  return same ? compare_ledgers(source, target) : same;
}

/// The target holds data: the same data from a finished run, or other data.
result<all_facts>
recognise(const std::string& held, copy_source& source, copy_target& target, teller& told) {
  const failure refused{errc::misconfigured,
                        "it holds " + held
                          + ": a move needs an empty database (`createdb NAME`, then --migrate); "
                            "nothing was changed"};
  for (const auto& table : copied_tables()) {
    if (table.frames())
      continue; // may be divided where PostgreSQL cannot hold a time
    const auto here = source.rows(table);
    const auto there = target.rows(table);
    if (!here || !there)
      return !here ? here.error() : there.error();
    if (*here != *there)
      return refused;
  }
  auto facts = read_source(source, told);
  if (!facts)
    return facts;
  const auto same = compare(*facts, source, target, told);
  if (!same)
    return same.code() == errc::reject_row ? refused : same.error();
  return facts;
}

result<done> finish(copy_source& source, copy_target& target, copy_outcome& out) {
  if (failpoint::hit(failpoint::copy_checked))
    return stopped();
  const auto alone = source.still_alone();
  if (!alone)
    return alone.error();
  const auto partitions = target.make_partitions();
  if (!partitions)
    return partitions.error();
  out.partitions = *partitions;
  const auto committed = target.commit();
  if (!committed)
    return committed.error();
  if (failpoint::hit(failpoint::copy_committed))
    return stopped();
  return done{};
}

void sum_up(const all_facts& facts, copy_outcome& out) {
  for (const auto& table : copied_tables()) {
    const auto& one = facts.at(table.name);
    out.tables.emplace_back(table.name, one.rows);
    out.rows += one.rows;
    out.frames += one.frames;
  }
  out.machines = facts.at("equipment").rows;
  out.streams = facts.at("stream").rows;
}

} // namespace

result<done> check_copy_source(const std::string& from, const store_options& to) {
  const auto opened = copy_source::open(from, to.lock_timeout);
  return opened ? result<done>{done{}} : opened.error();
}

result<copy_outcome> copy_database(const std::string& from,
                                   const store_options& to,
                                   const std::function<void(const copy_progress&)>& progress) {
  const auto opened = copy_source::open(from, to.lock_timeout);
  if (!opened)
    return opened.error();
  auto& source = **opened;
  auto reached = copy_target::open(to);
  if (!reached)
    return failure{reached.code(), redacted(to.url) + ": " + reached.error().detail};
  auto& target = **reached;
  const auto set_aside =
    source.set_aside([&](const std::string& text) { return target.json_refusal(text); });
  if (!set_aside)
    return set_aside.error();
  const auto held = target.held();
  const auto total = source.total();
  const auto aside = source.aside_by_stream();
  const auto behind = source.left_behind();
  if (!held)
    return held.error();
  if (!total || !aside || !behind)
    return !total ? total.error() : !aside ? aside.error() : behind.error();
  copy_outcome out;
  out.left_behind = *behind;
  for (const auto& [stream, count] : *aside)
    out.quarantined += count;
  teller told{progress, *total};
  out.known = !held->empty();
  const auto facts =
    out.known ? recognise(*held, source, target, told) : fill(source, target, told);
  if (!facts)
    return failure{facts.code(), redacted(to.url) + ": " + facts.error().detail};
  sum_up(*facts, out);
  if (!out.known) {
    const auto same = compare(*facts, source, target, told);
    const auto finished = same ? finish(source, target, out) : same;
    if (!finished)
      return failure{finished.code(), redacted(to.url) + ": " + finished.error().detail};
  }
  *reached = nullptr; // its transaction, and its locks
  // DBC files stay active. SQL needs their definitions as rows, which SQLite does not have.
  const auto completed = complete_definitions(to);
  if (!completed)
    return failure{completed.code(),
                   redacted(to.url)
                     + ": all rows were moved, but the definitions of a DBC file were not made: "
                     + completed.error().detail + "; run the same command again"};
  return out;
}

} // namespace furrow::storage
