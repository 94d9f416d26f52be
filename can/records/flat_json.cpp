#include "can/records/flat_json.hpp"

#include "can/text/scan.hpp"

namespace furrow::can {

namespace {

void put_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80)
    return put(code);
  if (code < 0x800) {
    put(0xC0U | code >> 6U);
  } else if (code < 0x10000) {
    put(0xE0U | code >> 12U);
    put(0x80U | (code >> 6U & 0x3FU));
  } else {
    put(0xF0U | code >> 18U);
    put(0x80U | (code >> 12U & 0x3FU));
    put(0x80U | (code >> 6U & 0x3FU));
  }
  put(0x80U | (code & 0x3FU));
}

constexpr bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

} // namespace

void flat_json::blanks() {
  while (at_ < text_.size() && is_space(text_[at_]))
    ++at_;
}

bool flat_json::opened() {
  begun_ = true;
  blanks();
  if (peek() != '{')
    return fail("a JSON object begins with {");
  ++at_;
  blanks();
  return peek() != '}' || ended();
}

bool flat_json::ended() {
  ++at_;
  blanks();
  done_ = true;
  return at_ == text_.size() || fail("something stands after the object");
}

bool flat_json::next(json_member& out) {
  if (fault_ != nullptr || done_)
    return false;
  const bool first = !begun_;
  if (first && !opened())
    return false;
  if (done_)
    return false;
  if (!first) {
    blanks();
    if (peek() == '}') {
      (void)ended();
      return false;
    }
    if (peek() != ',')
      return fail("a comma or } is missing");
    ++at_;
    blanks();
  }
  out.name_at = at_;
  if (peek() != '"')
    return fail("the name of a field in quotes is missing");
  if (!string(out.name))
    return false;
  blanks();
  if (peek() != ':')
    return fail("a colon is missing");
  ++at_;
  blanks();
  out.value_at = at_;
  return value(out);
}

bool flat_json::value(json_member& out) {
  switch (peek()) {
  case '"':
    out.is = json_member::type::string;
    return string(out.text);
  case '{':
  case '[':
    out.is = json_member::type::nested;
    done_ = true; // reading ends at a nested value
    return true;
  case 't':
  case 'f':
    out.is = json_member::type::boolean;
    out.truth = peek() == 't';
    return literal(out.truth ? "true" : "false");
  case 'n':
    out.is = json_member::type::null;
    return literal("null");
  default:
    out.is = json_member::type::number;
    return number(out.number);
  }
}

bool flat_json::literal(std::string_view word) {
  if (!text_.substr(at_).starts_with(word))
    return fail("no value");
  at_ += word.size();
  return true;
}

bool flat_json::number(std::string_view& out) {
  const auto from = at_;
  const auto digits = [this] {
    const auto first = at_;
    while (text::is_digit(peek()))
      ++at_;
    return at_ - first;
  };
  if (peek() == '-')
    ++at_;
  const bool zero = peek() == '0';
  const auto whole = digits();
  if (whole == 0)
    return fail(at_ == from ? "no value" : "a number without digits");
  if (zero && whole > 1)
    return fail("a number that begins with 0");
  if (peek() == '.') {
    ++at_;
    if (digits() == 0)
      return fail("a point without digits after it");
  }
  if (peek() == 'e' || peek() == 'E') {
    ++at_;
    if (peek() == '+' || peek() == '-')
      ++at_;
    if (digits() == 0)
      return fail("an exponent without digits");
  }
  out = text_.substr(from, at_ - from);
  return true;
}

bool flat_json::string(std::string& out) {
  out.clear();
  ++at_;
  for (;;) {
    const auto from = at_;
    while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\'
           && static_cast<unsigned char>(text_[at_]) >= 0x20)
      ++at_;
    out.append(text_.substr(from, at_ - from));
    if (at_ == text_.size())
      return fail("a text without its closing quote");
    if (text_[at_] == '"') {
      ++at_;
      return true;
    }
    if (text_[at_] != '\\')
      return fail("a control character in a text");
    if (!escape(out))
      return false;
  }
}

bool flat_json::escape(std::string& out) {
  ++at_;
  constexpr std::string_view plain = "\"\\/bfnrt";
  constexpr std::string_view means = "\"\\/\b\f\n\r\t";
  const auto c = peek();
  if (const auto found = c == '\0' ? std::string_view::npos : plain.find(c);
      found != std::string_view::npos) {
    out += means[found];
    ++at_;
    return true;
  }
  std::uint32_t code = 0;
  if (c != 'u')
    return fail("no such escape");
  if (!code_unit(code))
    return false;
  if (code == 0)
    return fail("a NUL in a text");
  if (code >= 0xDC00 && code <= 0xDFFF)
    return fail("half a surrogate pair");
  if (code >= 0xD800 && code <= 0xDBFF) {
    std::uint32_t low = 0;
    if (!text_.substr(at_).starts_with("\\u"))
      return fail("half a surrogate pair");
    ++at_;
    if (!code_unit(low))
      return false;
    if (low < 0xDC00 || low > 0xDFFF)
      return fail("half a surrogate pair");
    code = 0x10000 + ((code - 0xD800) << 10U) + (low - 0xDC00);
  }
  put_utf8(out, code);
  return true;
}

/// The four hex digits after the u at the position.
bool flat_json::code_unit(std::uint32_t& out) {
  ++at_;
  out = 0;
  for (int i = 0; i < 4; ++i, ++at_) {
    const auto digit = text::hex_value(peek());
    if (at_ >= text_.size() || digit > 15)
      return fail("an escape without four hex digits");
    out = out << 4U | digit;
  }
  return true;
}

} // namespace furrow::can
