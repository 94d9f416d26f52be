#include "tests/simulation/database/database.hpp"

namespace furrow::simulation {

using namespace std::chrono_literals;

namespace {

constexpr milliseconds watch_every{200};
constexpr milliseconds connect_limit{1'500}; // of one server

} // namespace

database::database(stage& on, const std::string& name, const database_options& how)
  : time_{on.time}, chance_{on.chance}, how_{how} {
  const server_options each{how.standby && how.synchronous, how.refuses_poison};
  for (int i = 0; i < (how.standby ? 2 : 1); ++i)
    servers_.push_back(std::make_unique<server>(on, name + std::to_string(i + 1), each));
  const bool in_step = how.ttl.count() % 2 == 0; // as with NTP
  milliseconds ahead{0};
  for (const auto& one : servers_) {
    const auto drawn = on.chance.wrong_clock();
    ahead = in_step && one != servers_.front() ? ahead : drawn;
    one->at.set_clock(ahead);
  }
  leader_ = servers_.front().get();
}

void database::start() {
  leader_->start(server_role::primary, 1);
  if (how_.standby)
    restart(other());
  watch();
}

server& database::other() {
  return *servers_[leader_ == servers_.front().get() ? servers_.size() - 1 : 0];
}

void database::restart(server& one) {
  if (&one == leader_)
    return one.start(server_role::primary, one.timeline());
  one.start(server_role::standby, 0);
  one.follow(*leader_);
}

bool database::could_promote() {
  return how_.standby && other().timeline() == leader_->timeline();
}

void database::watch() {
  time_.in(watch_every, [this] { watch(); });
  if (!how_.standby)
    return;
  demote_old();
  if (leader_->at.works()) {
    ill_since_.reset();
    return;
  }
  if (!ill_since_)
    ill_since_ = time_.now();
  if (time_.now() - *ill_since_ >= how_.ttl && other().at.works() && could_promote())
    promote();
}

void database::promote() {
  auto& old = *leader_;
  old.retire();
  leader_ = &other();
  leader_->become_primary(old.timeline() + 1);
  ill_since_.reset();
  ++failovers_;
  if (promoted_)
    promoted_();
}

/// The server that was replaced wakes, and is told within two seconds.
void database::demote_old() {
  auto& old = other();
  if (old.role() != server_role::primary || !old.at.works() || demoting_)
    return;
  demoting_ = true;
  time_.in(chance_.between(0ms, 2'000ms), [this, &old] {
    demoting_ = false;
    if (&old == leader_ || old.role() != server_role::primary || !old.at.works())
      return;
    old.become_standby();
    old.follow(*leader_);
  });
}

void database_client::ask(request what, clock::duration limit, answer to, task sent) {
  sent_ = std::move(sent);
  what_ = std::move(what);
  to_ = std::move(to);
  owner_.in(limit, [this, question = ++questions_] {
    if (question != questions_)
      return;
    if (!connecting_) // else the next question finds a connection
      drop();
    answered(no_answer());
  });
  if (server_ != nullptr)
    send();
  else if (!connecting_)
    connect(0);
}

void database_client::also(std::function<void(server&, server::session_id)> what) {
  if (server_ != nullptr)
    line_->send(1'000,
                [what = std::move(what), at = server_, session = session_] { what(*at, session); });
}

void database_client::drop() {
  ++attempts_;
  if (line_)
    line_->close();
  line_.reset();
  server_ = nullptr;
  connecting_ = false;
}

void database_client::connect(std::size_t which) {
  drop();
  if (which >= db_.servers().size())
    return answered(no_answer());
  connecting_ = true;
  auto& target = *db_.servers()[which];
  const auto attempt = attempts_;
  const auto next = [this, which, attempt] {
    if (attempt == attempts_)
      connect(which + 1);
  };
  const auto accepted = [this, &target, which, attempt, node = node_](const socket_ptr& line) {
    const auto session = target.open(line, node);
    line->send(300, [this, which, attempt, session, leads = target.role() == server_role::primary] {
      if (attempt == attempts_)
        greeted(which, session, leads);
    });
  };
  line_ = net_.connect(owner_, target.at, accepted, {{}, next});
  owner_.in(connect_limit, [this, next] {
    if (server_ == nullptr)
      next();
  });
}

void database_client::greeted(std::size_t which, server::session_id session, bool leads) {
  if (!leads)
    return connect(which + 1);
  server_ = db_.servers()[which].get();
  session_ = session;
  connecting_ = false;
  line_->on.closed = [this] {
    drop();
    answered(no_answer());
  };
  if (to_)
    send();
}

void database_client::send() {
  const auto heard = [this, question = questions_](const reply& what) {
    if (question == questions_)
      answered(what);
  };
  line_->send(
    1'000, [what = what_, at = server_, session = session_, heard] { what(*at, session, heard); });
  if (const auto sent = std::exchange(sent_, nullptr))
    sent();
}

void database_client::answered(const reply& what) {
  ++questions_;
  if (const auto to = std::exchange(to_, nullptr))
    to(what);
}

} // namespace furrow::simulation
