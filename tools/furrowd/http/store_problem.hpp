/// Translates a failure of the store into an HTTP problem.
#pragma once

#include "storage/store.hpp"
#include "tools/furrowd/http/message.hpp"

namespace furrow::http {

[[nodiscard]] problem to_problem(const storage::failure& failure);

/// No answer came within the limit.
[[nodiscard]] problem no_answer(const char* who);

} // namespace furrow::http
