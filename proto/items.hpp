/// Translates groups of items between their plain form and the generated Protobuf form, and checks them.
///
/// Errors: limit, columns, text.
#pragma once

#include "furrow.pb.h"
#include "proto/wire.hpp"

namespace furrow::proto {

/// Checks the rules for a group; the same before sending and after receiving.
[[nodiscard]] result<done> check_items(const item_group& group);

/// The same for a block of frames.
[[nodiscard]] result<done> check_frames(const can::frame_block& block);

void to_wire(const item_group& group, wire::Items& out);
void to_wire(const can::frame_block& block, wire::Frames& out);
/// Translates without the full check: fails only when the plain form cannot hold the group.
[[nodiscard]] result<item_group> from_wire(const wire::Items& items);
[[nodiscard]] result<can::frame_block> from_wire(const wire::Frames& frames);

} // namespace furrow::proto
