/// Holds single threads of a child process, as if they hung, while its other threads go on.
///
/// Shape: ptrace: a thread stops where it is, and goes on when the object is destroyed.
/// Errors: a test that may not trace its children fails.
/// Threads: made and destroyed on one thread, which is the tracer.
#pragma once

#include <doctest/doctest.h>

#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

namespace furrow::tests {

class held_threads {
public:
  /// Those of the process for which `which(id, name)` is true.
  held_threads(pid_t process, const std::function<bool(pid_t, const std::string&)>& which) {
    for (const auto& thread :
         std::filesystem::directory_iterator{"/proc/" + std::to_string(process) + "/task"}) {
      std::ifstream in{thread.path() / "comm"};
      std::string name;
      std::getline(in, name);
      const auto id = static_cast<pid_t>(std::stoi(thread.path().filename().string()));
      if (which(id, name))
        hold(id);
    }
  }
  held_threads(const held_threads&) = delete;
  held_threads& operator=(const held_threads&) = delete;
  ~held_threads() {
    for (const auto id : held_)
      ::ptrace(PTRACE_DETACH, id, nullptr, nullptr);
  }
  [[nodiscard]] std::size_t count() const { return held_.size(); }

private:
  void hold(pid_t id) {
    REQUIRE(::ptrace(PTRACE_SEIZE, id, nullptr, nullptr) == 0);
    REQUIRE(::ptrace(PTRACE_INTERRUPT, id, nullptr, nullptr) == 0);
    int status = 0;
    REQUIRE(::waitpid(id, &status, __WALL) == id);
    held_.push_back(id);
  }

  std::vector<pid_t> held_;
};

} // namespace furrow::tests
