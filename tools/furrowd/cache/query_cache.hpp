/// Answers that were given a moment ago, by farm and question: which are fresh, which must go.
///
/// Shape: who asks the database takes a ticket first and puts the answer under it; `forget` makes what is known of a farm,
///   and what is being asked for it, worthless. An answer's age counts from when it was asked for.
/// Units: times are the caller's clock.
/// Threads: a plain value; summary_cache has the mutex.
/// Limits: entries_max, bytes_max (keys and values); the oldest goes first. A value that is larger than a quarter of
///   bytes_max is not kept.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>

namespace furrow::http {

struct cache_limits {
  std::chrono::milliseconds ttl{1'000}; // 0: nothing is kept
  std::size_t entries_max = 1'024;
  std::size_t bytes_max = std::size_t{16} << 20U;
};

struct cache_counters {
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t evicted = 0;   // for want of room
  std::uint64_t forgotten = 0; // because something was changed
  std::uint64_t entries = 0;   // now
  std::uint64_t bytes = 0;     // now
};

/// A question of a farm. Beside it stands a `mark`: an answer is good only as long as that is the same.
struct cache_key {
  std::string farm;
  std::string question;
  friend bool operator<(const cache_key& a, const cache_key& b) {
    return std::tie(a.farm, a.question) < std::tie(b.farm, b.question);
  }
};

class query_cache {
public:
  using clock = std::chrono::steady_clock;
  using value = std::shared_ptr<const std::string>;

  explicit query_cache(cache_limits limits) : limits_{limits} {}

  /// The answer, if it is fresh and was put under the same mark.
  [[nodiscard]] value find(const cache_key& key, std::uint64_t mark, clock::time_point now);

  /// Before the database is asked. Every ticket is put or let go.
  [[nodiscard]] std::uint64_t ask(const cache_key& key, std::uint64_t mark, clock::time_point now);
  /// False: not kept (something was changed meanwhile, it is too old or too large).
  bool put(std::uint64_t ticket, std::string answer, clock::time_point now);
  /// False: something was changed since it was taken.
  bool let_go(std::uint64_t ticket) { return asked_.erase(ticket) != 0; }
  /// An answer that another node has given at `made`.
  bool adopt(const cache_key& key,
             std::uint64_t mark,
             value answer,
             clock::time_point made,
             clock::time_point now);

  /// Something of this farm was changed.
  void forget(const std::string& farm);

  [[nodiscard]] const cache_limits& limits() const { return limits_; }
  [[nodiscard]] cache_counters counters() const;

private:
  struct entry {
    cache_key key;
    std::uint64_t mark = 0;
    value answer;
    clock::time_point made;
  };
  using entries = std::list<entry>; // in order of `made`

  static std::size_t bytes_of(const entry& of);
  void drop(std::map<cache_key, entries::iterator>::iterator at);
  bool keep(entry made);

  const cache_limits limits_;
  entries entries_;
  std::map<cache_key, entries::iterator> by_key_;
  std::map<std::uint64_t, entry> asked_; // by ticket
  std::uint64_t next_ticket_ = 1;
  std::size_t bytes_ = 0;
  cache_counters counters_;
};

} // namespace furrow::http
