#include "tools/furrow/bench/stream_viewers.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string_view>

namespace furrow::cli::bench {

namespace {

constexpr int look_ms = 50; // whether to stop

/// A connection that has asked for the stream; -1: there is none.
int open_stream(std::uint16_t port, const std::string& query) {
  const int handle = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const auto ask = "GET /api/v1/stream?" + query + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
  if (handle >= 0 && ::connect(handle, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0
      && ::send(handle, ask.data(), ask.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(ask.size()))
    return handle;
  if (handle >= 0)
    ::close(handle);
  return -1;
}

/// The last number after a name in a text.
std::uint64_t last_number(std::string_view text, std::string_view name) {
  const auto at = text.rfind(name);
  return at == std::string_view::npos
           ? 0
           : std::strtoull(std::string{text.substr(at + name.size(), 20)}.c_str(), nullptr, 10);
}

} // namespace

stream_viewers::stream_viewers(std::uint32_t count,
                               const std::string& url,
                               std::string machine,
                               std::vector<std::string> machines)
  : count_{count}, machine_{std::move(machine)}, machines_{std::move(machines)} {
  port_ = static_cast<std::uint16_t>(std::strtoul(url.c_str() + url.rfind(':') + 1, nullptr, 10));
  measuring_ = std::thread{[this] { measure(); }};
  if (count_ > 1)
    reading_ = std::thread{[this] { read_others(); }};
}

void stream_viewers::stop() {
  stopping_ = true;
  if (measuring_.joinable())
    measuring_.join();
  if (reading_.joinable())
    reading_.join();
}

void stream_viewers::measure() {
  const int handle = open_stream(port_, "max_hz=500&signals=ledger&machines=" + machine_);
  std::string rest;
  std::vector<char> room(64U << 10U);
  while (handle >= 0 && !stopping_) {
    pollfd ready{handle, POLLIN, 0};
    if (::poll(&ready, 1, look_ms) <= 0)
      continue;
    const auto count = ::recv(handle, room.data(), room.size(), 0);
    if (count <= 0)
      break;
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    rest.append(room.data(), static_cast<std::size_t>(count));
    const auto end = rest.rfind("\n\n");
    if (end == std::string::npos)
      continue;
    const auto seq = last_number(std::string_view{rest}.substr(0, end), "\"received_seq\":");
    rest.erase(0, end + 2);
    if (seq > (seen_.empty() ? 0 : seen_.back().second))
      seen_.emplace_back(std::chrono::duration_cast<std::chrono::microseconds>(now).count(), seq);
  }
  if (handle >= 0)
    ::close(handle);
}

void stream_viewers::read_others() {
  std::vector<pollfd> open;
  for (std::uint32_t i = 1; i < count_ && !stopping_; ++i) {
    const int handle = open_stream(
      port_, machines_.empty() ? "signals=engine_speed_rpm,ground_speed_mps,position,mode"
                               : "max_hz=1&machines=" + machines_[i % machines_.size()]);
    if (handle >= 0)
      open.push_back({handle, POLLIN, 0});
    else
      ++refused_;
  }
  std::vector<char> room(256U << 10U);
  while (!stopping_) {
    if (::poll(open.data(), open.size(), look_ms) <= 0)
      continue;
    for (auto& one : open) {
      if (one.revents == 0)
        continue;
      const auto count = ::recv(one.fd, room.data(), room.size(), MSG_DONTWAIT);
      if (count > 0) {
        bytes_ += static_cast<std::uint64_t>(count);
      } else if (count == 0) {
        ++refused_; // the node has closed it
        ::close(one.fd);
        one.fd = -1;
      }
    }
  }
  for (const auto& one : open)
    if (one.fd >= 0)
      ::close(one.fd);
}

nlohmann::ordered_json stream_viewers::figures(const std::string& sent_file) const {
  std::ifstream in{sent_file};
  std::vector<double> all;
  std::uint64_t seq = 0;
  std::int64_t sent_us = 0;
  while (in >> seq >> sent_us) {
    const auto found =
      std::lower_bound(seen_.begin(), seen_.end(), seq,
                       [](const auto& one, std::uint64_t wanted) { return one.second < wanted; });
    if (found != seen_.end())
      all.push_back(static_cast<double>(found->first - sent_us) / 1e3);
  }
  std::sort(all.begin(), all.end());
  const auto at = [&all](double share) -> nlohmann::ordered_json {
    if (all.empty())
      return nullptr;
    const auto place = static_cast<std::size_t>(static_cast<double>(all.size() - 1) * share);
    return std::round(all[place] * 1e3) / 1e3;
  };
  return {
    {"clients", count_},
    {"closed", refused_},
    {"bytes", bytes_},
    {"shown_ms", {{"count", all.size()}, {"p50", at(0.5)}, {"p99", at(0.99)}, {"max", at(1)}}}};
}

} // namespace furrow::cli::bench
