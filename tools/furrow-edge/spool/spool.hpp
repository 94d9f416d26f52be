/// The gateway's items on disk: numbers every item, once, and keeps it until it is durable at a node and no longer
/// needed for a rewind.
///
/// Shape: a SQLite file. Blocks of encoded items lie at *places* 1, 2, 3 ... that never change; the number of an item
///   in its stream is place - place_base. A move to a new stream (fork) changes the base, not the items. Each opening
///   for writing is a run (can/frame/stream.hpp).
/// Errors: after `full` nothing was numbered, and the same append may succeed later; after `damaged` and `io`, stop. On a
///   full disk the reserve (disk_room.hpp) makes room for the deletion of acked items, without help from a person. A
///   block with a wrong checksum is counted and reported. Records of kind can::record_kind_lost are sent in its place,
///   so that the stream continues and the loss is on record.
/// Threads: append and the sources on one thread, everything else on another; a mutex keeps their transactions apart.
///   Another one guards the newest frames, taken once for an append and once for a sample.
///   `inspect` needs no lock and disturbs nobody.
/// Limits: bytes_max of items. Acked items are kept for retain_time and up to retain_bytes, less if room is short.
///   runs_kept_max runs; 1,000 remembered sources; files_kept_max files that no node has claimed.
#pragma once

#include "tools/furrow-edge/spool/disk_room.hpp"
#include "tools/furrow-edge/spool/item_store.hpp"
#include "tools/furrow-edge/spool/newest_frames.hpp"
#include "tools/furrow-edge/spool/sqlite.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace furrow::edge {

struct spool_options {
  std::string path;
  std::string equipment;
  /// Of items, acked ones included. Without it the free disk decides (disk_room.hpp).
  std::optional<std::uint64_t> bytes_max = std::nullopt;
  std::uint64_t retain_bytes = 64ULL << 20U;                  // most acked items kept for a rewind
  std::chrono::seconds retain_time{std::chrono::minutes{15}}; // and the longest time
};

/// How far a source has been read. A file is recognised by its size, its first bytes, and the bytes before the offset.
struct source_row {
  std::int64_t id = 0;
  std::string path;
  std::uint64_t size = 0;
  std::uint64_t head_bytes = 0; // 0: not a file that can be read again
  std::uint64_t head_hash = 0;
  std::uint64_t offset = 0;
  std::uint64_t line = 0;
  std::uint64_t tail_hash = 0;
  std::uint64_t bad_lines = 0;
  std::uint64_t refused = 0; // frames of a live bus for which there was no room
  std::string reader_state;  // state of the log's reader at the offset (can::log_reader::save)
};

struct spool_summary {
  std::string equipment;
  stream_state state;
  std::uint64_t blocks = 0;
  std::uint64_t bytes = 0; // of items
  std::uint64_t file_bytes = 0;
  std::uint64_t lost_items = 0;
  std::uint64_t forks = 0;
  std::vector<source_row> sources;
};

class spool final : public item_store {
public:
  static constexpr std::size_t runs_kept_max = 256;
  static constexpr std::size_t files_kept_max = 14;
  using damage_report = std::function<void(std::uint64_t seq_first, std::uint64_t count)>;
  using wall_clock = std::function<std::chrono::system_clock::time_point()>;

  /// Opens for writing, and creates the file if there is none. The run begins here; if the disk has no room for its
  /// mark, it begins with the first append. Until then the stored items can be sent.
  [[nodiscard]] static result<std::unique_ptr<spool>>
  open(spool_options options, damage_report damaged, wall_clock clock = {});
  [[nodiscard]] static result<spool_summary> inspect(const std::string& path);
  ~spool() override;
  spool(const spool&) = delete;
  spool& operator=(const spool&) = delete;

  /// Numbers the items and saves them, with new buses and the source's progress: all or nothing. A source without an id
  /// gets one. Returns `full` if the disk or bytes_max leaves no room.
  [[nodiscard]] result<done> append(std::span<const encoded_group> groups,
                                    std::span<const can::bus_name> new_buses,
                                    source_row* progress);
  /// The last frames of what was appended, for samples.
  void note_newest(const frame_picker& picked);
  [[nodiscard]] result<std::vector<source_row>> sources();

  /// Keeps the digests of files that are about to be read until a node has claimed the stream, so that a later run can
  /// tell them to a node, too.
  [[nodiscard]] result<done> keep_files(std::span<const can::source_mark> files);
  /// The kept files, the newest first.
  [[nodiscard]] result<std::vector<can::source_mark>> kept_files();
  [[nodiscard]] result<done> forget_files();

