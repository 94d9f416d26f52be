/// What clients with the same filters see of a fleet: makes their snapshots, deltas and frames, each text once.
///
/// Shape: `publish` moves the view to the fleet's newest cursor. Each client has a `position`. `next` makes the text from
///   there on and moves the position: a snapshot, or what changed since; in pieces where it is long. Clients at one
///   position share a text. A delta says from which cursor it goes on (`from`), so a client sees a gap.
/// Threads: a plain value; the hub has the mutex.
/// Limits: piece_bytes_max bytes of a text, and one machine; texts_max texts are kept for sharing; pending_frames_max
///   frames wait for `take_frames`, then the oldest are dropped.
#pragma once

#include "tools/furrowd/api/bodies/bus_names.hpp"
#include "tools/furrowd/stream/fleet_state.hpp"
#include "tools/furrowd/stream/frame_queue.hpp"
#include "tools/furrowd/stream/stream_text.hpp"
#include "tools/furrowd/stream/subscription.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace furrow::http {

class stream_view {
public:
  static constexpr std::size_t piece_bytes_max = 128U << 10U;
  static constexpr std::size_t piece_machines_max = 2'048; // looked at for one piece
  static constexpr std::size_t texts_max = 8;
  static constexpr std::size_t pending_frames_max = 2'000;
  static constexpr std::size_t frames_text_bytes_max = 32U << 10U;

  struct position {
    std::uint64_t scanned = 0; // everything up to here was shown, or is not wanted
    std::uint64_t said = 0;    // the `at` of the client's last message
    bool snapshot = true;      // it has nothing, or what it has is too old
    bool walking = false;      // between two pieces
    std::uint64_t target = 0;  // of the walk
    std::string after;         // of the walk: the last machine that was shown
    friend bool operator==(const position&, const position&) = default;
  };

  /// `epoch` tells the cursors of this process from others; `cursor` is the newest one. `names_of`: of what is on the
  /// bus of a machine; none: those of the catalogue.
  using names_source = std::function<bus_names(const std::string& machine)>;
  stream_view(subscription wanted,
              stream_form form,
              std::string epoch,
              std::uint64_t cursor,
              names_source names_of = {});

  [[nodiscard]] const subscription& wanted() const { return wanted_; }
  [[nodiscard]] stream_form form() const { return form_; }
  [[nodiscard]] std::uint64_t cursor() const { return cursor_; }

  /// Where a client begins that names this id; a snapshot when it cannot go on from there.
  [[nodiscard]] position begin(const std::string& resume, const fleet_state& fleet) const;

  void publish(const fleet_state& fleet, std::uint64_t cursor);
  [[nodiscard]] bool has_news(const position& at) const {
    return at.snapshot || at.walking || at.scanned < cursor_;
  }
  /// nullptr: nothing that the client wants has changed.
  [[nodiscard]] shared_text next(position& at, const fleet_state& fleet, std::int64_t now_us);

  /// Whether this machine's frames are wanted.
  [[nodiscard]] bool wants_frames_of(const std::string& machine) const {
    return wanted_.frames && wanted_.covers(machine);
  }
  void add_frames(const std::string& machine, const actors::tapped_frames& frames);
  void note_dropped(std::uint64_t frames) { frames_dropped_ += frames; }
  struct frames_text {
    shared_text text;
    std::uint64_t frames = 0;
  };
  struct frames_made {
    std::vector<frames_text> texts;
    std::uint64_t dropped = 0;
  };
  [[nodiscard]] frames_made take_frames();

private:
  struct member {
    bool covered = false;
    bool inside = true;
    std::uint64_t changed_at = 0; // entered or left the area
  };
  struct made_text {
    position from;
    position to;
    shared_text text;
  };
  struct waiting_frame {
    const std::string* machine = nullptr; // a key of frame_machines_
    std::string text;
  };

  [[nodiscard]] std::string id_at(std::uint64_t at) const;
  [[nodiscard]] const member& member_of(const stream_machine& machine);
  [[nodiscard]] std::string make(position& at, const fleet_state& fleet, std::int64_t now_us);
  [[nodiscard]] bool append_changed(std::string& out, const fleet_state& fleet, std::uint64_t from);
  [[nodiscard]] bool walk(position& at, const fleet_state& fleet, std::string& out);
  bool
  append_machine(std::string& out, const stream_machine& machine, std::uint64_t from, bool all);
  void append_known(std::string& out, const stream_machine& machine, std::uint64_t from, bool all);
  void append_values(std::string& out, const stream_machine& machine, std::uint64_t from, bool all);
  void append_own(std::string& out, const stream_machine& machine, std::uint64_t from, bool all);
  void append_faults(std::string& out, const stream_machine& machine, std::uint64_t from, bool all);
  void append_brief(std::string& out, const stream_machine& machine, std::uint64_t from, bool all);

  [[nodiscard]] bus_names names_for(const std::string& machine) const {
    return names_of_ ? names_of_(machine) : bus_names{};
  }

  subscription wanted_;
  stream_form form_;
  names_source names_of_;
  std::string prefix_; // of ids
  std::uint64_t created_at_;
  std::uint64_t cursor_;
  std::vector<bool> wants_; // by number of the quantity
  bool wants_ledger_;
  bool wants_own_;
  std::unordered_map<std::string, member> members_;
  std::uint64_t area_at_ = 0; // members are up to date to here
  std::vector<made_text> texts_;
  std::deque<waiting_frame> frames_;
  std::map<std::string, std::size_t> frame_machines_;
  std::uint64_t frames_dropped_ = 0;
};

} // namespace furrow::http
