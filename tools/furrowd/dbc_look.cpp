#include "tools/furrowd/dbc_look.hpp"

#include "actors/log/log.hpp"

#include <optional>
#include <utility>

#include <boost/asio/post.hpp>

namespace furrow::daemon {

namespace {
constexpr unsigned calls_per_look = 2;
} // namespace

void dbc_look::look(storage::dbc_store* files, actors::dbc_board& board) {
  if (files == nullptr || calls_++ % calls_per_look != 0 || asked_.exchange(true))
    return;
  files->read_active(
    board.stamp(), [this, &board](storage::result<std::optional<storage::active_dbc>> active) {
      boost::asio::post(people_, [this, &board, active = std::move(active)]() mutable {
        asked_ = false;
        if (active && *active)
          use(board, std::move(**active));
      });
    });
}

void dbc_look::use(actors::dbc_board& board, storage::active_dbc active) {
  const auto count = active.files.size();
  for (const auto& fault : board.set(std::move(active)))
    log::warn(log::dbc, "dbc_left_out", {.error = fault},
              "a DBC file of the database is left out: {}", fault);
  log::info(log::dbc, "dbc_used", {.count = count}, "{} DBC files of the database are used", count);
}

} // namespace furrow::daemon
