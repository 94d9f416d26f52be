/// Places that requests take in turn: a crowd waits, and does not fail.
///
/// Shape: first come, first served; one farm has at most three quarters of the places, so that it cannot keep out the
///   others.
/// Threads: any. `take` calls back on the caller's thread, or on the thread that gives a place back.
/// Limits: places_max places; waiting_max waiting requests, a further one gets none.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include <boost/asio/awaitable.hpp>

namespace furrow::http {

using place = std::shared_ptr<void>; // gives itself back at the end of its life

class places : public std::enable_shared_from_this<places> {
public:
  static constexpr std::size_t waiting_max = 16'384;
  using taken = std::function<void(place)>; // nullptr: too many wait

  explicit places(std::size_t places_max);
  void take(std::string farm, taken done);

private:
  struct waiter {
    std::string farm;
    taken done;
  };
  [[nodiscard]] bool may(const std::string& farm) const;
  [[nodiscard]] place occupy(const std::string& farm);
  void give(const std::string& farm);

  const std::size_t places_max_;
  const std::size_t farm_max_;
  std::mutex mutex_;
  std::size_t used_ = 0;
  std::map<std::string, std::size_t> used_by_;
  std::deque<waiter> waiting_;
};

/// Waits for a place at most so long; nullptr: there was none.
[[nodiscard]] boost::asio::awaitable<place>
take_place(std::shared_ptr<places> of, std::string farm, std::chrono::milliseconds limit);

} // namespace furrow::http
