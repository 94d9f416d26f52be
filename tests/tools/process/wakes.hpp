/// How often a program wakes while it has nothing to do.
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

namespace furrow::tests {

/// How often the threads of a process have gone to sleep; each time something woke them.
inline std::uint64_t wakes_of(pid_t process) {
  std::uint64_t sum = 0;
  for (const auto& thread :
       std::filesystem::directory_iterator{"/proc/" + std::to_string(process) + "/task"}) {
    std::ifstream status{thread.path() / "status"};
    for (std::string word; status >> word;)
      if (word == "voluntary_ctxt_switches:") {
        std::uint64_t count = 0;
        status >> count;
        sum += count;
      }
  }
  return sum;
}

/// The same in a time from now on. A machine that is busy with other things does not change this count.
inline std::uint64_t wakes_within(pid_t process, std::chrono::milliseconds time) {
  const auto before = wakes_of(process);
  const auto until = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < until)
    ::poll(nullptr, 0, 10);
  const auto after = wakes_of(process); // less where a thread has ended meanwhile
  return after < before ? 0 : after - before;
}

} // namespace furrow::tests
