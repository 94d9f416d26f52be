#include "actors/cluster/lease_keeper.hpp"

#include <algorithm>
#include <utility>

namespace furrow::actors {

const char* to_string(node_state state) {
  switch (state) {
  case node_state::joining:
    return "joining";
  case node_state::alive:
    return "alive";
  case node_state::unsure:
    return "unsure";
  case node_state::draining:
    return "draining";
  case node_state::left:
    return "left";
  case node_state::dead:
    return "dead";
  }
  return "unknown";
}

lease_keeper::lease_keeper(lease_limits limits, bool joined) : limits_{limits}, joined_{joined} {}

lease_question lease_keeper::next(clock::time_point now) {
  if (state_ == node_state::dead || state_ == node_state::left)
    return lease_question::none;
  if (asked_ != lease_question::none && now - asked_at_ >= limits_.deadline)
    give_up(now);
  settle(now);
  if (asked_ != lease_question::none || now < due_)
    return lease_question::none;
  if (leaving_ && !joined_) { // nobody has heard of it
    state_ = node_state::left;
    return lease_question::none;
  }
  if (leaving_)
    asked_ = lease_question::leave;
  else if (!joined_)
    asked_ = lease_question::join;
  else if (late_ && may_judge(now))
    asked_ = lease_question::judge;
  else
    asked_ = lease_question::beat;
  asked_at_ = now;
  return asked_;
}

lease_keeper::clock::time_point lease_keeper::wake() const {
  return asked_ == lease_question::none ? due_ : asked_at_ + limits_.deadline;
}

void lease_keeper::answered(const lease_answer& answer, clock::time_point now) {
  if (asked_ != lease_question::join && asked_ != lease_question::beat)
    return;
  const bool joins = std::exchange(asked_, lease_question::none) == lease_question::join;
  if (!answer.known && !joins) { // lost in a failover, or in a restored database
    joined_ = false;
    due_ = now;
    return;
  }
  if (!answer.mine) {
    state_ = node_state::dead;
    return;
  }
  joined_ = true;
  beat_at_ = asked_at_;
  drain_ = answer.drain;
  late_ = answer.late;
  // A lease that has lapsed for a moment lapsed: only what was asked before its end goes on with it.
  if (!valid_ || asked_at_ > valid_to_)
    valid_from_ = asked_at_;
  valid_ = true;
  valid_to_ = asked_at_ + limits_.lease;
  due_ = leaving_ || (late_ && may_judge(now))
           ? now
           : std::min(asked_at_ + limits_.beat_every, now + answer.next_late + limits_.margin);
  settle(now);
}

void lease_keeper::judged(clock::time_point now) {
  if (asked_ != lease_question::judge)
    return;
  asked_ = lease_question::none;
  late_ = false;
  due_ = std::max(now, beat_at_ + limits_.beat_every);
}

void lease_keeper::left() {
  if (asked_ == lease_question::leave)
    state_ = node_state::left;
}

void lease_keeper::failed(clock::time_point now) {
  if (asked_ != lease_question::none)
    give_up(now);
}

void lease_keeper::hurry(clock::time_point now) {
  due_ = std::min(due_, now);
}

void lease_keeper::leave(clock::time_point now) {
  leaving_ = true;
  hurry(now);
}

bool lease_keeper::may_judge(clock::time_point now) const {
  return valid_ && now < valid_to_ && now - valid_from_ >= limits_.judge_after;
}

void lease_keeper::settle(clock::time_point now) {
  if (!valid_)
    return;
  if (now >= valid_to_)
    state_ = node_state::unsure;
  else
    state_ = drain_ || leaving_ ? node_state::draining : node_state::alive;
}

void lease_keeper::give_up(clock::time_point now) {
  if (asked_ == lease_question::judge)
    late_ = false; // the next beat says it again
  asked_ = lease_question::none;
  due_ = now + limits_.retry;
}

} // namespace furrow::actors
