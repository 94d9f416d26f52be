#include "storage/homes/home_stores.hpp"

#include "storage/homes/deadlines.hpp"
#include "storage/homes/home_slot.hpp"
#include "storage/homes/look_queue.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace furrow::storage {

namespace {

using home = home_stores::home;
using slot = home_slot;

/// Everything but the life of the stores: callbacks keep it alive, and may run on a store's own thread.
class home_table : public std::enable_shared_from_this<home_table> {
public:
  /// `clock` is for a main with a directory; it lives until `close`.
  home_table(storage::store& main, home_stores::opener open, bool migrate, deadlines* clock)
    : main_{home_stores::main, std::string{main_database}, &main}, directory_{main.directory()},
      open_{std::move(open)}, migrate_{migrate}, clock_{clock}, alone_{directory_ == nullptr} {}

  std::optional<home> find(const std::string& farm) const {
    const std::shared_lock lock{mutex_};
    if (alone_)
      return main_;
    const auto known = homes_.find(farm);
    return known == homes_.end() ? std::nullopt : open_home(known->second.database);
  }

  void resolve(std::string farm, bool places, handler<home> done) {
    if (auto known = find(farm))
      return done(std::move(*known));
    if (auto database = database_of(farm, places))
      return open(*database, std::move(done), true);
    if (!is_loaded())
      return load([self = shared_from_this(), farm = std::move(farm), places,
                   done = std::move(done)](const result<furrow::done>& loaded) mutable {
        if (!loaded)
          return done(loaded.error());
        self->resolve(std::move(farm), places, std::move(done));
      });
    if (places)
      return directory_->place_farm(
        std::move(farm),
        [self = shared_from_this(), done = std::move(done)](result<farm_home> placed) mutable {
          if (!placed)
            return done(placed.error());
          auto database = placed->database;
          self->correct(std::move(*placed));
          self->open(database, std::move(done), true);
        });
    auto name = farm;
    directory_->find_home(std::move(name),
                          [self = shared_from_this(), farm = std::move(farm),
                           done = std::move(done)](result<std::optional<farm_home>> found) mutable {
                            if (!found)
                              return done(found.error());
                            if (!*found) {
                              self->note_without_row(std::move(farm));
                              return done(self->main_);
                            }
                            auto database = (*found)->database;
                            self->correct(std::move(**found));
                            self->open(database, std::move(done), true);
                          });
  }

  void correct(farm_home now) {
    const std::unique_lock lock{mutex_};
    learn(std::move(now));
  }

  void refresh() {
    if (directory_ != nullptr && begin_reading())
      directory_->read_version([self = shared_from_this()](const result<std::int64_t>& version) {
        self->take_version(version);
      });
    else
      read_for_looks();
  }

  /// A reading that is under way may have begun too early: another one follows it.
  void look_again(handler<furrow::done> looked) {
    if (directory_ == nullptr)
      return looked(furrow::done{});
    {
      const std::unique_lock lock{mutex_};
      looks_.add(std::move(looked));
    }
    read_for_looks();
  }

  bool is_alone() const {
    const std::shared_lock lock{mutex_};
    return alone_;
  }

  void on_open(const std::function<void(home)>& opened) {
    std::vector<home> announced;
    {
      const std::unique_lock lock{mutex_};
      announced = announced_;
      listeners_.push_back(opened);
    }
    for (const auto& each : announced)
      opened(each);
  }

  std::vector<home> all_open() const {
    std::vector<home> out{main_};
    const std::shared_lock lock{mutex_};
    for (const auto& each : announced_)
      if (open_home(each.name))
        out.push_back(each);
    return out;
  }

  std::vector<std::pair<std::string, failure>> unusable() const {
    std::vector<std::pair<std::string, failure>> out;
    const auto now = std::chrono::steady_clock::now();
    const std::shared_lock lock{mutex_};
    for (const auto& [name, one] : slots_)
      if (auto why = why_unusable(one, name, now))
        out.emplace_back(name, std::move(*why));
    return out;
  }

