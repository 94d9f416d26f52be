/// The programs that a benchmark runs, and what they and others cost, from /proc.
///
/// Units: seconds of CPU, user and system together; bytes.
/// Errors: failed, with the program's last line when it ended too soon.
/// Threads: one.
/// Limits: a child dies with this program (PR_SET_PDEATHSIG). CPU of living processes is known to
///   10 ms.
#pragma once

#include "tools/furrow/exit_code.hpp"

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace furrow::cli::bench {

/// A folder for what a benchmark writes; gone with the object.
class scratch {
public:
  scratch();
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;
  ~scratch();
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

private:
  std::string path_;
};

struct memory {
  std::uint64_t resident_bytes = 0;
  std::uint64_t peak_bytes = 0;
};

class child {
public:
  using environment = std::vector<std::pair<std::string, std::string>>;

  /// `output` is the file for what it says on both outputs. A name without a slash is looked for in
  /// PATH.
  [[nodiscard]] static result<child>
  start(const std::vector<std::string>& words, std::string output, const environment& more = {});
  child(child&& other) noexcept
    : pid_{std::exchange(other.pid_, -1)}, output_{std::move(other.output_)}, cpu_s_{other.cpu_s_} {
  }
  child& operator=(child&&) = delete;
  child(const child&) = delete;
  child& operator=(const child&) = delete;
  ~child(); // kills it

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] std::string output() const;
  [[nodiscard]] std::string last_line() const;
  /// The exit code (128 + the signal) when it has ended.
  [[nodiscard]] std::optional<int> ended();
  /// Asks it to end and waits; kills it when it does not.
  int end(std::chrono::milliseconds patience);
  /// So far; of the whole life once it has ended.
  [[nodiscard]] double cpu_s() const;
  [[nodiscard]] memory held() const;
  [[nodiscard]] unsigned threads() const;

private:
  child(pid_t pid, std::string output) : pid_{pid}, output_{std::move(output)} {}
  pid_t pid_;
  std::string output_;
  double cpu_s_ = 0; // of the ended
};

/// CPU of a process with all its children, the ended ones too; nothing when it cannot be seen.
[[nodiscard]] std::optional<double> family_cpu_s(std::optional<int> process);

/// A program that stands beside this one.
[[nodiscard]] result<std::string> program_beside(const std::string& name);

} // namespace furrow::cli::bench
