/// Looks for DBC files that people have loaded into the database or changed, and lets the node decode with them.
///
/// Errors: a file that cannot be read is left out, with a line in the log.
/// Threads: `look` on the gateways' io thread. Files are compiled on the thread for people: a large one takes its time.
#pragma once

#include "actors/live/dbc_board.hpp"
#include "storage/dbc/dbc_files.hpp"

#include <atomic>

#include <boost/asio/io_context.hpp>

namespace furrow::daemon {

class dbc_look {
public:
  explicit dbc_look(boost::asio::io_context& people) : people_{people} {}
  /// Called every two seconds; every second call asks the store. The board and the executor outlive its answer.
  /// `files`: nullptr in a store without DBC files.
  void look(storage::dbc_store* files, actors::dbc_board& board);

private:
  static void use(actors::dbc_board& board, storage::active_dbc active);

  boost::asio::io_context& people_;
  std::atomic<bool> asked_ = false;
  unsigned calls_ = 0;
};

} // namespace furrow::daemon