  std::optional<failure> incomplete() const {
    const std::shared_lock lock{mutex_};
    if (alone_)
      return std::nullopt;
    if (!loaded_)
      return failure{errc::retry_later, "the directory of the databases was not read yet"};
    for (const auto& database : used_)
      if (databases_.contains(database) && !open_home(database))
        return unanswered(database);
    return std::nullopt;
  }

  /// The stores that were opened; from now on nothing is opened any more.
  std::vector<std::unique_ptr<storage::store>> close() {
    std::vector<std::unique_ptr<storage::store>> out;
    std::vector<handler<home>> waiting;
    std::vector<handler<furrow::done>> loading;
    {
      const std::unique_lock lock{mutex_};
      closed_ = true;
      clock_ = nullptr;
      loading.swap(loading_);
      auto looks = looks_.all();
      std::move(looks.begin(), looks.end(), std::back_inserter(loading));
      for (auto& [name, one] : slots_) {
        out.push_back(std::move(one.opened));
        std::move(one.waiting.begin(), one.waiting.end(), std::back_inserter(waiting));
        one.waiting.clear();
      }
    }
    const failure why{errc::retry_later, "the store is closed"};
    for (const auto& each : waiting)
      each(why);
    for (const auto& each : loading)
      each(why);
    return out;
  }

private:
  // With the lock held.

  std::optional<home> open_home(const std::string& database) const {
    if (database == main_database)
      return main_;
    const auto at = slots_.find(database);
    return at == slots_.end() || at->second.now != slot::state::open ? std::nullopt
                                                                     : std::optional{at->second.as};
  }
  void learn(farm_home now) {
    if (now.database != main_database) {
      alone_ = false;
      used_.insert(now.database);
    }
    auto& known = homes_.try_emplace(now.farm, now).first->second;
    if (known.version < now.version)
      known = std::move(now);
  }

  bool is_loaded() const {
    const std::shared_lock lock{mutex_};
    return loaded_;
  }
  std::optional<std::string> database_of(const std::string& farm, bool places) const {
    const std::shared_lock lock{mutex_};
    const auto known = homes_.find(farm);
    if (known != homes_.end())
      return known->second.database;
    if (!places && without_row_.contains(farm))
      return std::string{main_database};
    return std::nullopt;
  }
  void note_without_row(std::string farm) {
    const std::unique_lock lock{mutex_};
    if (without_row_.size() < farms_max)
      without_row_.insert(std::move(farm));
  }

  // The directory.

  bool begin_reading() {
    const std::unique_lock lock{mutex_};
    if (closed_ || reading_)
      return false;
    looks_.begin(std::chrono::steady_clock::now());
    // While main hangs nobody else may come to ask.
    clock_->after(look_queue::wake_after, [weak = weak_from_this()] {
      if (const auto self = weak.lock())
        self->read_for_looks();
    });
    return reading_ = true;
  }
  /// Begins the reading that somebody waits for. While one is under way, those give up who have waited long.
  void read_for_looks() {
    look_queue::waiting late;
    bool begins = false;
    {
      const std::unique_lock lock{mutex_};
      if (closed_)
        late = looks_.all();
      else if (reading_)
        late = looks_.late(std::chrono::steady_clock::now());
      else
        begins = looks_.wants_reading();
    }
    for (const auto& each : late)
      each(unanswered(std::string{main_database}));
    if (begins)
      refresh();
  }
  /// Reads the directory, also if it was read at this version.
  void load(handler<furrow::done> loaded) {
    {
      const std::unique_lock lock{mutex_};
      loading_.push_back(std::move(loaded));
      version_ = 0;
    }
    refresh();
  }
  void take_version(const result<std::int64_t>& version) {
    if (!version)
      return end_reading(version.error());
    bool same = false;
    {
      const std::unique_lock lock{mutex_};
      same = loaded_ && *version != 0 && *version == version_;
    }
    if (same)
      return end_reading(furrow::done{});
    directory_->list_databases(
      [self = shared_from_this(), version = *version](result<std::vector<database_row>> databases) {
        if (!databases)
          return self->end_reading(databases.error());
        self->directory_->list_homes([self, version, databases = std::move(*databases)](
                                       result<std::vector<farm_home>> homes) mutable {
          if (!homes)
            return self->end_reading(homes.error());
          self->take(version, std::move(databases), std::move(*homes));
          self->end_reading(furrow::done{});
        });
      });
  }
  void
  take(std::int64_t version, std::vector<database_row> databases, std::vector<farm_home> homes) {
    const std::unique_lock lock{mutex_};
    databases_.clear();
    for (auto& each : databases)
      databases_.emplace(each.name, std::move(each));
    alone_ = databases_.size() < 2;
    for (auto& each : homes)
      learn(std::move(each));
    loaded_ = true;
    version_ = version;
    without_row_.clear();
  }
  void end_reading(const result<furrow::done>& outcome) {
    std::vector<handler<furrow::done>> loading;
    std::vector<std::string> needed;
    {
      const std::unique_lock lock{mutex_};
      reading_ = false;
      loading = looks_.end();
      std::move(loading_.begin(), loading_.end(), std::back_inserter(loading));
      loading_.clear();
      std::copy_if(used_.begin(), used_.end(), std::back_inserter(needed),
                   [&](const auto& database) { return !open_home(database); });
    }
    for (const auto& each : loading)
      each(outcome);
    for (const auto& each : needed)
      open(
        each, [](const result<home>&) {}, false);
    read_for_looks();
  }

