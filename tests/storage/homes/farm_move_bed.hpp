/// Two databases of a cluster, with a farm in main that moves to b.
#pragma once

#include "storage/homes/farm_move.hpp"
#include "storage/maintenance.hpp"
#include "storage/move/database_move.hpp"
#include "storage/postgres/homes/farm_mover.hpp"
#include "storage/sealing.hpp"
#include "tests/storage/move/move_bed.hpp"

#include <cstdint>
#include <string>

namespace furrow::tests {

inline constexpr std::uint32_t moved_slice_rows = 24; // many slices

inline storage::store_options options_of(const std::string& url) {
  storage::store_options out;
  out.url = url;
  return out;
}

/// main with data of every kind, the same data once more as it stays without a move, and an empty home.
struct moving_homes {
  moving_homes() {
    static int count = 0;
    const auto number = std::to_string(++count);
    main = "main" + number;
    unmoved = "unmoved" + number;
    b = "b" + number;
    const auto& models = models_of_all();
    for (const auto& name : {main, unmoved})
      copy_cluster().make_database(name, {}, models.full);
    copy_cluster().make_database(b, {}, models.empty);
    copy_cluster().exec(
      "insert into furrow.database (name, url, number) values ('b', '" + url(b) + "', 1)", main);
    copy_cluster().exec("select furrow.number_ids(1)", b);
  }
  static std::string url(const std::string& name) { return copy_cluster().url(name); }
  static void seal_all(storage::store& store, const std::string& farm = {}) {
    (void)must(answer_of<storage::seal_outcome>(
      [&](auto done) { store.sealing()->seal({.farm = farm, .due_after = {}}, done); }));
  }
  [[nodiscard]] std::string step(const std::string& farm = "default") const {
    const auto rows =
      copy_cluster().exec("select step from furrow.farm_move where farm = '" + farm + "'", main);
    return rows.empty() ? "done" : rows[0][0];
  }
  [[nodiscard]] std::string state(const std::string& database,
                                  const std::string& farm = "default") const {
    return copy_cluster().value("select coalesce((select home_state from furrow.farm where name = '"
                                  + farm + "'), 'none')",
                                database);
  }
  void check_ledgers() const {
    for (const auto& name : {main, b})
      CHECK(copy_cluster().value(
              "select count(*) from furrow.ledger where lost <> 0 or doubled <> 0 or stored + "
              "dropped + lost_at_gateway + expired + elsewhere <> durable",
              name)
            == "0");
  }
  std::string main;
  std::string unmoved;
  std::string b;

private:
  struct model_names {
    std::string empty = "empty_model";
    std::string full = "full_model";
  };
  /// Made once for the whole program: a copy of a database costs a small part of its migration and its data.
  static const model_names& models_of_all() {
    static const model_names made = [] {
      model_names names;
      sqlite_bed source;
      fill_with_everything(source);
      copy_cluster().make_database(names.empty);
      (void)must(storage::migrate_database(options_of(url(names.empty)), {}, false));
      copy_cluster().make_database(names.full, {}, names.empty);
      (void)must(storage::copy_database(source.file(), options_of(url(names.full)),
                                        [](const storage::copy_progress& /*now*/) {}));
      // Some frames are sealed, some are fresh.
      seal_all(*open_url(url(names.full)), "north");
      return names;
    }();
    return made;
  }
};

inline storage::result<bool> move(const moving_homes& of,
                                  const std::string& target,
                                  const std::string& farm = "default",
                                  const storage::move_watcher& watcher = {}) {
  storage::farm_move_wish wish;
  wish.main = options_of(moving_homes::url(of.main));
  wish.farm = farm;
  wish.target = target;
  wish.by = "test";
  wish.slice_rows = moved_slice_rows;
  wish.release_after = {};
  return storage::move_farm(wish, watcher);
}

} // namespace furrow::tests
