/// Moves frames and records from a source into the spool: in blocks, at the requested speed, waiting for room.
///
/// Shape: a thread of its own. Blocks of up to block_frames_max frames are numbered together. A frame waits for others at
///   most `delay`, and while more is at hand than can be saved at once, at most bulk_delay.
/// Errors: without room a log waits, and a live bus goes on: its frames are refused and counted. Any other error of the
///   spool or the source ends the spooler.
/// Threads: events are called on the spooler's thread.
/// Limits: blocks_max blocks in memory.
#pragma once

#include "actors/log/log.hpp"
#include "can/frame/frame_block.hpp"
#include "can/logs/bus_table.hpp"
#include "tools/furrow-edge/source/fault_watch.hpp"
#include "tools/furrow-edge/source/frame_source.hpp"
#include "tools/furrow-edge/spool/spool.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace furrow::edge {

/// Decides when a frame of a log is due. Steps back of the log's clock cause no wait.
class replay_pace {
public:
  using time_point = std::chrono::steady_clock::time_point;
  /// 0: as fast as possible.
  explicit replay_pace(double speed) : speed_{speed} {}
  [[nodiscard]] time_point due(std::int64_t time_us, time_point now);

private:
  double speed_;
  std::optional<std::int64_t> last_us_;
  time_point start_{};
  double elapsed_us_ = 0; // in the log, without steps back
};

class spooler {
public:
  static constexpr std::size_t block_frames_max = 4'096;
  static constexpr std::size_t block_records_max = 1'024;
  static constexpr std::size_t blocks_max = 8;
  /// So that the live view is at most some 30 ms old: each commit is one flush of the disk.
  static constexpr std::chrono::milliseconds delay_default{10};
  static constexpr std::chrono::milliseconds bulk_delay{100};
  static constexpr std::chrono::milliseconds retry_interval{500};

  using time_point = std::chrono::steady_clock::time_point;
  using clock = std::function<time_point()>; // a test's own time, called on the spooler's thread

  struct events {
    std::function<void()> appended;
    std::function<void(log::event, const std::string&)> warn;
    std::function<void()> alive = {}; // the answer to ask_alive
    std::function<void()> urgent =
      {}; // before `appended`: what was saved says something new about active faults
    /// Called once, at the end: of the source, after `stop`, or with the reason of a failure.
    std::function<void(const std::optional<failure>&)> ended;
  };

  spooler(spool& to,
          frame_source& from,
          double speed,
          events on,
          std::chrono::milliseconds delay = delay_default,
          clock now = std::chrono::steady_clock::now);
  ~spooler();
  spooler(const spooler&) = delete;
  spooler& operator=(const spooler&) = delete;

  void start();
  /// Saves what was read and ends the thread; returns when it has ended.
  void stop();

  /// The thread answers with `alive`, unless it has ended: then with `ended`, which it may have called already.
  void ask_alive();

  [[nodiscard]] std::uint64_t spooled() const { return spooled_; }
  [[nodiscard]] bool waits_for_room() const { return waiting_; }

private:
  enum class outcome : std::uint8_t { saved, no_room, failed };

  void run(const std::stop_token& stopping);
  std::optional<failure> pump(const std::stop_token& stopping);
  bool take(const source_frame& frame);
  bool take_record(const can::record& record);
  void close_records();
  [[nodiscard]] bool pending() const;
  void close_block();
  outcome commit();
  bool commit_or_wait(const std::stop_token& stopping);
  bool wait_until_due(const source_frame& frame, const std::stop_token& stopping);
  bool sleep_until(time_point until, const std::stop_token& stopping);
  void answer_if_asked();
  [[nodiscard]] bool commit_due(bool drained) const;
  [[nodiscard]] std::chrono::milliseconds patience_left() const;

  spool& to_;
  frame_source& from_;
  replay_pace pace_;
  events on_;
  std::chrono::milliseconds delay_;
  clock now_;
  can::bus_table buses_;
  std::size_t buses_saved_;
  can::frame_block block_;
  fault_watch faults_;
  frame_picker picked_;              // of what is pending
  bool urgent_ = false;              // what is pending
  std::vector<can::record> records_; // empty while block_ has frames
  std::size_t record_bytes_ = 0;
  std::vector<encoded_group> groups_;
  time_point pending_since_{};
  time_point retry_at_{};
  std::optional<failure> failed_;
  std::atomic<std::uint64_t> spooled_ = 0;
  std::atomic<bool> waiting_ = false;
  std::atomic<bool> asked_ = false; // whether it is alive
  std::mutex sleeping_;
  std::condition_variable_any wake_;
  std::jthread thread_; // the last member, so that the others outlive it
};

} // namespace furrow::edge
