/// Reads of the database that are under way, each for all who ask the same meanwhile.
///
/// Shape: the first who asks leads: it reads, and tells all with `land`. A later one waits for that answer, unless the
///   read has another mark, was forgotten, or began joined_max ago: then it leads a new read.
/// Errors: a read that ends without `land` tells nobody. Those who wait need a limit of their own.
/// Threads: any. `land` calls those who wait on its own thread.
/// Limits: one read for each key.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace furrow::http {

template <class Key, class T>
class shared_reads {
public:
  using clock = std::chrono::steady_clock;
  using heard = std::function<void(T)>;
  /// A database that hangs must not hold up those who ask later.
  static constexpr std::chrono::seconds joined_max{10};

  struct read {
    Key key;
    std::uint64_t mark = 0;
    clock::time_point began;
    std::vector<heard> waiting;
  };
  /// The caller that reads holds it until `land`.
  using lead = std::shared_ptr<read>;

  /// The read that the caller leads now; nullptr: another one reads. `done`, where there is one, hears the answer.
  [[nodiscard]] lead join(const Key& key, std::uint64_t mark, heard done, clock::time_point now) {
    const std::lock_guard lock{mutex_};
    if (const auto known = find(key, mark, now)) {
      if (done)
        known->waiting.push_back(std::move(done));
      return nullptr;
    }
    auto made = std::make_shared<read>(read{key, mark, now, {}});
    if (done)
      made->waiting.push_back(std::move(done));
    std::erase_if(reads_, [](const auto& one) { return one.second.expired(); });
    reads_[key] = made;
    return made;
  }

  /// When the read began that a caller would join; nothing: there is none.
  [[nodiscard]] std::optional<clock::time_point>
  began(const Key& key, std::uint64_t mark, clock::time_point now) const {
    const std::lock_guard lock{mutex_};
    const auto known = find(key, mark, now);
    return known ? std::optional{known->began} : std::nullopt;
  }

  /// False: it was forgotten, or a newer one has begun.
  [[nodiscard]] bool is_newest(const lead& of) const {
    const std::lock_guard lock{mutex_};
    const auto found = reads_.find(of->key);
    return found != reads_.end() && found->second.lock() == of;
  }

  void land(const lead& of, const T& said) {
    std::vector<heard> waiting;
    {
      const std::lock_guard lock{mutex_};
      if (const auto found = reads_.find(of->key);
          found != reads_.end() && found->second.lock() == of)
        reads_.erase(found);
      waiting = std::exchange(of->waiting, {});
    }
    for (const auto& one : waiting)
      one(said);
  }

  /// Nobody joins these reads any more. Those who wait for them hear their answers.
  template <class Chosen>
  void forget(Chosen chosen) {
    const std::lock_guard lock{mutex_};
    std::erase_if(reads_, [&chosen](const auto& one) { return chosen(one.first); });
  }

private:
  /// The caller has the mutex.
  [[nodiscard]] lead find(const Key& key, std::uint64_t mark, clock::time_point now) const {
    const auto found = reads_.find(key);
    auto known = found == reads_.end() ? nullptr : found->second.lock();
    return known && known->mark == mark && now - known->began < joined_max ? known : nullptr;
  }

  mutable std::mutex mutex_;
  std::map<Key, std::weak_ptr<read>> reads_;
};

} // namespace furrow::http
