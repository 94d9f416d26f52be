/// A page of users or tokens: by farm and name, or sorted by a member of the rows.
///
/// Shape: `next` has the parameters `after` and `after_farm` of the next page. Sorted, `after` is the cursor of row_page.hpp
///   and `after_farm` says nothing.
/// Threads: as resources.hpp; rows are sorted at the desk for long work, because there may be 50,000.
/// Limits: storage::identity_page_max rows in a page; a larger `limit` gives so many.
#pragma once

#include "tools/furrowd/api/lists/row_page.hpp"
#include "tools/furrowd/api/people/people.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

namespace furrow::http {

/// The text of the page; `rows`: all of them.
template <class Row>
[[nodiscard]] std::string
sorted_page(const std::vector<Row>& rows, const row_page_wish& page, const char* name) {
  json list = json::array();
  for (const auto& row : rows) {
    list.push_back(to_json(row));
    list.back()["key"] = to_text(row.key); // no two rows share it
  }
  json next = cut_to_page(list, page, "key");
  for (auto& row : list)
    row.erase("key");
  if (!next.is_null())
    next = json{{"after", std::move(next)}, {"after_farm", ""}};
  return json_rows::to_text(json{{name, std::move(list)}, {"next", std::move(next)}});
}

template <class Row, class List>
answer list_sorted(
  api_context& of, storage::identity_query query, row_page_wish page, const char* name, List list) {
  auto all = std::make_shared<std::vector<Row>>();
  query.rows_max = storage::identity_page_max;
  for (bool more = true; more;) {
    const auto start = [&](auto done) { list(query, std::move(done)); };
    auto said = co_await ask_store<std::vector<Row>>(start, answer_limit);
    if (const auto* wrong = std::get_if<problem>(&said))
      co_return to_response(*wrong);
    auto& rows = std::get<std::vector<Row>>(said);
    more = rows.size() == query.rows_max;
    if (more)
      query.after = rows.back().key;
    std::move(rows.begin(), rows.end(), std::back_inserter(*all));
  }
  constexpr std::chrono::seconds sort_limit{10};
  const std::function<std::string()> work = [all, page, name] {
    return sorted_page(*all, page, name);
  };
  auto text = co_await work_at(of.desk, work, sort_limit);
  if (!text)
    co_return to_response({503, "busy", "too much long work waits at this node", "try again"});
  response made;
  made.body = std::move(*text);
  co_return made;
}

/// `keys`: the members to sort by. `list` asks the store for one page.
template <class Row, class List>
answer list_people(
  api_context& of, call call, const char* name, std::span<const std::string_view> keys, List list) {
  storage::identity_query query;
  query.farm = listed_farm(call);
  if (const auto wrong = read_page_limit(call, query.rows_max))
    co_return to_response(*wrong);
  query.rows_max = std::min(query.rows_max, storage::identity_page_max);
  if (given(call, "sort") != nullptr) {
    auto asked = read_row_page(call, keys);
    if (const auto* wrong = std::get_if<problem>(&asked))
      co_return to_response(*wrong);
    auto& page = std::get<row_page_wish>(asked);
    page.limit = query.rows_max;
    co_return co_await list_sorted<Row>(of, std::move(query), std::move(page), name,
                                        std::move(list));
  }
  if (const auto* after = given(call, "after"))
    query.after.name = *after;
  if (const auto* farm = given(call, "after_farm"))
    query.after.farm = *farm;
  else
    query.after.farm = query.farm.value_or("");
  const auto start = [&](auto done) { list(query, std::move(done)); };
  const auto said = co_await ask_store<std::vector<Row>>(start, answer_limit);
  if (const auto* wrong = std::get_if<problem>(&said))
    co_return to_response(*wrong);
  const auto& rows = std::get<std::vector<Row>>(said);
  json shown = json::array();
  for (const auto& row : rows)
    shown.push_back(to_json(row));
  json next = nullptr;
  if (rows.size() == query.rows_max)
    next = json{{"after", rows.back().key.name}, {"after_farm", rows.back().key.farm}};
  json body{{name, std::move(shown)}, {"next", std::move(next)}};
  co_return ok(body);
}

} // namespace furrow::http
