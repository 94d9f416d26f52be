// The nodes share the main database: their leases are there. Which node serves a machine is written where the machine is.
#include "storage/homes/routed_areas.hpp"
#include "storage/identity/audit.hpp"
#include "storage/membership.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <tuple>
#include <utility>

namespace furrow::storage {

namespace {

using machine_homes = std::vector<machine_home>;

auto first_by_name(std::size_t most) {
  return [most](machine_homes& all) {
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
      return std::tie(a.farm, a.name) < std::tie(b.farm, b.name);
    });
    all.resize(std::min(all.size(), most));
  };
}

/// Connections of dead processes that other databases than main are still to end. A home that is away is asked again with
/// each beat; after a minute its own time-outs have ended them.
class sessions_to_end {
public:
  void add(const std::vector<node_identity>& dead, const std::vector<home_stores::home>& homes) {
    const std::lock_guard lock{mutex_};
    for (const auto& home : homes)
      for (const auto& node : dead)
        if (home.index != home_stores::main && orders_.size() < orders_max)
          orders_.try_emplace({home.store, node.incarnation},
                              order{std::chrono::steady_clock::now()});
  }
  static void work(const std::shared_ptr<sessions_to_end>& all) {
    for (const auto& [of, incarnation] : all->take())
      of->membership()->end_sessions(
        incarnation, [all, key = key{of, incarnation}](const result<std::uint64_t>& ended) {
          all->end(key, ended.has_value());
        });
  }

private:
  using key = std::pair<store*, uuid_bytes>;
  struct order {
    std::chrono::steady_clock::time_point since;
    bool asked = false;
  };
  static constexpr std::size_t orders_max = 64;
  static constexpr std::chrono::seconds patience{60};

  std::vector<key> take() {
    std::vector<key> out;
    const std::lock_guard lock{mutex_};
    const auto now = std::chrono::steady_clock::now();
    for (auto at = orders_.begin(); at != orders_.end();) {
      auto& [key, order] = *at;
      if (!order.asked && now - order.since > patience) {
        at = orders_.erase(at);
        continue;
      }
      if (!std::exchange(order.asked, true))
        out.push_back(key);
      ++at;
    }
    return out;
  }
  void end(const key& of, bool done) {
    const std::lock_guard lock{mutex_};
    const auto at = orders_.find(of);
    if (at == orders_.end())
      return;
    if (done)
      orders_.erase(at);
    else
      at->second.asked = false;
  }

  std::mutex mutex_;
  std::map<key, order> orders_;
};

class membership_by_home : public membership_store {
public:
  explicit membership_by_home(const home_router& router) : router_{router} {}

  void beat(beat_request request, handler<beat_outcome> done) override {
    main().beat(std::move(request), std::move(done));
    sessions_to_end::work(to_end_);
  }
  void judge(node_identity judge, handler<judgement> done) override {
    main().judge(std::move(judge), [homes = &router_.homes(), to_end = to_end_,
                                    done = std::move(done)](result<judgement> made) {
      if (made && !made->dead.empty()) {
        to_end->add(made->dead, homes->open());
        sessions_to_end::work(to_end);
      }
      done(std::move(made));
    });
  }
  void leave(node_identity who, handler<furrow::done> done) override {
    main().leave(std::move(who), std::move(done));
  }
  void steer(std::string node, node_wish wish, author by, handler<node_status> done) override {
    main().steer(std::move(node), wish, std::move(by), std::move(done));
  }
  void has_node(std::string node, handler<bool> done) override {
    main().has_node(std::move(node), std::move(done));
  }

  void settle(node_identity who, machine_names machines, handler<machine_names> done) override {
    at_home(std::move(machines), std::move(done),
            [who](membership_store& of, const machine_names& some, auto answered) {
              of.settle(who, some, std::move(answered));
            });
  }
  void unsettle(node_identity who, machine_names machines, handler<machine_names> done) override {
    at_home(std::move(machines), std::move(done),
            [who](membership_store& of, const machine_names& some, auto answered) {
              of.unsettle(who, some, std::move(answered));
            });
  }
  void homes(std::string farm, handler<machine_homes> done) override {
    const auto call = [farm](store& of, handler<machine_homes> answered) {
      of.membership()->homes(farm, std::move(answered));
    };
    if (!farm.empty())
      return router_.ask<machine_homes>(farm, std::move(done), call);
    router_.ask_all<machine_homes>(std::move(done), call, router_.rows_of_home<machine_home>(),
                                   first_by_name(homes_listed_max));
  }
  void pins(handler<machine_homes> done) override {
    router_.ask_every<machine_homes>(
      std::move(done),
      [](store& of, handler<machine_homes> answered) {
        of.membership()->pins(std::move(answered));
      },
      router_.rows_of_home<machine_home>(), first_by_name(pins_listed_max));
  }
  void pin(std::string farm,
           std::string machine,
           std::string node,
           author by,
           handler<furrow::done> done) override {
    const auto call = [farm, machine, node, by = std::move(by)](store& of, auto answered) {
      of.membership()->pin(farm, machine, node, by, std::move(answered));
    };
    const auto lives = router_.homes().find(farm);
    if (node.empty() || (lives && lives->index == home_stores::main))
      return router_.ask<furrow::done>(farm, std::move(done), call);
    // The home of the farm knows no node.
    main().has_node(node, [homes = &router_.homes(), farm, node, call,
                           done = std::move(done)](const result<bool>& known) {
      if (!known)
        return done(known.error());
      if (!*known)
        return done(failure{errc::not_found, "no node " + node});
      home_router::ask_home<furrow::done>(*homes, farm, done, call);
    });
  }

private:
  membership_store& main() { return *router_.main().membership(); }

  /// Each machine at the home of its farm. A farm whose home is not known or not open is left out.
  template <class Call>
  void at_home(machine_names machines, handler<machine_names> done, Call call) {
    auto parts = std::make_shared<std::map<const store*, machine_names>>();
    std::vector<home_stores::home> homes;
    for (auto& machine : machines) {
      const auto known = router_.homes().find(machine.first);
      if (!known)
        continue;
      const auto [part, first] = parts->try_emplace(known->store);
      if (first)
        homes.push_back(*known);
      part->second.push_back(std::move(machine));
    }
    if (homes.empty())
      return done(machine_names{});
    router_.ask_some<machine_names>(
      std::move(homes), std::move(done),
      [parts, call](store& of, handler<machine_names> answered) {
        call(*of.membership(), parts->at(&of), std::move(answered));
      },
      [](machine_names& into, machine_names&& more) {
        std::move(more.begin(), more.end(), std::back_inserter(into));
      });
  }

  const home_router& router_;
  std::shared_ptr<sessions_to_end> to_end_ = std::make_shared<sessions_to_end>();
};

} // namespace

std::unique_ptr<membership_store> routed_membership(const home_router& router) {
  return std::make_unique<membership_by_home>(router);
}

} // namespace furrow::storage
