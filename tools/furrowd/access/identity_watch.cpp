#include "tools/furrowd/access/identity_watch.hpp"

#include "actors/log/log.hpp"

#include <algorithm>
#include <unordered_map>

#include <boost/asio/post.hpp>

namespace furrow::daemon {

namespace asio = boost::asio;

namespace {

void reach_of(const storage::identity_key& key,
              const std::vector<std::string>& farms,
              const std::vector<std::string>& equipment,
              credential& out) {
  if (!key.farm.empty()) {
    out.farm = key.farm;
    out.equipment = equipment;
    return;
  }
  out.every_farm = farms.empty();
  out.farms = farms;
  out.farm = farms.empty() ? "default" : farms.front();
}

} // namespace

std::optional<credential> credential_of(const storage::user_row& user) {
  const auto role = parse_role(user.role);
  if (!role || user.status != "active")
    return std::nullopt;
  credential made;
  made.role = *role;
  reach_of(user.key, user.farms, user.equipment, made);
  made.name = to_text(user.key);
  made.kind = credential_kind::session;
  made.user = user.id;
  return made;
}

std::optional<credential> credential_of(const storage::token_row& token) {
  const auto role = parse_role(token.role);
  const auto hash = parse_hash(token.sha256);
  if (!role || !hash)
    return std::nullopt;
  credential made;
  made.role = *role;
  reach_of(token.key, token.farms, token.equipment, made);
  made.name = "token " + to_text(token.key);
  made.kind = credential_kind::token;
  made.id = token.id;
  made.hash = *hash;
  made.expires_us = token.expires_us.value_or(0);
  return made;
}

identity_watch::identity_watch(asio::io_context& io,
                               storage::identity_store& store,
                               storage::audit_store* audit,
                               std::shared_ptr<authority> access,
                               settings chosen)
  : io_{io}, store_{store}, audit_{audit}, access_{std::move(access)}, settings_{chosen}, timer_{
                                                                                            io} {}

void identity_watch::first(std::function<void()> done) {
  refresh([self = shared_from_this(), done = std::move(done)]() mutable {
    if (self->stopped_)
      return;
    if (self->version_ != 0)
      return done();
    self->timer_.expires_after(every / 2);
    self->timer_.async_wait(
      [self, done = std::move(done)](boost::system::error_code error) mutable {
        if (!error)
          self->first(std::move(done));
      });
  });
}

void identity_watch::start(std::function<void()> looked) {
  looked_ = std::move(looked);
  look();
}

void identity_watch::stop() {
  stopped_ = true;
  timer_.cancel();
  looked_ = nullptr;
}

void identity_watch::refresh(std::function<void()> done) {
  asio::post(io_, [self = shared_from_this(), done = std::move(done)]() mutable {
    if (self->stopped_)
      return done();
    (self->asking_ ? self->next_ : self->now_).push_back(std::move(done));
    if (!self->asking_)
      self->ask();
  });
}

std::function<void(std::function<void()>)> identity_watch::refresher() {
  return
    [self = shared_from_this()](std::function<void()> done) { self->refresh(std::move(done)); };
}

void identity_watch::look() {
  if (stopped_)
    return;
  if (!asking_)
    ask();
  write_uses();
  prune();
  if (looked_)
    looked_();
  timer_.expires_after(every);
  timer_.async_wait([self = weak_from_this()](boost::system::error_code error) {
    const auto alive = self.lock();
    if (alive && !error)
      alive->look();
  });
}

void identity_watch::ask() {
  asking_ = true;
  // The answer may come while the node is being destroyed: nothing of it is used on the store's thread.
  store_.read(version_, [self = weak_from_this(), &io = io_](auto list) {
    asio::post(io, [self, list = std::move(list)]() mutable {
      if (const auto alive = self.lock())
        alive->answered(std::move(list));
    });
  });
}

void identity_watch::answered(storage::result<std::optional<storage::identity_list>> list) {
  asking_ = false;
  if (list && *list)
    use(**list);
  if (!list && !std::exchange(told_, true))
    log::warn(log::store, "identities_unread", {.error = list.error().detail},
              "who has access is as it was: the database does not answer: {}", list.error().detail);
  if (list)
    told_ = false;
  const auto waited = std::exchange(now_, std::exchange(next_, {}));
  for (const auto& done : waited)
    done();
  if (!now_.empty() && !stopped_)
    ask();
  if (list && looked_)
    looked_();
}

std::shared_ptr<last_use> identity_watch::use_of(bool session, std::int64_t id) {
  auto& found = uses_[{session, id}];
  if (!found)
    found = std::make_shared<last_use>();
  return found;
}

void identity_watch::use(const storage::identity_list& list) {
  version_ = list.version;
  std::unordered_map<std::int64_t, const storage::user_row*> users;
  for (const auto& user : list.users)
    users.emplace(user.id, &user);
  std::vector<identity_snapshot::entry> entries;
  entries.reserve(list.tokens.size() + list.sessions.size());
  for (const auto& token : list.tokens)
    if (auto made = credential_of(token))
      entries.push_back(
        {std::move(*made), token.last_used_us.value_or(0), use_of(false, token.id)});
  for (const auto& session : list.sessions) {
    const auto user = users.find(session.user);
    auto made = user == users.end() ? std::nullopt : credential_of(*user->second);
    const auto hash = parse_hash(session.sha256);
    if (!made || !hash)
      continue;
    made->id = session.id;
    made->hash = *hash;
    made->expires_us = session.expires_us;
    entries.push_back({std::move(*made), session.last_used_us, use_of(true, session.id)});
  }
  std::erase_if(uses_, [](const auto& one) { return one.second.use_count() == 1; });
  std::erase_if(written_, [this](const auto& one) { return !uses_.contains(one.first); });
  const bool populated = !list.users.empty() || !list.tokens.empty();
  access_->replace_identities(std::make_shared<const identity_snapshot>(
    std::move(entries), populated, settings_.sessions.idle));
}

void identity_watch::write_uses() {
  const auto now = clock::now();
  const auto known = access_->identities();
  if (now - written_at_ < write_every || !known)
    return;
  written_at_ = now;
  std::vector<storage::identity_use> uses;
  for (const auto& entry : known->entries()) {
    const auto at = entry.here->at_us.load(std::memory_order_relaxed);
    const bool session = entry.grants.kind == credential_kind::session;
    auto& written = written_[{session, entry.grants.id}];
    if (at <= written || at <= entry.last_used_us || uses.size() >= uses_max)
      continue;
    written = at;
    uses.push_back({session, entry.grants.id, at});
  }
  if (uses.empty())
    return;
  store_.note_use(std::move(uses), [](const storage::result<done>& noted) {
    if (!noted)
      log::debug(log::store, "token_use_not_written", {.error = noted.error().detail},
                 "when tokens were used last was not written: {}", noted.error().detail);
  });
}

void identity_watch::prune() {
  const auto now = clock::now();
  if (audit_ == nullptr || !settings_.audit_keep || (pruned_at_ && now - *pruned_at_ < prune_every))
    return;
  pruned_at_ = now;
  const auto keep = std::chrono::duration_cast<std::chrono::microseconds>(*settings_.audit_keep);
  audit_->prune(wall_clock_us() - keep.count(), [](const storage::result<std::uint64_t>& gone) {
    if (!gone)
      log::warn(log::store, "audit_not_pruned", {.error = gone.error().detail},
                "old rows of the audit log were not deleted: {}", gone.error().detail);
    else if (*gone > 0)
      log::info(log::store, "audit_pruned", {.count = *gone},
                "{} old rows of the audit log were deleted", *gone);
  });
}

} // namespace furrow::daemon
