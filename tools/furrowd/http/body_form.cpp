#include "tools/furrowd/http/body_form.hpp"

#include <fmt/format.h>

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>

namespace furrow::http {

namespace {

bool has_field(const response& answer, std::string_view name) {
  return std::any_of(answer.headers.begin(), answer.headers.end(),
                     [&](const auto& field) { return field.first == name; });
}

bool is_text(std::string_view type) {
  constexpr std::array<std::string_view, 4> kinds{
    "application/json", "application/geo+json", "application/problem+json", "application/x-ndjson"};
  return type.starts_with("text/") || std::find(kinds.begin(), kinds.end(), type) != kinds.end();
}

/// Tells contents apart; it is no protection against somebody who makes two contents alike.
std::uint64_t digest_of(std::string_view text) {
  constexpr std::uint64_t mixer = 0x9E3779B97F4A7C15U;
  std::uint64_t hash = text.size() * mixer;
  const auto mix = [&](std::uint64_t word) {
    hash = (hash ^ word) * mixer;
    hash ^= hash >> 29U;
  };
  std::uint64_t word = 0;
  for (; text.size() >= sizeof word; text.remove_prefix(sizeof word)) {
    std::memcpy(&word, text.data(), sizeof word);
    mix(word);
  }
  word = 0;
  if (!text.empty())
    std::memcpy(&word, text.data(), text.size());
  mix(word);
  return hash;
}

bool matches(std::string_view if_none_match, std::string_view tag) {
  return if_none_match == "*" || if_none_match.find(tag) != std::string_view::npos;
}

} // namespace

std::optional<std::string> gzip(std::string_view text) {
  constexpr int gzip_window = 15 + 16;
  constexpr int memory_level = 8;
  if (text.size() > std::numeric_limits<uInt>::max() / 2)
    return std::nullopt;
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, gzip_window, memory_level, Z_DEFAULT_STRATEGY)
      != Z_OK)
    return std::nullopt;
  std::string out(deflateBound(&stream, static_cast<uLong>(text.size())), '\0');
  // zlib takes a pointer that is not const and does not write through it.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const bool whole = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return whole ? std::optional{std::move(out)} : std::nullopt;
}

void fit_body(response& answer, const body_wish& wish) {
  if (answer.stream || answer.takeover || !is_text(answer.content_type)
      || has_field(answer, "Content-Encoding"))
    return;
  const bool tagged = has_field(answer, "ETag") || has_field(answer, "Cache-Control");
  if (wish.reads && answer.status == 200 && !tagged) {
    auto tag = fmt::format("\"{:016x}\"", digest_of(answer.body));
    const bool known = matches(wish.if_none_match, tag);
    answer.headers.emplace_back("ETag", "W/" + std::move(tag));
    if (known) {
      answer.status = 304;
      answer.body.clear();
      return;
    }
  }
  if (answer.body.size() < compress_bytes_min)
    return;
  answer.headers.emplace_back("Vary", "Accept-Encoding");
  if (!wish.gzip)
    return;
  auto packed = gzip(answer.body);
  if (!packed || packed->size() >= answer.body.size())
    return;
  answer.body = std::move(*packed);
  answer.headers.emplace_back("Content-Encoding", "gzip");
}

} // namespace furrow::http
