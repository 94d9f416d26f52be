/// Decides what a site forwards, and when: which streams have a line to head office, what is read for them, and what is
/// noted as acked. Events and the time in, actions out.
///
/// Shape: every `look_every` the store says which streams have items that head office has not acked. Such a stream gets a
///   line, `lines_max` at a time. A line asks for pages; one read a stream is under way. When other streams wait, a line
///   that is done goes at once, and any other after `turn_length`. Machines that people watch at head office keep up to
///   half of the lines, and their gateways are asked to send often. A line that has a backlog is given the end of its
///   stream when it asks, for a sample of the newest frames.
///   Head office may be restored from a backup. So it is asked about each stream, also one that seems complete: once
///   after the start, again at least every `check_every`, and at once when it has less of any stream than it acked.
/// Errors: a failed read is tried again after read_again; one for a sample holds up no items. A refused stream rests,
///   longer each time.
/// Threads: a plain value; one thread.
/// Limits: lines_max lines; one list, one turn, one note under way; streams_max streams in memory.
#pragma once

#include "actors/forward/forward_line.hpp"
#include "actors/live/interest.hpp"
#include "storage/forward/forward_store.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace furrow::actors {

struct forward_limits {
  std::size_t lines_max = 32;
  std::chrono::milliseconds look_every{500};
  std::chrono::milliseconds turn_every{3'000};
  std::chrono::milliseconds note_every{1'000};
  std::chrono::milliseconds idle_after{60'000};  // a line with nothing to send is closed
  std::chrono::milliseconds turn_length{30'000}; // of a line while other streams wait
  std::chrono::milliseconds rest_first{2'000};   // after a refusal; doubles
  std::chrono::milliseconds rest_longest{300'000};
  std::chrono::milliseconds read_again{1'000}; // after a failed read
  /// So often the gateway of a machine that people watch at head office is asked to send often.
  std::chrono::milliseconds interest_every{machine_interest::hold / 2};
  /// Head office says at least so often what it has of each stream. Between half of it and all of it, by stream, so that
  /// the streams do not all ask at once.
  std::chrono::milliseconds check_every{std::chrono::hours{6}};
  std::size_t list_rows = 1'000;
  std::size_t streams_max = 100'000;
};

struct forward_action {
  struct take_turn {};
  struct list {
    bool every = false;
    std::int32_t after = 0;
  };
  struct head {
    std::int32_t stream = 0;
  };
  /// Begin a line with this head, or tell the running line of it.
  struct start {
    std::int32_t stream = 0;
    std::uint64_t line = 0; // its number; news of an older one is late
    storage::forward_head head;
  };
  struct renew {
    std::int32_t stream = 0;
    storage::forward_head head;
  };
  struct grow {
    std::int32_t stream = 0;
    std::uint64_t last = 0;
  };
  struct end {
    std::int32_t stream = 0;
  };
  struct read {
    std::int32_t stream = 0;
    std::uint64_t line = 0;
    std::uint64_t after = 0;
    std::uint64_t up_to = 0;
    bool newest = false; // for a sample
  };
  struct give {
    std::int32_t stream = 0;
    storage::forward_page page;
    bool newest = false;
    std::uint64_t after = 0;
  };
  /// People at head office watch this machine, and want it this often.
  struct watched {
    std::string farm;
    std::string equipment;
    std::chrono::milliseconds interval{0};
  };
  struct note {
    std::vector<storage::forward_mark> marks;
  };
  struct fault {
    std::string stream; // FARM/MACHINE
    std::string text;
  };
  /// Head office has less than it acked. All streams are checked again.
  struct lost {
    std::string stream; // FARM/MACHINE
    std::uint64_t acked = 0;
    std::uint64_t has = 0;
  };
  using any = std::
    variant<take_turn, list, head, start, renew, grow, end, read, give, watched, note, fault, lost>;
};

class forward_work {
public:
  using time_point = std::chrono::steady_clock::time_point;
  using actions = std::vector<forward_action::any>;
  template <class T>
  using answer = storage::result<T>;

  explicit forward_work(forward_limits limits = {}) : limits_{limits} {}

  /// Lines above a lower limit end when their turn is over.
  void set_lines_max(std::size_t lines) { limits_.lines_max = lines; }

  /// Call it every tick_every, and after every other event.
  void tick(time_point now, actions& out);
  void turn_taken(const answer<bool>& mine, time_point now, actions& out);
  void
  listed(const answer<std::vector<storage::forward_stream>>& rows, time_point now, actions& out);
  void
  opened(std::int32_t stream, answer<storage::forward_head> head, time_point now, actions& out);
  /// The answer to a read.
  void page_read(const forward_action::read& asked,
                 answer<storage::forward_page> page,
                 time_point now,
                 actions& out);
  void told(
    std::int32_t stream, std::uint64_t line, const line_news& news, time_point now, actions& out);
  void noted(bool stored, time_point now);

  struct figures {
    std::uint64_t streams_waiting = 0;
    std::uint64_t items_waiting = 0;
    std::uint64_t lines = 0;
    std::uint64_t lines_claimed = 0; // head office has welcomed them
    std::string fault;               // of a line, the newest; empty: all work
  };
  [[nodiscard]] figures count() const;
  static constexpr std::chrono::milliseconds tick_every{100};

private:
  enum class phase : std::uint8_t { waiting, opening, running };
  struct stream_state {
    storage::forward_stream known;
    phase now = phase::waiting;
    std::uint64_t line = 0;
    std::uint64_t line_last = 0; // as far as the line knows the stream
    std::uint64_t line_runs = 0;
    std::uint64_t line_buses = 0;
    bool more_runs = false;
    bool head_due = false; // asked for, for the running line
    bool reading = false;
    bool dirty = false;           // `known.acked` is to be noted
    bool noting = false;          // a note of it is under way
    std::uint64_t noted_in = 0;   // how many lists had begun when it was noted
    std::uint64_t checked_in = 0; // the round in which head office has said what it has
    bool claimed = false;
    std::uint64_t told_run = 0;
    std::optional<std::uint64_t> wanted;
    std::optional<std::uint64_t> newest_wanted;
    std::chrono::milliseconds pace{0}; // of head office
    time_point interest_at{};          // when its gateway is asked again to send often
    time_point read_at{};              // not before
    time_point newest_at{};            // a read for a sample; when it fails, items go on
    time_point began{};                // of the line
    time_point busy{};                 // when there was last something to send
    time_point rest_until{};
    time_point check_at{}; // head office is asked again what it has
    std::chrono::milliseconds rest{0};
    std::string fault;

    [[nodiscard]] bool is_watched() const {
      return now == phase::running && claimed && pace.count() > 0 && pace < machine_interest::idle;
    }
  };

  void look(time_point now, actions& out);
  void begin_lines(time_point now, actions& out);
  void feed(std::int32_t id, stream_state& one, time_point now, actions& out);
  void pass_on_interest(stream_state& one, time_point now, actions& out) const;
  void keep_up(std::int32_t id, stream_state& one, actions& out);
  void end_lines(time_point now, actions& out);
  void end(std::int32_t id, stream_state& one, actions& out);
  void
  stop(std::int32_t id, stream_state& one, const std::string& why, time_point now, actions& out);
  void note_marks(time_point now, actions& out);
  void acked(
    std::int32_t id, stream_state& one, const line_news::acked& news, time_point now, actions& out);
  void look_for_loss(const stream_state& one, std::uint64_t has, actions& out);
  [[nodiscard]] std::chrono::milliseconds check_after(std::int32_t id) const;
  [[nodiscard]] bool due(const stream_state& one, time_point now) const {
    return one.checked_in != round_ || now >= one.check_at || one.known.last > one.known.acked;
  }

  forward_limits limits_;
  std::map<std::int32_t, stream_state> streams_;
  std::uint64_t lines_ = 0;     // begun so far
  std::size_t running_ = 0;     // opening or running
  std::int32_t turn_after_ = 0; // the stream that began a line last
  std::uint64_t round_ = 1;     // of checks of all streams
  bool round_after_loss_ = false;
  bool mine_ = false;
  bool asking_turn_ = false;
  bool listing_ = false;
  std::uint64_t lists_ = 0; // begun so far
  bool every_ = true;       // the list at the start, of all streams
  std::int32_t list_after_ = 0;
  bool noting_ = false;
  std::vector<storage::forward_mark> noting_marks_;
  time_point turn_at_{};
  time_point list_at_{};
  time_point note_at_{};
};

} // namespace furrow::actors
