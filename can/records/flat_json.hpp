/// Reads a JSON object of plain values (no objects or arrays) member by member, without building it.
///
/// Shape: `next` returns the members in order. A nested value is returned as a member of type `nested`
///   and ends the reading. Strings are returned decoded.
/// Errors: `fault` says what is wrong, and `fault_at` at which byte, from 0. The text is then invalid.
/// Threads: a plain value; points into the caller's text.
/// Limits: the text must be UTF-8, which the caller has checked. NUL is rejected in any spelling.
/// Source: RFC 8259.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace furrow::can {

struct json_member {
  enum class type : std::uint8_t { null, boolean, number, string, nested };
  std::string name;
  type is = type::null;
  bool truth = false;
  std::string_view number; // as written in the text
  std::string text;
  std::size_t name_at = 0;
  std::size_t value_at = 0;
};

class flat_json {
public:
  explicit flat_json(std::string_view text) : text_{text} {}

  /// False at the end and at a fault.
  [[nodiscard]] bool next(json_member& out);
  [[nodiscard]] const char* fault() const { return fault_; } // nullptr: none
  [[nodiscard]] std::size_t fault_at() const { return at_; }

private:
  bool fail(const char* why) {
    fault_ = why;
    return false;
  }
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void blanks();
  bool opened();
  bool ended();
  bool value(json_member& out);
  bool string(std::string& out);
  bool escape(std::string& out);
  bool code_unit(std::uint32_t& out);
  bool number(std::string_view& out);
  bool literal(std::string_view word);

  std::string_view text_;
  std::size_t at_ = 0;
  const char* fault_ = nullptr;
  bool begun_ = false;
  bool done_ = false;
};

} // namespace furrow::can
