/// Whether bytes are valid text (as `is_clean_text` checks a string), and whether a text is a valid name.
#pragma once

#include <string_view>

namespace furrow::proto {

[[nodiscard]] bool is_clean(std::string_view text);

/// A name of a farm or machine: a text of 1 to name_bytes_max bytes without control characters and without a slash,
/// which separates the two in `farm/T1`.
[[nodiscard]] bool is_name(std::string_view text);

} // namespace furrow::proto
