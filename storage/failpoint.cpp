#include "storage/failpoint.hpp"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace furrow::storage::failpoint {

namespace {

struct setting {
  std::string name;
  std::uint64_t passage = 1;
  std::string action = "abort";
};

setting read_setting() {
  const char* given = std::getenv("FURROW_FAILPOINT");
  setting out;
  if (given == nullptr)
    return out;
  const std::string text{given};
  const auto first = text.find(':');
  out.name = text.substr(0, first);
  if (first == std::string::npos)
    return out;
  const auto second = text.find(':', first + 1);
  out.passage = std::strtoull(text.c_str() + first + 1, nullptr, 10);
  if (second != std::string::npos)
    out.action = text.substr(second + 1);
  return out;
}

const setting chosen = read_setting();
std::atomic<std::uint64_t> passages{0};

} // namespace

const bool enabled = !chosen.name.empty();

bool pending_enabled(std::string_view name) {
  return name == chosen.name && passages.load() + 1 == chosen.passage;
}

bool hit_enabled(std::string_view name) {
  if (name != chosen.name || passages.fetch_add(1) + 1 != chosen.passage)
    return false;
  if (chosen.action == "error")
    return true;
  if (chosen.action == "stop") {
    ::raise(SIGSTOP);
    return false;
  }
  ::_exit(99);
}

} // namespace furrow::storage::failpoint
