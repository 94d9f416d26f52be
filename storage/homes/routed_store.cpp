#include "storage/activity.hpp"
#include "storage/dbc/dbc_files.hpp"
#include "storage/farm/repositories.hpp"
#include "storage/forward/forward_store.hpp"
#include "storage/homes/routed_areas.hpp"
#include "storage/identity/identities.hpp"
#include "storage/membership.hpp"
#include "storage/quarantine.hpp"
#include "storage/records.hpp"
#include "storage/removal.hpp"
#include "storage/statistics.hpp"

#include <algorithm>
#include <tuple>

namespace furrow::storage {

namespace {

failure only_lanes() {
  return {errc::misconfigured,
          "claims and appends go to the store of one database, not to all at once"};
}

class no_appender : public appender {
public:
  void append(std::shared_ptr<const append_batch> /*batch*/,
              handler<append_outcome> done) override {
    done(only_lanes());
  }
};

/// Nothing when main has no such area.
template <class Area, class Make>
auto routed(Area* in_main, const home_router& router, Make make) {
  return in_main != nullptr ? make(router) : nullptr;
}

class routed_store : public store, public identity_keeper, public series_keeper {
public:
  routed_store(std::shared_ptr<home_stores> homes, missing_listener missing)
    : router_{std::move(homes), std::move(missing)} {}

  void claim(std::vector<claim_request> /*requests*/,
             handler<std::vector<claim_outcome>> done) override {
    done(only_lanes());
  }
  std::unique_ptr<appender> open_appender(const std::string& /*lane*/) override {
    return std::make_unique<no_appender>();
  }

  void read_ledger(std::string farm,
                   std::string equipment,
                   handler<std::vector<ledger_row>> done) override {
    using rows = std::vector<ledger_row>;
    const auto call = [farm, equipment](store& of, handler<rows> answered) {
      of.read_ledger(farm, equipment, std::move(answered));
    };
    if (!farm.empty())
      return router_.ask<rows>(farm, std::move(done), call);
    router_.ask_all<rows>(
      std::move(done), call, router_.rows_of_home<ledger_row>(),
      [](rows& all) {
        std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
          return std::tie(a.farm, a.equipment) < std::tie(b.farm, b.equipment);
        });
      },
      true);
  }
  void list_equipment(std::string farm, handler<std::vector<equipment_row>> done) override {
    using rows = std::vector<equipment_row>;
    const auto call = [farm](store& of, handler<rows> answered) {
      of.list_equipment(farm, std::move(answered));
    };
    if (!farm.empty())
      return router_.ask<rows>(farm, std::move(done), call);
    router_.ask_all<rows>(std::move(done), call, router_.rows_of_home<equipment_row>(),
                          [](rows& all) {
                            std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
                              return std::tie(a.farm, a.name) < std::tie(b.farm, b.name);
                            });
                          });
  }

  void migrate(handler<std::vector<migration_row>> done) override {
    main_.migrate(std::move(done));
  }
  void migration_status(handler<std::vector<migration_row>> done) override {
    main_.migration_status(std::move(done));
  }
  void health(handler<store_health> done) override { main_.health(std::move(done)); }
  void activity(handler<store_activity> done) override { main_.activity(std::move(done)); }

  frame_store* frames() override { return frames_.get(); }
  record_store* records() override { return records_.get(); }
  quarantine_store* quarantine() override { return quarantine_.get(); }
  history_store* history() override { return history_.get(); }
  series_store* series() override { return series_.get(); }
  repositories* farm() override { return farm_.get(); }
  removal_store* removals() override { return removals_.get(); }
  dbc_store* dbc() override { return dbc_.get(); }
  size_store* sizes() override { return sizes_.get(); }
  forward_store* forward() override { return forward_.get(); }
  membership_store* membership() override { return membership_.get(); }

  digest_store* digest() override { return main_.digest(); }
  retention_store* retention() override { return main_.retention(); }
  partition_store* partitions() override { return main_.partitions(); }
  seal_store* sealing() override { return main_.sealing(); }
  directory_store* directory() override { return main_.directory(); }
  identity_store* identities() override { return identities_of(main_); }
  audit_store* audit() override { return audit_of(main_); }

private:
  home_router router_;
  store& main_ = router_.main();
  std::unique_ptr<frame_store> frames_ = routed(main_.frames(), router_, routed_frames);
  std::unique_ptr<record_store> records_ = routed(main_.records(), router_, routed_records);
  std::unique_ptr<quarantine_store> quarantine_ =
    routed(main_.quarantine(), router_, routed_quarantine);
  std::unique_ptr<history_store> history_ = routed(main_.history(), router_, routed_history);
  std::unique_ptr<series_store> series_ = routed(series_of(main_), router_, routed_series);
  std::unique_ptr<repositories> farm_ = routed(main_.farm(), router_, routed_repositories);
  std::unique_ptr<removal_store> removals_ = routed(main_.removals(), router_, routed_removals);
  std::unique_ptr<dbc_store> dbc_ = routed(main_.dbc(), router_, routed_dbc);
  std::unique_ptr<size_store> sizes_ = routed(main_.sizes(), router_, routed_sizes);
  std::unique_ptr<forward_store> forward_ = routed(main_.forward(), router_, routed_forward);
  std::unique_ptr<membership_store> membership_ =
    routed(main_.membership(), router_, routed_membership);
};

} // namespace

std::unique_ptr<store> route_by_farm(std::shared_ptr<home_stores> homes, missing_listener missing) {
  return std::make_unique<routed_store>(std::move(homes), std::move(missing));
}

} // namespace furrow::storage
