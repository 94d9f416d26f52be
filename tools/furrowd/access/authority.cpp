#include "tools/furrowd/access/authority.hpp"

#include <chrono>
#include <utility>

namespace furrow::daemon {

namespace {

std::shared_ptr<const token_table> shared(std::optional<token_table> file) {
  return file ? std::make_shared<const token_table>(std::move(*file)) : nullptr;
}

} // namespace

std::int64_t wall_clock_us() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

authority::authority(std::optional<token_table> file, settings chosen) : settings_{chosen} {
  sources begun;
  begun.file = shared(std::move(file));
  sources_ = std::make_shared<const sources>(std::move(begun));
}

template <class Change>
void authority::replace(Change change) {
  const std::scoped_lock lock{replacing_};
  auto next = *sources_.load();
  change(next);
  ++next.generation;
  sources_ = std::make_shared<const sources>(std::move(next));
}

void authority::replace_file_tokens(std::optional<token_table> file) {
  replace([&](sources& next) { next.file = shared(std::move(file)); });
}

void authority::replace_identities(std::shared_ptr<const identity_snapshot> read) {
  replace([&](sources& next) { next.database = std::move(read); });
}

bool authority::ready() const {
  const auto known = now();
  return known->file || known->database || !settings_.awaits_database;
}

bool authority::has_identities() const {
  const auto known = now();
  return known->file || (known->database && known->database->populated());
}

bool authority::open() const {
  return settings_.only_loopback && ready() && !has_identities();
}

authority::finding authority::find(std::string_view presented, std::int64_t now_us) const {
  if (presented.empty() || presented.size() > token_bytes_max)
    return {};
  const auto known = now();
  const auto hash = hash_of_secret(presented);
  if (known->file)
    if (auto found = known->file->find(hash))
      return {std::move(found)};
  const auto* found = known->database ? known->database->find(hash) : nullptr;
  if (found == nullptr)
    return {};
  if (known->database->expired(*found, now_us))
    return {std::nullopt, true};
  found->here->at_us.store(now_us, std::memory_order_relaxed);
  return {found->grants};
}

bool authority::holds(const credential& given, std::int64_t now_us, bool in_use) const {
  const auto known = now();
  switch (given.kind) {
  case credential_kind::local:
    return open();
  case credential_kind::file_token: {
    const auto found = known->file ? known->file->find(given.hash) : std::nullopt;
    return found && found->grants_as(given);
  }
  case credential_kind::token:
  case credential_kind::session: {
    const auto* found = known->database ? known->database->find(given.hash) : nullptr;
    if (found == nullptr || !found->grants.grants_as(given)
        || known->database->expired(*found, now_us))
      return false;
    if (in_use)
      found->here->at_us.store(now_us, std::memory_order_relaxed);
    return true;
  }
  case credential_kind::certificate:
    return given.expires_us == 0 || now_us < given.expires_us;
  }
  return false;
}

std::uint64_t authority::generation() const {
  return now()->generation;
}

std::shared_ptr<const identity_snapshot> authority::identities() const {
  return now()->database;
}

} // namespace furrow::daemon
