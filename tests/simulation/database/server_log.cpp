// The log of a simulated server: to its disk, and to its standby.
#include "tests/simulation/database/server.hpp"

#include <algorithm>
#include <utility>

namespace furrow::simulation {

using namespace std::chrono_literals;

namespace {

/// The log has the outcome of a decision about leases.
change lease_rows(const tables& now) {
  return [nodes = now.nodes, timeline = now.timeline, quiet = now.quiet_until](tables& into) {
    into.nodes = nodes;
    into.timeline = timeline;
    into.quiet_until = quiet;
  };
}

} // namespace

/// Writes to the disk, waits for the standby where asked, then makes it visible and calls `done`. `noted` is what is
/// done here, `what` is what the log says; empty: the lease rows.
void server::flush(change noted, change what, bool waits, task done) {
  const auto wait =
    1ms + milliseconds{chance_.below(static_cast<std::uint64_t>(flush_longest_.count()))};
  at.in(wait, [this, noted = std::move(noted), what = std::move(what), waits,
               done = std::move(done), standing = standing_] {
    if (standing != standing_)
      return; // the server has become a standby: the transaction is gone
    noted(disk_);
    const auto written = what ? what : lease_rows(disk_);
    log_.push_back(std::make_shared<const change>(written));
    const auto seen = [this, written, done] {
      written(visible_);
      done();
    };
    const bool alone = retired_ && broken_ == broken_rule::replaced_goes_on;
    if (waits && how_.synchronous && !alone && log_.size() > confirmed_)
      waiting_.push_back({log_.size(), seen});
    else
      seen();
    send_to_standby();
  });
}

void server::confirmed(std::uint64_t lsn) {
  confirmed_ = std::max(confirmed_, lsn);
  std::vector<task> ready;
  std::erase_if(waiting_, [&](waiting_commit& one) {
    if (one.lsn > confirmed_)
      return false;
    ready.push_back(std::move(one.done));
    return true;
  });
  for (const auto& each : ready)
    each();
}

void server::follow(server& primary) {
  primary_ = &primary;
  const auto again = [this, &primary, standing = standing_] {
    at.in(500ms, [this, &primary, standing] {
      if (standing == standing_)
        follow(primary);
    });
  };
  const auto accepted = [this, &primary](const socket_ptr& line) { primary.feed(*this, line); };
  primary_line_ = net_.connect(at, primary.at, accepted, {{}, again});
  say_status(primary_line_);
}

/// Once a second: a primary that has lost its power meanwhile answers that it knows of no such connection.
void server::say_status(const socket_ptr& line) {
  at.in(1s, [this, line] {
    if (line != primary_line_)
      return;
    line->send(50, [] {});
    say_status(line);
  });
}

/// A standby has come: it gets everything, then what is flushed from now on.
void server::feed(server& standby, const socket_ptr& line) {
  if (role_ != server_role::primary)
    return line->close();
  standby_line_ = line;
  standby_ = &standby;
  sent_ = log_.size();
  const auto load = [&standby, disk = disk_, log = log_, timeline = timeline_] {
    standby.disk_ = standby.visible_ = disk;
    standby.log_ = log;
    standby.timeline_ = timeline;
    standby.confirm(log.size());
  };
  line->send(10'000, load);
}

void server::confirm(std::uint64_t lsn) {
  if (primary_line_)
    primary_line_->send(50, [leader = primary_, lsn] { leader->confirmed(lsn); });
}

void server::send_to_standby() {
  if (!standby_line_ || !standby_line_->open())
    return;
  for (; sent_ < log_.size(); ++sent_) {
    const auto record = [standby = standby_, lsn = sent_ + 1, what = log_[sent_]] {
      standby->take(lsn, what);
    };
    standby_line_->send(500, record);
  }
}

/// A record from the primary; it is there after the lag.
void server::take(std::uint64_t lsn, const std::shared_ptr<const change>& what) {
  replay_due_ = std::max(replay_due_, time_.now() + lag_);
  at.in(replay_due_ - time_.now(), [this, lsn, what, standing = standing_] {
    if (standing != standing_ || lsn != log_.size() + 1)
      return;
    log_.push_back(what);
    (*what)(disk_);
    (*what)(visible_);
    confirm(lsn);
  });
}

} // namespace furrow::simulation
