#include "storage/postgres/connection/store_monitor.hpp"

#include <algorithm>
#include <cctype>

namespace furrow::storage {

namespace {

bool part_of_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$';
}

std::int64_t second_of(store_monitor::clock::time_point now) {
  return std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
}

/// The position after the literal whose quote is at `at`.
std::size_t behind_literal(std::string_view sql, std::size_t at) {
  for (++at; at < sql.size(); ++at) {
    const bool doubled = sql[at] == '\'' && at + 1 < sql.size() && sql[at + 1] == '\'';
    if (doubled || sql[at] == '\\') // of E'...'; in other literals this masks one character more
      ++at;
    else if (sql[at] == '\'')
      return at + 1;
  }
  return sql.size();
}

} // namespace

std::string masked_statement(std::string_view sql) {
  std::string out;
  for (std::size_t at = 0; at < sql.size() && out.size() < store_monitor::statement_chars_max;) {
    const char c = sql[at];
    const bool begins = out.empty() || !part_of_word(out.back());
    if (c == '\'') {
      at = behind_literal(sql, at);
      out += "'?'";
    } else if (begins && std::isdigit(static_cast<unsigned char>(c)) != 0) {
      while (at < sql.size() && (part_of_word(sql[at]) || sql[at] == '.'))
        ++at;
      out += '?';
    } else if (std::isspace(static_cast<unsigned char>(c)) != 0) {
      if (!out.empty() && out.back() != ' ')
        out += ' ';
      ++at;
    } else {
      out += c;
      ++at;
    }
  }
  return out;
}

store_monitor::store_monitor(std::chrono::milliseconds slow_after, clock::time_point now)
  : begun_{now} {
  sums_.slow_after = slow_after;
}

store_monitor::second& store_monitor::at(clock::time_point now) {
  const auto number = second_of(now);
  auto& place = seconds_[static_cast<std::size_t>(number) % seconds_.size()];
  if (place.number != number)
    place = {number};
  return place;
}

void store_monitor::keep_slow(const ended& one) {
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  slow_.push_front({masked_statement(one.sql), std::string{one.lane},
                    std::chrono::duration_cast<std::chrono::microseconds>(wall).count(),
                    std::chrono::duration<double>(one.took).count(), one.rows,
                    std::string{one.error}});
  if (slow_.size() > slow_kept_max)
    slow_.pop_back();
}

void store_monitor::statement(const ended& one, clock::time_point now) {
  auto& recent = at(now);
  ++recent.statements;
  ++sums_.statements;
  recent.rows += one.rows;
  sums_.rows += one.rows;
  sums_.statement.add(one.took);
  if (!one.error.empty()) {
    ++recent.failed;
    ++sums_.failed;
    sums_.lock_timeouts += one.error == "55P03" ? 1 : 0;
    sums_.statement_timeouts += one.error == "57014" ? 1 : 0;
    sums_.deadlocks += one.error == "40P01" ? 1 : 0;
    sums_.lost += one.error == "lost" ? 1 : 0;
  }
  if (one.took < sums_.slow_after)
    return;
  ++recent.slow;
  ++sums_.slow;
  keep_slow(one);
}

void store_monitor::frames_stored(std::uint64_t count, clock::time_point now) {
  at(now).frames += count;
  sums_.frames += count;
}

void store_monitor::acquired(std::chrono::nanoseconds waited,
                             std::size_t in_use,
                             clock::time_point now) {
  sums_.acquire.add(waited);
  sums_.in_use_peak = std::max(sums_.in_use_peak, in_use);
  auto& peak = at(now).in_use_peak;
  peak = std::max(peak, in_use);
}

void store_monitor::timed_out(clock::time_point now) {
  ++at(now).timeouts;
}

store_activity store_monitor::read(clock::time_point now) const {
  auto out = sums_;
  out.lanes = lanes_;
  out.uptime = std::chrono::duration_cast<std::chrono::seconds>(now - begun_);
  out.slowest.assign(slow_.begin(), slow_.end());
  const auto current = second_of(now);
  auto& recent = out.recent;
  std::uint64_t rows = 0;
  std::uint64_t frames = 0;
  for (const auto& each : seconds_) {
    if (each.number < 0 || each.number > current || current - each.number > recent.span_s)
      continue;
    recent.statements += each.statements;
    recent.failed += each.failed;
    recent.slow += each.slow;
    recent.timeouts += each.timeouts;
    recent.in_use_peak = std::max(recent.in_use_peak, each.in_use_peak);
    if (each.number == current)
      continue; // an incomplete second would lower the rate
    rows += each.rows;
    frames += each.frames;
  }
  const auto span = std::clamp<std::int64_t>(out.uptime.count(), 1, recent.span_s);
  recent.rows_per_s = static_cast<double>(rows) / static_cast<double>(span);
  recent.frames_per_s = static_cast<double>(frames) / static_cast<double>(span);
  return out;
}

} // namespace furrow::storage
