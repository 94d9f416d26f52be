/// Groups of items between their plain form and the generated one, and what may be wrong with them.
///
/// Errors: limit, columns, text.
#pragma once

#include "furrow.pb.h"
#include "proto/wire.hpp"

namespace furrow::proto {

/// What a group breaks, or nothing: the same before it is sent and after it was received.
[[nodiscard]] result<done> check_items(const item_group& group);

void to_wire(const item_group& group, wire::Items& out);
/// The group as it came, not checked beyond what its plain form cannot hold.
[[nodiscard]] result<item_group> from_wire(const wire::Items& items);

} // namespace furrow::proto
