#include "can/dbc/parser.hpp"

#include <cmath>

namespace furrow::can {

namespace {

/// The word of an ENUM value, which a file gives as the word or as its number.
std::string_view word_of(const dbc_attribute_definition& definition,
                         const std::variant<double, std::string>& value) {
  if (const auto* text = std::get_if<std::string>(&value))
    return *text;
  const auto number = std::get<double>(value);
  if (!(number >= 0 && number < static_cast<double>(definition.choices.size())))
    return {};
  return definition.choices[static_cast<std::size_t>(number)];
}

} // namespace

bool dbc_parser::choices(std::vector<dbc_choice>& out) {
  while (!list_ended()) {
    if (++choices_ > limits_.choices)
      return fail(dbc_errc::too_large, lexer_.position(),
                  "more than " + std::to_string(limits_.choices) + " labelled values");
    dbc_choice choice;
    const auto begin = lexer_.next();
    if (const auto value = lexer_.integer(); value && lexer_.peek() == '"') {
      choice.value = *value;
    } else { // files with 1.0 or 1E+3 exist
      lexer_.rewind(begin);
      double real = 0;
      if (!number(real, "the value that has this label"))
        return false;
      if (!(std::abs(real) < 9.2e18) || real != std::floor(real))
        return fail(dbc_errc::syntax, begin, "a labelled value must be a whole number");
      choice.value = static_cast<std::int64_t>(real);
    }
    if (!text(choice.label, "a label"))
      return false;
    out.push_back(std::move(choice));
  }
  return end_of_statement();
}

bool dbc_parser::attribute_value(std::variant<double, std::string>& out) {
  if (lexer_.peek() == '"')
    return text(out.emplace<std::string>(), "a value");
  return number(out.emplace<double>(), "the value of the attribute");
}

bool dbc_parser::read_senders() {
  std::uint64_t id = 0;
  const auto position = lexer_.next();
  if (!message_id(id) || !punctuation(':'))
    return false;
  auto* message = find_message(id, position);
  while (!list_ended()) {
    std::string_view node;
    if (!name(node, "node"))
      return false;
    lexer_.take(',');
    if (message != nullptr && node != "Vector__XXX"
        && std::find(message->senders.begin(), message->senders.end(), node)
             == message->senders.end()) {
      if (message->senders.size() >= 256) // number of addresses on a bus
        return fail(dbc_errc::too_large, position, "more than 256 senders");
      message->senders.emplace_back(node);
    }
  }
  return end_of_statement();
}

bool dbc_parser::read_comment() {
  const auto begin = lexer_.next();
  std::string comment;
  std::uint64_t id = 0;
  std::string_view signal;
  const auto keyword = lexer_.word();
  const auto position = lexer_.next();
  if (keyword.empty()) {
    if (!text(file_.comment, "a comment"))
      return false;
  } else if (keyword == "SG_") {
    if (!message_id(id) || !name(signal, "signal") || !text(comment, "a comment"))
      return false;
    if (auto* of = find_signal(id, signal, position); of != nullptr)
      of->comment = std::move(comment);
  } else if (keyword == "BO_") {
    if (!message_id(id) || !text(comment, "a comment"))
      return false;
    if (auto* of = find_message(id, position); of != nullptr)
      of->comment = std::move(comment);
  } else if (keyword == "BU_" || keyword == "EV_") {
    if (!name(signal, "node or variable") || !text(comment, "a comment"))
      return false;
  } else {
    return fail(dbc_errc::syntax, begin, "expected a comment, or BU_, BO_, SG_ or EV_");
  }
  return end_of_statement();
}

bool dbc_parser::definition_of(std::string_view name, std::uint32_t position, std::uint32_t& out) {
  if (const auto known = definition_index_.find(name); known != definition_index_.end()) {
    out = known->second;
    return true;
  }
  if (++attributes_ > limits_.attributes)
    return fail(dbc_errc::too_large, position,
                "more than " + std::to_string(limits_.attributes) + " attributes");
  if (name.size() > limits_.name_bytes)
    return fail(dbc_errc::too_large, position,
                "name of " + std::to_string(name.size()) + " bytes; at most "
                  + std::to_string(limits_.name_bytes));
  out = static_cast<std::uint32_t>(file_.attribute_definitions.size());
  definition_index_.emplace(name, out);
  file_.attribute_definitions.push_back({lexer_.utf8(name), {}, {}, {}});
  return true;
}

bool dbc_parser::read_attribute_definition() {
  auto kind = lexer_.word(); // BU_, BO_, SG_, EV_ or nothing
  const auto position = lexer_.next();
  const auto attribute = lexer_.string();
  if (!attribute)
    return expected("expected the name of an attribute in quotes");
  std::uint32_t index = 0;
  if (!definition_of(*attribute, position, index) || !name(kind, "kind of attribute"))
    return false;
  auto& definition = file_.attribute_definitions[index];
  definition.kind = kind;
  if (kind == "ENUM") {
    definition.choices.clear();
    while (lexer_.peek() == '"') {
      if (++attributes_ > limits_.attributes)
        return fail(dbc_errc::too_large, position,
                    "more than " + std::to_string(limits_.attributes) + " attributes");
      if (!text(definition.choices.emplace_back(), "a value"))
        return false;
      lexer_.take(',');
    }
  } else if (one_of(kind, {"INT", "HEX", "FLOAT"})) {
    double bound = 0;
    while (!list_ended())
      if (!number(bound, "bound of the attribute"))
        return false;
  } else if (kind != "STRING") {
    return fail(dbc_errc::syntax, position, "an attribute must be INT, HEX, FLOAT, STRING or ENUM");
  }
  return end_of_statement();
}

bool dbc_parser::read_attribute_default() {
  const auto position = lexer_.next();
  const auto attribute = lexer_.string();
  if (!attribute)
    return expected("expected the name of an attribute in quotes");
  std::uint32_t index = 0;
  std::variant<double, std::string> value;
  if (!definition_of(*attribute, position, index) || !attribute_value(value))
    return false;
  file_.attribute_definitions[index].fallback = std::move(value);
  return end_of_statement();
}

bool dbc_parser::read_attribute() {
  const auto position = lexer_.next();
  const auto attribute_name = lexer_.string();
  if (!attribute_name)
    return expected("expected the name of an attribute in quotes");
  dbc_attribute attribute;
  if (!definition_of(*attribute_name, position, attribute.definition))
    return false;
  if (++attributes_ > limits_.attributes)
    return fail(dbc_errc::too_large, position,
                "more than " + std::to_string(limits_.attributes) + " attributes");
  const bool of_network = lexer_.peek() >= '0' && lexer_.peek() <= '9'; // its value comes next
  const auto of = of_network ? std::string_view{} : lexer_.word();
  const auto of_position = lexer_.next();
  std::uint64_t id = 0;
  std::string_view object_name;
  if (of == "SG_") {
    if (!message_id(id) || !name(object_name, "signal") || !attribute_value(attribute.value)
        || !apply_signal_attribute(id, object_name, of_position, std::move(attribute)))
      return false;
  } else if (of == "BO_") {
    if (!message_id(id) || !attribute_value(attribute.value))
      return false;
    if (auto* message = find_message(id, of_position); message != nullptr) {
      const auto* long_name = std::get_if<std::string>(&attribute.value);
      if (*attribute_name == "SystemMessageLongSymbol" && long_name != nullptr
          && !long_name->empty())
        message->name = *long_name;
      message->attributes.push_back(std::move(attribute));
    }
  } else if (of == "BU_") {
    if (!name(object_name, "node") || !attribute_value(attribute.value))
      return false;
    const auto* long_name = std::get_if<std::string>(&attribute.value);
    if (*attribute_name == "SystemNodeLongSymbol" && long_name != nullptr && !long_name->empty())
      long_node_names_[std::string{object_name}] = *long_name;
  } else if (of == "EV_") {
    if (!name(object_name, "variable") || !attribute_value(attribute.value))
      return false;
  } else if (of.empty()) {
    if (!attribute_value(attribute.value))
      return false;
    if (const auto* protocol = std::get_if<std::string>(&attribute.value);
        *attribute_name == "ProtocolType" && protocol != nullptr)
      file_.protocol = *protocol;
    file_.attributes.push_back(std::move(attribute));
  } else {
    return fail(dbc_errc::syntax, position, "expected a value, or BU_, BO_, SG_ or EV_");
  }
  return end_of_statement();
}

bool dbc_parser::apply_signal_attribute(std::uint64_t id,
                                        std::string_view name,
                                        std::uint32_t position,
                                        dbc_attribute attribute) {
  auto* signal = find_signal(id, name, position);
  if (signal == nullptr)
    return true;
  const std::string_view attribute_name = file_.attribute_definitions[attribute.definition].name;
  if (attribute_name == "SPN") {
    const auto* spn = std::get_if<double>(&attribute.value);
    if (spn != nullptr && *spn >= 0 && *spn <= 0xFFFFFFFF)
      signal->spn = static_cast<std::uint32_t>(*spn);
    else
      warn(position, "SPN is not a number of 32 bits");
  } else if (attribute_name == "SignalIndicators") {
    const auto word = word_of(file_.attribute_definitions[attribute.definition], attribute.value);
    signal->indicators = word == "none"      ? dbc_indicators::none
                         : word == "topmost" ? dbc_indicators::topmost
                                             : dbc_indicators::protocol;
  } else if (attribute_name == "SystemSignalLongSymbol") {
    const auto* long_name = std::get_if<std::string>(&attribute.value);
    if (long_name != nullptr && !long_name->empty())
      signal->name = *long_name;
  }
  signal->attributes.push_back(std::move(attribute));
  return true;
}

bool dbc_parser::read_values() {
  std::vector<dbc_choice> labels;
  const auto position = lexer_.next();
  const char first = lexer_.peek();
  std::string_view signal;
  if (first < '0' || first > '9') // labels of an environment variable
    return name(signal, "variable") && choices(labels);
  std::uint64_t id = 0;
  if (!message_id(id) || !name(signal, "signal") || !choices(labels))
    return false;
  if (auto* of = find_signal(id, signal, position); of != nullptr)
    of->choices = std::move(labels);
  return true;
}

bool dbc_parser::read_value_table() {
  std::string_view table;
  if (!name(table, "value table"))
    return false;
  dbc_value_table out{std::string{table}, {}};
  if (!choices(out.choices))
    return false;
  file_.value_tables.push_back(std::move(out));
  return true;
}

bool dbc_parser::read_value_type() {
  std::uint64_t id = 0;
  std::string_view signal;
  std::uint32_t type = 0;
  const auto position = lexer_.next();
  if (!message_id(id) || !name(signal, "signal"))
    return false;
  lexer_.take(':');
  if (!natural(type, 3, "type of value (0 integer, 1 float, 2 double)"))
    return false;
  if (auto* of = find_signal(id, signal, position); of != nullptr && (type == 1 || type == 2)) {
    if (of->length == 16 || of->length == 32 || of->length == 64)
      of->is_float = true;
    else
      object(dbc_errc::unsound, position,
             "a float has 16, 32 or 64 bits, not " + std::to_string(of->length));
  }
  return end_of_statement();
}

bool dbc_parser::read_mux_values() {
  std::uint64_t id = 0;
  std::string_view signal;
  std::string_view selector;
  const auto position = lexer_.next();
  if (!message_id(id) || !name(signal, "signal") || !name(selector, "selector"))
    return false;
  std::vector<dbc_range> ranges;
  while (!list_ended()) {
    const auto low = lexer_.integer();
    if (!low || !lexer_.take('-'))
      return expected("expected a range of multiplexer values, such as 1-3");
    const auto high = lexer_.integer();
    if (!high)
      return expected("expected the upper end of a range");
    if (*high < *low)
      object(dbc_errc::unsound, position,
             "range of multiplexer values whose end is below its beginning");
    if (++ranges_ > limits_.ranges)
      return fail(dbc_errc::too_large, position,
                  "more than " + std::to_string(limits_.ranges) + " multiplexer values");
    if (*low <= *high)
      ranges.push_back({*low, *high});
    lexer_.take(',');
  }
  auto* of = find_signal(id, signal, position);
  if (of != nullptr) {
    of->mux.when = std::move(ranges);
    const auto message = message_index_.at(id);
    const auto at = static_cast<std::size_t>(of - file_.messages[message].signals.data());
    const auto parent = signal_index_.find(signal_key{message, selector});
    auto& source = sources_[message].signals[at];
    source.named_selector = position;
    source.selector = parent == signal_index_.end() ? std::nullopt : std::optional{parent->second};
  }
  return end_of_statement();
}

dbc_message* dbc_parser::find_message(std::uint64_t id, std::uint32_t position) {
  if (is_independent(id))
    return nullptr;
  const auto known = message_index_.find(id);
  if (known == message_index_.end()) {
    warn(position, "no message has the identifier " + std::to_string(id));
    return nullptr;
  }
  return &file_.messages[known->second];
}

dbc_signal*
dbc_parser::find_signal(std::uint64_t id, std::string_view name, std::uint32_t position) {
  auto* message = find_message(id, position);
  if (message == nullptr)
    return nullptr;
  const auto index = static_cast<std::uint32_t>(message - file_.messages.data());
  const auto known = signal_index_.find(signal_key{index, name});
  if (known == signal_index_.end()) {
    warn(position, "message " + message->name + " has no signal " + std::string{name});
    return nullptr;
  }
  return &message->signals[known->second];
}

void dbc_parser::finish_formats() {
  const auto known = definition_index_.find("VFrameFormat");
  if (known == definition_index_.end())
    return;
  const auto& definition = file_.attribute_definitions[known->second];
  const auto read = [&](const std::variant<double, std::string>& value) {
    auto word = word_of(definition, value);
    if (definition.choices.empty()) { // the numbers of Vector
      const auto* number = std::get_if<double>(&value);
      word = number == nullptr ? word
             : *number == 0    ? "StandardCAN"
             : *number == 1    ? "ExtendedCAN"
             : *number == 3    ? "J1939PG"
             : *number == 14   ? "StandardCAN_FD"
             : *number == 15   ? "ExtendedCAN_FD"
                               : "";
    }
    return word == "J1939PG"          ? dbc_frame_format::j1939
           : word == "StandardCAN"    ? dbc_frame_format::standard
           : word == "ExtendedCAN"    ? dbc_frame_format::extended
           : word == "StandardCAN_FD" ? dbc_frame_format::standard_fd
           : word == "ExtendedCAN_FD" ? dbc_frame_format::extended_fd
                                      : dbc_frame_format::unsaid;
  };
  for (auto& message : file_.messages) {
    if (definition.fallback)
      message.format = read(*definition.fallback);
    for (const auto& attribute : message.attributes)
      if (attribute.definition == known->second)
        message.format = read(attribute.value);
  }
}

/// A statement about a name applies to every signal of that name.
bool dbc_parser::share_with_namesakes() {
  for (const auto& [message, signal, first] : namesakes_) {
    const auto& from = file_.messages[message].signals[first];
    auto& to = file_.messages[message].signals[signal];
    choices_ += from.choices.size();
    attributes_ += from.attributes.size();
    if (choices_ > limits_.choices || attributes_ > limits_.attributes)
      return fail(dbc_errc::too_large, sources_[message].position,
                  "too many labelled values or attributes for signals of one name");
    to.name = from.name;
    to.spn = from.spn;
    to.indicators = from.indicators;
    to.choices = from.choices;
    to.attributes = from.attributes;
    to.is_float = from.is_float && to.length == from.length;
  }
  return true;
}

void dbc_parser::finish_spns() {
  const auto known = definition_index_.find("SPN");
  if (known == definition_index_.end())
    return;
  const auto& fallback = file_.attribute_definitions[known->second].fallback;
  const auto* number = fallback ? std::get_if<double>(&*fallback) : nullptr;
  if (number == nullptr || !(*number >= 0 && *number <= 0xFFFFFFFF))
    return;
  for (auto& message : file_.messages)
    for (auto& signal : message.signals)
      if (!signal.spn)
        signal.spn = static_cast<std::uint32_t>(*number);
}

bool dbc_parser::finish() {
  finish_spns();
  if (!share_with_namesakes())
    return false;
  finish_formats();
  if (file_.protocol.empty())
    if (const auto known = definition_index_.find("ProtocolType"); known != definition_index_.end())
      if (const auto& fallback = file_.attribute_definitions[known->second].fallback)
        if (const auto* text = std::get_if<std::string>(&*fallback))
          file_.protocol = *text;
  const auto rename = [&](std::vector<std::string>& names) {
    for (auto& name : names)
      if (const auto known = long_node_names_.find(name); known != long_node_names_.end())
        name = known->second;
  };
  if (!long_node_names_.empty()) {
    rename(file_.nodes);
    for (auto& message : file_.messages)
      rename(message.senders);
  }
  dbc_checker checker;
  for (std::size_t i = 0; i < file_.messages.size(); ++i)
    for (auto& fault : checker.check(file_.messages[i], sources_[i]))
      object(dbc_errc::unsound, fault.position, std::move(fault.text));
  return true;
}

} // namespace furrow::can
