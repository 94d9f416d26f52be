#include "actors/log/log.hpp"

#include "actors/log/descriptor_sink.hpp"
#include "actors/log/line_limit.hpp"

#include <unistd.h>

#include <chrono>
#include <map>
#include <mutex>
#include <utility>

namespace furrow::log {

namespace {

using clock = std::chrono::steady_clock;

std::int64_t wall_us() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

/// A line is cut at a byte; what remains of a character is replaced with the invalid UTF-8.
std::string_view cut(std::string_view text, std::size_t bytes) {
  return text.substr(0, bytes);
}

class writer {
public:
  void start(output where) {
    const std::lock_guard lock{mutex_};
    out_ = std::move(where);
  }

  void look() {
    const std::lock_guard lock{mutex_};
    for (auto& [key, flood] : floods_)
      if (const auto lines = flood.limit.left_out(clock::now()); lines > 0)
        tell_left_out(flood.how, key.first, key.second, lines);
  }

  void write(level how,
             module_name from,
             event what,
             const about& of,
             fmt::string_view format,
             fmt::format_args args) {
    const std::lock_guard lock{mutex_};
    auto& flood = lines_of(how, from, what);
    const auto left_out = flood.limit.admit(clock::now());
    if (!left_out)
      return;
    if (*left_out > 0)
      tell_left_out(how, from, what.name, *left_out);
    const auto message = fmt::vformat(format, args);
    put({wall_us(), how, from, what.name, out_.node, of, message});
  }

  void complain(std::string_view program, std::string_view what) {
    const std::lock_guard lock{mutex_};
    line shown{wall_us(), level::critical, node, "failed", out_.node, {}, what};
    if (out_.format == line_format::text || out_.format == line_format::terminal)
      (void)send(fmt::format("{}: {}\n", program, what));
    else
      put(shown);
  }

private:
  /// The lines of one event.
  struct event_lines {
    level how; // of the last line
    line_limit limit;
  };

  event_lines& lines_of(level how, module_name from, event what) {
    // Who asks for debugging wants to see more.
    const bool is_many = what.lines == many || how == level::debug;
    auto& found = floods_
                    .try_emplace({from, what.name}, event_lines{how, is_many ? line_limit{1'000, 50}
                                                                             : line_limit{50, 5}})
                    .first->second;
    found.how = how;
    return found;
  }

  void tell_left_out(level how, module_name from, std::string_view event, std::uint64_t lines) {
    about of;
    of.count = lines;
    const auto message = fmt::format("{} lines like {} were left out", lines, event);
    put({wall_us(), how, from, "lines_left_out", out_.node, of, message});
  }

  void put(line shown) {
    if (shown.what.equipment.empty())
      shown.what.equipment = out_.equipment;
    if (lost_ > 0 && !tell_lost())
      return;
    if (!send(fitted(shown)))
      ++lost_;
  }

  bool tell_lost() {
    about of;
    of.count = lost_;
    const auto message =
      fmt::format("{} lines of the log were lost: nobody read standard error", lost_);
    if (!send(fitted({wall_us(), level::warning, node, "lines_lost", out_.node, of, message}))) {
      ++lost_;
      return false;
    }
    lost_ = 0;
    return true;
  }

  /// The line with its end.
  [[nodiscard]] std::string fitted(line shown) const {
    auto text = to_text(shown, out_.format);
    for (auto bytes = line_bytes_max / 2; text.size() >= line_bytes_max && bytes > 0; bytes /= 2) {
      shown.message = cut(shown.message, bytes);
      shown.what.error = cut(shown.what.error, bytes / 2);
      text = to_text(shown, out_.format);
    }
    return text + '\n';
  }

  [[nodiscard]] bool send(std::string_view text) const { return out_.to(text); }

  std::mutex mutex_;
  output out_{line_format::text, {}, {}, descriptor_sink{STDERR_FILENO}};
  std::map<std::pair<module_name, std::string_view>, event_lines> floods_;
  std::uint64_t lost_ = 0;
};

writer& the_writer() {
  static writer one;
  return one;
}

} // namespace

void start(output where) {
  the_writer().start(std::move(where));
}

void look() {
  the_writer().look();
}

void complain(std::string_view program, std::string_view what) {
  the_writer().complain(program, what);
}

namespace detail {

void write(level how,
           module_name from,
           event what,
           const about& of,
           fmt::string_view format,
           fmt::format_args args) {
  the_writer().write(how, from, what, of, format, args);
}

} // namespace detail

} // namespace furrow::log
