#include "tests/simulation/database/server.hpp"

#include "tests/simulation/database/membership.hpp"

#include <algorithm>
#include <utility>

namespace furrow::simulation {

using namespace std::chrono_literals;

namespace {

constexpr milliseconds frozen_after{2'000};
constexpr int timeline_bits = 40;

reply error(std::string_view sqlstate, std::vector<std::int32_t> streams = {}) {
  reply out;
  out.sqlstate = sqlstate;
  out.streams = std::move(streams);
  return out;
}

bool is_poison(const stored_row& row) {
  return !row.quarantined && std::any_of(row.codes.begin(), row.codes.end(), [](item_code code) {
    return code % 211 == 7;
  });
}

} // namespace

server::server(stage& on, std::string name, server_options how)
  : at{on.time, std::move(name)}, on_{on}, time_{on.time}, net_{on.net}, chance_{on.chance},
    truth_{on.truth}, broken_{on.broken}, how_{how} {}

void server::start(server_role role, std::uint32_t timeline) {
  at.start();
  started_at_ = at.local_now();
  role_ = role;
  timeline_ = std::max(timeline_, timeline);
  visible_ = disk_;
  confirmed_ = 0;
  set_free();
}

/// Nothing in memory is left: no session, no lock, no commit that waits.
void server::set_free() {
  sessions_.clear();
  keys_.clear();
  locks_.clear();
  waiting_.clear();
  begun_streams_.clear();
  standby_line_.reset();
  primary_line_.reset();
  retired_ = false;
  ++standing_;
}

void server::crash(bool unplug) {
  at.kill(unplug);
  net_.killed(at);
  set_free();
}

void server::become_primary(std::uint32_t timeline) {
  if (primary_line_)
    primary_line_->close();
  set_free();
  role_ = server_role::primary;
  timeline_ = timeline;
  visible_ = disk_;
  confirmed_ = 0;
}

void server::become_standby() {
  for (auto& [id, one] : sessions_)
    one.line->close();
  if (standby_line_)
    standby_line_->close();
  set_free();
  role_ = server_role::standby;
  visible_ = disk_;
}

incarnation server::node_of(session_id session) const {
  const auto found = sessions_.find(session);
  return found == sessions_.end() ? 0 : found->second.node;
}

server::session_id server::open(const socket_ptr& line, incarnation node) {
  const auto id = ++last_session_;
  sessions_[id] = session{line, node, {}, 0, false};
  line->on.closed = [this, id, standing = standing_] {
    if (standing == standing_)
      end_session(id);
  };
  return id;
}

void server::end_session(session_id id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end())
    return;
  const bool committing = found->second.now && found->second.now->committing;
  found->second.line->close();
  sessions_.erase(found);
  if (committing)
    return; // the commit goes on without its client
  release(id);
  wake();
}

void server::say(session_id id, const answer& to, reply what) {
  const auto found = sessions_.find(id);
  if (found != sessions_.end())
    found->second.line->send(100, [to, what = std::move(what)] { to(what); });
}

void server::copy(session_id id, append_request what, std::size_t rows_now, answer to) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end() || found->second.now)
    return;
  transaction now;
  now.what = std::move(what);
  now.to = std::move(to);
  now.arrived = rows_now;
  now.begun = time_.now();
  found->second.now = std::move(now);
  push_on(id);
}

void server::finish(session_id id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end() || !found->second.now)
    return; // the transaction has failed already
  found->second.now->arrived = found->second.now->what.rows.size();
  found->second.now->finished = true;
  push_on(id);
}

/// As far as the transaction comes without waiting.
void server::push_on(session_id id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end() || !found->second.now || found->second.now->committing)
    return;
  found->second.waiting = false;
  if (insert_rows(id, *found->second.now) && found->second.now->finished)
    advance(id, *found->second.now);
}

/// False: the transaction waits, or has ended.
bool server::insert_rows(session_id id, transaction& now) {
  for (; now.inserted < now.arrived; ++now.inserted) {
    const auto& row = now.what.rows[now.inserted];
    const std::pair key{row.stream, row.seq_first};
    const auto held = keys_.find(key);
    if (held != keys_.end() && held->second != id) {
      wait_for_lock(id);
      return false;
    }
    if (how_.refuses_poison && is_poison(row)) {
      abort(id, error("22P05"));
      return false;
    }
    const auto stream = visible_.streams.find(row.stream);
    if (stream != visible_.streams.end() && stream->second.first_seqs.contains(row.seq_first)) {
      abort(id, error("23505"));
      return false;
    }
    keys_[key] = id;
  }
  return true;
}

/// A single watermark is waited for; of several, those that are held are named (FW005).
bool server::lock_steps(session_id id, transaction& now) {
  std::vector<std::int32_t> held;
  for (const auto& step : now.what.steps)
    if (const auto lock = locks_.find(step.claim.stream);
        lock != locks_.end() && lock->second != id)
      held.push_back(step.claim.stream);
  if (held.empty()) {
    for (const auto& step : now.what.steps)
      locks_[step.claim.stream] = id;
    return true;
  }
  if (now.what.steps.size() == 1)
    wait_for_lock(id);
  else
    abort(id, error(storage::held_sqlstate, held));
  return false;
}

