#include "tools/furrowd/descriptors.hpp"

#include "actors/log/log.hpp"

#include <sys/resource.h>

#include <algorithm>

namespace furrow::daemon {

namespace {
constexpr std::uint64_t own_files = 64; // database connections, files, timers
} // namespace

descriptor_limit raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return {};
  descriptor_limit out{limit.rlim_cur, limit.rlim_cur};
  limit.rlim_cur = limit.rlim_max;
  if (limit.rlim_cur != out.before && ::setrlimit(RLIMIT_NOFILE, &limit) == 0)
    out.now = limit.rlim_cur;
  return out;
}

std::size_t sessions_within(std::uint64_t descriptors, std::size_t http_connections) {
  const auto taken = own_files + http_connections;
  return descriptors <= taken ? 0 : static_cast<std::size_t>(descriptors - taken);
}

void tell(const descriptor_limit& limit, std::size_t sessions, std::size_t http_connections) {
  if (limit.now > limit.before)
    log::info(log::node, "open_files_raised", {.count = limit.now},
              "limit of open files raised from {} to {}", limit.before, limit.now);
  const auto fit = sessions_within(limit.now, http_connections);
  if (fit < sessions)
    log::warn(log::node, "open_files_few", {.count = limit.now},
              "the limit of {} open files is enough for about {} gateways, not for the {} that "
              "this node would take: raise it (ulimit -Hn, LimitNOFILE=)",
              limit.now, fit, sessions);
}

} // namespace furrow::daemon
