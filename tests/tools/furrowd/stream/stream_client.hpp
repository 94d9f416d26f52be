/// A client of the live stream that a test plays byte by byte.
#pragma once

#include "tests/support/http_front.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace furrow::tests {

/// A client that reads a body without an end, event by event or frame by frame.
class stream_client {
public:
  explicit stream_client(boost::asio::ip::tcp::endpoint at) : socket_{io_} {
    socket_.connect(at);
    const timeval limit{20, 0};
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  void send(std::string_view text) {
    boost::system::error_code error; // a closed connection shows when it is read
    boost::asio::write(socket_, boost::asio::buffer(text.data(), text.size()), error);
  }
  /// The header of the answer; the status is its first number.
  std::string ask(const std::string& target, const std::string& more = "") {
    send("GET " + target + " HTTP/1.1\r\nHost: localhost\r\n" + more + "\r\n");
    return take_to("\r\n\r\n");
  }
  std::string upgrade(const std::string& target, const std::string& more = "") {
    return ask(target, "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                         + more);
  }
  /// The next event; empty when the connection has ended.
  struct event {
    std::string type;
    std::string id;
    nlohmann::json data;
  };
  event next_event() {
    event made;
    while (true) { // an event is one chunk
      const auto size = take_to("\r\n");
      if (size.empty())
        return made;
      const auto count = std::stoul(size, nullptr, 16);
      const auto text = take(count + 2);
      if (count == 0 || text.empty())
        return made;
      made.type = line_of(text, "event: ");
      made.id = line_of(text, "id: ");
      made.data = nlohmann::json::parse(line_of(text, "data: "));
      return made;
    }
  }
  event next_event(const std::string& type) {
    for (auto one = next_event();; one = next_event())
      if (one.type == type || one.type.empty())
        return one;
  }
  /// The payload of the node's next frame, and its opcode.
  std::pair<int, std::string> next_frame() {
    const auto head = take(2);
    if (head.size() < 2)
      return {-1, {}};
    auto length = static_cast<std::size_t>(head[1] & 0x7F);
    if (length >= 126) {
      const auto more = take(length == 126 ? 2 : 8);
      length = 0;
      for (const char c : more)
        length = length << 8U | static_cast<unsigned char>(c);
    }
    return {head[0] & 0x0F, take(length)};
  }
  /// The code of the close frame; 0: the connection ended without one.
  int close_code() {
    for (auto one = next_frame();; one = next_frame()) {
      if (one.first < 0)
        return 0;
      if (one.first == 8 && one.second.size() >= 2)
        return static_cast<unsigned char>(one.second[0]) << 8
               | static_cast<unsigned char>(one.second[1]);
    }
  }
  /// A frame of a client, masked with zeros.
  static std::string masked(int first_byte, const std::string& payload) {
    std::string out{static_cast<char>(first_byte)};
    if (payload.size() < 126) {
      out += static_cast<char>(0x80 | static_cast<int>(payload.size()));
    } else {
      out += static_cast<char>(0x80 | 126);
      out += static_cast<char>(payload.size() >> 8U & 0xFFU);
      out += static_cast<char>(payload.size() & 0xFFU);
    }
    return out + std::string(4, '\0') + payload;
  }
  boost::asio::ip::tcp::socket& socket() { return socket_; }

private:
  static std::string line_of(const std::string& text, const std::string& name) {
    const auto at = text.find(name);
    return at == std::string::npos
             ? std::string{}
             : text.substr(at + name.size(), text.find('\n', at) - at - name.size());
  }
  bool fill() {
    char bytes[65'536];
    const auto count = ::recv(socket_.native_handle(), bytes, sizeof bytes, 0);
    if (count <= 0)
      return false;
    buffer_.append(bytes, static_cast<std::size_t>(count));
    return true;
  }
  std::string take_to(std::string_view end) {
    std::size_t at = 0;
    while ((at = buffer_.find(end)) == std::string::npos)
      if (!fill())
        return {};
    auto text = buffer_.substr(0, at);
    buffer_.erase(0, at + end.size());
    return text;
  }
  std::string take(std::size_t count) {
    while (buffer_.size() < count)
      if (!fill())
        return {};
    auto text = buffer_.substr(0, count);
    buffer_.erase(0, count);
    return text;
  }

  boost::asio::io_context io_;
  boost::asio::ip::tcp::socket socket_;
  std::string buffer_;
};

inline int status_of(const std::string& header) {
  return header.size() < 12 ? 0 : std::stoi(header.substr(9, 3));
}

} // namespace furrow::tests
