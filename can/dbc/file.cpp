#include "can/dbc/file.hpp"

#include "can/dbc/parser.hpp"

#include <cmath>
#include <utility>

namespace furrow::can {

const char* to_string(dbc_errc code) {
  switch (code) {
  case dbc_errc::none:
    return "no error";
  case dbc_errc::too_large:
    return "the file exceeds a limit";
  case dbc_errc::syntax:
    return "the file is not a valid DBC file";
  case dbc_errc::unsound:
    return "the file has impossible content";
  }
  return "unknown error";
}

bool dbc_parser::punctuation(char c) {
  return lexer_.take(c) || expected(std::string{"expected '"} + c + '\'');
}

bool dbc_parser::name(std::string_view& out, std::string_view what) {
  const auto position = lexer_.next();
  out = lexer_.word();
  const bool digit_first = !out.empty() && out[0] >= '0' && out[0] <= '9';
  if (out.empty() || (digit_first && out.find_first_not_of("0123456789") == std::string_view::npos))
    return fail(dbc_errc::syntax, position,
                "expected the name of a " + std::string{what}
                  + ": a letter, then letters, digits and _");
  if (out.size() > limits_.name_bytes)
    return fail(dbc_errc::too_large, position,
                "name of " + std::to_string(out.size()) + " bytes; at most "
                  + std::to_string(limits_.name_bytes));
  if (digit_first)
    object(dbc_errc::syntax, position,
           "the name of a " + std::string{what} + " begins with a digit: " + std::string{out});
  return true;
}

bool dbc_parser::text(std::string& out, std::string_view what) {
  const auto position = lexer_.next();
  const auto raw = lexer_.string();
  if (!raw)
    return expected(lexer_.peek() == '"' ? "this string does not end"
                                         : "expected " + std::string{what} + " in quotes");
  if (raw->size() > limits_.text_bytes)
    return fail(dbc_errc::too_large, position,
                "text of " + std::to_string(raw->size()) + " bytes; at most "
                  + std::to_string(limits_.text_bytes));
  out = lexer_.utf8(*raw);
  return true;
}

bool dbc_parser::number(double& out, std::string_view what) {
  const auto value = lexer_.number();
  if (!value)
    return expected("expected a number: " + std::string{what});
  out = *value;
  return true;
}

bool dbc_parser::natural(std::uint32_t& out, std::uint64_t max, std::string_view what) {
  const auto position = lexer_.next();
  const auto value = lexer_.natural();
  if (!value)
    return expected("expected a whole number: " + std::string{what});
  if (*value > max)
    return fail(dbc_errc::too_large, position,
                std::string{what} + " is " + std::to_string(*value) + "; at most "
                  + std::to_string(max));
  out = static_cast<std::uint32_t>(*value);
  return true;
}

bool dbc_parser::message_id(std::uint64_t& out) {
  const auto position = lexer_.next();
  const auto value = lexer_.natural();
  if (!value)
    return expected("expected the identifier of a message");
  if (*value > 0xFFFFFFFF)
    return fail(dbc_errc::unsound, position,
                "identifier " + std::to_string(*value) + " has more than 32 bits");
  out = *value;
  return true;
}

result<dbc_file, dbc_errc> dbc_parser::run() {
  if (lexer_.text().size() > limits_.file_bytes)
    return failure<dbc_errc>{dbc_errc::too_large,
                             file_.name + ": " + std::to_string(lexer_.text().size())
                               + " bytes; at most " + std::to_string(limits_.file_bytes)};
  while (!lexer_.at_end()) {
    read_statement();
    if (limit_)
      return *limit_;
  }
  if (!finish())
    return *limit_;
  if (fault_count_ > 0 && (mode_ == dbc_mode::strict || !understood_))
    return all_faults();
  return std::move(file_);
}

bool dbc_parser::statement(std::string_view keyword, std::uint32_t position) {
  if (keyword == "SG_")
    return read_signal();
  if (keyword == "BO_") {
    const bool read = read_message();
    if (!read)
      in_message_ = in_independent_ = true; // its signals are skipped with it
    return read;
  }
  const bool in_message = std::exchange(in_message_, false);
  if (keyword == "BA_")
    return read_attribute();
  if (keyword == "VAL_")
    return read_values();
  if (keyword == "CM_")
    return read_comment();
  if (keyword == "SG_MUL_VAL_")
    return read_mux_values();
  if (keyword == "VAL_TABLE_")
    return read_value_table();
  if (keyword == "BA_DEF_")
    return read_attribute_definition();
  if (keyword == "BA_DEF_DEF_")
    return read_attribute_default();
  if (keyword == "SIG_VALTYPE_")
    return read_value_type();
  if (keyword == "BO_TX_BU_")
    return read_senders();
  if (keyword == "BU_")
    return read_nodes();
  if (keyword == "NS_")
    return read_new_symbols();
  if (keyword == "BS_")
    return read_bit_timing();
  if (keyword == "VERSION")
    return read_version();
  if (one_of(keyword, {"SIG_GROUP_",     "EV_",         "ENVVAR_DATA_",     "EV_DATA_",
                       "SGTYPE_",        "SGTYPE_VAL_", "SIGTYPE_VALTYPE_", "SIG_TYPE_REF_",
                       "SIG_TYPE_REF_",  "BA_DEF_REL_", "BA_REL_",          "BA_DEF_DEF_REL_",
                       "BA_DEF_SGTYPE_", "BA_SGTYPE_",  "CAT_DEF_",         "CAT_",
                       "FILTER",         "BU_SG_REL_",  "BU_EV_REL_",       "BU_BO_REL_"}))
    return skip();
  object(dbc_errc::unsound, position, "unknown keyword " + std::string{keyword.substr(0, 40)});
  in_message_ = in_message; // a misspelt SG_ does not end its message
  return lexer_.skip_statement();
}

bool dbc_parser::skip() {
  const auto position = lexer_.next();
  if (!lexer_.skip_statement())
    object(dbc_errc::syntax, position, "this statement does not end with ';'");
  return true;
}

bool dbc_parser::read_version() {
  return text(file_.version, "the version");
}

bool dbc_parser::read_new_symbols() {
  if (!punctuation(':'))
    return false;
  // A symbol is alone on its line; a keyword with more text after it begins a statement.
  for (;;) {
    const auto begin = lexer_.next();
    const auto word = lexer_.word();
    if (word.empty())
      return true;
    const bool alone = !lexer_.on_same_line();
    if (!alone || one_of(word, {"BS_", "BU_", "BO_", "SG_", "VERSION"})) {
      // Some files have several symbols on one line. Only symbols that no statement begins with may share a line.
      lexer_.rewind(begin);
      if (alone || !one_of(word, {"NS_DESC_", "CAT_DEF_", "CAT_", "FILTER", "EV_DATA_"}))
        return true;
      (void)lexer_.word();
    }
  }
}

bool dbc_parser::read_bit_timing() {
  if (!punctuation(':'))
    return false;
  // baudrate : BTR1 , BTR2; obsolete and mostly absent
  std::uint32_t ignored = 0;
  if (lexer_.peek() < '0' || lexer_.peek() > '9')
    return true;
  constexpr std::string_view what = "bit timing";
  return natural(ignored, 0xFFFFFFFF, what)
         && (!lexer_.take(':')
             || (natural(ignored, 0xFFFFFFFF, what) && punctuation(',')
                 && natural(ignored, 0xFFFFFFFF, what)));
}

bool dbc_parser::read_nodes() {
  if (!punctuation(':'))
    return false;
  for (;;) {
    const auto begin = lexer_.next();
    const auto word = lexer_.word();
    if (word.empty() || begins_statement(word)) {
      lexer_.rewind(begin);
      lexer_.take(';'); // some writers add one
      return true;
    }
    lexer_.rewind(begin);
    std::string_view node;
    if (!name(node, "node"))
      return false;
    file_.nodes.emplace_back(node);
  }
}

bool dbc_parser::read_message() {
  std::uint64_t id = 0;
  std::string_view message_name;
  dbc_message message;
  const auto position = lexer_.next();
  if (!message_id(id))
    return false;
  const auto name_position = lexer_.next();
  if (!name(message_name, "message") || !punctuation(':')
      || !natural(message.length, dbc_message_bytes_max, "length of the message in bytes"))
    return false;
  if (lexer_.on_same_line()) {
    std::string_view sender;
    if (!name(sender, "node"))
      return false;
    if (sender != "Vector__XXX")
      message.senders.emplace_back(sender);
  } else {
    object(dbc_errc::unsound, lexer_.position(), "message without a sender");
  }
  in_message_ = true;
  in_independent_ = is_independent(id);
  if (in_independent_)
    return true;
  message.extended = (id & 0x80000000U) != 0;
  message.id = static_cast<std::uint32_t>(id & 0x7FFFFFFFU);
  if (message.id > 0x1FFFFFFF)
    return fail(dbc_errc::unsound, position,
                "identifier " + std::to_string(id) + " has more than 29 bits");
  if (!message.extended && message.id > 0x7FF) {
    object(dbc_errc::unsound, position,
           "identifier " + std::to_string(id)
             + " has more than 11 bits and no mark for extended; read as extended");
    message.extended = true;
  }
  message.name = message_name;
  if (file_.messages.size() >= limits_.messages)
    return fail(dbc_errc::too_large, position,
                "more than " + std::to_string(limits_.messages) + " messages");
  if (!message_index_.emplace(id, static_cast<std::uint32_t>(file_.messages.size())).second)
    warn(name_position, "message " + message.name + " has the identifier of an earlier one");
  file_.messages.push_back(std::move(message));
  sources_.push_back({position, {}});
  return true;
}

bool dbc_parser::read_signal() {
  const auto position = lexer_.next();
  if (!in_message_)
    return fail(dbc_errc::syntax, position, "signal outside a message");
  std::string_view signal_name;
  if (!name(signal_name, "signal"))
    return false;
  dbc_signal signal;
  dbc_signal_source source{position, {}, std::nullopt};
  if (!lexer_.take(':')) {
    const auto mark_position = lexer_.next();
    auto mark = lexer_.word();
    if (mark == "m" && lexer_.take('-')) { // m-1: a signed selector
      (void)lexer_.word();
      mark = lexer_.text().substr(mark_position, lexer_.position() - mark_position);
    }
    if (!read_mux_mark(mark, mark_position, signal) || !punctuation(':'))
      return false;
  }
  if (!read_signal_shape(signal))
    return false;
  // Receivers, separated by commas or blanks, to the end of the line.
  while (lexer_.on_same_line() && (lexer_.take(',') || !lexer_.word().empty()))
    ;
  if (in_independent_)
    return true;
  if (++signals_ > limits_.signals)
    return fail(dbc_errc::too_large, position,
                "more than " + std::to_string(limits_.signals) + " signals");
  check_signal(signal, position);
  signal.name = signal_name;
  const auto message = static_cast<std::uint32_t>(file_.messages.size() - 1);
  auto& signals = file_.messages.back().signals;
  const auto [earlier, fresh] = signal_index_.emplace(signal_key{message, signal_name},
                                                      static_cast<std::uint32_t>(signals.size()));
  if (!fresh) {
    warn(position, "signal " + signal.name + " has the name of an earlier one of its message");
    namesakes_.push_back({message, static_cast<std::uint32_t>(signals.size()), earlier->second});
  }
  signals.push_back(std::move(signal));
  sources_.back().signals.push_back(source);
  return true;
}

bool dbc_parser::read_signal_shape(dbc_signal& signal) {
  constexpr std::uint64_t bits_max = std::uint64_t{dbc_message_bytes_max} * 8;
  double min = 0;
  double max = 0;
  if (!natural(signal.start, bits_max, "start bit") || !punctuation('|')
      || !natural(signal.length, bits_max, "length in bits") || !punctuation('@'))
    return false;
  if (lexer_.take('0'))
    signal.order = byte_order::motorola;
  else if (!lexer_.take('1'))
    return expected("expected the byte order, 0 (Motorola) or 1 (Intel)");
  if (lexer_.take('-'))
    signal.is_signed = true;
  else if (!lexer_.take('+'))
    return expected("expected + (unsigned) or - (signed)");
  if (!punctuation('(') || !number(signal.scale, "factor") || !punctuation(',')
      || !number(signal.offset, "offset") || !punctuation(')') || !punctuation('[')
      || !number(min, "minimum") || !punctuation('|') || !number(max, "maximum")
      || !punctuation(']') || !text(signal.unit, "the unit"))
    return false;
  if (min != 0 || max != 0) {
    signal.min = min;
    signal.max = max;
  }
  return true;
}

void dbc_parser::check_signal(const dbc_signal& signal, std::uint32_t position) {
  if (signal.length == 0)
    object(dbc_errc::unsound, position, "signal without bits: it is never present");
  if (!std::isfinite(signal.scale) || !std::isfinite(signal.offset))
    object(dbc_errc::unsound, position,
           "factor or offset is not a finite number: the signal is not decoded");
  else if (signal.scale == 0)
    warn(position, "factor 0: every value is the offset");
}

bool dbc_parser::read_mux_mark(std::string_view mark, std::uint32_t position, dbc_signal& signal) {
  if (mark == "M") {
    signal.mux.selector = true;
    return true;
  }
  const bool nested = mark.size() > 2 && mark.back() == 'M';
  dbc_lexer digits{mark.substr(std::min<std::size_t>(1, mark.size()))};
  const auto value = digits.integer();
  const auto end = mark.size() - 1 - (nested ? 1 : 0);
  if (mark.size() < 2 || mark[0] != 'm' || !value || digits.position() != end)
    return fail(dbc_errc::syntax, position, "expected ':', M, m<number> or m<number>M");
  signal.mux.selector = nested;
  if (++ranges_ > limits_.ranges)
    return fail(dbc_errc::too_large, position,
                "more than " + std::to_string(limits_.ranges) + " multiplexer values");
  signal.mux.when.push_back({*value, *value});
  return true;
}

result<dbc_file, dbc_errc> parse_dbc(std::string_view text,
                                     std::string_view name,
                                     dbc_mode mode,
                                     const dbc_limits& limits,
                                     dbc_encoding encoding) {
  return dbc_parser{text, name, mode, limits, encoding}.run();
}

} // namespace furrow::can
