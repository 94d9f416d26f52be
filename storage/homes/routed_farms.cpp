// What people and nodes keep of farms: each change goes to the farm's home; a new farm is placed first.
#include "storage/farm/repositories.hpp"
#include "storage/forward/forward_store.hpp"
#include "storage/homes/routed_areas.hpp"
#include "storage/identity/audit.hpp"
#include "storage/quarantine.hpp"
#include "storage/removal.hpp"
#include "storage/statistics.hpp"

#include <algorithm>
#include <iterator>
#include <memory>
#include <mutex>

namespace furrow::storage {

namespace {

/// The number of a quarantined item is that of its database.
class quarantine_by_home : public quarantine_store {
public:
  explicit quarantine_by_home(const home_router& router) : router_{router} {}

  void list_quarantine(quarantine_query query,
                       std::optional<quarantine_id> after,
                       handler<quarantine_page> done) override {
    const auto farm = query.farm;
    ask<quarantine_page>(farm, std::move(done),
                         [query = std::move(query), after](store& of, auto answered) {
                           of.quarantine()->list_quarantine(query, after, std::move(answered));
                         });
  }
  void show_quarantined(std::string farm, quarantine_id id, handler<quarantine_row> done) override {
    ask<quarantine_row>(farm, std::move(done), [farm, id](store& of, auto answered) {
      of.quarantine()->show_quarantined(farm, id, std::move(answered));
    });
  }
  void retry_quarantined(std::string farm,
                         quarantine_id id,
                         author by,
                         handler<retry_outcome> done) override {
    ask<retry_outcome>(farm, std::move(done),
                       [farm, id, by = std::move(by)](store& of, auto answered) {
                         of.quarantine()->retry_quarantined(farm, id, by, std::move(answered));
                       });
  }
  void drop_quarantined(std::string farm,
                        quarantine_id id,
                        author by,
                        handler<furrow::done> dropped) override {
    ask<furrow::done>(farm, std::move(dropped),
                      [farm, id, by = std::move(by)](store& of, auto answered) {
                        of.quarantine()->drop_quarantined(farm, id, by, std::move(answered));
                      });
  }

private:
  template <class T, class Call>
  void ask(const std::string& farm, handler<T> done, Call call) {
    if (!farm.empty())
      return router_.ask<T>(farm, std::move(done), std::move(call));
    if (router_.one_home())
      return call(router_.main(), std::move(done));
    done(failure{errc::reject_row,
                 "name the farm: this node has several databases, and each numbers its items"});
  }

  const home_router& router_;
};

class repositories_by_home : public repositories {
public:
  explicit repositories_by_home(const home_router& router) : router_{router} {}

  void get(std::string farm, entity what, std::string name, handler<record> done) override {
    router_.ask<record>(farm, std::move(done),
                        [farm, what, name = std::move(name)](store& of, auto answered) {
                          of.farm()->get(farm, what, name, std::move(answered));
                        });
  }
  void list(std::string farm, entity what, record_query query, handler<record_page> done) override {
    router_.ask<record_page>(farm, std::move(done),
                             [farm, what, query = std::move(query)](store& of, auto answered) {
                               of.farm()->list(farm, what, query, std::move(answered));
                             });
  }
  void
  fields_at(std::string farm, geo_position at, handler<std::vector<field_record>> done) override {
    router_.ask<std::vector<field_record>>(farm, std::move(done),
                                           [farm, at](store& of, auto answered) {
                                             of.farm()->fields_at(farm, at, std::move(answered));
                                           });
  }
  void apply(std::string farm, unit_of_work work, handler<unit_outcome> done) override {
    // Shared: the router keeps the question in case that it has to ask again.
    router_.change<unit_outcome>(
      farm, std::move(done),
      [farm, kept = std::make_shared<const unit_of_work>(std::move(work))](
        store& of, auto answered) { of.farm()->apply(farm, *kept, std::move(answered)); });
  }

private:
  const home_router& router_;
};

class removals_by_home : public removal_store {
public:
  explicit removals_by_home(const home_router& router) : router_{router} {}

  void preview_removal(removal what, handler<removal_outcome> done) override {
    router_.ask_about<removal_outcome>(what.farm, what.equipment, std::move(done),
                                       [what](store& of, auto answered) {
                                         of.removals()->preview_removal(what, std::move(answered));
                                       });
  }
  void remove(removal what, author by, handler<removal_outcome> done) override {
    if (!what.farm.empty())
      return remove_at_home(router_.homes(), what, by, std::move(done));
    // The preview names the only farm that has such a machine.
    preview_removal(what, [homes = &router_.homes(), what, by = std::move(by),
                           done = std::move(done)](const result<removal_outcome>& found) {
      if (!found)
        return done(found.error());
      auto named = what;
      named.farm = found->farm;
      remove_at_home(*homes, named, by, done);
    });
  }

private:
  static void remove_at_home(home_stores& homes,
                             const removal& what,
                             const author& by,
                             handler<removal_outcome> done) {
    home_router::ask_home<removal_outcome>(homes, what.farm, std::move(done),
                                           [what, by](store& of, auto answered) {
                                             of.removals()->remove(what, by, std::move(answered));
                                           });
  }

