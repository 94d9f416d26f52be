#include "tools/furrow/list_wish.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include <CLI/Validators.hpp>
#include <nlohmann/json.hpp>

namespace furrow::cli {

std::shared_ptr<list_wish>
add_list_wish(CLI::App& command, const std::string& what, std::span<const std::string_view> keys) {
  auto wish = std::make_shared<list_wish>();
  command.add_option(
    "--sort", wish->sort,
    fmt::format("sort by {}; with - before it in descending order", fmt::join(keys, ", ")));
  command.add_option("--limit", wish->limit, fmt::format("show only the first N {}", what))
    ->check(CLI::Range(1, 10'000));
  return wish;
}

std::string with_wish(std::string target, const list_wish& wish) {
  const auto add = [&target](const char* name, const std::string& value) {
    target += target.find('?') == std::string::npos ? '?' : '&';
    target.append(name).append("=").append(encoded(value));
  };
  if (!wish.sort.empty())
    add("sort", wish.sort);
  if (wish.limit != 0)
    add("limit", std::to_string(wish.limit));
  return target;
}

result<done> carry_out(const list_wish& wish, std::span<const std::string_view> keys, json& rows) {
  if (!wish.sort.empty()) {
    const bool is_descending = wish.sort.starts_with('-');
    const auto key = wish.sort.substr(is_descending ? 1 : 0);
    if (std::find(keys.begin(), keys.end(), key) == keys.end())
      return failure{errc::usage, fmt::format("--sort: use one of {}, or - and one of them",
                                              fmt::join(keys, ", "))};
    auto sorted = rows.get<std::vector<json>>();
    std::stable_sort(sorted.begin(), sorted.end(), [&](const json& left, const json& right) {
      const auto& one = left.at(key);
      const auto& other = right.at(key);
      if (one.is_null() || other.is_null())
        return !one.is_null() && other.is_null();
      return is_descending ? other < one : one < other;
    });
    rows = std::move(sorted);
  }
  if (wish.limit != 0 && rows.size() > wish.limit)
    rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(wish.limit), rows.end());
  return done{};
}

} // namespace furrow::cli
