/// Runs this test program again as a child that writes a stream (or runs another test case), dies
/// at the given place, and leaves a file of its acked watermarks.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>

namespace furrow::tests {

inline constexpr std::uint64_t child_items = 1'000;
inline constexpr int failpoint_exit = 99;
inline constexpr int fenced_exit = 3;

class child_writer {
public:
  /// Starts at once. `failpoint` has the form of FURROW_FAILPOINT; empty: none.
  child_writer(const std::string& url,
               const std::string& failpoint,
               const std::string& test_case = "child: writes until it is done or killed");
  child_writer(const child_writer&) = delete;
  child_writer& operator=(const child_writer&) = delete;
  ~child_writer();

  /// The exit status, or -1 when a signal ended it.
  int wait();
  /// Returns when the child has stopped (SIGSTOP); false when the child has ended.
  [[nodiscard]] bool wait_stopped() const;
  void go_on() const;
  /// The last watermark that the child received.
  [[nodiscard]] std::uint64_t acked() const;

private:
  std::filesystem::path log_;
  pid_t pid_ = 0;
};

} // namespace furrow::tests
