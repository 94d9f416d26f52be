/// The child programs of a benchmark, and the CPU and memory that they and other processes use, from /proc.
///
/// Units: seconds of CPU, user and system together; bytes.
/// Errors: failed, with the program's last line if it ended too soon.
/// Threads: one.
/// Limits: a child dies with this program (PR_SET_PDEATHSIG). The CPU of living processes is known to 10 ms.
#pragma once

#include "tools/furrow/exit_code.hpp"

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace furrow::cli::bench {

/// A folder for the files of a benchmark; removed with the object.
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

  /// `output` is the file for both outputs of the program, `input` its standard input (-1: none). A name without a
  /// slash is searched in PATH.
  [[nodiscard]] static result<child> start(const std::vector<std::string>& words,
                                           std::string output,
                                           const environment& more = {},
                                           int input = -1);
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
  /// Returns the exit code (128 + the signal) once the child has ended.
  [[nodiscard]] std::optional<int> ended();
  /// Asks the child to end and waits; kills it if it does not end.
  int end(std::chrono::milliseconds patience);
  /// CPU so far; CPU of the whole life once the child has ended.
  [[nodiscard]] double cpu_s() const;
  /// CPU so far of the threads of a living child, by their names.
  [[nodiscard]] std::map<std::string, double> thread_cpu_s() const;
  [[nodiscard]] memory held() const;
  [[nodiscard]] unsigned threads() const;

private:
  child(pid_t pid, std::string output) : pid_{pid}, output_{std::move(output)} {}
  pid_t pid_;
  std::string output_;
  double cpu_s_ = 0; // once the child has ended
};

/// CPU of a process and all its children, ended ones included; nothing if it cannot be read.
[[nodiscard]] std::optional<double> family_cpu_s(std::optional<int> process);

/// The path of a program in the folder of this program.
[[nodiscard]] result<std::string> program_beside(const std::string& name);

} // namespace furrow::cli::bench
