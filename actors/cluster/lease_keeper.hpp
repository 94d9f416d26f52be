/// A node's own part in the membership of the cluster: when it renews its lease, when it may judge others, and when it
/// has to end.
///
/// Shape: plain decisions. `next` says what to ask the database; the caller asks, and reports the answer. One question
///   at a time. The database judges by its own clock; this class measures only how old its last answer is.
/// States:
///   joining   no answer yet
///   alive     the lease is valid
///   draining  valid, and the node takes no new session
///   unsure    no answer for the length of a lease: the node works on, for every commit is fenced anyway; judges nobody
///   left      the node has ended in good order
///   dead      the database says that this incarnation has no lease any more: the process must end
/// Threads: none of its own; the caller gives the time.
/// Source: docs/cluster.md.
#pragma once

#include <chrono>
#include <cstdint>

namespace furrow::actors {

enum class node_state : std::uint8_t {
  joining = 0,
  alive = 1,
  unsure = 2,
  draining = 3,
  left = 4,
  dead = 5,
};
[[nodiscard]] const char* to_string(node_state state);

struct lease_limits {
  std::chrono::milliseconds beat_every{1'000};
  std::chrono::milliseconds retry{250};    // after a question that failed
  std::chrono::milliseconds deadline{900}; // of a question
  std::chrono::milliseconds lease{3'000};  // from the moment of the question on
  std::chrono::milliseconds margin{50};    // after the end of another's lease
  std::chrono::milliseconds judge_after{
    4'000}; // without a lapse of the own lease; the database looks again by its own clock
};

/// What the node asks the database.
enum class lease_question : std::uint8_t { none = 0, join = 1, beat = 2, judge = 3, leave = 4 };

/// What the database says in answer to `join` or `beat`.
struct lease_answer {
  bool known = true;  // the database has a row of this node's name
  bool mine = true;   // the row is of this incarnation, and neither dead nor left
  bool drain = false; // people want the node to drain
  bool late = false;  // the lease of another node is past
  std::chrono::milliseconds next_late{60'000}; // the next lease of another node ends then
};

class lease_keeper {
public:
  using clock = std::chrono::steady_clock;

  /// `joined`: this incarnation has its row already.
  explicit lease_keeper(lease_limits limits = {}, bool joined = false);

  /// What to ask now. After anything but `none` nothing more is asked until the answer is reported.
  [[nodiscard]] lease_question next(clock::time_point now);
  /// When to call `next` again, where the answer does not come before.
  [[nodiscard]] clock::time_point wake() const;

  /// The answers. One to a question that was given up is ignored.
  void answered(const lease_answer& answer, clock::time_point now);
  void judged(clock::time_point now);
  void left();
  void failed(clock::time_point now);

  /// The next question is due now, for there is something to say.
  void hurry(clock::time_point now);
  /// The node is to end: it leaves at the next question.
  void leave(clock::time_point now);

  [[nodiscard]] node_state state() const { return state_; }
  /// The lease is valid without a lapse since then.
  [[nodiscard]] clock::time_point valid_from() const { return valid_from_; }
  /// Whether this incarnation has, or had, its row.
  [[nodiscard]] bool joined() const { return joined_; }

private:
  [[nodiscard]] bool may_judge(clock::time_point now) const;
  void settle(clock::time_point now);
  void give_up(clock::time_point now);

  lease_limits limits_;
  node_state state_ = node_state::joining;
  lease_question asked_ = lease_question::none;
  bool joined_;
  bool leaving_ = false;
  bool drain_ = false;
  bool late_ = false; // somebody is to be judged
  clock::time_point asked_at_{};
  clock::time_point beat_at_{}; // the last one that was answered
  clock::time_point due_{};     // of the next question
  clock::time_point valid_to_{};
  clock::time_point valid_from_{}; // without a lapse since then
  bool valid_ = false;
};

} // namespace furrow::actors
