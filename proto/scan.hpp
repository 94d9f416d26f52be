/// Checks the bytes of a message before Protobuf allocates anything for them.
///
/// Shape: walks the fields by the descriptor, into sub-messages and past everything else. Two bytes on the wire can
///   cost the parser a hundred bytes of memory, so the scan counts fields. It also checks texts, because the parser
///   would log each invalid one.
/// Errors: malformed (truncated, a group, a tag 0), limit (too many fields), text.
/// Limits: fields_max fields, all depths together.
#pragma once

#include "proto/wire.hpp"

#include <google/protobuf/descriptor.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace furrow::proto {

/// Enough for records_max records of three fields each, and for all other fields of a message.
inline constexpr std::size_t fields_max = 4 * records_max + 4 * runs_max;

[[nodiscard]] result<done> scan(std::span<const std::uint8_t> bytes,
                                const google::protobuf::Descriptor& type);

} // namespace furrow::proto
