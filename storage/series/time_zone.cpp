#include "storage/series/time_zone.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <limits>

namespace furrow::storage {

namespace {

constexpr std::int64_t zone_second_us = 1'000'000;
constexpr std::int64_t zone_day_s = 86'400;
constexpr int unrolled_year_last = 2200;
constexpr std::size_t zone_file_bytes_max = 1U << 16U;
constexpr std::size_t zone_name_bytes_max = 64;

std::int64_t floored(std::int64_t value, std::int64_t by) {
  return value / by - (value % by < 0 ? 1 : 0);
}

/// Big-endian, signed, of 1 to 8 bytes.
std::int64_t big_endian_in(std::string_view bytes) {
  std::uint64_t out = 0;
  for (const auto byte : bytes)
    out = out << 8U | static_cast<unsigned char>(byte);
  const auto unused = 64 - 8 * bytes.size();
  return static_cast<std::int64_t>(out << unused) >> unused; // the sign goes into the upper bits
}

struct block_counts {
  std::size_t utc_marks = 0;
  std::size_t standard_marks = 0;
  std::size_t leaps = 0;
  std::size_t times = 0;
  std::size_t types = 0;
  std::size_t letters = 0;

  [[nodiscard]] std::size_t bytes(std::size_t time_bytes) const {
    return times * (time_bytes + 1) + types * 6 + letters + leaps * (time_bytes + 4)
           + standard_marks + utc_marks;
  }
};

/// Takes a header off the content.
std::optional<block_counts> take_header(std::string_view& content) {
  constexpr std::size_t header_bytes = 44;
  constexpr std::size_t counts_at = 20;
  if (content.size() < header_bytes || !content.starts_with("TZif") || content[4] < '2')
    return std::nullopt;
  block_counts out;
  std::size_t at = counts_at;
  for (auto* count :
       {&out.utc_marks, &out.standard_marks, &out.leaps, &out.times, &out.types, &out.letters}) {
    const auto value = big_endian_in(content.substr(at, 4));
    if (value < 0 || static_cast<std::size_t>(value) > content.size())
      return std::nullopt;
    *count = static_cast<std::size_t>(value);
    at += 4;
  }
  content.remove_prefix(header_bytes);
  return out;
}

/// A day of each year, and a time on it: "M3.5.0/2", "J60", "59/24".
struct yearly_rule {
  char kind = 'M'; // 'J': 1 to 365 without February 29; '0': 0 to 365
  unsigned month = 1;
  unsigned week = 1; // 5: the last
  std::int64_t day = 0;
  std::int64_t time_s = 7'200;

  [[nodiscard]] std::int64_t local_s(int year) const {
    using namespace std::chrono;
    const std::chrono::year y{year};
    const auto january = sys_days{y / 1 / 1}.time_since_epoch().count();
    std::int64_t at = january;
    if (kind == 'M') {
      const weekday on{static_cast<unsigned>(day)};
      const auto date = week == 5 ? sys_days{y / std::chrono::month{month} / on[last]}
                                  : sys_days{y / std::chrono::month{month} / on[week]};
      at = date.time_since_epoch().count();
    } else if (kind == 'J') {
      at += day - 1 + (y.is_leap() && day > 59 ? 1 : 0);
    } else {
      at += day;
    }
    return at * zone_day_s + time_s;
  }
};

/// "CET-1CEST,M3.5.0,M10.5.0/3", read from the left.
class posix_text {
public:
  explicit posix_text(std::string_view text) : rest_{text} {}

  [[nodiscard]] bool done() const { return rest_.empty(); }
  bool take(char wanted) {
    if (!rest_.starts_with(wanted))
      return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool skip_name() {
    std::size_t size = 0;
    if (rest_.starts_with('<'))
      size = rest_.find('>') + 1; // 0 where it is missing
    else
      while (size < rest_.size() && is_letter(rest_[size]))
        ++size;
    rest_.remove_prefix(size);
    return size > 0;
  }
  std::optional<std::int64_t> number() {
    std::int64_t out = 0;
    std::size_t size = 0;
    for (; size < std::min<std::size_t>(rest_.size(), 3) && is_digit(rest_[size]); ++size)
      out = out * 10 + (rest_[size] - '0');
    rest_.remove_prefix(size);
    return size > 0 ? std::optional{out} : std::nullopt;
  }
  /// [+-]h[:m[:s]] in seconds
  std::optional<std::int64_t> clock() {
    const bool negative = take('-');
    if (!negative)
      (void)take('+');
    std::int64_t out = 0;
    std::int64_t unit = 3'600;
    do {
      const auto part = number();
      if (!part)
        return std::nullopt;
      out += *part * unit;
      unit /= 60;
    } while (unit > 0 && take(':'));
    return negative ? -out : out;
  }
  std::optional<yearly_rule> rule() {
    yearly_rule out;
    if (!take(','))
      return std::nullopt;
    if (take('M')) {
      const auto month = number();
      const auto week = take('.') ? number() : std::nullopt;
      const auto day = take('.') ? number() : std::nullopt;
      if (!month || !week || !day || *month < 1 || *month > 12 || *week < 1 || *week > 5
          || *day > 6)
        return std::nullopt;
      out.month = static_cast<unsigned>(*month);
      out.week = static_cast<unsigned>(*week);
      out.day = *day;
    } else {
      out.kind = take('J') ? 'J' : '0';
      const auto day = number();
      if (!day || *day > 365)
        return std::nullopt;
      out.day = *day;
    }
    if (take('/')) {
      const auto time = clock();
      if (!time)
        return std::nullopt;
      out.time_s = *time;
    }
    return out;
  }

private:
  static bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }

