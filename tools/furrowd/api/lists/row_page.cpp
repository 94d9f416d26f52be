#include "tools/furrowd/api/lists/row_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

std::string sort_text(const row_page_wish& wish) {
  return (wish.is_descending ? "-" : "") + wish.key;
}

/// One of the members of a row: its value and its identity.
using place_view = std::pair<const json&, const json&>;

/// Whether one row stands before another. Null stands last.
bool before(const place_view& left, const place_view& right, bool is_descending) {
  const auto& [value, identity] = left;
  const auto& [other, other_identity] = right;
  if (value.is_null() != other.is_null())
    return other.is_null();
  if (value != other)
    return is_descending ? other < value : value < other;
  return identity < other_identity;
}

std::optional<row_page_wish::place> parse_place(const std::string& text, const std::string& sort) {
  auto parts = json::parse(text, nullptr, false);
  if (!parts.is_array() || parts.size() != 3 || parts[0] != sort || parts[1].is_structured()
      || !(parts[2].is_string() || parts[2].is_number()))
    return std::nullopt;
  return row_page_wish::place{std::move(parts[1]), std::move(parts[2])};
}

} // namespace

std::variant<row_page_wish, problem> read_row_page(const call& call,
                                                   std::span<const std::string_view> keys) {
  row_page_wish wish;
  const auto* sort = given(call, "sort");
  const auto* limit = given(call, "limit");
  const auto* after = given(call, "after");
  if (sort == nullptr && limit == nullptr && after == nullptr)
    return wish;
  wish.key = keys.front();
  if (sort != nullptr) {
    wish.is_descending = sort->starts_with('-');
    wish.key = sort->substr(wish.is_descending ? 1 : 0);
    if (std::find(keys.begin(), keys.end(), wish.key) == keys.end())
      return bad_parameter(
        "sort", *sort, fmt::format("use one of {}, or - and one of them", fmt::join(keys, ", ")));
  }
  if (limit != nullptr) {
    std::size_t rows = 0;
    if (auto wrong = read_page_limit(call, rows))
      return *wrong;
    wish.limit = rows;
  }
  if (after != nullptr) {
    wish.after = parse_place(*after, sort_text(wish));
    if (!wish.after)
      return bad_parameter("after", *after, "use `next` of the previous page, with its `sort`");
  }
  return wish;
}

std::string next_of(const row_page_wish& wish, const json& value, const json& identity) {
  return json::array({sort_text(wish), value, identity})
    .dump(-1, ' ', false, json::error_handler_t::replace);
}

json cut_to_page(std::vector<row_place>& rows, const row_page_wish& wish) {
  const auto place_of = [](const row_place& row) { return place_view{row.value, row.identity}; };
  if (wish.after) {
    const place_view after{wish.after->value, wish.after->identity};
    std::erase_if(
      rows, [&](const auto& row) { return !before(after, place_of(row), wish.is_descending); });
  }
  const bool more = wish.limit && rows.size() > *wish.limit;
  const auto end = more ? rows.begin() + static_cast<std::ptrdiff_t>(*wish.limit) : rows.end();
  std::partial_sort(rows.begin(), end, rows.end(), [&](const auto& left, const auto& right) {
    return before(place_of(left), place_of(right), wish.is_descending);
  });
  if (!more)
    return nullptr;
  rows.erase(end, rows.end());
  return next_of(wish, rows.back().value, rows.back().identity);
}

json cut_to_page(json& rows, const row_page_wish& wish, std::string_view identity) {
  const std::string id{identity};
  std::vector<row_place> places;
  places.reserve(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i)
    places.push_back({rows[i].at(wish.key), rows[i].at(id), i});
  auto next = cut_to_page(places, wish);
  auto page = json::array();
  for (const auto& place : places)
    page.push_back(std::move(rows[place.row]));
  rows = std::move(page);
  return next;
}

} // namespace furrow::http