  // The other databases.

  /// `looks`: reads the directory again if it has no such database.
  void open(const std::string& name, handler<home> done, bool looks) {
    std::unique_lock lock{mutex_};
    if (auto known = open_home(name)) {
      lock.unlock();
      return done(std::move(*known));
    }
    const auto row = databases_.find(name);
    auto at = slots_.find(name);
    if (at == slots_.end() && row == databases_.end()) {
      lock.unlock();
      return looks ? load([self = shared_from_this(), name,
                           done = std::move(done)](const result<furrow::done>& loaded) mutable {
        if (!loaded)
          return done(loaded.error());
        self->open(name, std::move(done), false);
      })
                   : done(failure{errc::retry_later, "the directory has no database " + name});
    }
    const auto now = std::chrono::steady_clock::now();
    if (at == slots_.end())
      at = slots_.try_emplace(name).first;
    else if (at->second.now == slot::state::failed
             && now - at->second.failed_at < slot::retry_after) {
      const auto why = at->second.why;
      lock.unlock();
      return done(why);
    } else if (at->second.now == slot::state::checking) {
      auto& waiting = at->second.waiting;
      waiting.push_back(std::move(done));
      if (now - at->second.checking_since < slot::check_patience)
        return;
      const auto ended = std::exchange(waiting, {});
      lock.unlock();
      for (const auto& each : ended)
        each(unanswered(name));
      return;
    }
    auto& one = at->second;
    if (row != databases_.end())
      one.row = row->second;
    one.now = slot::state::checking;
    one.checking_since = now;
    one.waiting.push_back(std::move(done));
    lock.unlock();
    begin_check(one);
  }

