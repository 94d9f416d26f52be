/// The databases of a node without a directory behind them: a test says which there are and where each farm lives.
///
/// Shape: a farm that was not placed lives in main, and that is known. A placed farm is unknown until somebody asks, and
///   its database is opened then. Answers come on the caller's thread, or when the test says so (`hold`).
/// Threads: any; a listener is called outside the lock.
#pragma once

#include "storage/homes/home_stores.hpp"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace furrow::tests {

class fake_homes final : public storage::home_stores {
public:
  explicit fake_homes(std::unique_ptr<storage::store> main) {
    stores_.push_back({std::string{storage::main_database}, std::move(main), true});
  }

  /// A database in which farms may be placed; its index is its place among those that were opened.
  void add(const std::string& name, std::unique_ptr<storage::store> store) {
    const std::lock_guard lock{mutex_};
    stores_.push_back({name, std::move(store), false});
  }
  void place(const std::string& farm, const std::string& database) {
    const std::lock_guard lock{mutex_};
    places_[farm] = {farm, database, 1};
  }
  /// From now on questions wait for `answer`.
  void hold() {
    const std::lock_guard lock{mutex_};
    holds_ = true;
  }
  void answer() {
    std::vector<question> kept;
    {
      const std::lock_guard lock{mutex_};
      holds_ = false;
      kept = std::exchange(kept_, {});
    }
    for (auto& [farm, done] : kept)
      resolve(farm, std::move(done));
  }
  /// Main does not answer, for this reason; empty: it does.
  void fail(std::string why) {
    const std::lock_guard lock{mutex_};
    fails_ = std::move(why);
  }
  [[nodiscard]] std::size_t asked() const {
    const std::lock_guard lock{mutex_};
    return asked_;
  }
  [[nodiscard]] std::size_t corrections() const {
    const std::lock_guard lock{mutex_};
    return corrections_;
  }

  [[nodiscard]] std::optional<home> find(const std::string& farm) const override {
    const std::lock_guard lock{mutex_};
    if (!places_.contains(farm))
      return at(storage::main_database);
    const auto known = known_.find(farm);
    return known == known_.end() ? std::nullopt : at(known->second);
  }
  void resolve(std::string farm, storage::handler<home> done) override {
    std::vector<std::function<void(home)>> told;
    std::optional<home> found;
    std::string fails;
    {
      const std::lock_guard lock{mutex_};
      if (holds_) {
        ++asked_;
        kept_.emplace_back(std::move(farm), std::move(done));
        return;
      }
      ++asked_;
      fails = fails_;
      if (fails.empty()) {
        const auto place = places_.find(farm);
        const auto name =
          place == places_.end() ? std::string{storage::main_database} : place->second.database;
        if (open_now(name))
          told = listeners_;
        known_[farm] = name;
        found = at(name);
      }
    }
    for (const auto& listener : told)
      listener(*found);
    if (found)
      done(*found);
    else
      done(
        storage::failure{storage::errc::retry_later, fails.empty() ? "no such database" : fails});
  }
  void correct(storage::farm_home now) override {
    const std::lock_guard lock{mutex_};
    ++corrections_;
    auto& place = places_[now.farm];
    if (now.version <= place.version)
      return;
    known_[now.farm] = now.database;
    place = std::move(now);
  }
  void refresh() override {}
  void on_open(std::function<void(home)> opened) override {
    std::vector<home> now;
    {
      const std::lock_guard lock{mutex_};
      now = opened_homes();
      listeners_.push_back(opened);
    }
    for (std::size_t i = 1; i < now.size(); ++i)
      opened(now[i]);
  }
  [[nodiscard]] std::vector<home> open() const override {
    const std::lock_guard lock{mutex_};
    return opened_homes();
  }

private:
  struct database {
    std::string name;
    std::unique_ptr<storage::store> store;
    bool open = false;
  };
  using question = std::pair<std::string, storage::handler<home>>;

  /// Of a database that is open. Their order is that of opening.
  [[nodiscard]] std::optional<home> at(std::string_view name) const {
    for (const auto& one : opened_homes())
      if (one.name == name)
        return one;
    return std::nullopt;
  }
  [[nodiscard]] std::vector<home> opened_homes() const {
    std::vector<home> out;
    for (const auto& one : stores_)
      if (one.open)
        out.push_back({out.size(), one.name, one.store.get()});
    return out;
  }
  bool open_now(const std::string& name) {
    const auto found = std::find_if(stores_.begin(), stores_.end(),
                                    [&](const auto& one) { return one.name == name; });
    if (found == stores_.end() || found->open)
      return false;
    found->open = true;
    const auto first_closed =
      std::find_if(stores_.begin(), stores_.end(), [](const auto& one) { return !one.open; });
    if (first_closed < found) // an index never changes
      std::rotate(first_closed, found, found + 1);
    return true;
  }

  mutable std::mutex mutex_;
  std::vector<database> stores_; // those that are open come first
  std::map<std::string, storage::farm_home> places_;
  std::map<std::string, std::string> known_; // database of a farm
  std::vector<question> kept_;
  std::vector<std::function<void(home)>> listeners_;
  std::string fails_;
  bool holds_ = false;
  std::size_t asked_ = 0;
  std::size_t corrections_ = 0;
};

} // namespace furrow::tests
