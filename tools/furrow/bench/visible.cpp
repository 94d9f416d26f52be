#include "tools/furrow/bench/visible.hpp"

#include <algorithm>
#include <fstream>

namespace furrow::cli::bench {

void visible_watch::look() {
  const auto found = database_.watermark(machine_);
  // Until the node has created its tables, nothing is visible.
  if (!found || *found == seen())
    return;
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  seen_.emplace_back(std::chrono::duration_cast<std::chrono::microseconds>(now).count(), *found);
}

nlohmann::ordered_json visible_watch::latencies_ms(const std::string& sent_file) const {
  std::ifstream in{sent_file};
  std::vector<double> all;
  std::uint64_t seq = 0;
  std::int64_t sent_us = 0;
  while (in >> seq >> sent_us) {
    const auto found =
      std::lower_bound(seen_.begin(), seen_.end(), seq,
                       [](const auto& one, std::uint64_t wanted) { return one.second < wanted; });
    if (found != seen_.end())
      all.push_back(static_cast<double>(found->first - sent_us) / 1e3);
  }
  if (all.empty())
    return nullptr;
  std::sort(all.begin(), all.end());
  const auto at = [&all](double share) {
    return all[static_cast<std::size_t>(static_cast<double>(all.size() - 1) * share)];
  };
  return {{"p50", at(0.5)}, {"p99", at(0.99)}, {"max", all.back()}};
}

} // namespace furrow::cli::bench