void server::advance(session_id id, transaction& now) {
  if (!lock_steps(id, now))
    return;
  auto missed = error(storage::fenced_sqlstate);
  for (const auto& step : now.what.steps) {
    const auto row = visible_.streams.find(step.claim.stream);
    const bool known = row != visible_.streams.end();
    const bool mine = broken_ == broken_rule::compare_without_epoch
                      || (known && row->second.epoch == step.claim.epoch);
    if (known && mine && row->second.seq() == step.from)
      continue;
    missed.streams.push_back(step.claim.stream);
    const bool newer = known && row->second.epoch > step.claim.epoch;
    missed.owners.push_back(newer ? row->second.owner : node_of(id));
  }
  if (!missed.streams.empty())
    return abort(id, std::move(missed));
  if (now.what.check)
    return abort(id, {}); // a check stores nothing
  commit(id);
}

void server::wait_for_lock(session_id id) {
  auto& mine = sessions_.at(id);
  mine.waiting = true;
  const auto wait = ++mine.waits;
  at.in(lock_timeout, [this, id, wait, standing = standing_] {
    const auto found = sessions_.find(id);
    if (standing == standing_ && found != sessions_.end() && found->second.waiting
        && found->second.waits == wait)
      abort(id, error("55P03"));
  });
}

void server::abort(session_id id, reply why) {
  auto& mine = sessions_.at(id);
  mine.waiting = false;
  const auto to = std::move(mine.now->to);
  mine.now.reset();
  release(id);
  say(id, to, std::move(why));
  wake();
}

void server::release(session_id id) {
  std::erase_if(keys_, [id](const auto& one) { return one.second == id; });
  std::erase_if(locks_, [id](const auto& one) { return one.second == id; });
}

/// Locks are free: every session that waited tries again.
void server::wake() {
  for (const auto& [id, one] : sessions_)
    if (one.waiting)
      at.in({}, [this, id = id, standing = standing_, wait = one.waits] {
        const auto found = sessions_.find(id);
        if (standing == standing_ && found != sessions_.end() && found->second.waiting
            && found->second.waits == wait)
          push_on(id);
      });
}

void server::commit(session_id id) {
  auto& now = *sessions_.at(id).now;
  now.committing = true;
  const auto what = std::make_shared<append_request>(std::move(now.what));
  const change apply = [what](tables& into) {
    for (const auto& step : what->steps)
      into.streams.at(step.claim.stream).codes.resize(step.from);
    // Rows come by kind: frames, records, quarantine.
    auto rows = what->rows;
    std::sort(rows.begin(), rows.end(),
              [](const auto& a, const auto& b) { return a.seq_first < b.seq_first; });
    for (const auto& row : rows) {
      auto& stream = into.streams.at(row.stream);
      stream.codes.insert(stream.codes.end(), row.codes.begin(), row.codes.end());
      stream.first_seqs.insert(row.seq_first);
    }
  };
  const change note = [this, what, apply, node = node_of(id)](tables& into) {
    stored(*what, node);
    apply(into);
  };
  flush(note, apply, true, [this, id, what] {
    if (retired_)
      for (const auto& step : what->steps)
        on_.replaced_took(*this, disk_.streams.at(step.claim.stream).stream, step.from, step.to);
    const auto found = sessions_.find(id);
    const auto to = found == sessions_.end() ? answer{} : std::move(found->second.now->to);
    if (found != sessions_.end())
      found->second.now.reset();
    release(id);
    say(id, to, {});
    wake();
  });
}

/// Tells the oracle of an append that is on its way to the disk.
void server::stored(const append_request& what, incarnation node) {
  for (const auto& step : what.steps) {
    const auto& row = disk_.streams.at(step.claim.stream);
    stored_part part{row.stream,       node,      row.seq(), step.from, step.to,
                     step.claim.epoch, row.epoch, {}};
    for (const auto& one : what.rows)
      if (one.stream == step.claim.stream && !part.rows.emplace(one.seq_first, one.codes).second)
        truth_.broken("once", "two rows of one transaction have the same number");
    truth_.stored(part);
  }
}

void server::set_flush(milliseconds longest) {
  flush_longest_ = longest;
  slow_until_ = time_.now();
}

time_point server::moment(time_point clock_of_node) const {
  return broken_ == broken_rule::lease_by_node_clock ? clock_of_node : at.local_now();
}

