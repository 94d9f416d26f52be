/// Goes on with moves of farms that a command has left: once a second the node asks main whether there are any.
///
/// Errors: are logged, once for each that differs, and tried again.
/// Threads: one of its own, because a move blocks. It stops between two slices, and the destructor waits two seconds for
///   that: a server that stands still must not hold up the end of the process.
#pragma once

#include "storage/store.hpp"

#include <memory>
#include <thread>

namespace furrow::daemon {

class farm_moves {
public:
  farm_moves();
  ~farm_moves();
  farm_moves(const farm_moves&) = delete;
  farm_moves& operator=(const farm_moves&) = delete;

  /// `main` is PostgreSQL.
  void start(storage::store_options main);
  /// Waits for nothing.
  void stop();

private:
  /// Of the thread, too, which may outlive this.
  struct standing;
  std::shared_ptr<standing> standing_;
  std::thread worker_;
};

} // namespace furrow::daemon
