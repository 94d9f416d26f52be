/// Wrong tokens by the address that sent them: how long their answers wait.
///
/// Shape: the first few answers of an address come at once; each further one waits twice as long as the one before. An
///   address that sends no wrong token for `forgotten_after` starts again. Right tokens never wait.
/// Threads: a plain value; the front has the mutex.
/// Limits: peers_max addresses, the oldest is forgotten first.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace furrow::http {

class wrong_tokens {
public:
  using clock = std::chrono::steady_clock;
  static constexpr std::uint64_t free_count = 3;
  static constexpr std::chrono::milliseconds wait_min{100};
  static constexpr std::chrono::milliseconds wait_max{3'000};
  static constexpr std::chrono::seconds forgotten_after{60};
  static constexpr std::size_t peers_max = 1'024;

  [[nodiscard]] std::chrono::milliseconds note(const std::string& peer, clock::time_point now);

private:
  struct seen {
    std::uint64_t count = 0;
    clock::time_point last;
  };
  void forget(clock::time_point now);

  std::map<std::string, seen> peers_;
};

} // namespace furrow::http