  [[nodiscard]] stream_state state() const override;
  [[nodiscard]] std::uint64_t last_seq() const override;
  [[nodiscard]] std::uint64_t acked_seq() const override;
  [[nodiscard]] std::size_t bus_count() const override;
  [[nodiscard]] std::uint64_t run() const override;
  [[nodiscard]] result<std::vector<item_block>>
  read(std::uint64_t from, std::size_t bytes_max, std::size_t blocks_max) override;
  [[nodiscard]] bool has_samples() const override { return true; }
  void begin_samples() override;
  [[nodiscard]] can::frame_block sample(std::uint64_t from, std::size_t bytes_max) override;
  [[nodiscard]] result<done> welcomed(std::uint64_t resume_from, std::uint64_t run) override;
  void acknowledge(std::uint64_t durable_seq) override;
  void rewind(std::uint64_t from_seq) override;
  [[nodiscard]] result<done> fork(std::uint64_t fork_seq, std::uint64_t durable_seq) override;

  /// Saves what was acked, and deletes one step of items that are no longer needed. Call it a few times per second.
  /// Returns true if there is more to delete.
  [[nodiscard]] result<bool> maintain();

private:
  struct place_range {
    std::uint64_t first;
    std::uint64_t count;
  };
  enum class durability : std::uint8_t { unknown, full, normal };

  spool(spool_options options, damage_report damaged, wall_clock clock);
  result<done> open_files();
  result<done> limit_journal();
  result<done> check_schema();
  result<done> create();
  result<done> load();
  result<done> load_lists();
  result<done> begin_run();
  result<done> write_runs(const std::vector<can::run_mark>& runs);
  result<done> prepare_statements();
  result<done> save_items(std::span<const encoded_group> groups,
                          std::span<const can::bus_name> new_buses,
                          source_row* progress);
  result<done> set_durability(durability level);
  result<done> refresh_first();
  result<done> save_acked();
  result<bool> prune();
  result<done> forget_runs_before(std::uint64_t run);
  result<done> drop_files();
  result<done> move_to_new_stream(std::uint64_t fork_seq, std::uint64_t durable_seq);
  result<std::uint64_t> prunable_place();
  result<done> split_at(std::uint64_t place);
  result<item_block> lost_block(place_range range);
  result<done> save_damage(place_range range, std::int64_t found_at_us);
  result<std::uint64_t> place_after(std::uint64_t place);
  [[nodiscard]] std::int64_t now_ms() const;
  result<done> admit(std::uint64_t bytes);
  std::uint64_t growth();
  void checkpoint();
  void give_back_pages();
  void settle();
  /// Runs a step that must succeed on a full disk, too: if it lacks room, it gets the reserve.
  template <class Step>
  auto with_reserve(Step step) {
    auto ended = step();
    if (ended.code() == errc::full && room_.release()) {
      disk_short_ = true;
      settled_ = false;
      checkpoint();
      ended = step();
    }
    return ended;
  }

  spool_options options_;
  disk_room room_;
  std::uint64_t bytes_max_ = 0;
  damage_report damaged_;
  wall_clock clock_;
  int lock_ = -1;
  sqlite_database writer_;
  sqlite_database reader_; // for the uplink's thread: does not wait for an append
  sqlite_statement insert_block_;
  sqlite_statement select_blocks_;
  durability durability_ = durability::unknown;
  std::set<std::uint64_t> known_damage_; // places

  std::mutex newest_guard_;
  newest_frames newest_; // by place

  mutable std::mutex writing_; // one transaction at a time
  mutable std::mutex guard_;   // guards the members below
  can::stream_id stream_id_{};
  std::vector<can::run_mark> runs_;
  std::vector<can::bus_name> buses_;
  std::uint64_t base_ = 0;
  std::uint64_t next_place_ = 1;
  std::uint64_t acked_place_ = 0;
  std::uint64_t first_place_ = 1;  // of this stream's oldest block; next_place_ if none
  std::uint64_t bytes_total_ = 0;  // of all blocks ever stored
  std::uint64_t bytes_before_ = 0; // of the deleted blocks
  std::uint64_t saved_acked_place_ = 0;
  std::int64_t acked_saved_ms_ = 0;
  bool run_begun_ = false;     // for this opening
  bool files_kept_ = false;    // guarded by writing_
  bool short_of_room_ = false; // acked items are deleted at once
  bool disk_short_ = false;    // the disk was full since the last append
  bool settled_ = false;       // nothing was deleted since `settle`
};

} // namespace furrow::edge