  std::string_view rest_;
};

/// Adds the changes that a rule makes after the last one of the file. False: the rule is invalid.
bool unroll(std::string_view rule, std::vector<time_zone::change>& changes) {
  posix_text in{rule};
  if (in.done())
    return true;
  const auto west_s = in.skip_name() ? in.clock() : std::nullopt;
  if (!west_s || in.done())
    return west_s.has_value(); // without summer time the last change holds on
  const auto standard_s = -*west_s;
  auto summer_s = standard_s + 3'600;
  if (!in.skip_name())
    return false;
  auto begins = in.rule();
  if (!begins) { // a summer time of another distance
    const auto summer_west_s = in.clock();
    if (!summer_west_s)
      return false;
    summer_s = -*summer_west_s;
    begins = in.rule();
  }
  const auto ends = in.rule();
  if (!begins || !ends || !in.done())
    return false;
  const auto last_s =
    changes.empty() ? std::numeric_limits<std::int64_t>::min() : changes.back().at_s;
  const auto known = static_cast<std::ptrdiff_t>(changes.size());
  for (int year = 1970; year <= unrolled_year_last; ++year)
    for (const auto& one : {time_zone::change{begins->local_s(year) - standard_s, summer_s},
                            time_zone::change{ends->local_s(year) - summer_s, standard_s}})
      if (one.at_s > last_s)
        changes.push_back(one);
  std::stable_sort(changes.begin() + known, changes.end(),
                   [](const auto& a, const auto& b) { return a.at_s < b.at_s; });
  return true;
}

} // namespace

std::optional<time_zone> time_zone::parse(std::string_view content) {
  constexpr std::size_t time_bytes = 8;
  constexpr std::size_t type_bytes = 6;
  const auto old = take_header(content);
  if (!old || old->bytes(4) > content.size())
    return std::nullopt;
  content.remove_prefix(old->bytes(4));
  const auto counts = take_header(content);
  if (!counts || counts->types == 0 || counts->bytes(time_bytes) > content.size())
    return std::nullopt;
  const auto types = content.substr(counts->times * (time_bytes + 1));
  const auto offset_of = [&](std::size_t type) {
    return big_endian_in(types.substr(type * type_bytes, 4));
  };
  time_zone out;
  out.first_offset_s_ = offset_of(0);
  for (std::size_t i = 0; i < counts->times; ++i) {
    const auto type = static_cast<unsigned char>(content[counts->times * time_bytes + i]);
    if (type >= counts->types)
      return std::nullopt;
    out.changes_.push_back(
      {big_endian_in(content.substr(i * time_bytes, time_bytes)), offset_of(type)});
    if (i > 0 && out.changes_[i].at_s <= out.changes_[i - 1].at_s)
      return std::nullopt;
  }
  content.remove_prefix(counts->bytes(time_bytes));
  const auto end = content.find('\n', 1);
  if (!content.starts_with('\n') || end == std::string_view::npos
      || !unroll(content.substr(1, end - 1), out.changes_))
    return std::nullopt;
  return out;
}

std::int64_t time_zone::offset_s(std::int64_t at_s) const {
  const auto after = std::upper_bound(changes_.begin(), changes_.end(), at_s,
                                      [](auto at, const change& one) { return at < one.at_s; });
  return after == changes_.begin() ? first_offset_s_ : std::prev(after)->offset_s;
}

std::int64_t time_zone::day_of(std::int64_t time_us) const {
  const auto at_s = floored(time_us, zone_second_us);
  return floored(at_s + offset_s(at_s), zone_day_s);
}

std::int64_t time_zone::start_us(std::int64_t day) const {
  // Of the stretches with one distance from UTC, the first that reaches the day.
  const auto midnight_s = day * zone_day_s;
  const auto before_s = midnight_s - 2 * zone_day_s; // an earlier day everywhere
  auto next = std::upper_bound(changes_.begin(), changes_.end(), before_s,
                               [](auto at, const change& one) { return at < one.at_s; });
  auto start_s = midnight_s - offset_s(before_s);
  for (; next != changes_.end() && start_s >= next->at_s; ++next)
    start_s = std::max(next->at_s, midnight_s - next->offset_s);
  return start_s * zone_second_us;
}

std::optional<time_zone> find_time_zone(const std::string& name) {
  if (name == "UTC")
    return time_zone{};
  const bool plain = !name.empty() && name.size() <= zone_name_bytes_max
                     && std::all_of(name.begin(), name.end(), [](char c) {
                          return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
                                 || (c >= '0' && c <= '9') || c == '_' || c == '+' || c == '-'
                                 || c == '/';
                        });
  if (!plain || name.front() == '/' || name.starts_with("posix/") || name.starts_with("right/"))
    return std::nullopt;
  const auto* folder = std::getenv("TZDIR");
  std::ifstream file{std::string{folder != nullptr ? folder : "/usr/share/zoneinfo"} + "/" + name,
                     std::ios::binary};
  std::string content(zone_file_bytes_max, '\0');
  file.read(content.data(), static_cast<std::streamsize>(content.size()));
  content.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  return time_zone::parse(content);
}

std::string unknown_zone(std::string_view name) {
  return std::string{unknown_zone_text} + "\"" + std::string{name.substr(0, zone_name_bytes_max)}
         + "\": write a name of the IANA database, such as Europe/Berlin";
}

} // namespace furrow::storage
