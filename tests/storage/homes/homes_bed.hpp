/// Two databases behind one store: main, and b in which new farms live.
#pragma once

#include "storage/farm/repositories.hpp"
#include "storage/homes/home_stores.hpp"
#include "storage/identity/audit.hpp"
#include "tests/storage/postgres/postgres_bed.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace furrow::tests {

inline const storage::author anna{"anna", "10.0.0.9"};

inline storage::claim_request
request_of(const std::string& farm, const std::string& machine, unsigned stream) {
  auto request = request_for(machine, stream);
  request.farm = farm;
  return request;
}

inline std::unique_ptr<storage::store> open_url(const std::string& url) {
  storage::store_options options;
  options.url = url;
  return must(storage::open_store(options));
}

inline void add_database(storage::store& main,
                         const std::string& name,
                         const std::string& url,
                         unsigned weight = 100) {
  (void)must(answer_of<furrow::done>([&](auto done) {
    main.directory()->add_database({name, url, weight}, anna, std::move(done));
  }));
}

/// Main takes no new farms, so that every new farm is placed in b.
inline void fill_main(storage::store& main) {
  (void)must(answer_of<furrow::done>(
    [&](auto done) { main.directory()->weigh_database("main", 0, anna, std::move(done)); }));
}

inline storage::result<storage::home_stores::home> resolve(storage::home_stores& homes,
                                                           const std::string& farm) {
  return answer_of<storage::home_stores::home>(
    [&](auto done) { homes.resolve(farm, std::move(done)); });
}

/// Claims at the farm's home and appends `frames` frames; answers the block.
inline can::frame_block store_frames(storage::home_stores& homes,
                                     const std::string& farm,
                                     const std::string& machine,
                                     unsigned stream,
                                     std::size_t frames) {
  auto& store = *must(resolve(homes, farm)).store;
  const auto claimed = claim(store, request_of(farm, machine, stream));
  auto block = mixed_block(stream, frames);
  const auto lane = store.open_appender("w0");
  (void)must(append(*lane, {append_of(claimed.claim, claimed.durable_seq, block)}));
  return block;
}

inline storage::result<std::vector<storage::equipment_row>> machines(storage::store& of,
                                                                     const std::string& farm = {}) {
  return answer_of<std::vector<storage::equipment_row>>(
    [&](auto done) { of.list_equipment(farm, std::move(done)); });
}

/// What people say of a machine.
inline storage::unit_of_work machine_named(const std::string& name) {
  storage::equipment_record out;
  out.name = name;
  return storage::unit_of(storage::action::upsert, out);
}

/// Nodes' view of the databases; b is opened by its URL in the directory.
inline std::shared_ptr<storage::home_stores> homes_of(std::unique_ptr<storage::store> main,
                                                      bool migrate = false) {
  return storage::make_home_stores(
    std::move(main),
    [](const storage::database_row& row) {
      storage::store_options options;
      options.url = row.url;
      return storage::open_store(options);
    },
    migrate);
}

struct two_databases {
  postgres_bed first;
  postgres_bed second;
  std::unique_ptr<storage::store> main = first.open_migrated(); // asked directly
  std::unique_ptr<storage::store> other = second.open_migrated();
  std::shared_ptr<storage::home_stores> homes = prepared();
  std::unique_ptr<storage::store> routed = storage::route_by_farm(homes);

private:
  std::shared_ptr<storage::home_stores> prepared() const {
    (void)claim(*main, request_of("old", "T1", 1));
    add_database(*main, "b", second.url());
    fill_main(*main);
    return homes_of(first.open());
  }
};

} // namespace furrow::tests
