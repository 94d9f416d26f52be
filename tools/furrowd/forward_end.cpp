#include "tools/furrowd/forward_end.hpp"

#include "actors/log/log.hpp"
#include "storage/forward/forward_store.hpp"

namespace furrow::daemon {

void end_forwarding(storage::store& main, storage::home_stores& homes) {
  auto* const site = main.forward();
  if (site == nullptr)
    return;
  const auto told = [](const storage::result<done>& ended) {
    if (!ended)
      log::warn(log::node, "forward_stands", {.error = ended.error().detail},
                "retention still waits for head office: {}", ended.error().detail);
  };
  site->set_target({}, told);
  homes.on_open([told](const storage::home_stores::home& one) { // on a thread of a store
    one.store->forward()->set_target({}, told);
  });
}

} // namespace furrow::daemon
