/// Places where a test makes the process die, stop or fail: FURROW_FAILPOINT=name:n:action acts at
/// the n-th passage.
///
/// Shape: actions are `abort` (the process dies, no handler runs), `stop` (SIGSTOP) and `error`
///   (this step fails). Names: append.before_begin, append.in_copy (some rows are sent),
///   append.after_cas (compared and set, not committed), append.commit_sent (COMMIT is sent, not
///   answered), append.committed (answered, the caller does not know yet); seal.read (blocks are
///   read and locked), seal.inserted (segments are stored), seal.deleted (blocks are deleted, not
///   committed), seal.committed; care.opened (a partition is created and filled, not attached),
///   care.attached, care.expired (a batch of retention, not committed), care.emptied (a partition's
///   chunks are deleted, it is not dropped), care.dropped; copy.block (a block is sent), copy.table
///   (a table is copied, not committed), copy.checked (both sides are equal, not committed),
///   copy.committed; return.stored (frames of an archive are stored, not committed),
///   return.committed; farm.step (a step of the move of a farm, or a slice of it, is next), farm.worked (a step is
///   done, not noted), farm.slice (a slice is copied, not committed).
/// Threads: any.
/// Limits: one failpoint per process. Without one, a passage costs one test of a constant.
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
inline constexpr std::string_view farm_step = "farm.step";
inline constexpr std::string_view farm_worked = "farm.worked";
inline constexpr std::string_view farm_slice = "farm.slice";

extern const bool enabled;
[[nodiscard]] bool hit_enabled(std::string_view name);
[[nodiscard]] bool pending_enabled(std::string_view name);

/// True: act as if this step had failed.
[[nodiscard]] inline bool hit(std::string_view name) {
  return enabled && hit_enabled(name);
}
/// Whether the next passage will act.
[[nodiscard]] inline bool pending(std::string_view name) {
  return enabled && pending_enabled(name);
}

} // namespace furrow::storage::failpoint
