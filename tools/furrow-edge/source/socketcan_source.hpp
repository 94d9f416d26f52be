/// Live frames of this computer's CAN interfaces.
///
/// Shape: one raw socket for each interface; classic and FD frames, error frames included, with the kernel's time
///   stamps.
/// Errors: if the kernel has no CAN, or an interface does not exist, `open` says so in one line.
/// Limits: frames that the kernel dropped because nobody read in time are counted as refused.
/// Source: linux Documentation/networking/can.rst.
#pragma once

#include "tools/furrow-edge/source/frame_source.hpp"

#include <array>
#include <memory>
#include <string>
#include <vector>

struct canfd_frame;

namespace furrow::edge {

/// Converts a frame from the kernel. `fd` tells struct canfd_frame from struct can_frame; the data stay with the
/// caller. `sent`: this computer sent the frame.
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
    std::uint32_t dropped = 0; // by the kernel, as its counter says
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
