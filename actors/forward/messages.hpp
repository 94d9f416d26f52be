/// The messages and the handle of the forwarder. They stay in one process.
#pragma once

#include "actors/forward/forward_work.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include <cstdint>
#include <memory>
#include <vector>

namespace furrow::actors {

struct forward_due {};

/// From the store's threads.
struct forward_target_set {
  bool stored = false;
};
struct forward_turn {
  std::shared_ptr<storage::result<bool>> mine;
};
struct forward_listed {
  std::shared_ptr<storage::result<std::vector<storage::forward_stream>>> rows;
};
struct forward_opened {
  std::int32_t stream = 0;
  std::shared_ptr<storage::result<storage::forward_head>> head;
};
struct forward_paged {
  forward_action::read asked;
  std::shared_ptr<storage::result<storage::forward_page>> page;
};
struct forward_noted {
  bool stored = false;
};

/// From a line.
struct forward_told {
  std::int32_t stream = 0;
  std::uint64_t line = 0;
  line_news news;
};

} // namespace furrow::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::forward_due)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::forward_target_set)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::forward_turn)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::forward_listed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::forward_opened)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::forward_paged)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::forward_noted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(furrow::actors::forward_told)

namespace furrow::actors {

/// Forwards the store of a site to head office.
using forwarder_actor = caf::typed_actor<
  // Time has passed.
  caf::reacts_to<forward_due>,
  // The store's answers.
  caf::reacts_to<forward_target_set>,
  caf::reacts_to<forward_turn>,
  caf::reacts_to<forward_listed>,
  caf::reacts_to<forward_opened>,
  caf::reacts_to<forward_paged>,
  caf::reacts_to<forward_noted>,
  // News of a line.
  caf::reacts_to<forward_told>>;

} // namespace furrow::actors
