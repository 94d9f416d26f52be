// The nodes share the main database: their leases are there. Which node serves a machine is written where the machine is.
#include "storage/homes/routed_areas.hpp"
#include "storage/identity/audit.hpp"
#include "storage/membership.hpp"

#include <algorithm>
#include <map>
#include <tuple>

namespace furrow::storage {

namespace {

using machine_homes = std::vector<machine_home>;

/// The sum of what several homes answer; the first failure, when all have answered.
struct summed {
  std::mutex mutex;
  std::size_t open = 0;
  std::uint64_t sum = 0;
  std::optional<failure> failed;
  handler<std::uint64_t> done;

  void take(const result<std::uint64_t>& said) {
    std::unique_lock lock{mutex};
    if (said)
      sum += *said;
    else if (!failed)
      failed = said.error();
    if (--open != 0)
      return;
    lock.unlock();
    done(failed ? result<std::uint64_t>{*failed} : result<std::uint64_t>{sum});
  }
};

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

  void settle(node_identity who, machine_names machines, handler<std::uint64_t> done) override {
    at_home(std::move(machines), std::move(done),
            [who](membership_store& of, machine_names some, auto answered) {
              of.settle(who, std::move(some), std::move(answered));
            });
  }
  void unsettle(node_identity who, machine_names machines, handler<std::uint64_t> done) override {
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
    ask_all(std::move(done), call, homes_listed_max);
  }
  void pins(handler<machine_homes> done) override {
    ask_all(
      std::move(done),
      [](store& of, handler<machine_homes> answered) {
        of.membership()->pins(std::move(answered));
      },
      pins_listed_max);
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

  template <class Call>
  void ask_all(handler<machine_homes> done, Call call, std::size_t most) const {
    router_.ask_all<machine_homes>(
      std::move(done), std::move(call),
      [counts = router_.counts()](machine_homes& into, machine_homes&& more,
                                  const home_stores::home& from) {
        for (auto& row : more)
          if (counts(row.farm, from))
            into.push_back(std::move(row));
      },
      [most](machine_homes& all) {
        std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
          return std::tie(a.farm, a.name) < std::tie(b.farm, b.name);
        });
        all.resize(std::min(all.size(), most));
      });
  }

  /// Each machine at the home of its farm. The home of a machine that is served is known; of another one, main has no row.
  template <class Call>
  void at_home(machine_names machines, handler<std::uint64_t> done, Call call) {
    std::map<store*, machine_names> by_home;
    for (auto& machine : machines) {
      const auto known = router_.homes().find(machine.first);
      by_home[known ? known->store : &router_.main()].push_back(std::move(machine));
    }
    if (by_home.empty())
      by_home[&router_.main()];
    auto all = std::make_shared<summed>();
    all->open = by_home.size();
    all->done = std::move(done);
    for (auto& [of, some] : by_home)
      call(*of->membership(), std::move(some),
           handler<std::uint64_t>{[all](const result<std::uint64_t>& said) { all->take(said); }});
  }

  const home_router& router_;
};

} // namespace

std::unique_ptr<membership_store> routed_membership(const home_router& router) {
  return std::make_unique<membership_by_home>(router);
}

} // namespace furrow::storage
