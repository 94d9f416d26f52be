#include "actors/forward/forward_work.hpp"

#include <algorithm>
#include <utility>

namespace furrow::actors {

void forward_work::tick(time_point now, actions& out) {
  if (!asking_turn_ && now >= turn_at_) {
    asking_turn_ = true;
    turn_at_ = now + limits_.turn_every;
    out.emplace_back(forward_action::take_turn{});
  }
  if (!mine_)
    return;
  look(now, out);
  end_lines(now, out);
  begin_lines(now, out);
  for (auto& [id, one] : streams_)
    if (one.now == phase::running) {
      feed(id, one, now, out);
      pass_on_interest(one, now, out);
    }
  note_marks(now, out);
}

void forward_work::turn_taken(const answer<bool>& mine, time_point now, actions& out) {
  asking_turn_ = false;
  if (!mine)
    return; // the database is away: what runs goes on, as far as it can
  if (mine_ && !*mine)
    for (auto& [id, one] : streams_) {
      end(id, one, out);
      one.dirty = one.noting = false; // from now on the other node notes what is acked
    }
  if (!mine_ && *mine) { // another node may have forwarded since
    ++round_;
    round_after_loss_ = false;
    every_ = true;
    list_after_ = 0;
    list_at_ = now;
  }
  mine_ = *mine;
}

void forward_work::look(time_point now, actions& out) {
  if (listing_ || now < list_at_)
    return;
  listing_ = true;
  ++lists_;
  out.emplace_back(forward_action::list{every_, list_after_});
}

void forward_work::listed(const answer<std::vector<storage::forward_stream>>& rows,
                          time_point now,
                          actions& out) {
  listing_ = false;
  list_at_ = now + limits_.look_every;
  if (!rows)
    return;
  for (const auto& row : *rows) {
    if (streams_.size() >= limits_.streams_max && !streams_.contains(row.stream))
      continue;
    auto& one = streams_[row.stream];
    // The list may have read the database before the newest mark was noted.
    const bool newer = one.dirty || one.noting || one.noted_in == lists_;
    const auto acked = newer || one.checked_in == round_ ? one.known.acked : row.acked;
    one.known = row;
    one.known.acked = acked;
    if (one.now == phase::running)
      keep_up(row.stream, one, out);
  }
  const bool more = rows->size() >= limits_.list_rows;
  list_after_ = more ? rows->back().stream : 0;
  if (more)
    list_at_ = now;
  else
    every_ = false;
}

/// Tells a running line of what is new in its stream.
void forward_work::keep_up(std::int32_t id, stream_state& one, actions& out) {
  if (one.head_due)
    return;
  const bool other = one.known.runs != one.line_runs || one.known.buses != one.line_buses
                     || (one.more_runs && one.known.acked >= one.line_last);
  if (other) {
    one.head_due = true;
    out.emplace_back(forward_action::head{id});
  } else if (one.known.last > one.line_last && !one.more_runs) {
    one.line_last = one.known.last;
    out.emplace_back(forward_action::grow{id, one.line_last});
  }
}

void forward_work::begin_lines(time_point now, actions& out) {
  // In turn: those after the one that began last come first.
  for (int round = 0; round < 2 && running_ < limits_.lines_max; ++round) {
    auto at = round == 0 ? streams_.upper_bound(turn_after_) : streams_.begin();
    const auto end = round == 0 ? streams_.end() : streams_.upper_bound(turn_after_);
    for (; at != end && running_ < limits_.lines_max; ++at) {
      auto& one = at->second;
      if (one.now != phase::waiting || !due(one, now) || now < one.rest_until)
        continue;
      one.now = phase::opening;
      ++running_;
      turn_after_ = at->first;
      out.emplace_back(forward_action::head{at->first});
      if (round == 1)
        return; // the bound of this round has moved
    }
  }
}

void forward_work::opened(std::int32_t stream,
                          answer<storage::forward_head> head,
                          time_point now,
                          actions& out) {
  const auto at = streams_.find(stream);
  if (at == streams_.end() || at->second.now == phase::waiting)
    return;
  auto& one = at->second;
  const bool is_running = one.now == phase::running;
  one.head_due = false;
  if (!head) {
    if (is_running)
      return;                                            // the next list asks again
    if (head.error().code == storage::errc::not_found) { // removed with its machine
      --running_;
      streams_.erase(at);
      return;
    }
    return stop(stream, one, head.error().detail, now, out);
  }
  one.line_last = head->last;
  one.line_runs = one.known.runs;
  one.line_buses = one.known.buses;
  one.more_runs = head->more_runs;
  one.known.last = std::max(one.known.last, head->last);
  if (is_running) {
    out.emplace_back(forward_action::renew{stream, std::move(*head)});
    return;
  }
  one.now = phase::running;
  one.line = ++lines_;
  one.claimed = false;
  one.reading = false;
  one.wanted.reset();
  one.newest_wanted.reset();
  one.pace = std::chrono::milliseconds{0};
  one.began = one.busy = now;
  out.emplace_back(forward_action::start{stream, one.line, std::move(*head)});
}

void forward_work::feed(std::int32_t id, stream_state& one, time_point now, actions& out) {
  if (one.reading || now < one.read_at)
    return;
  // What a sample needs goes first: it is small, and the items behind it take long.
  const bool newest =
    one.newest_wanted && *one.newest_wanted < one.line_last && now >= one.newest_at;
  const auto& after = newest ? one.newest_wanted : one.wanted;
  if (!after || *after >= one.line_last)
    return;
  one.reading = true;
  out.emplace_back(forward_action::read{id, one.line, *after, one.line_last, newest});
}

void forward_work::pass_on_interest(stream_state& one, time_point now, actions& out) const {
  if (!one.is_watched() || now < one.interest_at)
    return;
  one.interest_at = now + limits_.interest_every;
  out.emplace_back(forward_action::watched{one.known.farm, one.known.equipment, one.pace});
}

void forward_work::page_read(const forward_action::read& asked,
                             answer<storage::forward_page> page,
                             time_point now,
                             actions& out) {
  const auto stream = asked.stream;
  const auto at = streams_.find(stream);
  if (at == streams_.end() || at->second.line != asked.line || at->second.now != phase::running)
    return;
  auto& one = at->second;
  one.reading = false;
  if (!page) {
    one.fault = page.error().detail;
    if (!asked.newest) {
      one.read_at = now + limits_.read_again;
      return;
    }
    one.newest_at = now + limits_.read_again; // the end of the stream may be damaged
    return feed(stream, one, now, out);
  }
  if (asked.newest) {
    if (one.newest_wanted == asked.after) // the line may have asked for others meanwhile
      one.newest_wanted.reset();
    out.emplace_back(forward_action::give{stream, std::move(*page), true, asked.after});
    return feed(stream, one, now, out);
  }
  // The line may have asked for other items meanwhile; then it drops this page, and has asked already.
  one.busy = now;
  if (one.wanted && !page->groups.empty() && *one.wanted + 1 == page->groups.front().first)
    one.wanted.reset();
  out.emplace_back(forward_action::give{stream, std::move(*page), false, asked.after});
  feed(stream, one, now, out);
}

void forward_work::told(
  std::int32_t stream, std::uint64_t line, const line_news& news, time_point now, actions& out) {
  const auto at = streams_.find(stream);
  if (at == streams_.end() || at->second.line != line || at->second.now != phase::running)
    return;
  auto& one = at->second;
  if (const auto* wanted = std::get_if<line_news::wanted>(&news.what)) {
    one.wanted = wanted->after;
    feed(stream, one, now, out);
  } else if (const auto* newest = std::get_if<line_news::newest_wanted>(&news.what)) {
    one.newest_wanted = newest->after;
    feed(stream, one, now, out);
  } else if (const auto* pace = std::get_if<line_news::pace>(&news.what)) {
    if (!one.is_watched() || pace->interval < one.pace)
      one.interest_at = now; // at once
    one.pace = pace->interval;
    pass_on_interest(one, now, out);
  } else if (const auto* acked = std::get_if<line_news::acked>(&news.what)) {
    this->acked(stream, one, *acked, now, out);
  } else if (const auto* state = std::get_if<line_news::state>(&news.what)) {
    if (!state->fault.empty())
      one.claimed = false;
    if (state->fault != one.fault && !state->fault.empty())
      out.emplace_back(
        forward_action::fault{one.known.farm + "/" + one.known.equipment, state->fault});
    one.fault = state->fault;
  } else {
    stop(stream, one, std::get<line_news::stopped>(news.what).why, now, out);
  }
}

void forward_work::acked(
  std::int32_t id, stream_state& one, const line_news::acked& news, time_point now, actions& out) {
  look_for_loss(one, news.seq, out);
  one.dirty = one.dirty || one.known.acked != news.seq || news.claimed;
  one.known.acked = news.seq;
  if (news.run != 0)
    one.told_run = news.run;
  if (news.claimed) {
    one.claimed = true;
    one.checked_in = round_;
    one.rest = std::chrono::milliseconds{0};
  }
  one.check_at = now + check_after(id);
  one.fault.clear();
  one.busy = now;
}

/// What head office has lost of one stream it has lost of others too: a parked machine would never ask by itself. A round
/// that began with a loss finds those others; only a stream that has been checked in it and loses again begins another.
void forward_work::look_for_loss(const stream_state& one, std::uint64_t has, actions& out) {
  if (has >= one.known.acked || (round_after_loss_ && one.checked_in != round_))
    return;
  ++round_;
  round_after_loss_ = true;
  out.emplace_back(
    forward_action::lost{one.known.farm + "/" + one.known.equipment, one.known.acked, has});
}

std::chrono::milliseconds forward_work::check_after(std::int32_t id) const {
  constexpr std::uint32_t golden =
    2'654'435'769U; // Knuth's multiplicative hash: ids in order come apart
  constexpr int steps = 1'024;
  const auto step = static_cast<int>((static_cast<std::uint32_t>(id) * golden) >> 22U);
  return limits_.check_every / 2 + limits_.check_every / 2 * step / steps;
}

void forward_work::end(std::int32_t id, stream_state& one, actions& out) {
  if (one.now == phase::waiting)
    return;
  if (one.now == phase::running)
    out.emplace_back(forward_action::end{id});
  one.now = phase::waiting;
  one.head_due = one.reading = one.claimed = false;
  one.line = 0;
  --running_;
}

void forward_work::stop(
  std::int32_t id, stream_state& one, const std::string& why, time_point now, actions& out) {
  end(id, one, out);
  one.rest =
    one.rest.count() == 0 ? limits_.rest_first : std::min(2 * one.rest, limits_.rest_longest);
  one.rest_until = now + one.rest;
  if (why != one.fault)
    out.emplace_back(forward_action::fault{one.known.farm + "/" + one.known.equipment, why});
  one.fault = why;
}

void forward_work::end_lines(time_point now, actions& out) {
  const bool others_wait = running_ >= limits_.lines_max
                           && std::any_of(streams_.begin(), streams_.end(), [&](const auto& each) {
                                return each.second.now == phase::waiting && due(each.second, now)
                                       && now >= each.second.rest_until;
                              });
  std::size_t kept = 0; // lines of machines that people watch
  for (auto& [id, one] : streams_) {
    if (one.now != phase::running)
      continue;
    const bool gives_way = others_wait && !(one.is_watched() && ++kept <= limits_.lines_max / 2);
    const bool done = one.claimed && one.known.acked >= one.known.last;
    const auto quiet = now - one.busy;
    const bool to_check = one.checked_in != round_; // its claim is from before
    if ((done && (gives_way || to_check || quiet >= limits_.idle_after))
        || (gives_way && now - one.began >= limits_.turn_length))
      end(id, one, out);
  }
}

void forward_work::note_marks(time_point now, actions& out) {
  if (noting_ || now < note_at_)
    return;
  std::vector<storage::forward_mark> marks;
  for (auto& [id, one] : streams_)
    if (std::exchange(one.dirty, false)) {
      one.noting = true;
      marks.push_back({id, one.known.acked, one.told_run});
    }
  if (marks.empty())
    return;
  noting_ = true;
  noting_marks_ = marks;
  note_at_ = now + limits_.note_every;
  out.emplace_back(forward_action::note{std::move(marks)});
}

void forward_work::noted(bool stored, time_point /*now*/) {
  noting_ = false;
  for (const auto& mark : noting_marks_)
    if (const auto at = streams_.find(mark.stream); at != streams_.end()) {
      auto& one = at->second;
      one.noting = false;
      if (stored)
        one.noted_in = lists_;
      else
        one.dirty = true;
    }
  noting_marks_.clear();
}

forward_work::figures forward_work::count() const {
  figures out;
  for (const auto& [id, one] : streams_) {
    const auto waiting = one.known.last > one.known.acked ? one.known.last - one.known.acked : 0;
    out.streams_waiting += waiting > 0 ? 1 : 0;
    out.items_waiting += waiting;
    out.lines += one.now == phase::running ? 1 : 0;
    out.lines_claimed += one.claimed ? 1 : 0;
    if (!one.fault.empty() && (waiting > 0 || one.now == phase::running))
      out.fault = one.known.farm + "/" + one.known.equipment + ": " + one.fault;
  }
  return out;
}

} // namespace furrow::actors
