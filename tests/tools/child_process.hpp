/// A program of ours as a child: its output, its end, and how to kill it.
#pragma once

#include <doctest/doctest.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace furrow::tests {

class child_process {
public:
  /// `output` is the file for standard output and error, `input` the file for standard input.
  child_process(const std::string& program,
                std::vector<std::string> arguments,
                std::string output,
                const std::string& input = "/dev/null",
                const std::vector<std::string>& environment = {})
    : output_{std::move(output)} {
    arguments.insert(arguments.begin(), program);
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ != 0)
      return;
    const int in = ::open(input.c_str(), O_RDONLY);
    const int out = ::open(output_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    ::dup2(in, 0);
    ::dup2(out, 1);
    ::dup2(out, 2);
    std::vector<char*> argv;
    argv.reserve(arguments.size() + 1);
    for (auto& argument : arguments)
      argv.push_back(argument.data());
    argv.push_back(nullptr);
    for (const auto& variable : environment)
      ::putenv(::strdup(variable.c_str()));
    ::execv(program.c_str(), argv.data());
    ::_exit(127);
  }
  ~child_process() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }
  child_process(const child_process&) = delete;
  child_process& operator=(const child_process&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  void signal(int number) const { ::kill(pid_, number); }
  /// The exit code, or 128 + the signal; nothing if the program still runs after the limit.
  std::optional<int> wait(std::chrono::milliseconds patience = std::chrono::seconds{30}) {
    const auto handle = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
    pollfd ended{handle, POLLIN, 0};
    const auto ready = ::poll(&ended, 1, static_cast<int>(patience.count()));
    ::close(handle);
    if (ready != 1)
      return std::nullopt;
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  [[nodiscard]] std::string output() const {
    std::ifstream in{output_};
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }

private:
  std::string output_;
  pid_t pid_ = -1;
};

} // namespace furrow::tests
