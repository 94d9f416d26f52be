#include "tools/furrowd/access/identity_snapshot.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <utility>

namespace furrow::daemon {

identity_snapshot::identity_snapshot(std::vector<entry> entries,
                                     bool populated,
                                     std::chrono::microseconds idle)
  : entries_{std::move(entries)}, populated_{populated}, idle_{idle} {
  std::sort(entries_.begin(), entries_.end(),
            [](const auto& a, const auto& b) { return a.grants.hash < b.grants.hash; });
}

const identity_snapshot::entry* identity_snapshot::find(const secret_hash& hash) const {
  const auto at =
    std::lower_bound(entries_.begin(), entries_.end(), hash,
                     [](const auto& one, const auto& wanted) { return one.grants.hash < wanted; });
  if (at == entries_.end() || CRYPTO_memcmp(at->grants.hash.data(), hash.data(), hash.size()) != 0)
    return nullptr;
  return &*at;
}

bool identity_snapshot::expired(const entry& of, std::int64_t now_us) const {
  if (of.grants.expires_us != 0 && now_us >= of.grants.expires_us)
    return true;
  const auto used = std::max(of.last_used_us, of.here->at_us.load(std::memory_order_relaxed));
  return of.grants.kind == credential_kind::session && now_us - used > idle_.count();
}

} // namespace furrow::daemon
