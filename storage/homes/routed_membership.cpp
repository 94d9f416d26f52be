// The nodes share the main database: their leases are there. Which node serves a machine is written where the machine is.
#include "storage/homes/routed_areas.hpp"
#include "storage/identity/audit.hpp"
#include "storage/membership.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <tuple>

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

class membership_by_home : public membership_store {
public:
  explicit membership_by_home(const home_router& router) : router_{router} {}

  void beat(beat_request request, handler<beat_outcome> done) override {
    main().beat(std::move(request), std::move(done));
  }
  void judge(node_identity judge, handler<judgement> done) override {
    main().judge(std::move(judge), std::move(done));
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
            [who](membership_store& of, machine_names some, auto answered) {
              of.settle(who, std::move(some), std::move(answered));
            });
  }
  void unsettle(node_identity who, machine_names machines, handler<machine_names> done) override {
    at_home(std::move(machines), std::move(done),
            [who](membership_store& of, machine_names some, auto answered) {
              of.unsettle(who, std::move(some), std::move(answered));
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
};

} // namespace

std::unique_ptr<membership_store> routed_membership(const home_router& router) {
  return std::make_unique<membership_by_home>(router);
}

} // namespace furrow::storage
