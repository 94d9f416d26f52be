/// A list of JSON rows, sorted and in pages, as the parameters `sort`, `limit` and `after` of a call ask for it.
///
/// Shape: `sort` is the name of a member, with a minus sign for descending order. Rows with the same value are in the order
///   of their identity, and rows without a value (null) stand last in both orders. `after` is the `next` of the page
///   before: the sort, and value and identity of its last row. A list that changes in between may show a row twice, or
///   leave one out, only if its value has changed.
/// Errors: a `problem` names the parameter and what it can be.
/// Threads: plain values.
/// Limits: pages of storage::page_rows_max rows at most; without `limit` all rows are one page.
#pragma once

#include "tools/furrowd/api/answers.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

namespace furrow::http {

struct row_page_wish {
  std::string key; // empty: the rows stay as they are
  bool is_descending = false;
  std::optional<std::size_t> limit;
  struct place {
    json value;
    json identity;
  };
  std::optional<place> after;

  /// Whether the call asks for more than the whole list as it is.
  [[nodiscard]] bool is_given() const { return !key.empty(); }
};

/// `keys`: the members to sort by; the first is the order without `sort`.
[[nodiscard]] std::variant<row_page_wish, problem>
read_row_page(const call& call, std::span<const std::string_view> keys);

/// `next` of the answer when this is the last row of its page.
[[nodiscard]] std::string
next_of(const row_page_wish& wish, const json& value, const json& identity);

/// Stands for a row that is not made yet: what it is sorted by, its identity, and which of the caller's rows it is.
struct row_place {
  json value;
  json identity;
  std::size_t row = 0;
};
/// Sorts the rows and cuts them to the page. Returns the `next` of the answer.
[[nodiscard]] json cut_to_page(std::vector<row_place>& rows, const row_page_wish& wish);

/// The same for rows that are made. `identity`: a member that no two rows share, a text or a number.
[[nodiscard]] json cut_to_page(json& rows, const row_page_wish& wish, std::string_view identity);

} // namespace furrow::http
