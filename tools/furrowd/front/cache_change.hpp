/// What a request does to the cached answers of its farm, at the end of its life. It does so however it ends: when a
/// handler fails, or its client goes, the change may have been made.
///
/// Shape: a request that only reads, or is about sessions and tickets, does nothing. One of the role send adds items:
///   the answers are outdated. Every other one drops them.
#pragma once

#include "tools/furrowd/cache/summary_cache.hpp"
#include "tools/furrowd/http/router.hpp"

#include <cstdint>
#include <string>
#include <utility>

namespace furrow::http {

class cache_change {
public:
  cache_change(summary_cache& cache, std::string farm, const route& of)
    : cache_{cache}, farm_{std::move(farm)}, what_{effect_of(of)} {}
  ~cache_change() {
    if (what_ == effect::changes)
      cache_.forget(farm_);
    else if (what_ == effect::adds)
      cache_.outdate(farm_);
  }
  cache_change(const cache_change&) = delete;
  cache_change& operator=(const cache_change&) = delete;

private:
  enum class effect : std::uint8_t { none, adds, changes };

  static effect effect_of(const route& of) {
    using enum daemon::permission;
    if (of.method == "GET" || !of.needs || *of.needs == read || *of.needs == be_known)
      return effect::none;
    return *of.needs == send ? effect::adds : effect::changes;
  }

  summary_cache& cache_;
  const std::string farm_;
  const effect what_;
};

} // namespace furrow::http
