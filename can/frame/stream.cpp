#include "can/frame/stream.hpp"

#include "can/text/put.hpp"
#include "can/text/scan.hpp"

#include <algorithm>

namespace furrow::can {

namespace {

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
    can::text::append_lower_hex(text, id[i]);
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
    if (!can::text::scan{std::string_view{text}.substr(at, 2)}.hex_byte(id[i]))
      return std::nullopt;
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
