#include "tools/furrowd/access/gateway_book.hpp"

#include <algorithm>
#include <utility>

namespace furrow::daemon {

const char* to_string(refusal why) {
  switch (why) {
  case refusal::tls_mismatch:
    return "tls_mismatch";
  case refusal::no_certificate:
    return "no_certificate";
  case refusal::unknown_authority:
    return "unknown_authority";
  case refusal::certificate_expired:
    return "certificate_expired";
  case refusal::node_not_trusted:
    return "node_not_trusted";
  case refusal::tls:
    return "tls";
  case refusal::no_hello:
    return "no_hello";
  case refusal::malformed:
    return "malformed";
  case refusal::version:
    return "version";
  case refusal::limit:
    return "limit";
  case refusal::no_token:
    return "no_token";
  case refusal::unknown_token:
    return "unknown_token";
  case refusal::revoked:
    return "revoked";
  case refusal::may_not_send:
    return "may_not_send";
  case refusal::other_machine:
    return "other_machine";
  case refusal::superseded:
    return "superseded";
  case refusal::forked:
    return "forked";
  case refusal::gone:
    return "gone";
  case refusal::known_file:
    return "known_file";
  case refusal::unavailable:
    return "unavailable";
  case refusal::full:
    return "full";
  }
  return "unknown";
}

const char* to_string(farewell how) {
  switch (how) {
  case farewell::closed:
    return "closed";
  case farewell::lost:
    return "lost";
  case farewell::silent:
    return "silent";
  case farewell::unread:
    return "unread";
  case farewell::refused:
    return "refused";
  case farewell::restarted:
    return "restarted";
  case farewell::draining:
    return "draining";
  case farewell::elsewhere:
    return "elsewhere";
  }
  return "unknown";
}

gateway_book::id gateway_book::connected(connected_gateway who) {
  const std::lock_guard lock{mutex_};
  ++counts_.connections;
  connected_.emplace(++last_, std::move(who));
  return last_;
}

void gateway_book::ended(id who, farewell how) {
  const std::lock_guard lock{mutex_};
  if (connected_.erase(who) != 0)
    ++counts_.ended[static_cast<std::size_t>(how)];
}

void gateway_book::refused(const std::string& peer,
                           const std::string& farm,
                           const std::string& equipment,
                           refusal why,
                           const std::string& text,
                           std::int64_t now_us) {
  const auto host = peer.substr(0, peer.rfind(':'));
  const std::lock_guard lock{mutex_};
  ++counts_.refused[static_cast<std::size_t>(why)];
  auto at = std::find_if(refused_.begin(), refused_.end(), [&](const refused_gateway& one) {
    return one.host == host && one.farm == farm && one.equipment == equipment && one.why == why;
  });
  if (at == refused_.end()) {
    if (refused_.size() >= refused_max)
      refused_.pop_back();
    at = refused_.insert(refused_.end(), {host, farm, equipment, why, {}, 0, now_us, 0});
  }
  at->text = text;
  ++at->count;
  at->last_us = now_us;
  std::rotate(refused_.begin(), at, at + 1); // the latest first
}

gateway_book::counts gateway_book::counted() const {
  const std::lock_guard lock{mutex_};
  return counts_;
}

std::vector<connected_gateway> gateway_book::all_connected() const {
  const std::lock_guard lock{mutex_};
  std::vector<connected_gateway> out;
  out.reserve(connected_.size());
  for (const auto& [number, one] : connected_)
    out.push_back(one);
  return out;
}

std::vector<refused_gateway> gateway_book::all_refused() const {
  const std::lock_guard lock{mutex_};
  return refused_;
}

} // namespace furrow::daemon
