#include "tools/furrowd/dbc_look.hpp"

#include "actors/live/dbc_board.hpp"
#include "actors/log/log.hpp"
#include "storage/store.hpp"

#include <optional>
#include <utility>

#include <boost/asio/post.hpp>

namespace furrow::daemon {

namespace {
constexpr unsigned calls_per_look = 2;
} // namespace

void dbc_look::look(actors::node& node) {
  auto* const files = node.store().dbc();
  if (files == nullptr || calls_++ % calls_per_look != 0 || asked_.exchange(true))
    return;
  files->read_active(
    node.dbc()->stamp(), [this, &node](storage::result<std::optional<storage::active_dbc>> active) {
      boost::asio::post(people_, [this, &node, active = std::move(active)]() mutable {
        asked_ = false;
        if (active && *active)
          use(node, std::move(**active));
      });
    });
}

void dbc_look::use(actors::node& node, storage::active_dbc active) {
  const auto count = active.files.size();
  for (const auto& fault : node.dbc()->set(std::move(active)))
    log::warn(log::dbc, "dbc_left_out", {.error = fault},
              "a DBC file of the database is left out: {}", fault);
  log::info(log::dbc, "dbc_used", {.count = count}, "{} DBC files of the database are used", count);
}

} // namespace furrow::daemon
