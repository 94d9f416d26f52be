#include "storage/identity/sql_script.hpp"

#include <map>
#include <mutex>
#include <utility>

namespace furrow::storage {

namespace {

bool is_digit_of_mark(char c) {
  return c >= '0' && c <= '9';
}

std::string translated(sql_dialect dialect, std::string_view marked) {
  const bool postgres = dialect == sql_dialect::postgres;
  std::string out;
  const auto take = [&](std::string_view word) {
    if (!marked.starts_with(word))
      return false;
    marked.remove_prefix(word.size());
    return true;
  };
  const auto take_number = [&] {
    std::string number;
    for (; !marked.empty() && is_digit_of_mark(marked.front()); marked.remove_prefix(1))
      number += marked.front();
    return (postgres ? "$" : "?") + number;
  };
  while (!marked.empty()) {
    if (take("furrow."))
      out += postgres ? "furrow." : "";
    else if (take("now@"))
      out += postgres ? "now()" : "unixepoch()";
    else if (take("json@"))
      out += postgres ? "cast(nullif(" + take_number() + ", '') as jsonb)"
                      : "nullif(" + take_number() + ", '')";
    else if (take("micros(")) {
      const auto column = std::string{marked.substr(0, marked.find(')'))};
      marked.remove_prefix(column.size() + 1);
      out += postgres ? "cast(extract(epoch from " + column + ") * 1000000 as bigint)"
                      : "(" + column + " * 1000000)";
    } else if (take("@"))
      out += take_number();
    else {
      out += marked.front();
      marked.remove_prefix(1);
    }
  }
  return out;
}

} // namespace

const std::string& sql_text(sql_dialect dialect, std::string_view marked) {
  static std::mutex mutex;
  static std::map<std::pair<sql_dialect, std::string>, std::string> known;
  const std::lock_guard lock{mutex};
  const std::pair key{dialect, std::string{marked}};
  const auto at = known.find(key);
  return at != known.end() ? at->second
                           : known.emplace(key, translated(dialect, marked)).first->second;
}

} // namespace furrow::storage
