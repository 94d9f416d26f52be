#include "tools/furrow/bench/viewers.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include <nlohmann/json.hpp>

namespace furrow::cli::bench {

viewers::viewers(std::uint32_t count, const std::string& url) {
  for (std::uint32_t i = 0; i < count; ++i)
    threads_.emplace_back([this, url] { look(url); });
}

void viewers::stop() {
  stopping_ = true;
  for (auto& thread : threads_)
    thread.join();
  threads_.clear();
}

void viewers::look(const std::string& url) {
  globals where;
  where.at = url;
  const auto client = node_client::from(where);
  while (!stopping_) {
    const auto from = std::chrono::steady_clock::now();
    std::size_t bytes = 0;
    const auto listed = client ? client->stream("/api/v1/equipment",
                                                [&bytes](std::string_view piece) {
                                                  bytes += piece.size();
                                                  return true;
                                                })
                               : result<done>{client.error()};
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - from;
    const std::lock_guard lock{mutex_};
    if (listed && bytes > 0)
      took_ms_.push_back(took.count());
    else
      ++failed_;
  }
}

json viewers::figures() {
  const std::lock_guard lock{mutex_};
  std::sort(took_ms_.begin(), took_ms_.end());
  const auto at = [this](double share) {
    const auto last = static_cast<double>(took_ms_.size() - 1);
    return took_ms_.empty()
             ? json(nullptr)
             : json(std::round(took_ms_[static_cast<std::size_t>(share * last)] * 10) / 10);
  };
  return {{"lists", took_ms_.size()},
          {"failed", failed_},
          {"list_ms", {{"p50", at(0.5)}, {"p99", at(0.99)}, {"max", at(1)}}}};
}

} // namespace furrow::cli::bench
