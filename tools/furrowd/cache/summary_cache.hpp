/// A short-lived cache of costly answers about a whole farm: in this process, and with Redis for all nodes.
///
/// Shape: `find` looks in memory, then in Redis. A caller that gets nothing asks the database under a ticket and puts
///   the answer. An answer from Redis is used only if it is whole, belongs to this farm and question, and is younger
///   than the time to live. Memory holds the rows, Redis their text; a text is read once.
/// Units: the age of an answer counts from when the database was asked, between nodes by the wall clock.
/// Errors: a Redis that is unreachable, slow or sends invalid answers is a miss and a counter.
/// Threads: any; `find` resumes on the caller's executor, which must be a strand or a single thread.
/// Limits: query_cache.hpp; `find` waits for Redis at most redis_settings::command_limit.
#pragma once

#include "tools/furrowd/cache/query_cache.hpp"
#include "tools/furrowd/cache/redis_link.hpp"
#include "tools/furrowd/cache/shared_reads.hpp"
#include "tools/furrowd/http/message.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace furrow::http {

struct cache_figures {
  cache_counters memory;
  bool redis = false; // configured
  bool redis_up = false;
  std::uint64_t redis_hits = 0;
  std::uint64_t redis_rejected = 0; // invalid answers
  std::uint64_t redis_failures = 0;
};

/// The text that Redis stores under a key.
[[nodiscard]] std::string
sealed_answer(const cache_key& key, std::int64_t made_us, std::string_view answer);
struct opened_answer {
  std::int64_t made_us = 0;
  std::string answer;
};
/// Nothing when the text is damaged, belongs to another key, or was not made by Furrow.
[[nodiscard]] std::optional<opened_answer> open_answer(const cache_key& key,
                                                       std::string_view sealed);

class summary_cache : public std::enable_shared_from_this<summary_cache> {
public:
  /// Reads the text of an answer; nullptr: it is no valid answer to the question.
  using reader = std::function<query_cache::value(const std::string& text)>;
  /// What the database answered, for all who waited for it.
  using outcome = std::variant<query_cache::value, problem>;
  using read_list = shared_reads<cache_key, outcome>;

  summary_cache(boost::asio::io_context& io,
                cache_limits limits,
                const std::optional<redis_settings>& redis);

  [[nodiscard]] bool on() const { return ttl_.load().count() > 0; }
  [[nodiscard]] std::chrono::milliseconds ttl() const { return ttl_.load(); }
  [[nodiscard]] std::chrono::milliseconds aged() const { return aged_; }
  /// A new time to live; 0 drops all answers. Redis is used only where caching was on at the start.
  void limit(std::chrono::milliseconds ttl);
  [[nodiscard]] boost::asio::awaitable<query_cache::value>
  find(cache_key key, std::uint64_t mark, reader read);
  /// From memory only: an answer that may be cache_limits::aged older than the time to live.
  [[nodiscard]] query_cache::aged_value find_aged(const cache_key& key);
  /// From memory only, while one of `reads` for this mark is under way: the answer before (query_cache::find_meanwhile).
  [[nodiscard]] query_cache::value find_meanwhile(const cache_key& key, std::uint64_t mark) const;
  /// Whether somebody asks the database for it now.
  [[nodiscard]] bool is_asked(const cache_key& key) const;
  /// The questions that the database is being asked for all who ask them.
  [[nodiscard]] read_list& reads() { return reads_; }

  /// The right to put an answer; released at the end of its life when it was not used. The cache lives as long.
  class ticket {
  public:
    ticket() = default;
    ticket(summary_cache& of, cache_key key, std::uint64_t mark);
    ~ticket();
    ticket(const ticket&) = delete;
    ticket& operator=(const ticket&) = delete;
    /// Into memory, and for other nodes. `text` is called only where answers are shared.
    void put(const query_cache::value& answer, const std::function<std::string()>& text);
    /// Into memory only.
    bool keep(const query_cache::value& answer);
    /// For other nodes, when the answer is kept and the farm has not changed since.
    void share(const query_cache::value& answer, const std::function<std::string()>& text);
    /// Releases the ticket. False: its answer was put, or the farm changed since the ticket was taken.
    bool let_go();

  private:
    std::shared_ptr<summary_cache> of_;
    cache_key key_;
    std::uint64_t number_ = 0;
    std::int64_t asked_us_ = 0;
  };

  /// The farm changed: its answers go.
  void forget(const std::string& farm);
  /// Something was added to the farm: its answers are only for those who take older ones.
  void outdate(const std::string& farm);
  void stop();
  [[nodiscard]] cache_figures figures() const;

private:
  /// Who asks from now on neither joins a read of before nor gets what other nodes have read.
  void end_sharing(const std::string& farm);

  std::atomic<std::chrono::milliseconds> ttl_;
  const std::chrono::milliseconds aged_;
  mutable std::mutex mutex_;
  query_cache memory_;
  read_list reads_;
  std::unique_ptr<redis_link> redis_;
  std::atomic<std::uint64_t> redis_hits_{0};
  std::atomic<std::uint64_t> redis_rejected_{0};
};

} // namespace furrow::http
