/// A TCP connection to this machine that says whatever bytes it is told, and what came back.
///
/// Errors: a test whose connection cannot be made fails; a peer that has closed is no error.
#pragma once

#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace furrow::tests {

class raw_socket {
public:
  using clock = std::chrono::steady_clock;

  /// `receive_bytes`: size of the kernel's receive buffer; 0: the default.
  explicit raw_socket(std::uint16_t port, int receive_bytes = 0)
    : handle_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    REQUIRE(handle_ >= 0);
    if (receive_bytes != 0)
      ::setsockopt(handle_, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(handle_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
  }
  ~raw_socket() { ::close(handle_); }
  raw_socket(const raw_socket&) = delete;
  raw_socket& operator=(const raw_socket&) = delete;

  /// False when the peer has closed, or accepts no data within the limit.
  bool send(std::string_view bytes,
            std::chrono::milliseconds limit = std::chrono::milliseconds{5'000}) {
    const auto deadline = clock::now() + limit;
    while (!bytes.empty()) {
      const auto sent = ::send(handle_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent > 0)
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      else if (errno != EAGAIN || !await(POLLOUT, deadline))
        return false;
    }
    return true;
  }
  [[nodiscard]] std::uint16_t local_port() const {
    sockaddr_in own{};
    socklen_t size = sizeof own;
    REQUIRE(::getsockname(handle_, reinterpret_cast<sockaddr*>(&own), &size) == 0);
    return ntohs(own.sin_port);
  }
  /// Closes the sending direction.
  void end_sending() const { ::shutdown(handle_, SHUT_WR); }

  /// Exactly this number of bytes; nothing if the peer closes before, or after the time limit.
  std::optional<std::string> read(std::size_t bytes, std::chrono::milliseconds limit) {
    const auto deadline = clock::now() + limit;
    while (held_.size() < bytes)
      if (!more(deadline))
        return std::nullopt;
    auto out = held_.substr(0, bytes);
    held_.erase(0, bytes);
    return out;
  }
  /// All data until the peer closes.
  std::string read_all(std::chrono::milliseconds limit) {
    const auto deadline = clock::now() + limit;
    while (more(deadline)) {
    }
    return std::exchange(held_, {});
  }
  /// Whether the peer closes within the limit; data until then is dropped.
  bool closes_within(std::chrono::milliseconds limit) {
    (void)read_all(limit);
    return closed_;
  }

private:
  bool await(short what, clock::time_point deadline) const {
    const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - clock::now());
    pollfd ready{handle_, what, 0};
    return left.count() > 0 && ::poll(&ready, 1, static_cast<int>(left.count())) > 0;
  }
  bool more(clock::time_point deadline) {
    if (closed_ || !await(POLLIN, deadline))
      return false;
    char bytes[65'536];
    const auto count = ::recv(handle_, bytes, sizeof bytes, MSG_DONTWAIT);
    if (count > 0)
      held_.append(bytes, static_cast<std::size_t>(count));
    else
      closed_ = count == 0 || errno != EAGAIN; // a reset is an end as well
    return !closed_;
  }

  int handle_;
  std::string held_;
  bool closed_ = false;
};

} // namespace furrow::tests
