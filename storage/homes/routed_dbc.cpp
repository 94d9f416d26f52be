// DBC files of farms are in their homes, files for all machines in main. The others get the definitions of these, for SQL.
#include "storage/dbc/dbc_files.hpp"
#include "storage/homes/routed_areas.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <mutex>
#include <set>
#include <tuple>

namespace furrow::storage {

namespace {

using active = std::optional<active_dbc>;

/// What each home has said of its active files, and which homes have the definitions of the files for all machines.
class active_files {
public:
  [[nodiscard]] std::string stamp_of(const store& of) const {
    const std::lock_guard lock{mutex_};
    const auto at = by_store_.find(&of);
    return at == by_store_.end() ? std::string{} : at->second.files.stamp;
  }
  void take(const home_stores::home& from, active_dbc files) {
    const std::lock_guard lock{mutex_};
    by_store_.insert_or_assign(from.store, of_home{from, std::move(files)});
  }
  /// The closest first: of a machine, of a farm, of all.
  [[nodiscard]] active_dbc all() const {
    active_dbc out;
    const std::lock_guard lock{mutex_};
    std::vector<const of_home*> homes;
    for (const auto& [store, each] : by_store_)
      homes.push_back(&each);
    std::sort(homes.begin(), homes.end(),
              [](const auto* a, const auto* b) { return a->from.index < b->from.index; });
    for (const auto* each : homes) {
      out.stamp += each->from.name + ": " + each->files.stamp + "\n";
      std::copy(each->files.files.begin(), each->files.files.end(), std::back_inserter(out.files));
    }
    std::stable_sort(out.files.begin(), out.files.end(), [](const auto& a, const auto& b) {
      return std::tuple{a.equipment.empty(), a.farm.empty()}
             < std::tuple{b.equipment.empty(), b.farm.empty()};
    });
    return out;
  }

  struct copy_order {
    std::vector<stored_dbc> files; // for all machines
    std::string stamp;             // of main
  };
  /// Nothing where the home has them, or they are on their way.
  [[nodiscard]] std::optional<copy_order> begin_copy(const store& main, std::size_t home) {
    const std::lock_guard lock{mutex_};
    const auto at = by_store_.find(&main);
    const auto& stamp = at == by_store_.end() ? std::string{} : at->second.files.stamp;
    const auto has = copied_.find(home);
    if ((has != copied_.end() && has->second == stamp) || !copying_.insert(home).second)
      return std::nullopt;
    copy_order out{{}, stamp};
    if (at != by_store_.end())
      std::copy_if(at->second.files.files.begin(), at->second.files.files.end(),
                   std::back_inserter(out.files),
                   [](const auto& file) { return file.farm.empty(); });
    return out;
  }
  void end_copy(std::size_t home, const std::string& stamp, bool done) {
    const std::lock_guard lock{mutex_};
    copying_.erase(home);
    if (done)
      copied_.insert_or_assign(home, stamp);
  }

private:
  struct of_home {
    home_stores::home from;
    active_dbc files;
  };
  mutable std::mutex mutex_;
  std::map<const store*, of_home> by_store_;
  std::map<std::size_t, std::string> copied_; // by index of the home: main's stamp
  std::set<std::size_t> copying_;
};

class dbc_by_home : public dbc_store {
public:
  explicit dbc_by_home(const home_router& router) : router_{router} {}

  void load(dbc_upload file, author by, handler<dbc_load_outcome> done) override {
    const auto slash = file.scope.find('/');
    if (router_.one_home() || file.scope == "all")
      return router_.main().dbc()->load(std::move(file), std::move(by), std::move(done));
    if (slash == std::string::npos)
      return done(failure{errc::not_found, "this node has several databases: write FARM/ or "
                                           "FARM/EQUIPMENT in place of "
                                             + file.scope});
    const auto farm = file.scope.substr(0, slash);
    router_.ask<dbc_load_outcome>(
      farm, std::move(done),
      [file = std::move(file), by = std::move(by)](store& of, auto answered) {
        of.dbc()->load(file, by, std::move(answered));
      });
  }
  void list(handler<std::vector<stored_dbc>> done) override {
    using rows = std::vector<stored_dbc>;
    router_.ask_all<rows>(
      std::move(done),
      [](store& of, handler<rows> answered) { of.dbc()->list(std::move(answered)); },
      [counts = router_.counts()](rows& into, rows&& more, const home_stores::home& from) {
        for (auto& row : more)
          if (row.farm.empty() || counts(row.farm, from))
            into.push_back(std::move(row));
      },
      [](rows& all) {
        std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
          return std::tie(a.farm, a.equipment, a.name, b.id)
                 < std::tie(b.farm, b.equipment, b.name, a.id);
        });
      });
  }
  void read(std::int32_t id, handler<stored_dbc> done) override {
    at_home(id, std::move(done),
            [id](store& of, auto answered) { of.dbc()->read(id, std::move(answered)); });
  }
  void activate(std::int32_t id, author by, handler<furrow::done> done) override {
    at_home(id, std::move(done), [id, by = std::move(by)](store& of, auto answered) {
      of.dbc()->activate(id, by, std::move(answered));
    });
  }
  void remove(std::int32_t id, author by, handler<furrow::done> done) override {
    at_home(id, std::move(done), [id, by = std::move(by)](store& of, auto answered) {
      of.dbc()->remove(id, by, std::move(answered));
    });
  }
  void read_active(std::string known, handler<active> done) override {
    if (router_.one_home())
      return router_.main().dbc()->read_active(std::move(known), std::move(done));
    router_.ask_all<active>(
      std::move(done),
      [heard = heard_](store& of, handler<active> answered) {
        of.dbc()->read_active(heard->stamp_of(of), std::move(answered));
      },
      [heard = heard_](active& /*into*/, active&& more, const home_stores::home& from) {
        if (more)
          heard->take(from, std::move(*more));
      },
      [this_router = &router_, heard = heard_, known](active& whole) {
        copy_to_homes(*this_router, heard);
        auto now = heard->all();
        whole = now.stamp == known ? std::nullopt : active{std::move(now)};
      });
  }

private:
  template <class T, class Call>
  void at_home(std::int32_t id, handler<T> done, Call call) {
    for (const auto& each : router_.homes().open())
      if (each.number == static_cast<std::uint32_t>(id) >> home_number_bits)
        return call(*each.store, std::move(done));
    done(failure{errc::not_found, "no DBC file " + std::to_string(id)});
  }

  static void copy_to_homes(const home_router& router, const std::shared_ptr<active_files>& heard) {
    const auto& main = router.main();
    for (const auto& each : router.homes().open()) {
      if (each.index == home_stores::main)
        continue;
      if (auto order = heard->begin_copy(main, each.index))
        each.store->dbc()->copy_definitions(
          std::move(order->files), [heard, watch = router.watch(), each,
                                    stamp = order->stamp](const result<furrow::done>& copied) {
            heard->end_copy(each.index, stamp, copied.has_value());
            if (!copied)
              watch->missing(each.name, copied.error());
          });
    }
  }

  const home_router& router_;
  std::shared_ptr<active_files> heard_ = std::make_shared<active_files>();
};

} // namespace

std::unique_ptr<dbc_store> routed_dbc(const home_router& router) {
  return std::make_unique<dbc_by_home>(router);
}

} // namespace furrow::storage
