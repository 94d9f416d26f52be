// Protobuf's own UTF-8 check logs each text that it rejects. A peer must not be able to fill the log, so the check is
// made here. NUL is rejected too: PostgreSQL's text cannot hold it.
#include "proto/text.hpp"

#include "proto/wire.hpp"

#include <utf8.h>

#include <algorithm>

namespace furrow::proto {

bool is_clean(std::string_view text) {
  return text.find('\0') == std::string_view::npos && utf8::is_valid(text.begin(), text.end());
}

bool is_clean_text(const std::string& text) {
  return is_clean(text);
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= name_bytes_max && is_clean(text)
         && std::none_of(text.begin(), text.end(),
                         [](unsigned char c) { return c < 0x20 || c == 0x7F || c == '/'; });
}

} // namespace furrow::proto
