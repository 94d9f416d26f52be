/// The steps of the move of a farm, as SQL on three sessions.
///
/// Errors: as storage/homes/farm_move.hpp. After a failure the sessions are of no use any more.
/// Threads: one; blocks its caller.
/// Source: storage/migrations/0029_farm_moves.sql.
#pragma once

#include "storage/homes/farm_move.hpp"
#include "storage/postgres/homes/row_copy.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace furrow::storage {

struct move_pace {
  std::uint32_t slice_rows = 0;
  std::chrono::milliseconds release_after{};
};

/// In furrow.arrival.rows_copied, the elements after this one are stream and digested number of each stream, as the step
/// `admit` carried them. Those before are of the parts.
inline constexpr int carried_after = 100;

class move_steps final : public move_places {
public:
  move_steps(pq_session main, pq_session source, pq_session target, const move_pace& pace)
    : main_{std::move(main)}, source_{std::move(source)}, target_{std::move(target)},
      slice_rows_{pace.slice_rows}, release_after_{pace.release_after}, copy_{source_, target_} {}

  [[nodiscard]] result<bool> work(const farm_move& move) override;
  [[nodiscard]] result<done> note(const farm_move& move) override;

private:
  using replacements =
    std::vector<std::pair<std::string, std::string>>; // columns, and what stands for them
  struct arrival {
    std::string farm_id; // at the target
    std::size_t part = 0;
    std::string machine; // the last one that was copied from
    std::string place;   // after this key; an array
  };

  [[nodiscard]] result<done> leave(const farm_move& move);
  /// Before a step that relies on it: the source takes no items, also after a failover that lost `leave`.
  [[nodiscard]] result<done> close_source(const farm_move& move);
  [[nodiscard]] result<done> check_admitted(const farm_move& move);
  struct stream_marks {
    std::string streams; // arrays
    std::string seqs;
    std::string digested;
  };
  /// How far the streams of the source go.
  [[nodiscard]] result<stream_marks> marks_there(const farm_move& move);
  [[nodiscard]] result<done> check_items(const farm_move& move, const stream_marks& marks);
  [[nodiscard]] result<done> check_digested(const farm_move& move, const stream_marks& marks);
  [[nodiscard]] static failure
  lost_leave(const farm_move& move, const std::string& stream, const std::string& what);
  [[nodiscard]] result<bool> point(const farm_move& move);
  [[nodiscard]] result<done> commit_both();
  [[nodiscard]] result<bool> admit(const farm_move& move);
  [[nodiscard]] result<done> bring_aside();
  /// From the temporary table of its name.
  [[nodiscard]] result<done> insert(const std::string& table, const replacements& replaced = {});
  [[nodiscard]] result<done> admit_rows(const farm_move& move, const std::string& farm_id);
  [[nodiscard]] result<done> admit_definitions(const std::string& farm_id);
  /// For the times of the source. One that cannot be made now is left to care.
  [[nodiscard]] result<done> make_partitions(const farm_move& move);
  [[nodiscard]] result<bool> make_partitions_of(const std::string& table, const std::string& days);
  [[nodiscard]] result<bool> make_partition(const std::string& of);
  [[nodiscard]] result<bool> attach_partition(const std::string& of);
  [[nodiscard]] result<bool> leave_to_care(const failure& why);
  [[nodiscard]] result<bool> follow(const farm_move& move);
  [[nodiscard]] result<done> follow_slice(const farm_move& move, const arrival& at);
  [[nodiscard]] result<done> follow_numbers(const arrival& at);
  [[nodiscard]] result<std::uint64_t>
  follow_stream(const std::string& stream, const std::string& first, const std::string& last);
  [[nodiscard]] result<done> follow_part(const arrival& at, std::size_t index);
  [[nodiscard]] result<done> merge_part(std::size_t index);
  [[nodiscard]] result<bool> compare(const farm_move& move);
  [[nodiscard]] result<done> compare_parts(const farm_move& move);
  /// Whether no node asks the source any more.
  [[nodiscard]] result<bool> may_release(const farm_move& move);
  [[nodiscard]] result<bool> release(const farm_move& move);
  [[nodiscard]] result<done> say(const farm_move& move, const std::string& progress);

  /// Statements whose answer does not matter.
  [[nodiscard]] static result<done>
  run(pq_session& db, const std::string& sql, const std::vector<std::string>& parameters = {});
  [[nodiscard]] static result<std::string>
  ask(pq_session& db, const std::string& sql, const std::vector<std::string>& parameters = {});
  /// The farm's row id at the source.
  [[nodiscard]] result<std::string> farm_there(const farm_move& move);

  pq_session main_;
  pq_session source_;
  pq_session target_;
  std::uint32_t slice_rows_;
  std::chrono::milliseconds release_after_;
  row_copy copy_;
  std::string farm_there_;
  std::optional<move_step> closed_for_; // a failover ends the session, so once a step is enough
  bool prepared_ = false; // retention at the source has ended, the target has its partitions
  std::string last_stream_ = "0"; // that had the last turn
  std::chrono::steady_clock::time_point said_{};
  std::string left_to_care_; // why the target lacks partitions for old rows
};

} // namespace furrow::storage
