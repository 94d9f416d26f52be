/// Translates groups of items between their plain form and the generated Protobuf form, and checks them.
///
/// Errors: limit, columns, text.
#pragma once

#include "furrow.pb.h"
#include "proto/wire.hpp"

namespace furrow::proto {

/// Checks the rules for a group; the same before sending and after receiving.
[[nodiscard]] result<done> check_items(const item_group& group);

void to_wire(const item_group& group, wire::Items& out);
/// Translates without the full check: fails only when the plain form cannot hold the group.
[[nodiscard]] result<item_group> from_wire(const wire::Items& items);

} // namespace furrow::proto
