/// The service manager of a test: what a program tells it through NOTIFY_SOCKET.
///
/// Shape: a message is one datagram, with all its lines.
/// Threads: the test's.
#pragma once

#include "tests/support/eventually.hpp"

#include <doctest/doctest.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

namespace furrow::tests {

class notify_socket {
public:
  /// A path, or `@NAME` for an abstract socket.
  explicit notify_socket(const std::string& address)
    : address_{address}, socket_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)} {
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    REQUIRE(address.size() < sizeof at.sun_path);
    std::memcpy(at.sun_path, address.data(), address.size());
    if (address.front() == '@')
      at.sun_path[0] = '\0';
    const auto bytes = offsetof(sockaddr_un, sun_path) + address.size();
    REQUIRE(::bind(socket_, reinterpret_cast<const sockaddr*>(&at), static_cast<socklen_t>(bytes))
            == 0);
  }
  notify_socket(const notify_socket&) = delete;
  notify_socket& operator=(const notify_socket&) = delete;
  ~notify_socket() { ::close(socket_); }

  [[nodiscard]] std::string variable() const { return "NOTIFY_SOCKET=" + address_; }

  /// All messages so far.
  const std::vector<std::string>& heard() {
    std::array<char, 4'096> bytes{};
    for (auto got = ::recv(socket_, bytes.data(), bytes.size(), 0); got >= 0;
         got = ::recv(socket_, bytes.data(), bytes.size(), 0))
      heard_.emplace_back(bytes.data(), static_cast<std::size_t>(got));
    return heard_;
  }
  /// Messages that contain the text.
  std::size_t count(const std::string& text) {
    const auto& all = heard();
    return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [&](const auto& one) {
      return one.find(text) != std::string::npos;
    }));
  }
  [[nodiscard]] bool hears(const std::string& text, std::chrono::milliseconds limit) {
    return eventually(limit, [&] { return count(text) > 0; });
  }
  /// Whether `more` such messages come from now on.
  [[nodiscard]] bool
  hears_more(const std::string& text, std::size_t more, std::chrono::milliseconds limit) {
    const auto before = count(text);
    return eventually(limit, [&] { return count(text) >= before + more; });
  }
  [[nodiscard]] std::string all() {
    std::string out;
    for (const auto& one : heard())
      out += one + " | ";
    return out;
  }

private:
  std::string address_;
  int socket_;
  std::vector<std::string> heard_;
};

} // namespace furrow::tests
