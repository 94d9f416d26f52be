/// A log as every command reads it: packed or not, its times in UTC, and the rule for what counts as unreadable.
///
/// Shape: `next` gives line after line. `pause` says that the lines at hand are used up: the caller prints what it has,
///   because the next call may wait for a live bus.
/// Units: microseconds since 1970, as the options for times say (tools/logs/log_clock.hpp).
/// Errors: an input that cannot be read to its end ends there, and `trouble` says why. A warning about times is given
///   once.
/// Threads: one.
/// Limits: one piece of the input (tools/logs/packed_input.hpp).
#pragma once

#include "can/logs/log_format.hpp"
#include "tools/logs/input_tally.hpp"
#include "tools/logs/log_clock.hpp"
#include "tools/logs/packed_input.hpp"

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace furrow::cli {

class log_input {
public:
  /// `in` must live as long as this.
  log_input(std::istream& in, logs::log_times times, can::log_format format = {});

  enum class had : std::uint8_t { line, pause, end };
  [[nodiscard]] had next(can::log_line& out, can::log_payload& payload);
  /// The last line is no good although it is a frame or a message.
  void refuse();

  [[nodiscard]] const can::log_reader& reader() const { return reader_; }
  [[nodiscard]] const logs::input_tally& tally() const { return tally_; }
  /// Half a line at the end counts only where there is nothing else, as in furrow-edge.
  [[nodiscard]] bool unreadable() const {
    return tally_.unreadable() || (half_line_ && tally_.read == 0);
  }
  /// Empty: the input was read to its end.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }

private:
  void read_more();
  logs::got read_raw(std::span<char> into, std::size_t& count);
  void note(can::log_line& line);

  std::istream& in_;
  can::log_reader reader_;
  logs::log_clock clock_;
  logs::packed_input input_;
  std::vector<char> bytes_;
  logs::input_tally tally_;
  bool half_line_ = false; // the input ends in one
  bool paused_ = false;
  bool ended_ = false;
  std::string trouble_;
};

} // namespace furrow::cli
