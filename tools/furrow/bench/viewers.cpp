#include "tools/furrow/bench/viewers.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include <nlohmann/json.hpp>

namespace furrow::cli::bench {

namespace {
constexpr std::chrono::seconds look_again{1};
}

viewers::viewers(std::uint32_t count,
                 const std::string& url,
                 const std::vector<std::string>& machines) {
  for (std::uint32_t i = 0; i < count; ++i) {
    // They begin one after the other within the first second.
    const std::chrono::milliseconds after{machines.empty() ? 0 : 1'000 * i / count};
    threads_.emplace_back([this, url,
                           machine = machines.empty() ? "" : machines[i % machines.size()],
                           after] { look(url, machine, after); });
  }
}

void viewers::stop() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  stopped_.notify_all();
  for (auto& thread : threads_)
    thread.join();
  threads_.clear();
}

void viewers::look(const std::string& url,
                   const std::string& machine,
                   std::chrono::milliseconds after) {
  globals where;
  where.at = url;
  const auto client = node_client::from(where);
  const auto path = machine.empty() ? "/api/v1/equipment" : "/api/v1/equipment/" + machine;
  auto next = std::chrono::steady_clock::now() + after;
  while (!stopping_) {
    if (!machine.empty()) {
      std::unique_lock lock{mutex_};
      if (stopped_.wait_until(lock, next, [this] { return stopping_.load(); }))
        break;
      next += look_again;
    }
    const auto from = std::chrono::steady_clock::now();
    std::size_t bytes = 0;
    const auto read = client ? client->stream(path,
                                              [&bytes](std::string_view piece) {
                                                bytes += piece.size();
                                                return true;
                                              })
                             : result<done>{client.error()};
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - from;
    const std::lock_guard lock{mutex_};
    if (read && bytes > 0)
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
  return {{"answers", took_ms_.size()},
          {"failed", failed_},
          {"answer_ms", {{"p50", at(0.5)}, {"p99", at(0.99)}, {"max", at(1)}}}};
}

} // namespace furrow::cli::bench
