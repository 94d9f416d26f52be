#include "can/frame/stream.hpp"

#include <algorithm>

namespace furrow::can {

namespace {

constexpr char hex_digits[] = "0123456789abcdef";

int hex_value(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

bool dash_before(std::size_t byte) {
  return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

} // namespace

std::string to_string(const stream_id& id) {
  std::string text;
  text.reserve(36);
  for (std::size_t i = 0; i < id.size(); ++i) {
    if (dash_before(i))
      text += '-';
    text += hex_digits[id[i] >> 4U];
    text += hex_digits[id[i] & 0xFU];
  }
  return text;
}

std::optional<stream_id> parse_stream_id(const std::string& text) {
  if (text.size() != 36)
    return std::nullopt;
  stream_id id{};
  std::size_t at = 0;
  for (std::size_t i = 0; i < id.size(); ++i) {
    if (dash_before(i) && text[at++] != '-')
      return std::nullopt;
    const auto high = hex_value(text[at]);
    const auto low = hex_value(text[at + 1]);
    if (high < 0 || low < 0)
      return std::nullopt;
    id[i] = static_cast<std::uint8_t>(high << 4 | low);
    at += 2;
  }
  return id;
}

std::optional<std::uint64_t> fork_point(std::span<const run_mark> known,
                                        std::span<const run_mark> offered,
                                        std::uint64_t durable_seq) {
  if (known.empty())
    return std::nullopt; // a new stream
  const auto same_run = [](const run_mark& a, const run_mark& b) { return a.run == b.run; };
  // If the histories differ, they differ after the newest run that both sides know.
  for (std::size_t i = offered.size(); i-- > 0;) {
    const auto match = std::find_if(known.begin(), known.end(),
                                    [&](const run_mark& run) { return same_run(run, offered[i]); });
    if (match == known.end())
      continue;
    const bool stream_went_on = match + 1 != known.end();
    const bool spool_went_on = i + 1 < offered.size();
    if (stream_went_on) {
      // Another copy continued after this run: from its first number on, the stream has other items than the spool.
      auto fork = (match + 1)->first_seq;
      if (spool_went_on)
        fork = std::min(fork, offered[i + 1].first_seq);
      return fork;
    }
    if (spool_went_on && offered[i + 1].first_seq <= durable_seq)
      return offered[i + 1].first_seq; // the copy is older than items of the stream
    return std::nullopt;
  }
  // Without a common run the stream does not belong to this spool, so no item of the spool counts as stored.
  return offered.empty() ? std::uint64_t{1} : offered.front().first_seq;
}

} // namespace furrow::can
