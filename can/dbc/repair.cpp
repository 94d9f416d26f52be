#include "can/dbc/parser.hpp"

namespace furrow::can {

bool dbc_parser::fail(dbc_errc code, std::uint32_t position, std::string_view text) {
  if (code != dbc_errc::too_large) {
    object(code, position, std::string{text});
  } else if (!limit_) { // the first one is the cause
    const auto [line, column] = lexer_.place(position);
    limit_ = {code, file_.name + ':' + std::to_string(line) + ':' + std::to_string(column) + ": "
                      + std::string{text}};
  }
  return false;
}

void dbc_parser::warn(std::uint32_t position, std::string text) {
  if (++file_.warning_count > limits_.warnings)
    return;
  const auto [line, column] = lexer_.place(position);
  file_.warnings.push_back({line, column, std::move(text)});
}

void dbc_parser::object(dbc_errc code, std::uint32_t position, std::string text) {
  if (fault_count_++ == 0)
    first_fault_ = code;
  const bool strict = mode_ == dbc_mode::strict;
  if (faults_.size() < (strict ? limits_.warnings : 1)) {
    const auto [line, column] = lexer_.place(position);
    faults_.push_back(file_.name + ':' + std::to_string(line) + ':' + std::to_string(column) + ": "
                      + text);
  }
  if (!strict)
    warn(position, std::move(text));
}

failure<dbc_errc> dbc_parser::all_faults() const {
  std::string lines;
  for (const auto& line : faults_)
    lines += (lines.empty() ? "" : "\n") + line;
  if (mode_ == dbc_mode::strict && fault_count_ > faults_.size())
    lines += "\n" + file_.name + ": " + std::to_string(fault_count_ - faults_.size())
             + " further problems";
  return {first_fault_, lines};
}

bool dbc_parser::end_of_statement() {
  if (lexer_.take(';'))
    return true;
  if (!lexer_.at_statement())
    return expected("expected ';'");
  // The statement is whole. The problem is shown at its end, not at the statement after it.
  const auto before = lexer_.text().substr(0, lexer_.position());
  const auto last = before.find_last_not_of(" \t\r\n\f\v");
  object(dbc_errc::syntax, static_cast<std::uint32_t>(last + 1), "expected ';'");
  return true;
}

void dbc_parser::read_statement() {
  const auto position = lexer_.next();
  const auto keyword = lexer_.word();
  const bool read = keyword.empty() ? expected("expected a keyword such as BO_ or SG_")
                                    : statement(keyword, position);
  if (const auto comment = lexer_.take_block_comment())
    object(dbc_errc::syntax, *comment, "comment between /* and */: skipped");
  if (read)
    understood_ = true;
  else if (!limit_)
    lexer_.to_next_statement(position);
}

} // namespace furrow::can
