/// A program of ours on a terminal of its own: what it draws, the keys that it gets, and how it leaves the terminal.
///
/// Limits: waits at most 30 s for anything.
#pragma once

#include <doctest/doctest.h>

#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace furrow::tests {

class terminal_child {
public:
  terminal_child(std::vector<std::string> arguments,
                 const std::vector<std::pair<std::string, std::string>>& environment) {
    winsize size{};
    size.ws_row = 40;
    size.ws_col = 120;
    REQUIRE(::openpty(&terminal_, &inside_, nullptr, nullptr, &size) == 0);
    REQUIRE(::tcgetattr(inside_, &before_) == 0);
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ != 0)
      return;
    ::close(terminal_);
    ::login_tty(inside_);
    ::setenv("TERM", "xterm", 1);
    ::setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
    for (const auto& [name, value] : environment)
      ::setenv(name.c_str(), value.c_str(), 1);
    std::vector<char*> words;
    for (auto& argument : arguments)
      words.push_back(argument.data());
    words.push_back(nullptr);
    ::execv(words[0], words.data());
    ::_exit(127);
  }
  ~terminal_child() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    ::close(terminal_);
    ::close(inside_);
  }
  terminal_child(const terminal_child&) = delete;
  terminal_child& operator=(const terminal_child&) = delete;

  /// Whether the text is drawn, after what was seen before.
  bool sees(std::string_view text) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{30};
    for (;;) {
      const auto found = shown_.find(text, seen_);
      if (found != std::string::npos) {
        seen_ = found + text.size();
        return true;
      }
      if (std::chrono::steady_clock::now() > deadline || !read(100))
        return false;
    }
  }
  void type(std::string_view keys) const {
    CHECK(::write(terminal_, keys.data(), keys.size()) == static_cast<ssize_t>(keys.size()));
  }
  void signal(int number) const { ::kill(pid_, number); }
  /// The exit code; -1 if the program does not end.
  int wait() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{30};
    int status = 0;
    while (::waitpid(pid_, &status, WNOHANG) == 0) {
      if (std::chrono::steady_clock::now() > deadline)
        return -1;
      (void)read(20);
    }
    pid_ = -1;
    for (auto before = shown_.size() + 1; before != shown_.size();) {
      before = shown_.size();
      (void)read(0);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  /// Whether lines and echo are as they were.
  [[nodiscard]] bool is_restored() const {
    termios now{};
    REQUIRE(::tcgetattr(inside_, &now) == 0);
    return now.c_lflag == before_.c_lflag && now.c_iflag == before_.c_iflag
           && now.c_oflag == before_.c_oflag;
  }
  [[nodiscard]] const std::string& shown() const { return shown_; }

private:
  /// False: the terminal is gone.
  bool read(int patience_ms) {
    pollfd ready{terminal_, POLLIN, 0};
    if (::poll(&ready, 1, patience_ms) <= 0)
      return true;
    std::array<char, 4'096> bytes{};
    const auto count = ::read(terminal_, bytes.data(), bytes.size());
    if (count <= 0)
      return false;
    shown_.append(bytes.data(), static_cast<std::size_t>(count));
    return true;
  }

  int terminal_ = -1;
  int inside_ = -1;
  termios before_{};
  pid_t pid_ = -1;
  std::string shown_;
  std::size_t seen_ = 0;
};

} // namespace furrow::tests
