#include "tools/furrowd/cache/redis_reply.hpp"

#include <hiredis/hiredis.h>

#include <charconv>
#include <vector>

namespace furrow::http {

namespace {

constexpr std::size_t line_bytes_max = 4'096;

std::optional<std::int64_t> number_of(std::string_view text) {
  std::int64_t number = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || at != text.data() + text.size())
    return std::nullopt;
  return number;
}

} // namespace

std::string redis_command(std::initializer_list<std::string_view> words) {
  std::vector<const char*> starts;
  std::vector<std::size_t> lengths;
  for (const auto word : words) {
    starts.push_back(word.data());
    lengths.push_back(word.size());
  }
  char* made = nullptr;
  const auto size =
    ::redisFormatCommandArgv(&made, static_cast<int>(starts.size()), starts.data(), lengths.data());
  std::string out;
  if (size > 0)
    out.assign(made, static_cast<std::size_t>(size));
  if (made != nullptr)
    ::redisFreeCommand(made);
  return out;
}

void redis_reader::feed(std::string_view bytes) {
  constexpr std::size_t around = 64; // the line with the length, and the end of the text
  if (bytes_.size() + bytes.size() > reply_bytes_max + around)
    broken_ = true;
  if (!broken_)
    bytes_ += bytes;
}

std::optional<redis_reply> redis_reader::give_up() {
  broken_ = true;
  return std::nullopt;
}

std::optional<redis_reply> redis_reader::next() {
  if (broken_ || bytes_.empty())
    return std::nullopt;
  if (std::string_view{"+-:$"}.find(bytes_.front()) == std::string_view::npos)
    return give_up();
  const auto end = bytes_.find("\r\n");
  if (end == std::string::npos)
    return bytes_.size() > line_bytes_max ? give_up() : std::nullopt;
  const auto line = std::string_view{bytes_}.substr(1, end - 1);
  redis_reply out;
  auto used = end + 2;
  switch (bytes_.front()) {
  case '+':
    out = {redis_reply::kind::status, std::string{line}};
    break;
  case '-':
    out = {redis_reply::kind::error, std::string{line}};
    break;
  case ':':
    if (!number_of(line))
      return give_up();
    out = {redis_reply::kind::integer, std::string{line}};
    break;
  default:
    const auto length = number_of(line);
    if (!length || *length < -1 || *length > static_cast<std::int64_t>(reply_bytes_max))
      return give_up();
    if (*length == -1)
      break;
    const auto size = static_cast<std::size_t>(*length);
    if (bytes_.size() < used + size + 2)
      return std::nullopt;
    if (bytes_.compare(used + size, 2, "\r\n") != 0)
      return give_up();
    out = {redis_reply::kind::text, bytes_.substr(used, size)};
    used += size + 2;
  }
  bytes_.erase(0, used);
  return out;
}

} // namespace furrow::http
