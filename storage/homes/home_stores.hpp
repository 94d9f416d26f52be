/// The databases of a node: main, and the others in which farms live. Opens a store when the first farm needs it, and
/// keeps in memory where each farm lives.
///
/// Shape: a store that is open stays open as long as this object; its index never changes.
/// Errors: as storage/store.hpp. While main does not answer, the farms whose home is known are served on.
/// Threads: safe from any; handlers and listeners are called on threads of the stores and must not block.
/// Limits: as storage/homes/directory.hpp.
#pragma once

#include "storage/homes/directory.hpp"
#include "storage/store.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace furrow::storage {

class home_stores {
public:
  static constexpr std::size_t main = 0; // index of the main database
  struct home {
    std::size_t index = main;
    std::string name; // in the directory
    storage::store* store = nullptr;
  };
  /// Opens the store of a database; as open_store.
  using opener = std::function<result<std::unique_ptr<storage::store>>(const database_row&)>;

  virtual ~home_stores() = default;

  /// Of a farm whose home is known and open. Never waits.
  [[nodiscard]] virtual std::optional<home> find(const std::string& farm) const = 0;
  /// Asks the directory, places a new farm, opens its database. Fails while main does not answer.
  virtual void resolve(std::string farm, handler<home> done) = 0;
  /// A claim said that the farm lives elsewhere. An older version changes nothing.
  virtual void correct(farm_home now) = 0;
  /// Reads the directory again: farms that moved, databases that are new. Called every few seconds.
  virtual void refresh() = 0;
  /// Called once for each database other than main, when it is opened; for those that are open at once.
  virtual void on_open(std::function<void(home)> opened) = 0;
  /// All that are open; main first.
  [[nodiscard]] virtual std::vector<home> open() const = 0;
};

/// Without a directory (SQLite) there is only main.
[[nodiscard]] std::shared_ptr<home_stores> make_home_stores(std::unique_ptr<store> main,
                                                            home_stores::opener open);

/// The store of main as one store over all homes: what names a farm goes to its home; what names none is asked of all
/// and put together. Identities, the audit log, membership and the directory are main's. It does not claim or append:
/// that is the work of lanes, which belong to one database each.
[[nodiscard]] std::unique_ptr<store> route_by_farm(std::shared_ptr<home_stores> homes);

} // namespace furrow::storage
