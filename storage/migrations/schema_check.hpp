/// The rules between tables, in SQL for both databases, and the objects that the steps create.
///
/// Shape: `{}` is the schema prefix: "furrow." or nothing.
/// Threads: the lists are constant.
/// Source: docs/schema.md.
#pragma once

#include "storage/migrations/migrations.hpp"

#include <set>
#include <span>
#include <string>
#include <string_view>

namespace furrow::storage {

struct soundness_rule {
  std::string_view what;
  std::string_view count_sql; // how many rows break the rule: 0 is sound
  std::uint32_t since = 1;    // the step that creates its tables
  bool postgres_only = false;
};
[[nodiscard]] std::span<const soundness_rule> soundness_rules();
[[nodiscard]] std::string with_schema(std::string_view sql, std::string_view schema);

/// "table can_block", "column can_block.frames", "index ...", "function ...", "view ..." of the schema furrow, as the
/// steps up to `newest` create them. Read from the text of the steps, whose statements begin in the first column.
[[nodiscard]] std::set<std::string> expected_objects(std::span<const migration> steps,
                                                     std::uint32_t newest);

} // namespace furrow::storage
