#include "actors/log/log.hpp"

#include "actors/log/line_limit.hpp"
#include "actors/log/loggers.hpp"

#include <chrono>
#include <map>
#include <mutex>
#include <utility>

namespace furrow::log {

namespace {

using clock = std::chrono::steady_clock;

class writer {
public:
  void start(output where) {
    const std::lock_guard lock{mutex_};
    the_sink().use(std::move(where));
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
    put(how, {from, what.name, of}, fmt::vformat(format, args));
  }

  void complain(std::string_view program, std::string_view what) {
    const std::lock_guard lock{mutex_};
    const auto& now = the_sink().now();
    if (now.format == line_format::text || now.format == line_format::terminal)
      (void)now.to(fmt::format("{}: {}\n", program, what));
    else
      put(level::critical, {node, "failed", {}}, std::string{what});
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
    put(how, {from, "lines_left_out", of},
        fmt::format("{} lines like {} were left out", lines, event));
  }

  void put(level how, const subject& of, const std::string& message) {
    if (the_sink().lost() > 0 && !tell_lost())
      return the_sink().lose();
    give(how, of, message);
  }

  /// Whether the output took it.
  bool tell_lost() {
    const auto lines = the_sink().lost();
    about of;
    of.count = lines;
    the_sink().forget_lost();
    give(level::warning, {node, "lines_lost", of},
         fmt::format("{} lines of the log were lost: nobody read standard error", lines));
    if (the_sink().lost() == 0)
      return true;
    the_sink().lose(lines - 1); // the line that told of them was no other line
    return false;
  }

  void give(level how, const subject& of, const std::string& message) {
    the_sink().speak_of(of);
    logger_of(of.from).log(to_spdlog(how), message);
  }

  std::mutex mutex_;
  std::map<std::pair<module_name, std::string_view>, event_lines> floods_;
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