  const home_router& router_;
};

/// The row of this name, added if there is none.
template <class Row>
Row& row_named(std::vector<Row>& rows, std::string Row::*name, const std::string& wanted) {
  for (auto& row : rows)
    if (row.*name == wanted)
      return row;
  rows.emplace_back().*name = wanted;
  return rows.back();
}

void add(table_size& into, const table_size& more) {
  into.kind = more.kind;
  into.partition = more.partition;
  into.bytes += more.bytes;
  into.index_bytes += more.index_bytes;
  if (more.rows)
    into.rows = into.rows.value_or(0) + *more.rows;
  into.rows_estimated = into.rows_estimated || more.rows_estimated;
}

void add(tier_size& into, const tier_size& more) {
  into.frames += more.frames;
  into.rows += more.rows;
  into.bytes += more.bytes;
  into.column_bytes += more.column_bytes;
  into.stored_bytes += more.stored_bytes;
}

class sizes_by_home : public size_store {
public:
  explicit sizes_by_home(const home_router& router) : router_{router} {}

  void statistics(std::uint32_t machines_max, handler<database_statistics> done) override {
    router_.ask_all<database_statistics>(
      std::move(done),
      [machines_max](store& of, auto answered) {
        of.sizes()->statistics(machines_max, std::move(answered));
      },
      [](database_statistics& into, database_statistics&& more, const home_stores::home&) {
        into.bytes += more.bytes;
        for (const auto& each : more.tables)
          add(row_named(into.tables, &table_size::name, each.name), each);
        for (const auto& each : more.tiers)
          add(row_named(into.tiers, &tier_size::tier, each.tier), each);
        std::move(more.machines.begin(), more.machines.end(), std::back_inserter(into.machines));
      },
      [machines_max](database_statistics& all) {
        const auto larger = [](const auto& a, const auto& b) { return a.bytes > b.bytes; };
        std::stable_sort(all.tables.begin(), all.tables.end(), larger);
        std::stable_sort(all.machines.begin(), all.machines.end(), larger);
        all.machines.resize(std::min<std::size_t>(all.machines.size(), machines_max));
      },
      true);
  }

private:
  const home_router& router_;
};

/// A site forwards each of its databases by itself, with the store of that one: what names a stream is main's here. The
/// target is that of all; people see the state of a farm, or of all.
class forward_by_home : public forward_store {
public:
  explicit forward_by_home(const home_router& router) : router_{router} {}

  void set_target(std::string target, handler<done> finished) override {
    const auto open = router_.homes().open();
    auto all = std::make_shared<target_round>(open.size(), std::move(finished));
    for (const auto& each : open)
      each.store->forward()->set_target(
        target, [all, main = each.index == home_stores::main,
                 name = each.name](const result<furrow::done>& set) {
          all->take(set || main ? set : failure{set.code(), name + ": " + set.error().detail});
        });
  }
  void take_turn(std::string node, handler<bool> done) override {
    main().take_turn(std::move(node), std::move(done));
  }
  void list(bool every,
            std::int32_t after,
            std::size_t count,
            handler<std::vector<forward_stream>> done) override {
    main().list(every, after, count, std::move(done));
  }
  void open(std::int32_t stream, handler<forward_head> done) override {
    main().open(stream, std::move(done));
  }
  void read(std::int32_t stream,
            std::uint64_t after,
            std::uint64_t up_to,
            handler<forward_page> done) override {
    main().read(stream, after, up_to, std::move(done));
  }
  void note(std::vector<forward_mark> marks, handler<done> finished) override {
    main().note(std::move(marks), std::move(finished));
  }
  void read_hold(handler<forward_hold> done) override {
    router_.ask_all<forward_hold>(
      std::move(done),
      [](store& of, handler<forward_hold> answered) {
        of.forward()->read_hold(std::move(answered));
      },
      [](forward_hold& into, forward_hold&& more, const home_stores::home&) {
        if (into.target.empty())
          into.target = std::move(more.target);
        into.items += more.items;
      },
      [](forward_hold&) {});
  }
  void read_status(std::string farm, handler<forward_status> done) override {
    const auto call = [farm](store& of, handler<forward_status> answered) {
      of.forward()->read_status(farm, std::move(answered));
    };
    if (!farm.empty())
      return router_.ask<forward_status>(farm, std::move(done), call);
    router_.ask_all<forward_status>(
      std::move(done), call,
      [counts = router_.counts()](forward_status& into, forward_status&& more,
                                  const home_stores::home& from) {
        if (from.index == home_stores::main)
          into.target = more.target;
        for (auto& row : more.rows)
          if (counts(row.farm, from))
            into.rows.push_back(std::move(row));
      },
      [](forward_status&) {});
  }

private:
  /// Answers once; the first failure wins.
  struct target_round {
    target_round(std::size_t databases, handler<done> finished)
      : open_{databases}, finished_{std::move(finished)} {}
    void take(const result<furrow::done>& said) {
      {
        const std::lock_guard lock{mutex_};
        if (!said && outcome_)
          outcome_ = said;
        if (--open_ > 0)
          return;
      }
      finished_(outcome_);
    }

  private:
    std::mutex mutex_;
    std::size_t open_;
    result<furrow::done> outcome_ = furrow::done{};
    handler<done> finished_;
  };

  forward_store& main() { return *router_.main().forward(); }

  const home_router& router_;
};

} // namespace

std::unique_ptr<quarantine_store> routed_quarantine(const home_router& router) {
  return std::make_unique<quarantine_by_home>(router);
}
std::unique_ptr<repositories> routed_repositories(const home_router& router) {
  return std::make_unique<repositories_by_home>(router);
}
std::unique_ptr<removal_store> routed_removals(const home_router& router) {
  return std::make_unique<removals_by_home>(router);
}
std::unique_ptr<size_store> routed_sizes(const home_router& router) {
  return std::make_unique<sizes_by_home>(router);
}
std::unique_ptr<forward_store> routed_forward(const home_router& router) {
  return std::make_unique<forward_by_home>(router);
}

} // namespace furrow::storage
