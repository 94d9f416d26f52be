#include "can/text/encoded_input.hpp"

#include <utility>

namespace furrow::can::text {

namespace {

constexpr std::string_view utf8_mark = "\xEF\xBB\xBF";
constexpr std::string_view utf16_le_mark = "\xFF\xFE";
constexpr std::string_view utf16_be_mark = "\xFE\xFF";

} // namespace

/// Looks at the bytes that are held. False when more are needed.
bool encoded_input::find_encoding(bool finished) {
  const std::string_view begin = held_;
  const bool may_be_mark = begin.size() < utf8_mark.size() && utf8_mark.starts_with(begin);
  if (!finished && (begin.size() < 2 || may_be_mark))
    return false;
  encoding_ = encoding::utf8;
  if (begin.starts_with(utf8_mark)) {
    mark_bytes_ = utf8_mark.size();
  } else if (begin.starts_with(utf16_le_mark) || begin.starts_with(utf16_be_mark)) {
    mark_bytes_ = utf16_le_mark.size();
    encoding_ = begin.starts_with(utf16_le_mark) ? encoding::utf16_le : encoding::utf16_be;
  } else if (begin.size() >= 2 && (begin[0] == '\0') != (begin[1] == '\0')) {
    encoding_ = begin[1] == '\0' ? encoding::utf16_le : encoding::utf16_be;
  }
  held_.erase(0, mark_bytes_);
  return true;
}

std::string_view encoded_input::convert(std::string_view bytes) {
  text_.clear();
  if (encoding_ == encoding::unknown) {
    held_ += bytes;
    if (!find_encoding(false))
      return {};
    if (encoding_ == encoding::utf8) {
      text_ = std::exchange(held_, {});
      return text_;
    }
    bytes = {};
  }
  const auto put = [this](char first, char second) {
    const bool little = encoding_ == encoding::utf16_le;
    text_ += (little ? second : first) == '\0' ? (little ? first : second) : '?';
  };
  std::size_t at = 0;
  const std::string_view held = held_;
  for (; at + 1 < held.size(); at += 2)
    put(held[at], held[at + 1]);
  std::size_t used = 0;
  if (at < held.size() && !bytes.empty()) {
    put(held[at++], bytes[0]);
    used = 1;
  }
  held_.erase(0, at);
  for (; used + 1 < bytes.size(); used += 2)
    put(bytes[used], bytes[used + 1]);
  held_ += bytes.substr(used);
  return text_;
}

std::string_view encoded_input::finish() {
  if (encoding_ == encoding::unknown)
    find_encoding(true);
  if (encoding_ != encoding::utf8)
    return {}; // half a character
  text_ = std::exchange(held_, {});
  return text_;
}

std::size_t encoded_input::take_mark() {
  return std::exchange(mark_bytes_, 0);
}

std::size_t encoded_input::take_rest() {
  return take_mark() + std::exchange(held_, {}).size();
}

} // namespace furrow::can::text
