/// Answers about a whole farm that cost the database most, kept for a moment: in this process, and with Redis for all nodes.
///
/// Shape: `find` looks in memory, then at Redis; who finds nothing asks the database under a ticket and puts the answer.
///   What Redis says is taken only if it is whole, is of this farm and question, and is younger than the time to live.
/// Units: an answer's age counts from when the database was asked, by the wall clock between nodes.
/// Errors: a Redis that is away, slow or talks nonsense is a miss and a counter.
/// Threads: any; `find` resumes on the caller's executor, which must be a strand or a single thread.
/// Limits: query_cache.hpp; Redis is waited for at most redis_settings::command_limit.
#pragma once

#include "tools/furrowd/cache/query_cache.hpp"
#include "tools/furrowd/cache/redis_link.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace furrow::http {

struct cache_figures {
  cache_counters memory;
  bool redis = false; // configured
  bool redis_up = false;
  std::uint64_t redis_hits = 0;
  std::uint64_t redis_rejected = 0; // said something that is not to be believed
  std::uint64_t redis_failures = 0;
};

/// What stands in Redis under a key.
[[nodiscard]] std::string
sealed_answer(const cache_key& key, std::int64_t made_us, std::string_view answer);
struct opened_answer {
  std::int64_t made_us = 0;
  std::string answer;
};
/// Nothing: damaged, of something else, or none of ours.
[[nodiscard]] std::optional<opened_answer> open_answer(const cache_key& key,
                                                       std::string_view sealed);

class summary_cache {
public:
  summary_cache(boost::asio::io_context& io,
                cache_limits limits,
                const std::optional<redis_settings>& redis);

  [[nodiscard]] bool on() const { return limits_.ttl.count() > 0; }
  [[nodiscard]] boost::asio::awaitable<query_cache::value> find(cache_key key, std::uint64_t mark);

  /// The right to put an answer; lets go of it when it is not used.
  class ticket {
  public:
    ticket() = default;
    ticket(summary_cache& of, cache_key key, std::uint64_t mark);
    ~ticket();
    ticket(const ticket&) = delete;
    ticket& operator=(const ticket&) = delete;
    void put(std::string answer);
    /// False: it was put, or something was changed since it was taken.
    bool let_go();

  private:
    summary_cache* of_ = nullptr;
    cache_key key_;
    std::uint64_t number_ = 0;
    std::int64_t asked_us_ = 0;
  };

  void forget(const std::string& farm);
  void stop();
  [[nodiscard]] cache_figures figures() const;

private:
  const cache_limits limits_;
  mutable std::mutex mutex_;
  query_cache memory_;
  std::unique_ptr<redis_link> redis_;
  std::atomic<std::uint64_t> redis_hits_{0};
  std::atomic<std::uint64_t> redis_rejected_{0};
};

/// The questions that are kept, so that all of a farm's can be forgotten.
inline constexpr const char* question_equipment = "equipment";
inline constexpr const char* question_ledger = "ledger";

} // namespace furrow::http
