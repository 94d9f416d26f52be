/// The width of a text on a terminal.
///
/// Units: columns of a terminal with a fixed-width font: 2 for most East Asian characters and emoji, 0 for combining
///   marks, 1 for invalid bytes.
/// Threads: pure function.
/// Source: wcwidth of the C library, in the locale C.UTF-8.
#pragma once

#include <cstddef>
#include <string_view>

namespace furrow::cli {

[[nodiscard]] std::size_t columns_of(std::string_view text);

} // namespace furrow::cli
