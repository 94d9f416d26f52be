#include "tools/furrowd/front/shares.hpp"

#include <algorithm>

namespace furrow::http {

std::string share_of(const boost::asio::ip::address& address) {
  namespace ip = boost::asio::ip;
  if (!address.is_v6())
    return address.to_string();
  if (address.to_v6().is_v4_mapped())
    return ip::make_address_v4(ip::v4_mapped, address.to_v6()).to_string();
  auto bytes = address.to_v6().to_bytes();
  std::fill(bytes.begin() + bytes.size() / 2, bytes.end(), std::uint8_t{0});
  return ip::address_v6{bytes}.to_string() + "/64";
}

share token_requests::take(const daemon::credential& who) {
  using daemon::credential_kind;
  if (who.kind == credential_kind::local || who.kind == credential_kind::certificate)
    return share{this, [](void*) {}};
  const std::scoped_lock lock{mutex_};
  auto& used = used_[who.hash];
  if (used >= limit_) // at least 1: this entry is not new
    return nullptr;
  ++used;
  // The pointer is only a mark; its deleter gives the share back.
  return share{this, [self = shared_from_this(), token = who.hash](void*) { self->give(token); }};
}

void token_requests::limit(std::size_t limit) {
  const std::scoped_lock lock{mutex_};
  limit_ = limit;
}

void token_requests::give(const daemon::secret_hash& token) {
  const std::scoped_lock lock{mutex_};
  if (const auto found = used_.find(token); --found->second == 0)
    used_.erase(found);
}

} // namespace furrow::http
