#include "tests/simulation/lane.hpp"

#include <algorithm>
#include <utility>

namespace furrow::simulation {

using namespace std::chrono_literals;

namespace {

/// How long a lane waits for the database before it takes the connection for lost.
constexpr milliseconds append_limit{5'000};

} // namespace

lane::lane(stage& on, process& owner, database& db, incarnation node, answer_to to)
  : on_{on}, owner_{owner}, node_{node}, to_{std::move(to)}, client_{on.net, owner, db, node} {}

void lane::add(origin from, std::shared_ptr<actors::held_append> held) {
  queue_.add(std::move(from), std::move(held), on_.time.now());
  write_next();
}

void lane::die() {
  ++life_;
  client_.drop();
  (void)queue_.let_go();
  under_way_.clear();
  plan_.reset();
  gathering_ = false;
}

void lane::write_next() {
  if (!under_way_.empty() || queue_.empty())
    return;
  if (const auto wait = queue_.wait(on_.time.now()); wait.count() > 0) {
    if (!std::exchange(gathering_, true))
      owner_.in(wait, [this, life = life_] {
        if (life != life_)
          return;
        gathering_ = false;
        write_next();
      });
    return;
  }
  auto next = queue_.take(on_.time.now());
  under_way_ = std::move(next.tickets);
  batch_ = std::move(next.batch);
  others_.clear();
  plan_.emplace(batch_);
  attempt();
}

void lane::attempt() {
  if (plan_->next() == nullptr)
    return settle();
  owner_.in(plan_->pause(), [this, life = life_] {
    if (life == life_)
      send();
  });
}

void lane::send() {
  auto what = copied(*plan_->next());
  const auto now = (what.rows.size() + 1) / 2;
  client_.ask([what = std::move(what), now](server& at, server::session_id session,
                                            const answer& to) { at.copy(session, what, now, to); },
              append_limit,
              [this, life = life_](const reply& got) {
                if (life == life_)
                  conclude(got);
              },
              [this] { first_part_sent(); });
  if (on_.breaks(broken_rule::ack_before_commit))
    tell(under_way_, {append_result::kind::committed, false});
}

/// The rest of the rows follows, unless the process freezes between.
void lane::first_part_sent() {
  if (std::exchange(freeze_in_copy_, false))
    owner_.in(10ms, [this] { owner_.freeze(); });
  owner_.in(11ms + milliseconds{on_.chance.below(20)}, [this, life = life_] {
    if (life == life_)
      client_.also([](server& at, server::session_id session) { at.finish(session); });
  });
}

/// A wait for a lock has ended: a frozen client may hold it.
void lane::conclude(const reply& what) {
  if (what.sqlstate != "55P03" || on_.breaks(broken_rule::no_reaper))
    return decide(what);
  client_.ask(
    [](server& at, server::session_id session, const answer& to) { at.reap(session, to); },
    append_limit,
    [this, what, life = life_](const reply&) {
      if (life == life_)
        decide(what);
    });
}

void lane::decide(const reply& what) {
  const auto why = storage::judge_sqlstate(what.sqlstate);
  if (what.lost) {
    plan_->failed(storage::errc::in_doubt, "connection lost");
  } else if (what.sqlstate.empty()) {
    plan_->stored();
  } else if (why == storage::verdict::fenced) {
    for (std::size_t i = 0; i < what.streams.size(); ++i)
      if (what.owners[i] != node_)
        others_.push_back(what.streams[i]);
    if (on_.breaks(broken_rule::claim_again_when_fenced))
      plan_->fenced(what.streams);
    else
      plan_->fenced(what.streams, others_);
  } else if (why == storage::verdict::held || what.sqlstate == "55P03") {
    plan_->held(what.streams, what.sqlstate);
  } else {
    plan_->refused(why, what.sqlstate);
  }
  attempt();
}

void lane::settle() {
  const auto outcome = plan_->outcome();
  const auto tickets = std::exchange(under_way_, {});
  plan_.reset();
  if (!outcome) {
    tell(tickets, {});
    tell(queue_.let_go(), {});
    return write_next();
  }
  for (const auto& one : tickets) {
    const auto is_in = [&](const std::vector<std::int32_t>& streams) {
      return std::find(streams.begin(), streams.end(), one.claim.stream) != streams.end();
    };
    if (is_in(outcome->taken))
      to_(one, {append_result::kind::taken, true});
    else if (is_in(outcome->fenced))
      to_(one, {append_result::kind::fenced, is_in(others_)});
    else if (is_in(outcome->waiting))
      to_(one, {});
    else
      to_(one, {append_result::kind::committed, false});
  }
  write_next();
}

void lane::tell(const std::vector<ticket>& tickets, append_result what) {
  for (const auto& one : tickets)
    to_(one, what);
}

} // namespace furrow::simulation
