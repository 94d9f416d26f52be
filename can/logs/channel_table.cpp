#include "can/logs/channel_table.hpp"

#include "can/logs/log_line.hpp"
#include "can/text/scan.hpp"

#include <algorithm>

namespace furrow::can {

namespace {

constexpr std::string_view prefix = "furrow: channel ";

std::string usual_name(unsigned channel) {
  return "can" + std::to_string(channel - 1);
}

/// The channel with this usual name; 0 when there is none.
unsigned usual_channel(std::string_view name) {
  text::scan in{name};
  if (!in.take("can"))
    return 0;
  const auto number = in.decimal(3);
  if (!number || !in.done() || *number >= channel_table::channel_max)
    return 0;
  const auto channel = static_cast<unsigned>(*number) + 1;
  return usual_name(channel) == name ? channel : 0;
}

} // namespace

std::string_view channel_table::name_of(unsigned channel) {
  if (channel > names_.size())
    names_.resize(channel);
  auto& name = names_[channel - 1];
  if (name.empty())
    name = usual_name(channel);
  return name;
}

bool channel_table::renamed(unsigned channel) const {
  return channel <= names_.size() && !names_[channel - 1].empty()
         && names_[channel - 1] != usual_name(channel);
}

void channel_table::rename(unsigned channel, std::string_view name) {
  if (channel == 0 || channel > channel_max || !is_interface_name(name))
    return;
  if (channel > names_.size())
    names_.resize(channel);
  names_[channel - 1] = name;
}

void channel_table::read_comment(std::string_view comment) {
  const auto at = comment.find(prefix);
  if (at == std::string_view::npos)
    return;
  text::scan in{comment.substr(at + prefix.size())};
  const auto channel = in.decimal(3);
  if (channel && in.take(" is "))
    rename(static_cast<unsigned>(*channel), in.word());
}

std::optional<unsigned> channel_table::channel_of(std::string_view name) {
  const auto known = std::find(names_.begin(), names_.end(), name);
  if (known != names_.end())
    return static_cast<unsigned>(known - names_.begin()) + 1;
  auto channel = usual_channel(name);
  if (channel == 0 || (channel <= names_.size() && !names_[channel - 1].empty())) {
    const auto free = std::find(names_.begin(), names_.end(), std::string{});
    channel = static_cast<unsigned>(free - names_.begin()) + 1;
  }
  if (channel > channel_max)
    return std::nullopt;
  rename(channel, name);
  return channel;
}

std::string channel_table::comment(unsigned channel) const {
  return std::string{prefix} + std::to_string(channel) + " is " + names_[channel - 1];
}

} // namespace furrow::can
