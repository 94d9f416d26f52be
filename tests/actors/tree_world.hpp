/// A node's supervision tree in virtual time, above stores in memory.
///
/// Threads: only the test's.
#pragma once

#include "actors/tree.hpp"
#include "tests/support/fake_homes.hpp"
#include "tests/support/memory_store.hpp"
#include "tests/support/virtual_time.hpp"

#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace furrow::tests {

class tree_world {
public:
  tree_world() {
    const auto id = people->enter(0, "node", nullptr);
    const actors::tree_parts parts{actors::node_config{}, homes.get(), people, places};
    root_ = system->spawn(actors::supervisor, id, actors::node_tree(parts), people);
    people->set_handle(id, root_);
    places->set_root(root_);
    homes->on_open([this](const storage::home_stores::home& one) {
      people->name_home(one.index, one.name);
      places->add_branch(
        actors::storage_branch({actors::node_config{}, homes.get(), people, places}, one));
    });
    root_->attach_functor([this](const caf::error&) { ended_ = true; });
    system.run();
  }
  tree_world(const tree_world&) = delete;
  tree_world& operator=(const tree_world&) = delete;
  ~tree_world() {
    caf::anon_send_exit(root_, caf::exit_reason::user_shutdown);
    root_ = nullptr;
    system.run();
    places->clear();
    people->clear();
    system.run();
  }

  /// Whether the root supervisor has ended.
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] actors::actor_row row(const std::string& name) const {
    for (const auto& row : people->rows())
      if (row.name == name)
        return row;
    return {};
  }
  /// Kills the actor if it runs.
  bool kill(const std::string& name) {
    const auto killed = people->kill(row(name).id);
    system.run();
    return killed;
  }

  std::shared_ptr<memory_tables> tables = std::make_shared<memory_tables>(); // of main
  std::shared_ptr<fake_homes> homes =
    std::make_shared<fake_homes>(std::make_unique<memory_store>(tables));
  virtual_system system;
  std::shared_ptr<actors::census> people = std::make_shared<actors::census>();
  std::shared_ptr<actors::wiring> places = std::make_shared<actors::wiring>(1);

private:
  caf::actor root_;
  bool ended_ = false;
};

} // namespace furrow::tests
