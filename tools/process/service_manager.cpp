#include "tools/process/service_manager.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

namespace furrow {

namespace {

std::string_view variable(const char* name) {
  const char* const text = std::getenv(name);
  return text == nullptr ? std::string_view{} : text;
}

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc{} || end != text.data() + text.size() || text.empty())
    return std::nullopt;
  return value;
}

/// The variables are inherited: a child of a service must not take its parent's watchdog for its own.
std::optional<std::chrono::microseconds> watchdog_of(std::string_view usec, std::string_view pid) {
  const auto period = number(usec);
  if (!period || *period <= 0 || (!pid.empty() && number(pid) != std::int64_t{::getpid()}))
    return std::nullopt;
  return std::chrono::microseconds{*period};
}

} // namespace

service_manager service_manager::from_environment() {
  service_manager made;
  made.open(variable("NOTIFY_SOCKET"));
  if (made.present())
    made.watchdog_ = watchdog_of(variable("WATCHDOG_USEC"), variable("WATCHDOG_PID"));
  return made;
}

service_manager::service_manager(service_manager&& other) noexcept
  : socket_{std::exchange(other.socket_, -1)}, to_{other.to_}, to_bytes_{other.to_bytes_},
    watchdog_{other.watchdog_} {}

service_manager::~service_manager() {
  if (socket_ >= 0)
    ::close(socket_);
}

void service_manager::open(std::string_view address) {
  const bool is_abstract = !address.empty() && address.front() == '@';
  if (address.size() < 2 || (!is_abstract && address.front() != '/')
      || address.size() >= sizeof to_.sun_path)
    return;
  to_.sun_family = AF_UNIX;
  std::copy(address.begin(), address.end(), to_.sun_path);
  if (is_abstract)
    to_.sun_path[0] = '\0';
  // The name of an abstract socket ends where its length says, and has no NUL at its end.
  to_bytes_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size()
                                     + (is_abstract ? 0 : 1));
  socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

bool service_manager::tell(std::string_view message) const {
  if (!present())
    return true;
  return ::sendto(socket_, message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                  reinterpret_cast<const sockaddr*>(&to_), to_bytes_)
         == static_cast<ssize_t>(message.size());
}

} // namespace furrow
