/// Progress of long work on standard error: a new line now and then for a file, one line that is overwritten for a
/// terminal.
///
/// Threads: one.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

namespace furrow::cli {

class progress {
public:
  using clock = std::chrono::steady_clock;

  progress(std::uint64_t total, bool terminal, std::string what = {})
    : total_{total}, terminal_{terminal}, what_{std::move(what)} {}

  void at(std::uint64_t rows, bool last = false) {
    const auto now = clock::now();
    if (!last
        && now - said_ < (terminal_ ? std::chrono::milliseconds{200} : std::chrono::seconds{10}))
      return;
    said_ = now;
    const auto elapsed = std::chrono::duration<double>(now - begun_).count();
    const auto rate = elapsed > 0 ? static_cast<double>(rows) / elapsed : 0;
    const auto left = rate > 0 ? static_cast<double>(total_ - std::min(rows, total_)) / rate : 0;
    const auto line = fmt::format(
      "{}{} of {} rows, {:.0f} %, {:.0f} rows/s, {:.0f} s left", what_, rows, total_,
      total_ == 0 ? 100.0 : 100.0 * static_cast<double>(rows) / static_cast<double>(total_), rate,
      left);
    fmt::print(stderr, "{}{}{}", terminal_ ? "\r" : "", line, terminal_ && !last ? "   " : "\n");
  }
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(clock::now() - begun_).count();
  }

private:
  std::uint64_t total_;
  bool terminal_;
  std::string what_;
  clock::time_point begun_ = clock::now();
  clock::time_point said_ = clock::now();
};

} // namespace furrow::cli
