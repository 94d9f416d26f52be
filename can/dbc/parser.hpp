/// The parser of a DBC file, in three source files: file.cpp (tokens, messages, signals), facts.cpp (statements about
/// them: comments, attributes, labels, selectors) and repair.cpp (problems, and where to go on after one).
///
/// Shape: one pass; one reader per statement. A reader returns false when the statement cannot be used; the parser then
///   goes on with the next line that begins with a keyword. Views point into the text.
#pragma once

#include "can/dbc/check.hpp"
#include "can/dbc/file.hpp"
#include "can/dbc/lexer.hpp"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <unordered_map>

namespace furrow::can {

struct signal_key {
  std::uint32_t message = 0;
  std::string_view name;
  friend bool operator==(const signal_key&, const signal_key&) = default;
};

struct signal_key_hash {
  std::size_t operator()(const signal_key& key) const {
    return std::hash<std::string_view>{}(key.name) ^ key.message * 0x9E3779B97F4A7C15U;
  }
};

/// VECTOR__INDEPENDENT_SIG_MSG holds signals that belong to no message; with and without the bit for extended.
inline bool is_independent(std::uint64_t id) {
  return (id | 0x80000000U) == 0xC0000000U;
}

inline bool one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

class dbc_parser {
public:
  dbc_parser(std::string_view text,
             std::string_view name,
             dbc_mode mode,
             const dbc_limits& limits,
             dbc_encoding encoding)
    : lexer_{text, encoding}, mode_{mode}, limits_{limits} {
    file_.name = name;
  }

  result<dbc_file, dbc_errc> run();

private:
  // Problems. Those that make a statement unusable return false so that a reader can return the result.
  /// Strict mode keeps a line for its list, lenient mode warns. A limit (`too_large`) ends both.
  bool fail(dbc_errc code, std::uint32_t position, std::string_view text);
  bool expected(std::string_view what) { return fail(dbc_errc::syntax, lexer_.next(), what); }
  void warn(std::uint32_t position, std::string text);
  /// The same for a problem that leaves the statement usable.
  void object(dbc_errc code, std::uint32_t position, std::string text);
  /// Whether a list ends here: at `;`, or at the next statement because `;` is missing.
  bool list_ended() { return lexer_.peek() == ';' || lexer_.at_statement(); }
  bool end_of_statement();
  void read_statement();
  [[nodiscard]] failure<dbc_errc> all_faults() const;

  // Tokens; on failure the message names the expected token.
  bool punctuation(char c);
  bool name(std::string_view& out, std::string_view what);
  bool text(std::string& out, std::string_view what);
  bool number(double& out, std::string_view what);
  bool natural(std::uint32_t& out, std::uint64_t max, std::string_view what);
  bool message_id(std::uint64_t& out);
  bool choices(std::vector<dbc_choice>& out);
  bool attribute_value(std::variant<double, std::string>& out);

  // Statements, after their keyword.
  bool statement(std::string_view keyword, std::uint32_t position);
  bool read_version();
  bool read_new_symbols();
  bool read_bit_timing();
  bool read_nodes();
  bool read_message();
  bool read_signal();
  bool read_signal_shape(dbc_signal& signal);
  bool read_mux_mark(std::string_view mark, std::uint32_t position, dbc_signal& signal);
  bool read_senders();
  bool read_comment();
  bool read_attribute_definition();
  bool read_attribute_default();
  bool read_attribute();
  bool read_values();
  bool read_value_table();
  bool read_value_type();
  bool read_mux_values();
  bool skip();

  // Objects that statements refer to; null and a warning when the object does not exist.
  dbc_message* find_message(std::uint64_t id, std::uint32_t position);
  dbc_signal* find_signal(std::uint64_t id, std::string_view name, std::uint32_t position);
  bool definition_of(std::string_view name, std::uint32_t position, std::uint32_t& out);
  bool apply_signal_attribute(std::uint64_t id,
                              std::string_view name,
                              std::uint32_t position,
                              dbc_attribute attribute);
  void check_signal(const dbc_signal& signal, std::uint32_t position);
  bool share_with_namesakes();
  bool finish();
  void finish_formats();
  void finish_spns();

  dbc_lexer lexer_;
  dbc_mode mode_;
  dbc_limits limits_;
  dbc_file file_;
  std::optional<failure<dbc_errc>> limit_; // the first limit that the file exceeds
  dbc_errc first_fault_ = dbc_errc::none;
  std::vector<std::string> faults_; // lines: all in strict mode, the first in lenient mode
  std::size_t fault_count_ = 0;
  bool understood_ = false; // at least one statement was read

  bool in_independent_ = false; // signals are skipped
  bool in_message_ = false;
  std::size_t signals_ = 0;
  std::size_t choices_ = 0;
  std::size_t attributes_ = 0;
  std::size_t ranges_ = 0;
  std::unordered_map<std::uint64_t, std::uint32_t> message_index_;
  std::unordered_map<signal_key, std::uint32_t, signal_key_hash> signal_index_;
  std::unordered_map<std::string_view, std::uint32_t> definition_index_;
  std::unordered_map<std::string, std::string> long_node_names_;
  struct namesake {
    std::uint32_t message = 0;
    std::uint32_t signal = 0;
    std::uint32_t first = 0; // the signal that statements by name applied to
  };
  std::vector<namesake> namesakes_;
  std::vector<dbc_message_source> sources_; // parallel to file_.messages
};

} // namespace furrow::can
