/// Whether bytes are a text: what `is_clean_text` tells of a string, for bytes that are in no
/// string yet; and whether a text is a name.
#pragma once

#include <string_view>

namespace furrow::proto {

[[nodiscard]] bool is_clean(std::string_view text);

/// A farm or a machine: a text of 1 to name_bytes_max bytes without control characters, and without
/// the slash that stands between the two in `farm/T1`.
[[nodiscard]] bool is_name(std::string_view text);

} // namespace furrow::proto