void server::beat(
  session_id id, const std::string& name, bool joins, time_point clock_of_node, const answer& to) {
  const auto node = node_of(id);
  const auto kept = std::make_shared<reply>();
  // Decided when it is written: a judge may be faster.
  const change renew = [this, name, node, joins, clock_of_node, kept](tables& into) {
    lease_book book{into, moment(clock_of_node), timeline_, started_at_, broken_};
    kept->mine = book.beat(name, node, joins);
    kept->late = book.somebody_is_late(name);
    kept->timeline = timeline_;
    kept->nodes = into.nodes;
    kept->pins = into.pins;
  };
  flush(renew, {}, false, [this, id, to, kept] { say(id, to, *kept); });
}

void server::pin(const std::string& machine, const std::string& node) {
  const change set = [machine, node](tables& into) { into.pins[machine] = node; };
  flush(set, set, true, [] {});
}

void server::judge(session_id id,
                   const std::string& name,
                   time_point clock_of_node,
                   const answer& to) {
  const auto node = node_of(id);
  const auto dead = std::make_shared<std::vector<std::string>>();
  const change decide = [this, name, node, clock_of_node, dead](tables& into) {
    *dead =
      lease_book{into, moment(clock_of_node), timeline_, started_at_, broken_}.judge(name, node);
    for (const auto& each : *dead)
      on_.judged(*this, each);
  };
  flush(decide, {}, false, [this, id, to, dead] {
    if (broken_ != broken_rule::no_reaper)
      for (const auto& each : *dead)
        end_sessions_of(visible_.nodes.at(each).owner);
    say(id, to, {});
  });
}

void server::end_sessions_of(incarnation node) {
  std::vector<session_id> all;
  for (const auto& [id, one] : sessions_)
    if (one.node == node)
      all.push_back(id);
  for (const auto id : all)
    end_session(id);
}

std::int64_t server::next_epoch(const stream_row& row) const {
  if (broken_ == broken_rule::epoch_without_timeline)
    return row.epoch + 1;
  return std::max(row.epoch + 1, (std::int64_t{timeline_} << timeline_bits) | 1);
}

/// The row of a stream, made where it is missing; nothing while another transaction holds it.
std::optional<stream_row> server::standing_of(const storage::claim_request& wish) {
  if (const auto* known = visible_.find(wish.equipment, wish.stream_id)) {
    if (locks_.contains(known->id))
      return std::nullopt;
    return *known;
  }
  if (!begun_streams_.insert({wish.equipment, wish.stream_id}).second)
    return std::nullopt;
  stream_row made;
  made.id = ++last_stream_;
  for (const auto& [id, row] : disk_.streams)
    made.id = last_stream_ = std::max(made.id, id + 1);
  made.equipment = wish.equipment;
  made.stream = wish.stream_id;
  return made;
}

void server::claim(session_id id,
                   const std::vector<storage::claim_request>& wishes,
                   const answer& to) {
  reply with;
  std::vector<stream_row> rows;
  const auto holder = ++last_session_; // the claim goes on when the client's session ends
  for (const auto& wish : wishes) {
    auto& out = with.claims.emplace_back();
    auto row = standing_of(wish);
    out.held = !row;
    if (!row)
      continue;
    out.taken = wish.held_epoch > 0 && row->epoch > wish.held_epoch && row->owner != node_of(id)
                && broken_ != broken_rule::claim_again_when_fenced;
    if (out.taken)
      continue;
    out.durable_seq = row->seq();
    out.fork_seq = can::fork_point(row->runs, wish.runs, row->seq());
    out.claim = {1, row->id, row->epoch};
    if (out.fork_seq)
      continue;
    row->epoch = out.claim.epoch = next_epoch(*row);
    row->owner = node_of(id);
    for (const auto& run : wish.runs)
      if (std::none_of(row->runs.begin(), row->runs.end(),
                       [&](const can::run_mark& old) { return old.run == run.run; }))
        row->runs.push_back(run);
    locks_[row->id] = holder;
    rows.push_back(std::move(*row));
  }
  const bool waits = broken_ != broken_rule::claim_before_replication;
  const change raise = [rows](tables& into) {
    for (const auto& row : rows) {
      auto& old = into.streams[row.id];
      auto codes = std::move(old.codes);
      auto first_seqs = std::move(old.first_seqs);
      old = row;
      old.codes = std::move(codes);
      old.first_seqs = std::move(first_seqs);
    }
  };
  flush(raise, raise, waits, [this, id, rows, to, with] {
    for (const auto& row : rows) {
      locks_.erase(row.id);
      begun_streams_.erase({row.equipment, row.stream});
      truth_.claimed(row.stream, row.epoch, leads());
    }
    say(id, to, with);
    wake();
  });
}

void server::reap(session_id me, const answer& to) {
  std::vector<session_id> frozen;
  for (const auto& [id, one] : sessions_)
    if (one.node != node_of(me) && one.now && !one.now->finished && !one.waiting
        && one.now->begun < time_.now() - frozen_after)
      frozen.push_back(id);
  for (const auto id : frozen)
    end_session(id);
  say(me, to, {});
}

} // namespace furrow::simulation
