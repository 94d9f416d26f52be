/// Places where a test lets the process die, stop or err: FURROW_FAILPOINT=name:n:action acts at
/// the n-th passage.
///
/// Shape: actions are `abort` (the process is gone, no handler runs), `stop` (SIGSTOP) and `error`
///   (this step fails). Names: append.before_begin, append.in_copy (part of the rows has been
///   given), append.after_cas (compared and set, not committed), append.commit_sent (asked to
///   commit, no answer yet), append.committed (answered, not yet told); seal.read (blocks are read
///   and locked), seal.inserted (segments are in), seal.deleted (blocks are out, not committed),
///   seal.committed; care.opened (a partition is made and filled, not in its place), care.attached,
///   care.expired (a batch of retention, not committed), care.emptied (a partition's chunks are
///   out, it is not dropped), care.dropped; copy.block (a block is on its way), copy.table (a table
///   is in, not committed), copy.checked (both sides are the same, not committed), copy.committed;
///   return.stored (frames of an archive are in, not committed), return.committed.
/// Threads: any.
/// Limits: one failpoint a process. When none is set a passage costs the test of one constant.
#pragma once

#include <string_view>

namespace furrow::storage::failpoint {

inline constexpr std::string_view before_begin = "append.before_begin";
inline constexpr std::string_view in_copy = "append.in_copy";
inline constexpr std::string_view after_cas = "append.after_cas";
inline constexpr std::string_view commit_sent = "append.commit_sent";
inline constexpr std::string_view committed = "append.committed";
inline constexpr std::string_view seal_read = "seal.read";
inline constexpr std::string_view seal_inserted = "seal.inserted";
inline constexpr std::string_view seal_deleted = "seal.deleted";
inline constexpr std::string_view seal_committed = "seal.committed";
inline constexpr std::string_view care_opened = "care.opened";
inline constexpr std::string_view care_attached = "care.attached";
inline constexpr std::string_view care_expired = "care.expired";
inline constexpr std::string_view care_emptied = "care.emptied";
inline constexpr std::string_view care_dropped = "care.dropped";
inline constexpr std::string_view copy_block = "copy.block";
inline constexpr std::string_view copy_table = "copy.table";
inline constexpr std::string_view copy_checked = "copy.checked";
inline constexpr std::string_view copy_committed = "copy.committed";
inline constexpr std::string_view return_stored = "return.stored";
inline constexpr std::string_view return_committed = "return.committed";

extern const bool enabled;
[[nodiscard]] bool hit_enabled(std::string_view name);
[[nodiscard]] bool pending_enabled(std::string_view name);

/// True: act as though this step had failed.
[[nodiscard]] inline bool hit(std::string_view name) {
  return enabled && hit_enabled(name);
}
/// Whether the next passage will act.
[[nodiscard]] inline bool pending(std::string_view name) {
  return enabled && pending_enabled(name);
}

} // namespace furrow::storage::failpoint
