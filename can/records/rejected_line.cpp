#include "can/records/rejected_line.hpp"

#include "can/records/flat_json.hpp"
#include "can/text/json.hpp"

#include <charconv>

namespace furrow::can {

namespace {

bool read_hex(std::string_view digits, std::string& out) {
  if (digits.size() % 2 != 0)
    return false;
  out.reserve(digits.size() / 2);
  for (std::size_t at = 0; at < digits.size(); at += 2) {
    unsigned char byte = 0;
    const auto* const from = digits.data() + at;
    const auto [end, error] = std::from_chars(from, from + 2, byte, 16);
    if (error != std::errc{} || end != from + 2)
      return false;
    out += static_cast<char>(byte);
  }
  return true;
}

/// The text up to so many bytes, without half a character at its end.
std::string_view cut(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max)
    return text;
  while (bytes_max > 0 && (static_cast<unsigned char>(text[bytes_max]) & 0xC0U) == 0x80U)
    --bytes_max;
  return text.substr(0, bytes_max);
}

} // namespace

std::string write_rejected_line(std::string_view reason, std::string_view line) {
  const auto kept = line.substr(0, rejected_line_bytes_max);
  const auto mark = kept.size() == line.size()
                      ? std::string{}
                      : " (the first " + std::to_string(kept.size()) + " bytes are kept)";
  std::string body = R"({"reason":)";
  text::append_json_text(body,
                         std::string{cut(reason, rejected_reason_bytes_max - mark.size())} + mark);
  body += R"(,"line":")";
  body.reserve(body.size() + 2 * kept.size() + 2);
  for (const char c : kept)
    text::append_lower_hex(body, static_cast<std::uint8_t>(c));
  body += "\"}";
  return body;
}

std::optional<rejected_line> read_rejected_line(std::string_view body) {
  rejected_line out;
  bool has_reason = false;
  bool has_line = false;
  flat_json members{body};
  json_member member;
  while (members.next(member)) {
    const bool is_text = member.is == json_member::type::string;
    if (is_text && member.name == "reason" && !has_reason) {
      out.reason = std::move(member.text);
      has_reason = true;
    } else if (is_text && member.name == "line" && !has_line) {
      has_line = read_hex(member.text, out.bytes);
    }
  }
  if (members.fault() != nullptr || !has_reason || !has_line)
    return std::nullopt;
  return out;
}

} // namespace furrow::can
