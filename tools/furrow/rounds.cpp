#include "tools/furrow/rounds.hpp"

#include "tools/furrow/commands.hpp"
#include "tools/furrow/fitted_table.hpp"
#include "tools/furrow/interrupt.hpp"
#include "tools/furrow/output.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <thread>
#include <utility>

#include <CLI/Validators.hpp>

namespace furrow::cli {

namespace {

using round_clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds interval_min{50};
constexpr std::chrono::milliseconds interval_max{3'600'000};
constexpr const char* screen_on = "\x1b[?25l\x1b[?7l\x1b[H\x1b[2J"; // no cursor, no wrapped lines
constexpr const char* screen_off = "\x1b[?7h\x1b[?25h";

std::string time_of_day() {
  return fmt::format("{:%H:%M:%S}", fmt::localtime(std::time(nullptr)));
}

/// Ends also when a round throws.
class capturing {
public:
  explicit capturing(captured* into) { capture(into); }
  ~capturing() { capture(nullptr); }
  capturing(const capturing&) = delete;
  capturing& operator=(const capturing&) = delete;
};

/// Prints each round, and says when one fails.
class round_printer {
public:
  round_printer(std::string every, bool draws) : every_{std::move(every)}, draws_{draws} {}
  ~round_printer() {
    if (draws_ && rounds_ > 0)
      (void)write_out(screen_off);
  }
  round_printer(const round_printer&) = delete;
  round_printer& operator=(const round_printer&) = delete;

  /// The exit code of the round, or why the rounds end.
  result<int> print(const std::function<result<int>()>& round) {
    captured now;
    auto outcome = [&] {
      const capturing until_it_ends{draws_ ? &now : nullptr};
      return round();
    }();
    if (interrupted() || (!outcome && rounds_ == 0))
      return outcome;
    if (draws_ && rounds_ == 0)
      (void)write_out(screen_on);
    ++rounds_;
    if (outcome) {
      shown_ = std::move(now.text);
      shown_at_ = time_of_day();
      code_ = *outcome;
      said_.clear();
    } else {
      say(outcome.error(), now.notes);
    }
    if (draws_)
      (void)write_out(screen_text(shown_, now.notes, terminal_rows()));
    return code_;
  }

private:
  /// On a screen in every round; elsewhere once for each reason.
  void say(const failure& why, std::string& notes) {
    const auto text = fmt::format("{}; asking again every {}", why.detail, every_);
    if (draws_)
      notes += fmt::format("furrow: {} (the rows are of {})\n", text, shown_at_);
    else if (std::exchange(said_, text) != text)
      note(text);
  }

  std::string every_;
  bool draws_;
  unsigned rounds_ = 0;
  int code_ = 0;
  std::string shown_;
  std::string shown_at_;
  std::string said_;
};

void sleep_until(round_clock::time_point when) {
  while (!interrupted() && round_clock::now() < when)
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
}

} // namespace

std::shared_ptr<watch_plan> add_watch_plan(CLI::App& command) {
  auto plan = std::make_shared<watch_plan>();
  auto* watch =
    command
      .add_flag("--watch{2s}", plan->every,
                "print again every 2 s, or as often as --watch=500ms says, until Ctrl-C")
      ->check(CLI::Validator{[](std::string& text) {
                               return parse_interval(text)
                                        ? std::string{}
                                        : "\"" + text + "\" is not a time between 50ms and 1h";
                             },
                             "TIME"});
  command.add_option("--times", plan->times, "stop after this many rounds")
    ->needs(watch)
    ->check(CLI::NonNegativeNumber);
  return plan;
}

std::optional<std::chrono::milliseconds> parse_interval(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{})
    return std::nullopt;
  const std::string_view unit{end, static_cast<std::size_t>(text.data() + text.size() - end)};
  constexpr std::array<std::pair<std::string_view, double>, 5> units{
    {{"", 1'000}, {"ms", 1}, {"s", 1'000}, {"min", 60'000}, {"h", 3'600'000}}};
  const auto* known =
    std::find_if(units.begin(), units.end(), [unit](const auto& one) { return one.first == unit; });
  if (known == units.end())
    return std::nullopt;
  const double ms = number * known->second;
  if (!(ms >= static_cast<double>(interval_min.count())
        && ms <= static_cast<double>(interval_max.count())))
    return std::nullopt;
  return std::chrono::milliseconds{static_cast<std::int64_t>(ms)};
}

int run_rounds(const globals& globals,
               const watch_plan& plan,
               const std::function<result<int>()>& round) {
  if (plan.every.empty())
    return code_of(round());
  const bool draws = ::isatty(STDOUT_FILENO) == 1 && globals.for_people();
  if (!draws && globals.format() != output_format::jsonl)
    return report({errc::usage, "--watch draws a table on a terminal; anywhere else it needs "
                                "-o jsonl (a line for each row of each round)"});
  if (!note_interrupts())
    return report({errc::failed, "cannot handle signals"});
  const auto every = parse_interval(plan.every).value_or(interval_max);
  auto last = result<int>{0};
  {
    round_printer printer{plan.every, draws};
    for (unsigned rounds = 1;; ++rounds) {
      const auto next = round_clock::now() + every;
      last = printer.print(round);
      // The reader may have gone.
      if (!last || rounds == plan.times || interrupted() || !write_out(""))
        break;
      sleep_until(next);
      if (interrupted())
        break;
    }
  }
  if (interrupted())
    return 0;
  const auto all_written = written();
  return all_written ? code_of(last) : report(all_written.error());
}

std::string screen_text(std::string_view lines, std::string_view notes, std::size_t rows) {
  std::string text{lines};
  text += notes;
  if (!text.empty() && text.back() != '\n')
    text += '\n';
  const auto total = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  std::size_t fits = total;
  if (rows > 1 && total > rows - 1)
    fits = rows - 2; // one line says how many are missing, and one is the cursor's
  std::string out = "\x1b[H";
  std::size_t from = 0;
  for (std::size_t i = 0; i < fits; ++i) {
    const auto end = text.find('\n', from);
    out += text.substr(from, end - from) + "\x1b[K\n";
    from = end + 1;
  }
  if (fits < total)
    out += fmt::format("... {} more lines; a higher window or -o jsonl shows them\x1b[K\n",
                       total - fits);
  return out + "\x1b[J";
}

} // namespace furrow::cli
