/// Gateways whose farm has no known home yet: they wait until the directory has answered and the database is open.
///
/// Shape: plain decisions; an order is whatever the caller keeps. Orders of one farm go on together, in order. A farm is
///   known while an order waits: the question about it may never be answered, and a late answer finds nobody.
/// Threads: owned by one actor, which passes the time.
/// Limits: orders_max orders, each for `longest`; farms_max farms that are asked about.
#pragma once

#include <chrono>
#include <cstddef>
#include <iterator>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace furrow::actors {

template <class Order>
class home_queue {
public:
  using time_point = std::chrono::steady_clock::time_point;
  static constexpr std::size_t orders_max = 4'096;
  static constexpr std::size_t farms_max = 1'024;
  static constexpr std::chrono::seconds longest{4}; // then the gateway is told why, and comes again

  /// False when it is full: the order is left to the caller.
  [[nodiscard]] bool add(const std::string& farm, Order& order, time_point now) {
    if (orders_ >= orders_max || (!farms_.contains(farm) && farms_.size() >= farms_max))
      return false;
    farms_[farm].orders.push_back({std::move(order), now});
    ++orders_;
    return true;
  }

  /// Whether the directory is to be asked about the farm; false while somebody waits for an answer.
  [[nodiscard]] bool asks(const std::string& farm) {
    const auto found = farms_.find(farm);
    return found != farms_.end() && !std::exchange(found->second.asked, true);
  }
  void answered(const std::string& farm) {
    if (const auto found = farms_.find(farm); found != farms_.end())
      found->second.asked = false;
  }

  /// All that wait for that farm.
  [[nodiscard]] std::vector<Order> take(const std::string& farm) {
    std::vector<Order> out;
    const auto found = farms_.find(farm);
    if (found == farms_.end())
      return out;
    for (auto& one : found->second.orders)
      out.push_back(std::move(one.order));
    orders_ -= out.size();
    farms_.erase(found);
    return out;
  }

  /// Those that have waited for `longest`.
  [[nodiscard]] std::vector<Order> overdue(time_point now) {
    std::vector<Order> out;
    for (auto farm = farms_.begin(); farm != farms_.end();) {
      auto& orders = farm->second.orders;
      std::size_t gone = 0;
      while (gone < orders.size() && now - orders[gone].since >= longest)
        out.push_back(std::move(orders[gone++].order));
      orders.erase(orders.begin(), orders.begin() + static_cast<std::ptrdiff_t>(gone));
      orders_ -= gone;
      farm = orders.empty() ? farms_.erase(farm) : std::next(farm);
    }
    return out;
  }
  /// When the next order will have waited so long; nothing when none waits.
  [[nodiscard]] std::optional<time_point> next_due() const {
    std::optional<time_point> out;
    for (const auto& [name, farm] : farms_)
      if (!out || farm.orders.front().since + longest < *out)
        out = farm.orders.front().since + longest;
    return out;
  }

  /// Those for whom somebody waits.
  [[nodiscard]] std::vector<std::string> farms() const {
    std::vector<std::string> out;
    for (const auto& [name, farm] : farms_)
      out.push_back(name);
    return out;
  }
  [[nodiscard]] std::size_t size() const { return orders_; }

private:
  struct waiting_order {
    Order order;
    time_point since;
  };
  struct waiting_farm {
    std::vector<waiting_order> orders; // at least one; the oldest first
    bool asked = false;
  };
  std::unordered_map<std::string, waiting_farm> farms_;
  std::size_t orders_ = 0;
};

} // namespace furrow::actors
