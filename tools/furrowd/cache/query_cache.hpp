/// A bounded cache of recent answers, by farm and question.
///
/// Shape: a caller that asks the database first takes a ticket and puts the answer under it. `forget` drops the answers
///   of a farm and makes its open tickets worthless. The age of an answer counts from when it was asked for. An answer is
///   kept in the form in which its users read it, and they share it.
/// Units: times are the caller's clock.
/// Threads: a plain value; summary_cache has the mutex.
/// Limits: entries_max, bytes_max (keys and values); the oldest entry is evicted first. A value larger than a quarter
///   of bytes_max is not kept.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

namespace furrow::http {

struct cache_limits {
  std::chrono::milliseconds ttl{1'000}; // 0: no caching
  std::size_t entries_max = 1'024;
  std::size_t bytes_max = std::size_t{64} << 20U; // a quarter holds 30,000 machines of a farm
  /// How long after its time to live, or after its mark has changed, the list of machines is kept for those who take an
  /// older one.
  std::chrono::milliseconds aged{0};
};

/// An answer, and about how much memory it takes. Its type follows from the question.
struct cached_answer {
  explicit cached_answer(std::size_t size) : bytes{size} {}
  cached_answer(const cached_answer&) = delete;
  cached_answer& operator=(const cached_answer&) = delete;
  virtual ~cached_answer() = default;
  const std::size_t bytes;
};

template <class T>
struct cached_rows final : cached_answer {
  cached_rows(T given, std::size_t size) : cached_answer{size}, rows{std::move(given)} {}
  const T rows;
};

template <class T>
[[nodiscard]] std::shared_ptr<const cached_answer> to_answer(T rows, std::size_t bytes) {
  return std::make_shared<const cached_rows<T>>(std::move(rows), bytes);
}

/// The rows of an answer; nullptr when they are of another type, or there is no answer.
template <class T>
[[nodiscard]] std::shared_ptr<const T> rows_in(const std::shared_ptr<const cached_answer>& of) {
  const auto* const typed = dynamic_cast<const cached_rows<T>*>(of.get());
  return typed == nullptr ? nullptr : std::shared_ptr<const T>{of, &typed->rows};
}

struct cache_counters {
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t evicted = 0;   // removed to make room
  std::uint64_t forgotten = 0; // removed because data of the farm changed
  std::uint64_t entries = 0;   // current
  std::uint64_t bytes = 0;     // current
};

/// A question of a farm. Each answer also has a `mark`: the answer is valid only while the mark is the same.
struct cache_key {
  std::string farm;
  std::string question;
  friend bool operator<(const cache_key& a, const cache_key& b) {
    return std::tie(a.farm, a.question) < std::tie(b.farm, b.question);
  }
};

/// All questions that are cached, so that `forget` can drop each one of a farm.
inline constexpr const char* question_equipment =
  "equipment"; // its answers are also taken when they are older
inline constexpr const char* question_ledger = "ledger";

/// Of the whole node, not of a farm: no change drops it, so it is always as old as the time to live allows.
inline constexpr const char* question_farms = "farms";
inline constexpr const char* farm_of_node = "*";

class query_cache {
public:
  using clock = std::chrono::steady_clock;
  using value = std::shared_ptr<const cached_answer>;

  explicit query_cache(cache_limits limits) : limits_{limits} {}

  /// The answer, if it is fresh and has the same mark.
  [[nodiscard]] value find(const cache_key& key, std::uint64_t mark, clock::time_point now);
  struct aged_value {
    value answer; // nullptr: there is none
    clock::duration age{};
  };
  /// The answer of any mark, if it is at most `aged` older than the time to live.
  [[nodiscard]] aged_value find_aged(const cache_key& key, clock::time_point now);
  /// How much longer than its time to live an answer may have been kept when the read of a newer one began.
  static constexpr std::chrono::milliseconds late_max{1'000};
  /// The answer before the one that somebody reads since `began`: of this mark, and hardly older than the time to live
  /// then.
  [[nodiscard]] value
  find_meanwhile(const cache_key& key, std::uint64_t mark, clock::time_point began) const;
  /// Whether this very answer is kept, and is not outdated.
  [[nodiscard]] bool holds(const cache_key& key, const value& answer) const;
  /// Whether a ticket for this question is open.
  [[nodiscard]] bool is_asked(const cache_key& key) const;

  /// Takes a ticket before the database is asked. Every ticket must be put or released (`let_go`).
  [[nodiscard]] std::uint64_t ask(const cache_key& key, std::uint64_t mark, clock::time_point now);
  /// False: not kept (the farm changed meanwhile, or the answer is too old or too large), or kept as outdated.
  bool put(std::uint64_t ticket, value answer, clock::time_point now);
  /// Releases a ticket. False: the farm changed since the ticket was taken.
  bool let_go(std::uint64_t ticket);
  /// Keeps an answer that another node made at `made`.
  bool adopt(const cache_key& key,
             std::uint64_t mark,
             value answer,
             clock::time_point made,
             clock::time_point now);

  /// Drops the answers of a farm, because its data changed.
  void forget(const std::string& farm);
  /// Something was added to a farm: its answers, also those that are being asked for, are only for those who take older
  /// ones.
  void outdate(const std::string& farm);

  [[nodiscard]] const cache_limits& limits() const { return limits_; }
  /// 0 drops everything.
  void limit(std::chrono::milliseconds ttl);
  [[nodiscard]] cache_counters counters() const;

private:
  struct entry {
    cache_key key;
    std::uint64_t mark = 0;
    value answer;
    clock::time_point made;
    bool outdated = false; // its mark has changed, or its farm
  };
  using entries = std::list<entry>; // in order of `made`

  static std::size_t bytes_of(const entry& of);
  /// How old an answer to this question may become.
  [[nodiscard]] std::chrono::milliseconds kept_for(const cache_key& key) const;
  void drop(std::map<cache_key, entries::iterator>::iterator at);
  bool keep(entry made);

  cache_limits limits_;
  entries entries_;
  std::map<cache_key, entries::iterator> by_key_;
  std::map<std::uint64_t, entry> asked_; // by ticket
  std::uint64_t next_ticket_ = 1;
  std::size_t bytes_ = 0;
  cache_counters counters_;
};

} // namespace furrow::http
