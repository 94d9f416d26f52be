/// What the tables must say of each other, in SQL that both databases understand, and which objects the steps make.
///
/// Shape: `{}` stands for the schema: "furrow." or nothing.
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
  std::string_view count_sql; // how many break it: 0 is sound
  std::uint32_t since = 1;    // the step that its tables come with
  bool postgres_only = false;
};
[[nodiscard]] std::span<const soundness_rule> soundness_rules();
[[nodiscard]] std::string with_schema(std::string_view sql, std::string_view schema);

/// "table can_block", "column can_block.frames", "index ...", "function ...", "view ..." of the schema furrow that the
/// steps up to `newest` make; read from their text, whose statements begin at the first column.
[[nodiscard]] std::set<std::string> expected_objects(std::span<const migration> steps,
                                                     std::uint32_t newest);

} // namespace furrow::storage
