/// A look at the bytes of a message before Protobuf may allocate anything for them.
///
/// Shape: walks the fields as the descriptor tells, into sub-messages and past everything else. Two
///   bytes on the wire can ask the parser for a hundred of memory, so fields are counted; texts are
///   checked here because the parser would log those that are not UTF-8.
/// Errors: malformed (truncated, a group, a tag 0), limit (too many fields), text.
/// Limits: fields_max fields of all depths together.
#pragma once

#include "proto/wire.hpp"

#include <google/protobuf/descriptor.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace furrow::proto {

/// Room for records_max records of three fields each, and for everything else of a message.
inline constexpr std::size_t fields_max = 4 * records_max + 4 * runs_max;

[[nodiscard]] result<done> scan(std::span<const std::uint8_t> bytes,
                                const google::protobuf::Descriptor& type);

} // namespace furrow::proto
