/// Interface names for logs that number their channels from 1: channel 1 is can0 and so on, unless the log renames it.
///
/// Shape: our writers rename a channel in a comment, `furrow: channel 3 is vcan0`, and our readers follow it. For any
///   other program it is a comment.
/// Limits: channels 1 to 255.
/// Threads: a plain value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::can {

class channel_table {
public:
  static constexpr unsigned channel_max = 255;

  /// The interface of a channel, 1 to 255; valid until the table changes.
  [[nodiscard]] std::string_view name_of(unsigned channel);
  /// Whether a channel does not have its usual name.
  [[nodiscard]] bool renamed(unsigned channel) const;
  /// Applies a comment of our own; ignores any other comment.
  void read_comment(std::string_view comment);
  /// Renames a channel, if channel and name are valid.
  void rename(unsigned channel, std::string_view name);

  /// The channel of an interface: the one with its number, or the first free one. Nothing when all are taken.
  [[nodiscard]] std::optional<unsigned> channel_of(std::string_view name);
  /// The comment from which a reader gets the name of this channel.
  [[nodiscard]] std::string comment(unsigned channel) const;

  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }

private:
  std::vector<std::string> names_; // of channel i + 1; empty: not used yet
};

} // namespace furrow::can
