/// Frames of this machine's CAN interfaces, as they come.
///
/// Shape: one raw socket an interface, classic and FD frames, error frames included, stamped by the
///   kernel.
/// Errors: a kernel without CAN, an interface that does not exist: `open` says so in one line.
/// Limits: what the kernel dropped because nobody read in time is counted as refused.
/// Source: linux Documentation/networking/can.rst.
#pragma once

#include "tools/furrow-edge/source/frame_source.hpp"

#include <array>
#include <memory>
#include <string>
#include <vector>

struct canfd_frame;

namespace furrow::edge {

/// A frame as the kernel hands it over: `fd` tells struct canfd_frame from struct can_frame.
/// `data` stays with the caller. `sent`: this machine sent it.
[[nodiscard]] can::frame_header header_of(const canfd_frame& frame, bool fd, bool sent);

class socketcan_source final : public frame_source {
public:
  [[nodiscard]] static result<std::unique_ptr<socketcan_source>>
  open(const std::vector<std::string>& interfaces);
  ~socketcan_source() override;
  socketcan_source(const socketcan_source&) = delete;
  socketcan_source& operator=(const socketcan_source&) = delete;

  [[nodiscard]] source_status next(source_frame& out, std::chrono::milliseconds patience) override;
  void taken() override {}
  [[nodiscard]] source_row& progress() override { return row_; }
  [[nodiscard]] bool live() const override { return true; }
  void refuse(const char* /*why*/) override { ++row_.refused; }
  [[nodiscard]] const std::string& trouble() const override { return trouble_; }

private:
  struct can_line {
    std::string name;
    int socket = -1;
    std::uint32_t dropped = 0; // by the kernel, as it counts
  };
  socketcan_source() = default;
  result<done> add(const std::string& interface);
  bool receive(can_line& from, source_frame& out);

  std::vector<can_line> lines_;
  std::size_t turn_ = 0;
  std::array<std::uint8_t, can::fd_bytes_max> data_{};
  source_row row_;
  std::string trouble_;
};

} // namespace furrow::edge
