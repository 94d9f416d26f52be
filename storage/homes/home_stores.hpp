/// The databases of a node: main, and the others in which farms live. Opens a store when the first farm needs it, and
/// keeps in memory where each farm lives.
///
/// Shape: a store that is open stays open as long as this object; its index never changes. The schema of a database is
///   checked before its store counts as open, or migrated.
/// Errors: as storage/store.hpp. While main does not answer, the farms whose home is known are served on. A database that
///   cannot be used, or has not answered for 1 s, fails its own farms alone; `refresh` tries it again.
/// Threads: safe from any; handlers and listeners are called on threads of the stores, or on that of the deadlines, and
///   must not block. The object must not be destroyed on one of these.
/// Limits: as storage/homes/directory.hpp. A database that was removed and added again under its name with another URL is
///   found by the next start of the node.
#pragma once

#include "storage/homes/directory.hpp"
#include "storage/store.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace furrow::storage {

class home_stores {
public:
  static constexpr std::size_t main = 0; // index of the main database
  struct home {
    std::size_t index = main;
    std::string name; // in the directory
    storage::store* store = nullptr;
    std::uint32_t number = 0; // its ids begin at number << home_number_bits
  };
  /// Opens the store of a database; as open_store.
  using opener = std::function<result<std::unique_ptr<storage::store>>(const database_row&)>;

  home_stores() = default;
  home_stores(const home_stores&) = delete;
  home_stores& operator=(const home_stores&) = delete;
  virtual ~home_stores() = default;

  /// Of a farm whose home is known and open. Never waits.
  [[nodiscard]] virtual std::optional<home> find(const std::string& farm) const = 0;
  /// Asks the directory, places a new farm, opens its database. Fails while main does not answer.
  virtual void resolve(std::string farm, handler<home> done) = 0;
  /// As `resolve`, but places nothing: an unknown farm is asked for in main. For questions.
  virtual void locate(std::string farm, handler<home> done) {
    resolve(std::move(farm), std::move(done));
  }
  /// A claim said that the farm lives elsewhere. An older version changes nothing.
  virtual void correct(farm_home now) = 0;
  /// Reads the directory again: farms that moved, databases that are new. Called every few seconds.
  virtual void refresh() = 0;
  /// The same at once, for an answer that may come from a database that the farm has left. What was known when this was
  /// called is read before `looked` is called. Fails while main does not answer, after 2 s at most.
  virtual void look_again(handler<furrow::done> looked) {
    const auto tell = std::move(looked);
    tell(furrow::done{});
  }
  /// Whether no database but main is known.
  [[nodiscard]] virtual bool alone() const { return false; }
  /// Called once for each database other than main, when it is opened; for those that are open at once. A farm of it is
  /// found after that.
  virtual void on_open(std::function<void(home)> opened) = 0;
  /// All that are open; main first.
  [[nodiscard]] virtual std::vector<home> open() const = 0;
  /// Databases with farms that could not be opened, or have not answered for 5 s, and why.
  [[nodiscard]] virtual std::vector<std::pair<std::string, failure>> unusable() const { return {}; }
  /// Why `open` may lack a database with farms; nothing: it has all of them.
  [[nodiscard]] virtual std::optional<failure> incomplete() const { return {}; }
};

/// Without a directory (SQLite) there is only main. `migrate`: migrates the other databases when they are opened, else
/// only checks that their schema is current. Main is the caller's to migrate.
[[nodiscard]] std::shared_ptr<home_stores>
make_home_stores(std::unique_ptr<store> main, home_stores::opener open, bool migrate = false);

/// Told of a home that did not answer a question over all farms; at most once a minute for each home.
using missing_listener = std::function<void(const std::string& database, const failure& why)>;

/// The store of main as one store over all homes: what names a farm goes to its home; what names none is asked of all
/// and put together. Identities, the audit log, membership and the directory are main's, and so are the areas of the
/// background actors. It does not claim or append: that is the work of lanes, which belong to one database each.
///
/// Errors: what one home cannot answer fails for its farms alone. A question over all farms is answered by the homes that
///   answer; it waits for the others 2 s longer, or as long again as it took so far. The ledger and the sizes wait for
///   every database, as long as its store does. Pins are complete or fail. Quarantined items have numbers of their
///   database, so a question about them must name the farm while there are several.
[[nodiscard]] std::unique_ptr<store> route_by_farm(std::shared_ptr<home_stores> homes,
                                                   missing_listener missing = {});

} // namespace furrow::storage
