/// Splits a body of `text/event-stream` into events.
///
/// Shape: of each event the id and the data; comments and other fields are skipped.
/// Errors: `take` returns false for an event longer than event_bytes_max.
/// Threads: a plain value.
/// Source: HTML Living Standard, 9.2 Server-sent events.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace furrow::cli {

class event_reader {
public:
  static constexpr std::size_t event_bytes_max = 4U << 20U;

  /// Calls `each(id, data)` for every complete event; stops when it returns false.
  template <class Each>
  [[nodiscard]] bool take(std::string_view piece, Each each) {
    rest_ += piece;
    std::size_t from = 0;
    bool go_on = true;
    for (auto end = rest_.find("\n\n"); end != std::string::npos && go_on;
         end = rest_.find("\n\n", from)) {
      const auto event = std::string_view{rest_}.substr(from, end - from);
      from = end + 2;
      std::string id;
      std::string data;
      read(event, id, data);
      if (!data.empty())
        go_on = each(std::as_const(id), std::as_const(data));
    }
    rest_.erase(0, from);
    return go_on && rest_.size() <= event_bytes_max;
  }
  /// What has not ended belongs to a connection that has.
  void reset() { rest_.clear(); }

private:
  static void read(std::string_view event, std::string& id, std::string& data) {
    while (!event.empty()) {
      const auto end = std::min(event.find('\n'), event.size());
      const auto line = event.substr(0, end);
      event.remove_prefix(std::min(end + 1, event.size()));
      if (line.starts_with("id: "))
        id = line.substr(4);
      else if (line.starts_with("data: "))
        data += line.substr(6);
    }
  }

  std::string rest_;
};

} // namespace furrow::cli
