#include "tools/furrow-edge/source/socketcan_source.hpp"

#include <linux/can.h>
#include <linux/can/raw.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace furrow::edge {

can::frame_header header_of(const canfd_frame& frame, bool fd, bool sent) {
  can::header_parts parts;
  parts.extended = (frame.can_id & CAN_EFF_FLAG) != 0;
  parts.remote = !fd && (frame.can_id & CAN_RTR_FLAG) != 0;
  parts.error = (frame.can_id & CAN_ERR_FLAG) != 0;
  parts.id = frame.can_id & (parts.extended || parts.error ? CAN_EFF_MASK : CAN_SFF_MASK);
  parts.length = frame.len;
  parts.direction = sent ? can::frame_direction::sent : can::frame_direction::received;
  if (fd) {
    parts.kind = can::frame_kind::fd;
    parts.nibble = frame.flags & 0xFU;
  } else if (frame.len == can::classic_bytes_max && frame.__res1 > 8 && frame.__res1 <= 15) {
    parts.nibble = frame.__res1; // this byte is len8_dlc of struct can_frame
  }
  return pack(parts);
}

result<std::unique_ptr<socketcan_source>>
socketcan_source::open(const std::vector<std::string>& interfaces) {
  if (interfaces.empty())
    return failure{errc::usage, "no CAN interface is named: write can:IF[,IF]"};
  std::unique_ptr<socketcan_source> source{new socketcan_source};
  for (const auto& interface : interfaces) {
    if (auto ok = source->add(interface); !ok)
      return ok.error();
    source->row_.path += (source->row_.path.empty() ? "can:" : ",") + interface;
  }
  return source;
}

socketcan_source::~socketcan_source() {
  for (const auto& line : lines_)
    ::close(line.socket);
}

result<done> socketcan_source::add(const std::string& interface) {
  const int socket = ::socket(PF_CAN, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, CAN_RAW);
  if (socket < 0) {
    const bool lacking = errno == EAFNOSUPPORT || errno == EPROTONOSUPPORT;
    return failure{errc::missing, "cannot listen to " + interface + ": "
                                    + (lacking ? "this kernel has no CAN (modules can, can_raw)"
                                               : std::strerror(errno))};
  }
  lines_.push_back({interface, socket, 0});
  const auto refused = [&interface](const char* what) {
    return failure{errc::missing, std::string{"cannot listen to "} + interface + ": " + what + ": "
                                    + std::strerror(errno)};
  };
  const int on = 1;
  const can_err_mask_t every_error = CAN_ERR_MASK;
  // Older kernels lack some of these options. Without them the source sees less, but nothing wrong.
  (void)::setsockopt(socket, SOL_CAN_RAW, CAN_RAW_FD_FRAMES, &on, sizeof on);
  (void)::setsockopt(socket, SOL_CAN_RAW, CAN_RAW_ERR_FILTER, &every_error, sizeof every_error);
  (void)::setsockopt(socket, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
  const int buffer_bytes = 4 << 20;
  (void)::setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
  if (::setsockopt(socket, SOL_SOCKET, SO_TIMESTAMP, &on, sizeof on) != 0)
    return refused("no time stamps");
  sockaddr_can address{};
  address.can_family = AF_CAN;
  address.can_ifindex = static_cast<int>(::if_nametoindex(interface.c_str()));
  if (address.can_ifindex == 0)
    return refused("no such interface");
  if (::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return refused("cannot bind");
  return done{};
}

/// Reads one frame of this interface, if there is one.
bool socketcan_source::receive(can_line& from, source_frame& out) {
  canfd_frame frame{};
  iovec part{&frame, sizeof frame};
  alignas(cmsghdr) char control[128];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const auto bytes = ::recvmsg(from.socket, &message, 0);
  if (bytes < 0) {
    if (errno != EAGAIN && errno != EINTR && errno != ENETDOWN)
      trouble_ = from.name + ": " + std::strerror(errno);
    return false; // an interface that is down comes back on the same socket
  }
  const bool fd = bytes == CANFD_MTU;
  if (!fd && bytes != CAN_MTU)
    return false;
  for (auto* note = CMSG_FIRSTHDR(&message); note != nullptr; note = CMSG_NXTHDR(&message, note)) {
    if (note->cmsg_level != SOL_SOCKET)
      continue;
    if (note->cmsg_type == SO_TIMESTAMP) {
      timeval time{};
      std::memcpy(&time, CMSG_DATA(note), sizeof time);
      out.time_us = std::int64_t{time.tv_sec} * 1'000'000 + time.tv_usec;
    } else if (note->cmsg_type == SO_RXQ_OVFL) {
      std::uint32_t dropped = 0;
      std::memcpy(&dropped, CMSG_DATA(note), sizeof dropped);
      row_.refused += dropped - from.dropped; // wraps like the kernel's counter
      from.dropped = dropped;
    }
  }
  out.header = header_of(frame, fd, (message.msg_flags & MSG_DONTROUTE) != 0);
  out.interface = from.name;
  std::copy_n(frame.data, std::min<std::size_t>(frame.len, data_.size()), data_.begin());
  out.data = data_.data();
  return true;
}

source_status socketcan_source::next(source_frame& out, std::chrono::milliseconds patience) {
  std::vector<pollfd> waits;
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      turn_ = (turn_ + 1) % lines_.size(); // so that no interface starves another
      if (receive(lines_[turn_], out))
        return source_status::frame;
      if (!trouble_.empty())
        return source_status::broken;
    }
    if (round == 1)
      break;
    for (const auto& line : lines_)
      waits.push_back({line.socket, POLLIN, 0});
    if (::poll(waits.data(), waits.size(), static_cast<int>(patience.count())) <= 0)
      break;
  }
  return source_status::quiet;
}

} // namespace furrow::edge
