/// The settings in force of a running program, as people may see them.
///
/// Shape: only the masked text of a secret is kept.
/// Threads: safe from any.
#pragma once

#include "tools/config/commands.hpp"

#include <memory>
#include <mutex>
#include <utility>

namespace furrow::config {

class settings_board {
public:
  struct view {
    std::vector<shown_setting> settings; // in the order of the options
    std::vector<std::string> files;      // that were read, the lowest layer first
  };

  void show(const in_force& now) {
    auto made = std::make_shared<const view>(view{shown_settings(now), now.files});
    const std::lock_guard lock{mutex_};
    view_ = std::move(made);
  }
  /// Never null.
  [[nodiscard]] std::shared_ptr<const view> look() const {
    const std::lock_guard lock{mutex_};
    return view_;
  }

private:
  mutable std::mutex mutex_;
  std::shared_ptr<const view> view_ = std::make_shared<const view>();
};

} // namespace furrow::config
