/// Interface names for logs that number their channels from 1: channel 1 is can0 and so on, unless
/// the log says otherwise.
///
/// Shape: our writers say otherwise in a comment, `furrow: channel 3 is vcan0`, and our readers
/// heed it; to any other
///   program it is a comment.
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

  /// The interface of a channel of 1 to 255; valid until the table changes.
  [[nodiscard]] std::string_view name_of(unsigned channel);
  /// Whether the name of a channel is another than the usual one.
  [[nodiscard]] bool renamed(unsigned channel) const;
  /// Heeds a comment of our own; anything else is let pass.
  void read_comment(std::string_view comment);
  /// Gives a channel a name, if both can be.
  void rename(unsigned channel, std::string_view name);

  /// The channel of an interface: the one that its number says, or the first that is free. Nothing
  /// when all are taken.
  [[nodiscard]] std::optional<unsigned> channel_of(std::string_view name);
  /// What to write in a comment for a reader to find the name again.
  [[nodiscard]] std::string comment(unsigned channel) const;

  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }

private:
  std::vector<std::string> names_; // of channel i + 1; empty: not used yet
};

} // namespace furrow::can
