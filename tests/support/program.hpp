/// Runs a program as a shell would, and returns its output.
///
/// Errors: throws when the program cannot be started.
/// Limits: the program is killed after 60 s.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace furrow::tests {

struct program_result {
  int exit_code = -1; // -1: killed
  std::string out;
  std::string errors;
};

struct program_options {
  std::vector<std::pair<std::string, std::string>> environment; // in addition to that of the test
  bool terminal = false;                                        // standard output is a terminal
  std::size_t out_bytes_max = SIZE_MAX; // standard output is closed after this number
};

class program {
public:
  program(std::vector<std::string> arguments, program_options options)
    : options_{std::move(options)} {
    int out[2];
    int errors[2];
    const bool made = options_.terminal
                        ? ::openpty(&out[0], &out[1], nullptr, nullptr, nullptr) == 0
                        : ::pipe2(out, O_CLOEXEC) == 0;
    if (!made || ::pipe2(errors, O_CLOEXEC) != 0)
      throw std::runtime_error{"no pipe"};
    pid_ = ::fork();
    if (pid_ < 0)
      throw std::runtime_error{"cannot fork"};
    if (pid_ == 0) {
      ::dup2(out[1], STDOUT_FILENO);
      ::dup2(errors[1], STDERR_FILENO);
      ::unsetenv("FURROW_AT");
      ::unsetenv("FURROW_CA");
      ::unsetenv("FURROW_TOKEN");
      ::unsetenv("FURROW_DATABASE");
      ::unsetenv("FURROW_FARM");
      ::unsetenv("FURROW_CONTEXT");
      ::setenv("XDG_CONFIG_HOME", "/nonexistent", 1); // not the contexts of the person who tests
      ::unsetenv("NO_COLOR");
      for (const auto& [name, value] : options_.environment)
        ::setenv(name.c_str(), value.c_str(), 1);
      std::vector<char*> words;
      for (auto& argument : arguments)
        words.push_back(argument.data());
      words.push_back(nullptr);
      ::execv(words[0], words.data());
      ::_exit(127);
    }
    ::close(out[1]);
    ::close(errors[1]);
    out_ = out[0];
    errors_ = errors[0];
  }

  program_result wait() {
    program_result result;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    while (out_ >= 0 || errors_ >= 0) {
      pollfd ready[2] = {{out_, POLLIN, 0}, {errors_, POLLIN, 0}};
      if (::poll(ready, 2, 1'000) > 0) {
        if (ready[0].revents != 0)
          take(out_, result.out);
        if (ready[1].revents != 0)
          take(errors_, result.errors);
      }
      if (out_ >= 0 && result.out.size() >= options_.out_bytes_max)
        ::close(std::exchange(out_, -1));
      if (std::chrono::steady_clock::now() > deadline) {
        ::kill(pid_, SIGKILL);
        break;
      }
    }
    int status = 0;
    ::waitpid(pid_, &status, 0);
    if (WIFEXITED(status))
      result.exit_code = WEXITSTATUS(status);
    return result;
  }

private:
  static void take(int& from, std::string& text) {
    char bytes[65'536];
    const auto count = ::read(from, bytes, sizeof bytes);
    if (count > 0)
      text.append(bytes, static_cast<std::size_t>(count));
    else
      ::close(std::exchange(from, -1)); // the end; a terminal gives EIO when its program has ended
  }

  program_options options_;
  pid_t pid_ = -1;
  int out_ = -1;
  int errors_ = -1;
};

inline program_result run_program(std::vector<std::string> arguments,
                                  program_options options = {}) {
  return program{std::move(arguments), std::move(options)}.wait();
}

} // namespace furrow::tests
