/// `--sort` and `--limit` of commands that print a list.
///
/// Shape: a node sorts its lists itself, by the members of their rows. Lists of a database are sorted here in the same way:
///   rows without a value last, rows of one value as they were.
/// Errors: a usage error names the members to sort by.
/// Threads: one.
#pragma once

#include "tools/furrow/client.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <CLI/App.hpp>

namespace furrow::cli {

struct list_wish {
  std::string sort;      // a member, with - before it in descending order; empty: as it comes
  std::size_t limit = 0; // 0: all
};

/// Adds the options; `what` are the rows, `keys` members to sort by, for the help.
[[nodiscard]] std::shared_ptr<list_wish>
add_list_wish(CLI::App& command, const std::string& what, std::span<const std::string_view> keys);

/// The target with the parameters of the wish.
[[nodiscard]] std::string with_wish(std::string target, const list_wish& wish);

/// Sorts and cuts the rows.
[[nodiscard]] result<done>
carry_out(const list_wish& wish, std::span<const std::string_view> keys, json& rows);

} // namespace furrow::cli
