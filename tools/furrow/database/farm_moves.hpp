/// Moves of farms as commands show them.
#pragma once

#include "storage/homes/farm_move.hpp"
#include "tools/furrow/output.hpp"

namespace furrow::cli {

/// "copying history"
[[nodiscard]] const char* words_of(storage::move_step step);
[[nodiscard]] json json_of(const storage::farm_move& move);

} // namespace furrow::cli
