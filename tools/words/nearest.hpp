/// "Did you mean": the known word that a mistyped word is closest to.
///
/// Shape: the distance is the number of letters that are inserted, deleted, replaced or swapped with their neighbour;
///   letters are compared without regard to case. At most one in three letters may differ, and at least one may.
///   Of two words as close, one with as many letters wins.
/// Errors: nothing when no word is close enough.
/// Threads: pure functions.
/// Limits: words of more than 64 bytes are close to nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::words {

[[nodiscard]] std::optional<std::string> nearest(std::string_view typed,
                                                 const std::vector<std::string>& known);

/// `; did you mean "NAME"?`, or nothing.
[[nodiscard]] std::string did_you_mean(std::string_view typed,
                                       const std::vector<std::string>& known);

} // namespace furrow::words