  /// The slot is being checked: nobody else changes it, and its address stays.
  void begin_check(slot& one) {
    if (one.store == nullptr) {
      auto opened = open_(one.row);
      if (!opened)
        return end_check(one, opened.error());
      const std::unique_lock lock{mutex_};
      if (closed_)
        return; // with the store that was just opened
      one.opened = std::move(*opened);
      one.store = one.opened.get();
    }
    const auto checked = [self = shared_from_this(),
                          &one](const result<std::vector<migration_row>>& steps) {
      const auto wrong = steps ? schema_fault(one.row, *steps) : std::optional{steps.error()};
      if (wrong)
        return self->end_check(one, *wrong);
      self->check_directory(one);
    };
    if (migrate_)
      one.store->migrate(checked);
    else
      one.store->migration_status(checked);
  }
  /// A database that lists others is the main one of a cluster, and it may be that of this node under a second name.
  void check_directory(slot& one) {
    auto* const its_own = one.store->directory();
    if (its_own == nullptr)
      return end_check(one, std::nullopt);
    its_own->list_databases(
      [self = shared_from_this(), &one](const result<std::vector<database_row>>& listed) {
        if (!listed)
          return self->end_check(one, listed.error());
        if (listed->size() > 1)
          return self->end_check(one, lists_databases(one));
        self->end_check(one, std::nullopt);
      });
  }
  void end_check(slot& one, const std::optional<failure>& wrong) {
    std::vector<handler<home>> waiting;
    home opened;
    if (!wrong) {
      std::vector<std::function<void(home)>> listeners;
      {
        const std::unique_lock lock{mutex_};
        if (closed_)
          return;
        opened = {announced_.size() + 1, one.row.name, one.store, one.row.number};
        announced_.push_back(opened);
        listeners = listeners_;
      }
      for (const auto& each : listeners)
        each(opened);
    }
    {
      const std::unique_lock lock{mutex_};
      one.now = wrong ? slot::state::failed : slot::state::open;
      one.as = opened;
      if (wrong)
        one.why = *wrong;
      one.failed_at = std::chrono::steady_clock::now();
      waiting.swap(one.waiting);
    }
    for (const auto& each : waiting)
      each(wrong ? result<home>{*wrong} : result<home>{opened});
  }

  const home main_;
  directory_store* const directory_;
  const home_stores::opener open_;
  const bool migrate_;
  mutable std::shared_mutex mutex_;
  deadlines* clock_;
  bool closed_ = false;
  bool alone_ = false;  // no other database is known: every farm lives in main
  bool loaded_ = false; // the directory was read
  bool reading_ = false;
  std::int64_t version_ = 0; // of the directory, as it was read
  std::vector<handler<furrow::done>> loading_;
  look_queue looks_;
  std::unordered_map<std::string, farm_home> homes_;
  std::unordered_set<std::string> without_row_; // since the directory was read last
  std::set<std::string> used_;                  // databases other than main in which farms live
  std::map<std::string, database_row> databases_;
  std::map<std::string, slot> slots_;
  std::vector<home> announced_; // by index, from 1
  std::vector<std::function<void(home)>> listeners_;
};

/// Owns the stores. A callback that holds the table never destroys one.
class owned_homes : public home_stores {
public:
  owned_homes(std::unique_ptr<storage::store> main, opener open, bool migrate)
    : main_{std::move(main)}, clock_{main_->directory() != nullptr ? std::make_unique<deadlines>()
                                                                   : nullptr},
      table_{std::make_shared<home_table>(*main_, std::move(open), migrate, clock_.get())} {
    table_->refresh();
  }
  owned_homes(const owned_homes&) = delete;
  owned_homes& operator=(const owned_homes&) = delete;
  ~owned_homes() override {
    const auto others = table_->close();
    clock_.reset();
    main_.reset(); // first: its handlers may use the others
  }

  std::optional<home> find(const std::string& farm) const override { return table_->find(farm); }
  void resolve(std::string farm, handler<home> done) override {
    table_->resolve(std::move(farm), true, std::move(done));
  }
  void locate(std::string farm, handler<home> done) override {
    table_->resolve(std::move(farm), false, std::move(done));
  }
  void correct(farm_home now) override { table_->correct(std::move(now)); }
  void refresh() override { table_->refresh(); }
  void look_again(handler<furrow::done> looked) override { table_->look_again(std::move(looked)); }
  bool alone() const override { return table_->is_alone(); }
  void on_open(std::function<void(home)> opened) override { table_->on_open(opened); }
  std::vector<home> open() const override { return table_->all_open(); }
  std::vector<std::pair<std::string, failure>> unusable() const override {
    return table_->unusable();
  }
  std::optional<failure> incomplete() const override { return table_->incomplete(); }

private:
  std::unique_ptr<storage::store> main_;
  std::unique_ptr<deadlines> clock_;
  std::shared_ptr<home_table> table_;
};

} // namespace

std::shared_ptr<home_stores>
make_home_stores(std::unique_ptr<store> main, home_stores::opener open, bool migrate) {
  return std::make_shared<owned_homes>(std::move(main), std::move(open), migrate);
}

} // namespace furrow::storage
