/// Whether bytes are a text: what `is_clean_text` tells of a string, for bytes that are in no
/// string yet.
#pragma once

#include <string_view>

namespace furrow::proto {

[[nodiscard]] bool is_clean(std::string_view text);

} // namespace furrow::proto
